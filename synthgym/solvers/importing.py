"""Importing what a user names: from a file, or from a module."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from synthgym.errors import MissingExtraError, SynthgymError
from synthgym.solvers.protocol import describe_error

_BESIDE: set[str] = set()
"""Modules that files brought with them from their own folders."""


@dataclass(frozen=True)
class Imports:
    """Imports modules; what goes wrong is told in the words of the thing that is looked for.

    Args:
        kind: what is looked for, such as `"solver"`.
        error: raised where the module is missing or cannot be imported.
    """

    kind: str
    error: type[SynthgymError]

    def from_module(self, module_name: str, thing: str, extra: str = "") -> ModuleType:
        """Import a module by name.

        Args:
            module_name: of the module.
            thing: what is looked for in it, for messages.
            extra: the extra of synthgym that it needs, if one is known.

        Raises:
            MissingExtraError: it imports something that is not installed.
            SynthgymError: of the type `error`; there is no such module, or it failed.
        """
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            # Either the module itself (or a package around it) is missing, or one it imports.
            if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
                raise self.error(
                    f"{self.kind} {thing!r}: there is no module {error.name!r}; the class in a "
                    "file is path/file.py:Name"
                ) from error
            raise self.missing(thing, error, extra) from error
        except (Exception, SystemExit) as error:  # a script without a main guard ends itself
            raise self.error(
                f"{self.kind} {thing!r} cannot be imported: {describe_error(error)}"
            ) from error

    def from_file(self, path: Path) -> ModuleType:
        """Import a file, read anew each time.

        Raises:
            MissingExtraError: it imports something that is not installed.
            SynthgymError: of the type `error`; there is no such file, or it failed.
        """
        if not path.is_file():
            raise self.error(f"there is no {self.kind} file {path}")
        # A name of its own for each file: two users' `mine.py` must not shadow each other.
        stem = path.stem.replace(".", "_")  # no dots: it is in no package
        module_name = f"{stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        spec = spec_from_file_location(
            module_name, path, loader=_UncachedLoader(module_name, str(path))
        )
        if spec is None or spec.loader is None:
            raise self.error(f"{self.kind} file {path} cannot be imported")
        module = module_from_spec(spec)
        # What lay beside another file is not what lies beside this one, or has changed since.
        for name in _BESIDE:
            sys.modules.pop(name, None)
        before = set(sys.modules)
        sys.modules[module_name] = module
        # As for a script: it may import the files beside it.
        sys.path.insert(0, str(path.parent))
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:  # a script without a main guard ends itself
            del sys.modules[module_name]
            if isinstance(error, ModuleNotFoundError):
                raise self.missing(str(path), error) from error
            raise self.error(
                f"{self.kind} file {path} cannot be imported: {describe_error(error)}"
            ) from error
        finally:
            sys.path.remove(str(path.parent))
            _BESIDE.update(_beside(path.parent, set(sys.modules) - before - {module_name}))
        return module

    def missing(self, thing: str, error: ModuleNotFoundError, extra: str = "") -> MissingExtraError:
        """What to raise where `thing` needs a package that is not installed."""
        package = (error.name or "").split(".")[0]
        remedy = f'"synthgym[{extra}]"' if extra else package
        return MissingExtraError(
            f"{self.kind} {thing!r} needs {package!r}, which is not installed: pip install {remedy}"
        )


def _beside(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Of some loaded modules, those that lie in a folder of a user's, or in a package there."""
    if {"site-packages", "dist-packages"} & set(folder.parts):
        return
    for name in names:
        root = name.partition(".")[0]
        module = sys.modules.get(root)
        places = list(getattr(module, "__path__", ())) or [getattr(module, "__file__", None)]
        if root != "synthgym" and places[0] is not None and Path(places[0]).parent == folder:
            yield name


class _UncachedLoader(SourceFileLoader):
    """Reads the source each time and writes no byte code.

    The cache of byte code goes by size and time of the file in seconds, which an edit between two
    runs need not change; and a user's folder should not fill with `__pycache__`.
    """

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)
