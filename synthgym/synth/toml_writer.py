"""Graph documents as TOML text (toml.io, version 1.0): the standard library only reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}


def to_toml(document: Mapping[str, Any]) -> str:
    """TOML text of a mapping; reading it gives the same values in the same order.

    Plain values come first and lists of mappings become `[[name]]` sections, whose inner mappings
    are written one entry a line (`parameters.freq = {...}`).

    Args:
        document: of strings, numbers, booleans, lists, mappings, and lists of mappings.

    Raises:
        ValueError: a value of another kind.
    """
    lines: list[str] = []
    sections = {name: value for name, value in document.items() if _is_section(value)}
    for name, value in document.items():
        if name not in sections:
            lines += _entry(_key(name), value)
    for name, tables in sections.items():
        for table in tables:
            lines += ["", f"[[{_key(name)}]]"]
            for field, value in table.items():
                lines += _entry(_key(field), value)
    return "\n".join(lines).lstrip("\n") + "\n"


def _is_section(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _entry(key: str, value: Any) -> list[str]:
    """Lines of one entry: a mapping as one line for each of its own, anything else as one."""
    if isinstance(value, Mapping) and value:
        return [f"{key}.{_key(name)} = {_inline(inner)}" for name, inner in value.items()]
    return [f"{key} = {_inline(value)}"]


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        return repr(float(value))  # the shortest text that reads back as the same number
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return f"[{', '.join(_inline(entry) for entry in value)}]"
    if isinstance(value, Mapping):
        entries = ", ".join(f"{_key(name)} = {_inline(entry)}" for name, entry in value.items())
        return f"{{ {entries} }}" if entries else "{}"
    raise ValueError(f"{value!r} is a {type(value).__name__}, which TOML has no place for")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if 0xD800 <= ord(char) <= 0xDFFF:
        raise ValueError(f"the text has the lone surrogate {char!r}, which TOML has no place for")
    return f"\\u{ord(char):04X}" if ord(char) < 0x20 or ord(char) == 0x7F else char
