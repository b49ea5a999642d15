"""Patches as documents: a graph of nodes as a plain dictionary, in TOML or JSON files.

```toml
format = "synthgym-graph-1"
output = "lowpass"

[[nodes]]
name = "osc"
module = "Oscillator"
parameters.shape = "saw"
parameters.freq = { low = 50.0, high = 1000.0, unit = "Hz", scale = "log" }

[[nodes]]
name = "lowpass"
module = "Lowpass"
inputs.audio = "osc"
```

`module` is the name of any module that `synthgym.synth.modules` exports. The order of the nodes is
the order of the unit vector. What a document leaves out is the module's default; what is written
holds everything, so that a later change of a default does not change a saved patch.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from synthgym.errors import PatchError, SynthgymError, unknown_name
from synthgym.files import write_bytes
from synthgym.synth.fields import (
    decode_parameters,
    encode_parameters,
    module_types,
)
from synthgym.synth.patch import Connection, Node, Patch, Switched
from synthgym.synth.toml_writer import to_toml

FORMAT: Final = "synthgym-graph-1"
MAX_BYTES: Final = 1_000_000
"""A larger file is no patch."""

_DOCUMENT_FIELDS = ("format", "output", "nodes")
_NODE_FIELDS = ("name", "module", "position", "switched", "rate_hz", "inputs", "parameters")


def to_document(patch: Patch) -> dict[str, Any]:
    """The document of a patch, of plain strings, numbers, booleans, lists and dictionaries.

    Raises:
        PatchError: a module is not one of `synthgym.synth.modules`, or holds a value that a
            document has no place for.
    """
    return {
        "format": FORMAT,
        "output": patch.output,
        "nodes": [_encode_node(node) for node in patch.nodes],
    }


def from_document(document: Mapping[str, Any]) -> Patch:
    """The patch of a document.

    Raises:
        PatchError: a field is missing, unknown, of the wrong kind or out of range, or the nodes do
            not make a patch; the message names node, field and remedy.
    """
    try:
        return _decode(document)
    except RecursionError:
        raise PatchError(
            "lists or objects lie too deep within each other; this is no patch"
        ) from None


def _decode(document: Mapping[str, Any]) -> Patch:
    if not isinstance(document, Mapping):
        raise PatchError(f"the graph document is a {type(document).__name__}, not an object")
    if document.get("format") != FORMAT:
        found = "missing" if "format" not in document else repr(document["format"])
        raise PatchError(f"format is {found}; this version reads {FORMAT!r}")
    _check_fields("field of the graph document", document, _DOCUMENT_FIELDS)
    nodes = document.get("nodes")
    if not isinstance(nodes, list) or not nodes:
        raise PatchError(f"nodes is {nodes!r}; it must be a list with one object for each node")
    output = document.get("output", "")
    if not isinstance(output, str):
        raise PatchError(f"output is {output!r}; it must be the name of a node")
    try:
        return Patch(tuple(_decode_node(i, node) for i, node in enumerate(nodes)), output)
    except SynthgymError as error:
        raise PatchError(str(error)) from error


def save(path: str | os.PathLike[str], patch: Patch) -> Path:
    """Write a patch to a .toml or .json file, whole or not at all.

    Raises:
        PatchError: another extension, or as `to_document`.
        OSError: the file cannot be written.
    """
    write = _by_extension(path, {".toml": to_toml, ".json": _to_json})
    document = to_document(patch)
    try:
        content = write(document).encode("utf-8")
    except ValueError as error:
        raise PatchError(f"{os.fspath(path)}: {error}") from error
    return write_bytes(path, content)


def load(path: str | os.PathLike[str]) -> Patch:
    """Read a patch from a .toml or .json file.

    Raises:
        PatchError: there is no such file, it has another extension or no such text in it, or as
            `from_document`; names the file.
        OSError: the file cannot be read.
    """
    document = read(path)
    try:
        return from_document(document)
    except PatchError as error:
        raise PatchError(_with_path(path, error)) from error


def read(path: str | os.PathLike[str]) -> Any:
    """What a .toml or .json file holds, of whatever kind.

    Raises:
        PatchError: no such file, another extension, more than a megabyte, or no such text; names
            the file.
        OSError: the file cannot be read.
    """
    parse = _by_extension(path, {".toml": tomllib.loads, ".json": _from_json})
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise PatchError(f"{os.fspath(path)}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise PatchError(f"{os.fspath(path)}: more than {MAX_BYTES:,} bytes; this is no patch")
    try:
        return parse(content.decode("utf-8-sig"))
    except PatchError as error:
        raise PatchError(_with_path(path, error)) from error
    except (ValueError, RecursionError) as error:
        kind = Path(path).suffix[1:].upper()
        raise PatchError(f"{os.fspath(path)}: this is not {kind} ({error})") from error


def _encode_node(node: Node) -> dict[str, Any]:
    encoded: dict[str, Any] = {"name": node.name, "module": type(node.module).__name__}
    known = module_types()
    if known.get(encoded["module"]) is not type(node.module):
        missing = unknown_name("module", encoded["module"], known)
        raise PatchError(
            f"node {node.name!r} cannot be written to a document, which names modules of "
            f"synthgym.synth.modules: {missing}"
        )
    if node.position is not None:
        encoded["position"] = [int(cell) for cell in node.position]
    if node.switched:
        encoded["switched"] = True
    if node.rate_hz is not None:
        encoded["rate_hz"] = float(node.rate_hz)
    if node.inputs:
        encoded["inputs"] = {port: _encode_input(given) for port, given in node.inputs.items()}
    parameters = encode_parameters(f"node {node.name!r}", node.module)
    if parameters:
        encoded["parameters"] = parameters
    return encoded


def _encode_input(given: Connection | tuple[Connection, ...]) -> Any:
    if isinstance(given, tuple):
        return [_encode_input(connection) for connection in given]
    return {"switched": given.source} if isinstance(given, Switched) else given


def _decode_node(index: int, node: Any) -> Node:
    place = f"node {index + 1}"
    if not isinstance(node, Mapping):
        raise PatchError(f"{place} is {node!r}; it must be an object with a name and a module")
    name = node.get("name")
    if not isinstance(name, str) or not name:
        raise PatchError(f"{place}: name is {name!r}; give it a text of its own")
    place = f"node {name!r}"
    _check_fields(f"field of {place}", node, _NODE_FIELDS)
    kind = node.get("module")
    known = module_types()
    if not isinstance(kind, str):
        raise PatchError(f"{place}: module is {kind!r}; name one of {', '.join(known)}")
    if kind not in known:
        raise PatchError(f"{place}: {unknown_name('module', kind, known)}")
    inputs = _object(place, node, "inputs")
    switched = node.get("switched", False)
    if not isinstance(switched, bool):
        raise PatchError(f"{place}: switched is {switched!r}; it must be true or false")
    return Node(
        name,
        decode_parameters(place, known[kind], _object(place, node, "parameters")),
        {port: _decode_input(f"{place}, inputs.{port}", given) for port, given in inputs.items()},
        _decode_position(place, node.get("position")),
        switched,
        _decode_rate(place, node.get("rate_hz")),
    )


def _decode_input(place: str, given: Any) -> Connection | tuple[Connection, ...]:
    if isinstance(given, list):
        return tuple(_decode_connection(place, entry) for entry in given)
    return _decode_connection(place, given)


def _decode_connection(place: str, given: Any) -> Connection:
    if isinstance(given, str):
        return given
    if isinstance(given, Mapping) and set(given) == {"switched"}:
        source = given["switched"]
        if isinstance(source, str):
            return Switched(source)
    raise PatchError(
        f'{place} is {given!r}; it must be a node\'s name, {{ switched = "name" }}, or a list of '
        "these"
    )


def _decode_position(place: str, given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    if (
        not isinstance(given, list)
        or len(given) != 2
        or any(type(cell) is not int for cell in given)
    ):
        raise PatchError(f"{place}: position is {given!r}; it must be [channel, layer]")
    channel, layer = given
    return channel, layer


def _decode_rate(place: str, given: Any) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise PatchError(f"{place}: rate_hz is {given!r}; it must be a number of points a second")
    return float(given)


def _object(place: str, node: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = node.get(field, {})
    if not isinstance(value, Mapping):
        raise PatchError(f"{place}: {field} is {value!r}; it must be an object with names")
    return value


def _check_fields(kind: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise PatchError(str(unknown_name(kind, name, known)))


def _to_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _from_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_duplicates)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PatchError(f"an object has {twice!r} twice; remove one")
    return made


def _by_extension(
    path: str | os.PathLike[str], known: Mapping[str, Callable[[Any], Any]]
) -> Callable[[Any], Any]:
    extension = Path(path).suffix.lower()
    if extension not in known:
        chain = "" if extension else "; a named chain is made by chains.build(name)"
        raise PatchError(
            f"{os.fspath(path)}: a patch is a file named .toml or .json, not {extension!r}{chain}"
        )
    return known[extension]


def _with_path(path: str | os.PathLike[str], error: PatchError) -> str:
    return f"{os.fspath(path)}: {error}"
