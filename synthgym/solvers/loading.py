"""Finding solvers: registered by a package, in a file, or in a module."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, cast, get_args

from synthgym.errors import MissingExtraError, SolverError, unknown_name
from synthgym.solvers.importing import Imports
from synthgym.solvers.protocol import SOLVER_NAME, Solver, Track, describe_error
from synthgym.solvers.sources import SourceDigests, source_digests

ENTRY_POINT_GROUP = "synthgym.solvers"
"""Installed packages register their solvers under this group."""

_IMPORTS = Imports("solver", SolverError)


@dataclass(frozen=True)
class SolverFactory:
    """A loaded solver class, checked; calling it makes a solver.

    Args:
        spec: what `load_solver` was given, with the path of a file made absolute.
        solver_class: the class itself.
        name: its name in records and reports.
        track: `"search"` or `"amortized"`.
        needs: the extra of synthgym that it needs, or empty.
        settings: what the class says of its settings.
        digests: of its source.
    """

    spec: str
    solver_class: type[Any]
    name: str
    track: Track
    needs: str
    settings: Mapping[str, Any]
    digests: SourceDigests

    def __call__(self, dimension: int, seed: int) -> Solver:
        """Make a solver.

        Raises:
            MissingExtraError: an optional dependency is not installed.
            SolverError: the constructor failed.
        """
        try:
            solver: Solver = self.solver_class(dimension=dimension, seed=seed)
        except MissingExtraError:
            raise
        except ModuleNotFoundError as error:
            raise _IMPORTS.missing(self.name, error, self.needs) from error
        except Exception as error:
            raise SolverError(
                f"solver {self.name!r} could not be made with dimension={dimension}, "
                f"seed={seed}: {describe_error(error)}"
            ) from error
        return solver


def solver_names() -> list[str]:
    """Names of the registered solvers, sorted."""
    return sorted({entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)})


def load_solver(spec: str) -> SolverFactory:
    """Find a solver class and check that it keeps the protocol.

    Args:
        spec: a registered name, `path/file.py:Name` or `module:Name`.

    Raises:
        UnknownNameError: no solver is registered under that name, or the file or module holds no
            class of that name.
        MissingExtraError: importing it needs something that is not installed.
        SolverError: the file is missing or cannot be imported, or the class breaks the protocol.
    """
    place, colon, name = spec.rpartition(":")
    if not colon:
        if spec.endswith(".py"):
            raise SolverError(f"{spec!r} names a file; say which class in it: {spec}:MySolver")
        return _load_entry_point(spec)
    if place.endswith(".py"):
        path = Path(place).expanduser().absolute()
        return _checked_class(f"{path}:{name}", _IMPORTS.from_file(path), name)
    return _checked_class(spec, _IMPORTS.from_module(place, spec), name)


def _load_entry_point(name: str) -> SolverFactory:
    found = {entry.value: entry for entry in entry_points(group=ENTRY_POINT_GROUP, name=name)}
    if not found:
        raise unknown_name("solver", name, solver_names())
    if len(found) > 1:
        raise SolverError(
            f"solver {name!r} is registered more than once: {', '.join(sorted(found))}; "
            "uninstall one, or give module:Name"
        )
    (entry,) = found.values()
    module = _IMPORTS.from_module(entry.module, name, _extra_of(entry))
    factory = _checked_class(name, module, entry.attr)
    if factory.name != name:
        raise SolverError(
            f"solver {name!r} is registered for {entry.value}, whose name is {factory.name!r}; "
            "make the two equal"
        )
    return factory


def _extra_of(entry: EntryPoint) -> str:
    """The extra of synthgym that an entry point of synthgym itself needs."""
    return "baselines" if entry.dist is not None and entry.dist.name == "synthgym" else ""


def _checked_class(spec: str, module: ModuleType, class_name: str) -> SolverFactory:
    if not hasattr(module, class_name):
        candidates = [
            name
            for name, value in vars(module).items()
            if inspect.isclass(value) and (hasattr(value, "ask") or hasattr(value, "solve"))
        ]
        raise unknown_name(
            f"solver class in {module.__file__ or module.__name__}", class_name, candidates
        )
    found = getattr(module, class_name)
    if not inspect.isclass(found):
        raise SolverError(f"solver {spec!r} is {found!r:.60}; it must be a class")
    name = getattr(found, "name", None)
    if not isinstance(name, str) or not SOLVER_NAME.fullmatch(name):
        raise SolverError(
            f"solver {spec!r}: class attribute name is {name!r}; it must be text of letters, "
            f'digits and ._+- such as name = "my-solver"'
        )
    _check_methods(spec, found)
    track = getattr(found, "track", "search")
    if track not in get_args(Track):
        raise SolverError(
            f"solver {spec!r}: track is {track!r}; it must be one of {', '.join(get_args(Track))}"
        )
    settings = getattr(found, "settings", {})
    return SolverFactory(
        spec=spec,
        solver_class=found,
        name=name,
        track=cast(Track, track),
        needs=str(getattr(found, "needs", "")),
        settings=settings if isinstance(settings, Mapping) else {},
        digests=source_digests(found),
    )


def _check_methods(spec: str, found: type[Any]) -> None:
    drives, asks, tells = (callable(getattr(found, m, None)) for m in ("solve", "ask", "tell"))
    if not drives and not (asks and tells):
        missing = "tell()" if asks else "ask()" if tells else "ask() and tell(), or solve()"
        raise SolverError(f"solver {spec!r} lacks {missing}")
    if not _accepts(found, dimension=2, seed=1):
        raise SolverError(
            f"solver {spec!r} must be made as Solver(dimension: int, seed: int); its constructor "
            f"takes {inspect.signature(found)}. Give further arguments defaults"
        )
    told_gradients = not drives and getattr(found, "wants_gradients", False) is True
    # `self` is the first argument here: the method is looked at on the class.
    if told_gradients and not _accepts(found.tell, None, None, None, None):
        raise SolverError(
            f"solver {spec!r} wants gradients, so its tell must take (points, values, "
            f"gradients); it takes {inspect.signature(found.tell)}"
        )


def _accepts(function: Any, *arguments: Any, **named: Any) -> bool:
    try:
        inspect.signature(function).bind(*arguments, **named)
    except ValueError:
        return True  # written in C, without a signature to look at
    except TypeError:
        return False
    return True
