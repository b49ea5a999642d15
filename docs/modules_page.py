"""docs/modules.md, from the parameter specs, ports and docstrings of the modules.

    python docs/modules_page.py [--check]

`--check` writes nothing, and exits with 1 if the page is not what the modules say.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from dataclasses import MISSING, Field, fields
from pathlib import Path

from synthgym.synth.fields import module_types
from synthgym.synth.modules import Module, Port
from synthgym.synth.params import Choice, Linear, Log, Switch

PAGE = Path(__file__).with_name("modules.md")

INTRO = """\
# Modules

<!-- Made by `python docs/modules_page.py`; do not edit. -->

What [patches](patches.md) are made of: their ports, parameters and settings, with the ranges that \
hold unless a patch gives others. A number in place of a range fixes a parameter. A port in \
brackets may stay open; one with `*` takes several signals. A range is even in the logarithm, \
even, or a choice; `=` is a plain value.
"""


def page() -> str:
    """The whole page."""
    families: dict[str, list[type[Module]]] = {}
    for kind in module_types().values():
        families.setdefault(kind.__module__.rpartition(".")[2], []).append(kind)
    parts = [INTRO]
    for family in sorted(families):
        parts.append(f"## {family.replace('_', ' ').capitalize()}\n")
        kinds = sorted(families[family], key=lambda kind: inspect.getsourcelines(kind)[1])
        parts += [_section(kind) for kind in kinds]
    return "\n".join(parts)


def _section(kind: type[Module]) -> str:
    text, said = _docstring(kind)
    lines = [f"### {kind.__name__}\n", f"{text}\n"]
    if kind.ports:
        lines.append(f"Ports: {', '.join(map(_port, kind.ports))}.\n")
    if fields(kind):
        lines += ["| name | default | what |", "| --- | --- | --- |"]
        lines += [_row(field, said) for field in fields(kind)]
        lines.append("")
    return "\n".join(lines)


def _row(field: Field[object], said: dict[str, str]) -> str:
    cells = (f"`{field.name}`", _default(field), said.get(field.name, ""))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _port(port: Port) -> str:
    name = f"`{port.name}`" + ("*" if port.many else "")
    return f"({name})" if port.optional else name


def _default(field: Field[object]) -> str:
    if field.default is MISSING:
        return "to be given" if field.default_factory is MISSING else ""
    spec = field.default
    if isinstance(spec, Linear | Log):
        scale = "logarithmic" if isinstance(spec, Log) else "even"
        return f"{spec.low:g} to {spec.high:g}{' ' + spec.unit if spec.unit else ''}, {scale}"
    if isinstance(spec, Choice):
        return " or ".join(f"`{option}`" for option in spec.options)
    if isinstance(spec, Switch):
        return "on or off"
    return f"= `{spec:g}`" if isinstance(spec, float) else f"= `{spec}`"


def _docstring(kind: type[Module]) -> tuple[str, dict[str, str]]:
    """The text before the arguments, and what is said of each argument, there or in a parent."""
    said: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if issubclass(parent, Module) and parent.__doc__:
            said.update(_arguments(inspect.cleandoc(parent.__doc__)))
    text = re.split(r"\n(?:Args|Raises|Attributes):\n", inspect.cleandoc(kind.__doc__ or ""))[0]
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(part for part in paragraphs if part), said


def _arguments(text: str) -> dict[str, str]:
    """What a docstring says under `Args:`, by name."""
    found: dict[str, list[str]] = {}
    name = ""
    _, _, after = text.partition("\nArgs:\n")
    for line in after.splitlines():
        head = re.fullmatch(r" {4}(\w+): (.*)", line)
        if head:
            name = head[1]
            found[name] = [head[2]]
        elif line.startswith(" " * 8) and name:
            found[name].append(line.strip())
        elif line.strip():
            break
    return {name: " ".join(parts) for name, parts in found.items()}


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    text = page()
    if not parser.parse_args().check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{PAGE.name} is not what the modules say: python docs/modules_page.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
