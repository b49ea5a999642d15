"""Digests of source files: whether a solver is still what it was."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_BASELINES = "synthgym.baselines"


@dataclass(frozen=True)
class SourceDigests:
    """What a solver is made of, as 16 hexadecimal digits of SHA-256 each.

    Args:
        own: of the file its class is in; empty where there is none.
        imports: of the files that this imports, directly or through each other; empty where there
            are none. Counted are those beside the file, or in the same package, and the modules of
            `synthgym.baselines`; not other libraries.
    """

    own: str = ""
    imports: str = ""


def source_digests(found: type[Any]) -> SourceDigests:
    """The digests of a class; empty ones where its source cannot be read."""
    try:
        path = Path(inspect.getsourcefile(found) or "")
    except TypeError:
        return SourceDigests()
    own = _read(path)
    if own is None:
        return SourceDigests()
    imported = _imported(sys.modules[found.__module__], own)
    imported.pop(path, None)
    parts = [_digest(source) for source in imported.values()]
    return SourceDigests(_digest(own), _digest("".join(sorted(parts)).encode()) if parts else "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _imported(module: ModuleType, source: bytes) -> dict[Path, bytes]:
    """The sources of all that a module imports from where its own code lives, by path."""
    places = list(_places(module))
    spec = getattr(module, "__spec__", None)
    found: dict[Path, bytes] = {}
    waiting = [(spec.parent or "" if spec else "", source)]
    while waiting:
        package, source = waiting.pop()
        for name in _names(source, package):
            for path, inside in _files(name, places):
                if path not in found and (content := _read(path)) is not None:
                    found[path] = content
                    waiting.append((inside, content))
    return found


def _places(module: ModuleType) -> Iterator[tuple[str, Path]]:
    """Packages whose modules count, with their folders; that of `""` holds modules outside any."""
    root, in_package, _ = module.__name__.partition(".")
    if in_package and root != "synthgym":
        for location in getattr(sys.modules.get(root), "__path__", ()):
            yield root, Path(location)
    if not in_package:
        folder = Path(module.__file__ or "").absolute().parent
        if not {"site-packages", "dist-packages"} & set(folder.parts):
            yield "", folder
        while (folder / "__init__.py").is_file():  # a file of a package, loaded by its path
            folder, root = folder.parent, folder.name
            yield root, folder / root
    baselines = find_spec(_BASELINES)
    for location in (baselines.submodule_search_locations or ()) if baselines else ():
        yield _BASELINES, Path(location)


def _names(source: bytes, package: str) -> Iterator[str]:
    """Full names of the modules that some source imports, wherever in it, and of those around."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said when it was imported
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # lies where an import looks, and is not what it finds
    named = [package]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join(filter(None, [*(above if node.level else []), node.module]))
            named += [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
    for name in named:
        parts = name.split(".")
        yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _files(name: str, places: Sequence[tuple[str, Path]]) -> Iterator[tuple[Path, str]]:
    """Where a module may lie, and the package that it would be in."""
    for prefix, folder in places:
        if prefix and not f"{name}.".startswith(f"{prefix}."):
            continue
        if name == _BASELINES or (not prefix and name.partition(".")[0] == "synthgym"):
            continue  # a docstring; a file at the root of a checkout
        parts = [part for part in name[len(prefix) :].split(".") if part]
        path = folder.joinpath(*parts)
        yield path / "__init__.py", name
        if parts:
            yield path.with_name(f"{path.name}.py"), name.rpartition(".")[0]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None
