"""What each registered solver is, and whether it can run here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points

from synthgym.errors import MissingExtraError, SynthgymError
from synthgym.solvers import load_solver, solver_names
from synthgym.solvers.loading import ENTRY_POINT_GROUP

AVAILABLE = "available"


@dataclass(frozen=True)
class ListedSolver:
    """One line of `synthgym solvers`."""

    name: str
    track: str
    """`"search"`, `"amortized"`, or `"?"` where it cannot be loaded."""
    origin: str
    """The module and class it comes from."""
    state: str
    """`AVAILABLE`, or what is missing."""
    runs_by_default: bool = True
    """Whether a benchmark runs it that names no solvers."""

    @property
    def is_available(self) -> bool:
        """Whether it can run here."""
        return self.state == AVAILABLE


def list_solvers() -> list[ListedSolver]:
    """Every registered solver, sorted by name; one that cannot be loaded says why."""
    origins = {entry.name: entry.value for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return [_listed(name, origins.get(name, "?")) for name in solver_names()]


def _listed(name: str, origin: str) -> ListedSolver:
    try:
        factory = load_solver(name)
        factory(dimension=2, seed=1)
    except MissingExtraError as error:
        return ListedSolver(name, "?", origin, str(error))
    except SynthgymError as error:
        return ListedSolver(name, "?", origin, f"broken: {error}")
    by_default = bool(getattr(factory.solver_class, "runs_by_default", True))
    return ListedSolver(name, factory.track, origin, AVAILABLE, by_default)
