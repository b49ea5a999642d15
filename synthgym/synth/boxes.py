"""What a drawn node says: its name, its module, its ports, its parameters and their ranges."""

from __future__ import annotations

import dataclasses
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from synthgym.synth.params import Choice, Linear, Log, Spec, Switch
from synthgym.synth.patch import Node, Patch

MAX_VALUE_CELLS: Final = 26
"""A longer list of options is broken into lines."""


@dataclass(frozen=True)
class Line:
    """One line of a box.

    Args:
        label: the parameter's name; empty where a value goes on.
        value: range, options or constant.
        is_constant: whether it is no entry of the unit vector.
    """

    label: str
    value: str
    is_constant: bool = False


@dataclass(frozen=True)
class Box:
    """The text of one node."""

    name: str
    kind: str
    ports: tuple[str, ...]
    lines: tuple[Line, ...]
    is_output: bool


def box_of(node: Node, patch: Patch) -> Box:
    """The text of a node: connected ports, then what the unit vector drives, then constants."""
    lines: list[Line] = []
    for spec in node.module.specs:
        lines += _lines(spec.name, _range_words(spec))
    if node.switched:
        lines.append(Line("active", "on | off"))
    for field in dataclasses.fields(node.module):
        value = getattr(node.module, field.name)
        if isinstance(value, Linear | Log | Choice | Switch) or value is None:
            continue
        if not isinstance(value, bool) or value != field.default:
            lines += [
                dataclasses.replace(line, is_constant=True)
                for line in _lines(field.name, [_constant(value)])
            ]
    return Box(
        name=readable(node.name),
        kind=type(node.module).__name__,
        ports=tuple(dict.fromkeys(port for port, _ in node.connections)),
        lines=tuple(lines),
        is_output=node.name == patch.output,
    )


def n_cells(text: str) -> int:
    """Width of a text in characters of a monospaced font: East Asian wide ones take two."""
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def readable(text: str) -> str:
    """The text without what no picture can show: control characters and the like."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs", "Cn") else char
        for char in text
    )


def _lines(label: str, words: list[str]) -> list[Line]:
    """The words, broken into lines, with the label before the first."""
    rows = [""]
    for word in map(readable, words):
        joined = f"{rows[-1]} {word}".strip()
        if rows[-1] and n_cells(joined) > MAX_VALUE_CELLS:
            rows.append(word)
        else:
            rows[-1] = joined
    return [Line(readable(label) if i == 0 else "", row) for i, row in enumerate(rows)]


def _range_words(spec: Spec) -> list[str]:
    if isinstance(spec, Choice):
        return [f"{option} |" for option in spec.options[:-1]] + [spec.options[-1]]
    if isinstance(spec, Switch):
        return ["on | off"]
    words = f"{spec.low:.4g} \N{EN DASH} {spec.high:.4g} {spec.unit}".strip()
    return [f"{words} log" if isinstance(spec, Log) else words]


def _constant(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return ", ".join(_constant(entry) for entry in value)
    return str(value)
