"""What a run leaves behind: a header, its improvements, its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from synthgym.leaderboard.run_id import RunId
from synthgym.solvers import OutcomeStatus, Track
from synthgym.tasks import GRADIENT_COST, Improvement

Status = OutcomeStatus | Literal["error"]
"""How a run ended; `"error"` when the solver raised or broke the protocol."""

SCHEMA = 1
"""Version of the file format."""


@dataclass(frozen=True)
class RunHeader:
    """What was run, written before the run starts.

    Args:
        run_id: names the run.
        solver_spec: what `load_solver` was given.
        track: `"search"` or `"amortized"`.
        budget: cost units allowed, or None for endless.
        stop_at_db: distance at which the run ends, or None to spend the whole budget.
        suite_version: version of the suite of tasks.
        dimension: entries of the unit vector.
        solved_db: distance at which the task counts as solved.
        settings: what the solver says of its own settings, as JSON values.
        versions: of synthgym, torch, numpy, python, digests of the solver's source file and of what
            this imports, and whether the compiled kernels were used, which round otherwise.
        started_at: ISO 8601 time in UTC.
        cut_from: the budget of the run that this record was cut from, None for a run as it was.
        recording: name and digest of the recording that was the target, empty where the target is
            the task's own.
    """

    run_id: RunId
    solver_spec: str
    track: Track
    budget: int | None
    stop_at_db: float | None
    suite_version: str
    dimension: int
    solved_db: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    started_at: str = ""
    cut_from: int | None = None
    recording: str = ""

    @property
    def task(self) -> str:
        """Id of the task."""
        return self.run_id.task

    @property
    def solver(self) -> str:
        """Name of the solver."""
        return self.run_id.solver

    @property
    def split(self) -> str:
        """Split of the target."""
        return self.run_id.split

    @property
    def index(self) -> int:
        """Index of the target in its split."""
        return self.run_id.index

    @property
    def seed(self) -> int:
        """Which repetition of the run this is."""
        return self.run_id.seed


@dataclass(frozen=True)
class Final:
    """How a run ended.

    Args:
        status: why it ended.
        x: the best unit vector, or None when nothing was evaluated.
        distance_db: its distance, `inf` when nothing was evaluated.
        n_evaluations: evaluations in all.
        n_gradients: gradient evaluations in all.
        wall_s: seconds that the run took.
        message: what went wrong for status `"error"`, else a remark or empty.
        budget_seen: whether the solver looked at its budget, so that with another one the run
            might have gone otherwise.
    """

    status: Status
    x: tuple[float, ...] | None
    distance_db: float
    n_evaluations: int
    n_gradients: int
    wall_s: float
    message: str = ""
    budget_seen: bool = False


@dataclass(frozen=True)
class Record:
    """A complete run: header, improvements in order, end."""

    header: RunHeader
    improvements: tuple[Improvement, ...]
    final: Final

    @property
    def run_id(self) -> RunId:
        """Names the run."""
        return self.header.run_id

    @property
    def cost(self) -> int:
        """Cost units of the whole run, as budgets are counted."""
        return self.final.n_evaluations + GRADIENT_COST * self.final.n_gradients

    def timeless(self) -> Record:
        """The same record without what depends on when and how fast it was made.

        Two undisturbed runs of one id with the same software are equal after this.
        """
        return Record(
            replace(self.header, started_at=""),
            tuple(replace(one, wall_s=0.0) for one in self.improvements),
            replace(self.final, wall_s=0.0),
        )
