"""Regression ABC: what it finds from sounds alone, what it costs, and that it never fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthgym.solvers import load_solver, run_solver
from synthgym.tasks import Problem, make_problem, task_ids

NAME = "regression-abc"


def run(problem: Problem, seed: int = 3, name: str = NAME) -> Any:
    return run_solver(load_solver(name)(problem.dimension, seed), problem)


@pytest.mark.parametrize("task", task_ids())
def test_tiny_budget_is_spent_and_the_run_is_repeatable(task: str) -> None:
    problems = [make_problem(task, split="dev", index=0, budget=60) for _ in range(2)]
    outcomes = [run(problem) for problem in problems]
    assert [outcome.status for outcome in outcomes] == ["budget", "budget"]
    assert [problem.cost for problem in problems] == [60, 60]
    np.testing.assert_array_equal(outcomes[0].x, outcomes[1].x)
    other = make_problem(task, split="dev", index=0, budget=60)
    assert not np.array_equal(run(other, seed=4).x, outcomes[0].x)


def test_takes_no_derivative() -> None:
    problem = make_problem("DiffMoog-Osc-v0", split="dev", index=0, budget=200)
    run(problem)
    assert (problem.n_evaluations, problem.n_gradients) == (200, 0)


@pytest.mark.parametrize("task", ["DiffMoog-Osc-v0", "DiffMoog-OscADSR-v0", "DiffMoog-FM-v0"])
def test_solves_targets_where_differential_evolution_has_not_begun(task: str) -> None:
    solved = {NAME: 0, "differential-evolution": 0}
    for name in solved:
        for index in range(6):
            dimension = make_problem(task, split="dev", index=index).dimension
            problem = make_problem(
                task, split="dev", index=index, budget=30 * dimension, stop_at_db=1.0
            )
            run(problem, name=name)
            solved[name] += problem.solved
    assert solved[NAME] >= 4
    assert solved["differential-evolution"] <= 1


def test_later_rounds_come_nearer_than_points_drawn_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = make_problem("DiffMoog-Subtractive-v0", split="dev", index=1, budget=300)
    rng = np.random.default_rng(1)
    even_db = chance.batch(rng.random((100, chance.dimension)))
    problem = make_problem("DiffMoog-Subtractive-v0", split="dev", index=1, budget=300)
    heard: list[Any] = []
    render = problem.render

    def noted(points: Any) -> Any:
        heard.extend(points)
        return render(points)

    monkeypatch.setattr(problem, "render", noted)
    run(problem)
    late_db = make_problem("DiffMoog-Subtractive-v0", split="dev", index=1).batch(heard[-100:])
    assert np.median(late_db) < 0.5 * np.median(even_db)


def test_goes_on_where_the_target_is_no_sound_of_the_synthesizer() -> None:
    noise = 0.1 * np.random.default_rng(6).standard_normal(16384)
    for target in (noise, np.zeros(16384)):
        problem = make_problem("DiffMoog-Osc-v0", target=target, budget=400)
        outcome = run(problem)
        assert (outcome.status, problem.cost) == ("budget", 400)
        assert np.isfinite(outcome.distance_db)
