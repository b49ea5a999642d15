"""Digests of source files: whether a solver is still what it was."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Iterator, Mapping
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
        path = inspect.getsourcefile(found)
        if path is None:
            return SourceDigests()
        own = Path(path).read_bytes()
    except (OSError, TypeError):
        return SourceDigests()
    imported = _imported(sys.modules[found.__module__], own)
    imported.pop(Path(path), None)
    parts = [_digest(source) for source in imported.values()]
    return SourceDigests(_digest(own), _digest("".join(sorted(parts)).encode()) if parts else "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _imported(module: ModuleType, source: bytes) -> dict[Path, bytes]:
    """The sources of all that a module imports from where its own code lives, by path."""
    places = _places(module)
    found: dict[Path, bytes] = {}
    waiting = [(module.__spec__.parent if module.__spec__ else "", source)]
    while waiting:
        package, source = waiting.pop()
        for name in _names(source, package or ""):
            for path, inside in _files(name, places):
                if path not in found and path.is_file():
                    found[path] = path.read_bytes()
                    waiting.append((inside, found[path]))
    return found


def _places(module: ModuleType) -> Mapping[str, Path]:
    """Folders of the packages whose modules count; that of `""` holds modules outside of any."""
    places: dict[str, Path] = {}
    root, in_package, _ = module.__name__.partition(".")
    folder = Path(module.__file__ or "").absolute().parent
    if in_package and root != "synthgym":
        spec = find_spec(root)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            places[root] = Path(location)
    elif not in_package and str(folder) not in sysconfig.get_paths().values():
        places[""] = folder
    baselines = find_spec(_BASELINES)
    for location in (baselines.submodule_search_locations or ()) if baselines else ():
        places[_BASELINES] = Path(location)
    return places


def _names(source: bytes, package: str) -> Iterator[str]:
    """Full names of the modules that some source imports, wherever in it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # lies where an import looks, and is not what it finds
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join(filter(None, [*(above if node.level else []), node.module]))
            yield base
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)


def _files(name: str, places: Mapping[str, Path]) -> Iterator[tuple[Path, str]]:
    """Where a module may lie, and the package that it would be in."""
    for prefix, folder in places.items():
        if prefix and not f"{name}.".startswith(f"{prefix}."):
            continue
        if not prefix and name.partition(".")[0] == "synthgym":
            continue  # a file at the root of a checkout
        parts = [part for part in name[len(prefix) :].split(".") if part]
        path = folder.joinpath(*parts)
        yield path / "__init__.py", name
        if parts:
            yield path.with_name(f"{path.name}.py"), name.rpartition(".")[0]
