from __future__ import annotations

import math
import time
from importlib.metadata import EntryPoint, EntryPoints
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
    UnknownNameError,
)
from synthgym.solvers import load_solver, loading, run_solver, solver_names, solver_seed
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


def test_a_run_that_evaluates_nothing_has_no_point() -> None:
    outcome = run_solver(Driver(lambda problem: None), problem())
    assert (outcome.status, outcome.x, outcome.distance_db) == ("finished", None, math.inf)


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
    assert 0.2 <= time.perf_counter() - began_s < 5
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


# Finding solvers

MINIMAL = """
import numpy as np

class Mine:
    name = "mine"
    settings = {"n": 3}

    def __init__(self, dimension, seed):
        self.dimension, self.rng = dimension, np.random.default_rng(seed)

    def ask(self):
        return self.rng.random((3, self.dimension))

    def tell(self, points, values):
        pass
"""


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_file_is_loaded_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, MINIMAL)
    monkeypatch.chdir(tmp_path)
    factory = load_solver("mine.py:Mine")
    assert factory.spec == f"{path}:Mine", "loadable from any folder"
    assert (factory.name, factory.track, dict(factory.settings)) == ("mine", "search", {"n": 3})
    p = problem(budget=10)
    outcome = run_solver(factory(p.dimension, 3), p)
    assert (outcome.status, outcome.n_evaluations) == ("budget", 10)
    assert not (tmp_path / "__pycache__").exists()


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    before = load_solver(f"{path}:Mine")
    write(tmp_path, MINIMAL.replace('"mine"', '"mind"'))  # same size, same second
    after = load_solver(f"{path}:Mine")
    assert (before.name, after.name) == ("mine", "mind")
    assert before.source_digest != after.source_digest
    assert len(before.source_digest) == 16


def test_a_file_may_import_the_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "NAME = 'beside'", "part_of_it_only.py")
    path = write(tmp_path, MINIMAL.replace('"mine"', "NAME") + "", "uses.py")
    Path(path).write_text("from part_of_it_only import NAME\n" + Path(path).read_text())
    assert load_solver(f"{path}:Mine").name == "beside"


def test_a_module_is_loaded() -> None:
    assert load_solver("synthgym.baselines.random_search:RandomSearch").name == "random"


def test_registered_solvers_are_found() -> None:
    assert {"random", "cma-es", "differential-evolution", "adam", "ppo"} <= set(solver_names())
    assert load_solver("random").name == "random"


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ("cma_es", UnknownNameError, "unknown solver 'cma_es'. Did you mean 'cma-es'?"),
        ("{path}", SolverError, "say which class in it"),
        ("{path}:Mein", UnknownNameError, "Did you mean 'Mine'?"),
        ("{path}x.py:Mine", SolverError, "there is no solver file"),
        ("no_such_module:Mine", SolverError, "there is no module 'no_such_module'"),
        ("synthgym.no_such:Mine", SolverError, "there is no module 'synthgym.no_such'"),
        ("synthgym.errors:near", UnknownNameError, "errors.py 'near'"),
        ("synthgym.errors:require", SolverError, "must be a class"),
    ],
)
def test_a_solver_that_is_not_there(
    tmp_path: Path, spec: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as error:
        load_solver(spec.format(path=write(tmp_path, MINIMAL)))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', "pass", "class attribute name is None"),
        ('name = "mine"', 'name = "../mine"', "class attribute name is '../mine'"),
        ("def ask", "def answer", "lacks ask()"),
        ("def tell", "def told", "lacks tell()"),
        ("class Mine:", "class Mine:\n    track = 'fast'", "track is 'fast'"),
        ("dimension, seed)", "dimension)", "must be made as Solver(dimension: int, seed: int)"),
        ("dimension, seed)", "dimension, seed, lr)", "Give further arguments defaults"),
        ("class Mine:", "class Mine:\n    wants_gradients = True", "so its tell must take"),
        ("import numpy", "import nampy", "needs 'nampy', which is not installed: pip install"),
        ("import numpy", "1 / 0 #", "cannot be imported: ZeroDivisionError"),
        ("import numpy", "import numpy as", "cannot be imported: SyntaxError"),
    ],
)
def test_a_class_that_breaks_the_protocol(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, MINIMAL.replace(old, new))
    with pytest.raises((SolverError, MissingExtraError)) as error:
        load_solver(f"{path}:Mine")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("raise ValueError('too few dimensions')", SolverError, "ValueError: too few dimensions"),
        ("import nampy", MissingExtraError, 'pip install "synthgym[baselines]"'),
        ("from synthgym.errors import require; require('nampy', 'x')", MissingExtraError, "[x]"),
    ],
)
def test_a_constructor_that_fails(
    tmp_path: Path, body: str, kind: type[Exception], message: str
) -> None:
    text = MINIMAL.replace("self.dimension, self.rng =", f"{body}; self.dimension, self.rng =")
    text = text.replace("settings =", 'needs = "baselines"\n    settings =')
    factory = load_solver(f"{write(tmp_path, text)}:Mine")
    with pytest.raises(kind) as error:
        factory(5, 1)
    assert message in str(error.value)


def test_entry_points_that_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "synthgym.baselines.random_search:RandomSearch"
    points = EntryPoints(
        EntryPoint(name, value, loading.ENTRY_POINT_GROUP)
        for name, value in [
            ("chance", place),
            ("gone", "synthgym.baselines.gone:Gone"),
            ("renamed", "synthgym.baselines.random_search:RandomSaerch"),
            ("twice", place),
            ("twice", "other:Solver"),
        ]
    )
    monkeypatch.setattr(loading, "entry_points", lambda **selection: points.select(**selection))
    assert solver_names() == ["chance", "gone", "renamed", "twice"]
    with pytest.raises(SolverError, match="whose name is 'random'; make the two equal"):
        load_solver("chance")
    with pytest.raises(SolverError, match=r"'gone': there is no module .*\.gone'"):
        load_solver("gone")
    with pytest.raises(UnknownNameError, match=r"search\.py 'RandomSaerch'\. Did you mean"):
        load_solver("renamed")
    with pytest.raises(SolverError, match="'twice' is registered more than once: other:Solver, sy"):
        load_solver("twice")


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
