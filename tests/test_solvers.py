from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthgym.errors import (
    BudgetExceeded,
    MissingExtraError,
    ParameterError,
    RunOver,
    SolverError,
)
from synthgym.solvers import load_solver, run_solver, solver_seed
from synthgym.tasks import Problem, make_problem

TASK = "DiffMoog-Osc-v0"


class Uniform:
    """Random points, `n` at a time; keeps what it is told."""

    name = "uniform"

    def __init__(self, dimension: int, seed: int, n: int | None = 10) -> None:
        self.shape = (dimension,) if n is None else (n, dimension)
        self.rng = np.random.default_rng(seed)
        self.told: list[tuple[Any, ...]] = []

    def ask(self) -> Any:
        return self.rng.random(self.shape)

    def tell(self, points: Any, values: Any) -> None:
        self.told.append((points, values))


class Descent(Uniform):
    wants_gradients = True

    def tell(self, points: Any, values: Any, gradients: Any = None) -> None:
        self.told.append((points, values, gradients))


class Asks(Uniform):
    """Asks for what it is given."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(5, 1)
        self.answers = list(answers)

    def ask(self) -> Any:
        return self.answers.pop(0)


class Driver:
    """Does with the problem what it is given."""

    name = "driver"

    def __init__(self, drive: Any) -> None:
        self.solve = drive


def problem(**settings: Any) -> Problem:
    return make_problem(TASK, **{"budget": 100, **settings})


def test_budget_is_spent_to_the_last_evaluation() -> None:
    p = problem(budget=25)
    outcome = run_solver(Uniform(p.dimension, 1), p)
    assert (outcome.status, outcome.n_evaluations, outcome.n_gradients) == ("budget", 25, 0)
    # The last batch was cut: its first five points count, though the solver was not told.
    every = np.random.default_rng(1).random((30, p.dimension))
    alone = problem(budget=None).batch(every[:25])
    assert outcome.distance_db == alone.min()
    assert outcome.x is not None
    np.testing.assert_array_equal(outcome.x, every[alone.argmin()])


def test_gradients_are_told_and_cost_three() -> None:
    p = problem(budget=100)
    solver = Descent(p.dimension, 1)
    outcome = run_solver(solver, p)
    assert (outcome.status, outcome.n_evaluations, outcome.n_gradients) == ("budget", 0, 33)
    points, values, gradients = solver.told[0]
    expected = problem().value_and_grad(points)
    np.testing.assert_array_equal(values, expected[0])
    np.testing.assert_array_equal(gradients, expected[1])
    assert gradients.shape == (10, p.dimension)


@pytest.mark.parametrize("kind", [Uniform, Descent])
def test_one_point_at_a_time_is_told_as_it_was_asked(kind: type[Uniform]) -> None:
    p = problem(budget=7)
    solver = kind(p.dimension, 1, n=None)
    run_solver(solver, p)
    points, value, *gradients = solver.told[0]
    assert points.shape == (p.dimension,)
    assert isinstance(value, float)
    assert value == problem()(points)
    assert all(gradient.shape == (p.dimension,) for gradient in gradients)
    assert len(solver.told) == (7 if kind is Uniform else 2)


@pytest.mark.parametrize("empty", [[], np.empty((0, 5))])
def test_an_empty_proposal_finishes(empty: Any) -> None:
    p = problem()
    outcome = run_solver(Asks(np.full(5, 0.5), empty), p)
    assert (outcome.status, outcome.n_evaluations) == ("finished", 1)


@pytest.mark.parametrize("solver", [Driver(lambda problem: None), Asks(np.empty((0, 5)))])
def test_a_solver_that_evaluates_nothing_failed(solver: Any) -> None:
    with pytest.raises(SolverError, match="ended without evaluating anything"):
        run_solver(solver, problem())


def test_the_target_ends_the_run() -> None:
    p = problem(stop_at_db=30.0)
    outcome = run_solver(Uniform(p.dimension, 1), p)
    assert outcome.status == "target"
    assert outcome.distance_db <= 30.0
    assert outcome.n_evaluations % 10 == 0, "the batch that reached it counts whole"


def test_a_driving_solver_need_not_catch_the_end() -> None:
    def drive(problem: Problem) -> None:
        while True:
            problem(np.full(problem.dimension, 0.5))

    outcome = run_solver(Driver(drive), problem(budget=9))
    assert (outcome.status, outcome.n_evaluations) == ("budget", 9)


@pytest.mark.parametrize(
    ("settings", "status"), [({"budget": 9}, "budget"), ({"stop_at_db": 60.0}, "target")]
)
def test_a_driving_solver_that_catches_the_end_did_not_finish(
    settings: dict[str, Any], status: str
) -> None:
    def drive(problem: Problem) -> None:
        try:
            while True:
                problem(np.full(problem.dimension, 0.5))
        except RunOver:
            return

    assert run_solver(Driver(drive), problem(**settings)).status == status


@pytest.mark.parametrize("drives", [False, True])
def test_the_time_limit_ends_the_run(drives: bool) -> None:
    def drive(problem: Problem) -> None:
        assert problem.dimension == 5 and problem.remaining is None
        while True:
            problem.batch(np.full((1, problem.dimension), 0.5))

    solver = Driver(drive) if drives else Uniform(5, 1)
    began_s = time.perf_counter()
    outcome = run_solver(solver, problem(budget=math.inf), time_limit_s=0.2)
    assert outcome.status == "time"
    assert outcome.n_evaluations > 0
    assert time.perf_counter() - began_s >= 0.2
    with pytest.raises(ParameterError, match="time_limit_s is 0"):
        run_solver(solver, problem(), time_limit_s=0)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.full((2, 5), np.nan), r"'uniform': ask\(\) returned nan at \(0, 0\).*not finite"),
        (np.full(5, -np.inf), r"returned -inf at \(0,\).*not finite"),
        ([[0.5] * 5, [0.5, 0.5, 1.5, 0.5, 0.5]], r"1\.5 at \(1, 2\), which is outside \[0, 1\]"),
        (np.zeros((2, 4)), r"shape \(2, 4\); it must have shape \(n, 5\)"),
        (np.zeros((1, 2, 5)), r"shape \(1, 2, 5\)"),
        (0.5, r"shape \(\)"),
        (None, r"returned None"),
        ("here", r"returned a str that is no array"),
        ([[0.5] * 5, [0.5]], r"returned a list that is no array"),
    ],
)
def test_a_bad_proposal_names_solver_and_fault(answer: Any, message: str) -> None:
    p = problem()
    with pytest.raises(SolverError, match=message):
        run_solver(Asks(np.full((3, 5), 0.5), answer), p)
    assert p.n_evaluations == 3, "what went before is kept, the bad proposal costs nothing"


def test_rounding_at_the_edge_is_no_fault() -> None:
    outcome = run_solver(Asks(np.full(5, 1.0 + 5e-7), []), problem())
    assert outcome.x is not None
    assert outcome.x.max() == 1.0


def test_a_failure_of_the_solver_names_solver_and_cause() -> None:
    def drive(problem: Problem) -> None:
        problem(np.full(problem.dimension, 0.5))
        raise ZeroDivisionError("by the step size")

    p = problem()
    with pytest.raises(
        SolverError, match="'driver' failed with ZeroDivisionError: by the"
    ) as error:
        run_solver(Driver(drive), p)
    assert isinstance(error.value.__cause__, ZeroDivisionError)
    assert p.n_evaluations == 1


def test_a_bad_point_of_a_driving_solver_names_it() -> None:
    with pytest.raises(SolverError, match=r"'driver' failed with ParameterError: .*NaN"):
        run_solver(Driver(lambda problem: problem(np.full(5, np.nan))), problem())


def test_a_solver_cannot_end_the_process() -> None:
    def drive(problem: Problem) -> None:
        raise SystemExit(3)

    with pytest.raises(SolverError, match="'driver' failed with SystemExit: 3"):
        run_solver(Driver(drive), problem())


def test_a_failure_says_where_in_the_users_code_it_was(tmp_path: Path) -> None:
    """Its own last line, not that of the library it called, nor the loop's."""
    source = (
        "import json\n"
        "class Mine:\n"
        "    name = 'mine'\n"
        "    def __init__(self, dimension, seed):\n"
        "        self.text = '{' if seed else None\n"
        "        assert seed < 9\n"
        "    def ask(self):\n"
        "        return self.read()\n"
        "    def read(self):\n"
        "        return json.loads(self.text)\n"
        "    def tell(self, points, values): ...\n"
    )
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    factory = load_solver(f"{tmp_path / 'mine.py'}:Mine")
    with pytest.raises(SolverError, match=r"JSONDecodeError: .* \(mine\.py:10, in read\)$"):
        run_solver(factory(5, 1), problem())
    with pytest.raises(SolverError, match=r"AssertionError \(mine\.py:6, in __init__\)$"):
        factory(5, 9)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MissingExtraError("install it")])
def test_some_exceptions_pass_as_they_are(error: BaseException) -> None:
    def drive(problem: Problem) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        run_solver(Driver(drive), problem())
    assert raised.value is error


def test_an_exhausted_problem_stays_exhausted() -> None:
    p = problem(budget=5)
    run_solver(Uniform(5, 1), p)
    assert run_solver(Uniform(5, 2), p).n_evaluations == 5
    with pytest.raises(BudgetExceeded):
        p(np.full(5, 0.5))


def test_seeds_are_fixed_by_what_they_name() -> None:
    # Written out, because a change of seeds changes every published number.
    assert solver_seed("DiffMoog-FM-v0", "cma-es", "test", 3, 0) == 330328007
    seeds = {
        solver_seed(task, solver, split, index, seed)
        for task in ("a", "b")
        for solver in ("c", "d")
        for split in ("dev", "test")
        for index in range(5)
        for seed in range(5)
    }
    assert len(seeds) == 200
    assert all(0 < seed < 2**31 for seed in seeds)
