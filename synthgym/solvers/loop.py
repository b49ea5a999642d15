"""The loop that runs a solver on a problem: it owns budget, clock and the checks between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import (
    BudgetExceeded,
    MissingExtraError,
    ParameterError,
    RecordError,
    RunOver,
    SolverError,
    TargetReached,
)
from synthgym.solvers.protocol import Solver, describe_error
from synthgym.tasks import Problem

OutcomeStatus = Literal["target", "budget", "finished", "time"]
"""How a run ended: it reached the distance at which the problem stops, spent the budget, stopped
by itself, or ran out of time."""

Floats = NDArray[np.float64]

_SLACK = 1e-6  # what a problem clips without a word: the rounding of float32 stays below it


@dataclass(frozen=True)
class Outcome:
    """How a run of a solver ended.

    Args:
        status: why it ended.
        x: the best point (d,), or None when nothing was evaluated.
        distance_db: its distance, `inf` when nothing was evaluated.
        n_evaluations: evaluations counted by the problem.
        n_gradients: gradient evaluations counted by the problem.
        wall_s: seconds since the problem was made.
        message: the same for people.
    """

    status: OutcomeStatus
    x: Floats | None
    distance_db: float
    n_evaluations: int
    n_gradients: int
    wall_s: float
    message: str = ""


class _TimeIsUp(RunOver):
    """The time limit of the run has passed."""


def run_solver(solver: Solver, problem: Problem, *, time_limit_s: float | None = None) -> Outcome:
    """Run a solver until the problem or the solver ends it.

    Args:
        solver: has `ask` and `tell`, or `solve`; `solve` is preferred where there are both.
        problem: counts the cost, keeps the best point and ends the run when the budget is spent
            or the distance asked for is reached. What is on the problem stays there, also when
            the solver fails.
        time_limit_s: seconds after which the next evaluation ends the run. A run with a time
            limit is not repeatable.

    Raises:
        ParameterError: `time_limit_s` is not a positive number.
        SolverError: the solver raised, broke the protocol or evaluated nothing. Names the solver
            and the cause.
    """
    if time_limit_s is not None and not time_limit_s > 0:
        raise ParameterError(f"time_limit_s is {time_limit_s}; it must be more than 0, or None")
    name = str(getattr(solver, "name", type(solver).__name__))
    check_time = _clock(time_limit_s)
    status: OutcomeStatus
    try:
        if hasattr(solver, "solve"):
            limited: Any = problem if time_limit_s is None else _TimedProblem(problem, check_time)
            solver.solve(limited)
        else:
            _ask_and_tell(solver, problem, name, check_time)
        status = _status_after_return(problem)
        if status == "finished" and problem.best_x is None:
            raise SolverError(
                f"solver {name!r} ended without evaluating anything: `ask` must return a point or "
                "points, and `solve(problem)` call the problem or its methods"
            )
    except _TimeIsUp:
        status = "time"
    except TargetReached:
        status = "target"
    except BudgetExceeded:
        status = "budget"
    except (SolverError, MissingExtraError, RecordError):
        raise
    except (Exception, SystemExit) as error:
        raise SolverError(f"solver {name!r} failed with {describe_error(error)}") from error
    return Outcome(
        status=status,
        x=None if problem.best_x is None else np.array(problem.best_x, dtype=np.float64),
        distance_db=float(problem.best_distance),
        n_evaluations=problem.n_evaluations,
        n_gradients=problem.n_gradients,
        wall_s=problem.wall_s,
        message=_MESSAGES[status],
    )


_MESSAGES: dict[OutcomeStatus, str] = {
    "target": "reached the distance asked for",
    "budget": "spent the budget",
    "finished": "the solver stopped by itself",
    "time": "ran out of time",
}


def _ask_and_tell(solver: Any, problem: Problem, name: str, check_time: Callable[[], None]) -> None:
    wants_gradients = bool(getattr(solver, "wants_gradients", False))
    while True:
        check_time()
        asked = _checked_points(solver.ask(), name, problem.dimension)
        if asked.size == 0:
            return
        points = np.atleast_2d(asked)
        if wants_gradients:
            values, gradients = problem.value_and_grad(points)
            if asked.ndim == 1:
                solver.tell(asked, float(values[0]), gradients[0])
            else:
                solver.tell(asked, values, gradients)
        else:
            values = problem.batch(points)
            solver.tell(asked, float(values[0]) if asked.ndim == 1 else values)


def _checked_points(asked: Any, name: str, dimension: int) -> Floats:
    """What `ask` returned, as float64 of shape (n, d) or (d,); size 0 when finished.

    The problem checks its points too; checked here, the message can name the solver and the
    point.
    """
    shapes = f"(n, {dimension}) or ({dimension},), or be empty to finish"
    if asked is None:
        raise SolverError(f"solver {name!r}: ask() returned None; it must return shape {shapes}")
    try:
        points = np.asarray(asked, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SolverError(
            f"solver {name!r}: ask() returned a {type(asked).__name__} that is no array of "
            f"numbers ({error}); it must have shape {shapes}"
        ) from error
    if points.size == 0:
        return points
    if points.ndim not in (1, 2) or points.shape[-1] != dimension:
        raise SolverError(
            f"solver {name!r}: ask() returned shape {points.shape}; it must have shape {shapes}"
        )
    inside = (points >= -_SLACK) & (points <= 1.0 + _SLACK)  # False for NaN
    if not inside.all():
        where = tuple(int(i) for i in np.argwhere(~inside)[0])
        value = points[where]
        fault = "outside [0, 1]; clip it" if math.isfinite(value) else "not finite"
        raise SolverError(f"solver {name!r}: ask() returned {value} at {where}, which is {fault}")
    return points


def _status_after_return(problem: Problem) -> OutcomeStatus:
    """Why a solver returned; one that catches `RunOver` itself is not "finished"."""
    if problem.stop_at_db is not None and problem.best_distance <= problem.stop_at_db:
        return "target"
    if problem.exhausted:
        return "budget"
    return "finished"


def _clock(time_limit_s: float | None) -> Callable[[], None]:
    """A function that raises when the limit, counted from now, has passed."""
    if time_limit_s is None:
        return lambda: None
    end_s = time.perf_counter() + time_limit_s

    def check() -> None:
        if time.perf_counter() >= end_s:
            raise _TimeIsUp(f"the time limit of {time_limit_s:g} s has passed")

    return check


class _TimedProblem:
    """A problem that looks at the clock before each evaluation; else the problem itself."""

    def __init__(self, problem: Problem, check_time: Callable[[], None]) -> None:
        self._problem = problem
        self._check_time = check_time

    def __getattr__(self, name: str) -> Any:
        return getattr(self._problem, name)

    def __call__(self, x: Any) -> float:
        self._check_time()
        return self._problem(x)

    def batch(self, points: Any) -> Floats:
        self._check_time()
        return self._problem.batch(points)

    def value_and_grad(self, points: Any, surrogate: bool = False) -> Any:
        self._check_time()
        return self._problem.value_and_grad(points, surrogate)

    def loss(self, unit: Any, loss: Any = None, surrogate: bool = False) -> Any:
        self._check_time()
        return self._problem.loss(unit, loss, surrogate)

    def render(self, points: Any) -> Any:
        self._check_time()
        return self._problem.render(points)
