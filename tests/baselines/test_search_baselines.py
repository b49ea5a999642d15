"""What holds for every baseline of the search track."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from synthgym.solvers import load_solver, run_solver
from synthgym.tasks import GRADIENT_COST, Problem, make_problem, task_ids

# What one file varies is tried on few tasks; the descents by another loss come to the distance
# itself only after that has had its share of the steps.
DETOURS = (
    "adam-transport",
    "adam-coarse-to-fine",
    "adam-surrogate",
    "adam-surrogate-transport",
    "rmsprop-transport",
    "l-bfgs-b-transport",
)
ONE_START = ("adam-one-start", "rmsprop-one-start")
VARIANTS = (*DETOURS, *ONE_START, "rmsprop", "tpe")
# Their proposals take long: small budgets, and nothing in sixty dimensions.
SLOW = ("ngopt", "tpe")
METHODS = (
    "random",
    "sobol",
    "cma-es",
    "differential-evolution",
    "l-shade",
    "pso",
    "ngopt",
    "trust-region-bayes",
    "adam",
    "l-bfgs-b",
)
NAMES = METHODS + VARIANTS
LEARNING = tuple(name for name in NAMES if name not in ("random", "sobol"))
STRAIGHT = tuple(name for name in LEARNING if name not in DETOURS)
BOWLS = [(name, d) for name in STRAIGHT for d in (2, 10) if (name, d) != ("tpe", 10)]
FEW_TASKS = ("DiffMoog-Osc-v0", "DiffMoog-Modular-v0", "Chirplet-v0")
ON_TASKS = [(name, task) for name in METHODS for task in task_ids()]
ON_TASKS += [(name, task) for name in VARIANTS for task in FEW_TASKS]


def affordable(name: str, budget: int) -> int:
    return budget // 5 if name in SLOW else budget


def run(name: str, problem: Problem, seed: int = 3) -> Any:
    return run_solver(load_solver(name)(problem.dimension, seed), problem)


def trace(problem: Problem) -> list[tuple[int, int, float]]:
    return [(i.n_evaluations, i.n_gradients, i.distance_db) for i in problem.history]


@pytest.mark.parametrize("name", NAMES)
def test_says_who_it_is(name: str) -> None:
    factory = load_solver(name)
    assert (factory.name, factory.track) == (name, "search")
    assert factory.settings
    assert factory.solver_class.__module__.startswith("synthgym.baselines.")


@pytest.mark.parametrize(("name", "task"), ON_TASKS)
def test_tiny_budget_is_spent_and_the_run_is_repeatable(name: str, task: str) -> None:
    problems = [make_problem(task, split="dev", index=0, budget=60) for _ in range(2)]
    outcomes = [run(name, problem) for problem in problems]
    chance = make_problem(task, split="dev", index=0, budget=60)
    usual_db = np.median(chance.batch(np.random.default_rng(0).random((60, chance.dimension))))
    for outcome, problem in zip(outcomes, problems, strict=True):
        assert outcome.status == "budget"
        assert 60 - GRADIENT_COST < problem.cost <= 60
        # One start, or one Gaussian, may be an unlucky one.
        assert outcome.distance_db < usual_db or name in (*ONE_START, "ngopt")
    assert trace(problems[0]) == trace(problems[1])
    np.testing.assert_array_equal(outcomes[0].x, outcomes[1].x)


@pytest.mark.parametrize("name", NAMES)
def test_seed_is_the_only_source_of_chance(name: str, bowl: Callable[..., Any]) -> None:
    load_solver(name)(6, 1)  # some packages draw when they are imported
    numpy_before = np.random.get_state()[1].copy()  # type: ignore[union-attr]
    torch_before = torch.get_rng_state()
    first, again, other = (bowl(6, affordable(name, 900)) for _ in range(3))
    run(name, first, seed=1)
    np.random.default_rng(0).random()
    run(name, again, seed=1)
    run(name, other, seed=2)
    np.testing.assert_array_equal(first.asked, again.asked)
    assert not np.array_equal(first.asked[0], other.asked[0])
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)
    assert torch.equal(torch.get_rng_state(), torch_before)


@pytest.mark.parametrize("dimension", [2, 10, 60])
@pytest.mark.parametrize("name", NAMES)
def test_proposals_stay_in_the_unit_cube(
    name: str, dimension: int, bowl: Callable[..., Any]
) -> None:
    problem = bowl(dimension, affordable(name, 1500))
    run(name, problem)
    asked = np.array(problem.asked)
    assert asked.min() >= 0
    assert asked.max() <= 1


@pytest.mark.parametrize(("name", "dimension"), BOWLS)
def test_finds_the_bottom_of_a_bowl(name: str, dimension: int, bowl: Callable[..., Any]) -> None:
    problem = bowl(dimension, 400 * dimension)
    assert run(name, problem).distance_db < 0.1


@pytest.mark.parametrize("name", DETOURS)
def test_solves_a_tone_after_a_detour(name: str) -> None:
    problem = make_problem("DiffMoog-Osc-v0", split="dev", index=0, budget=12000, stop_at_db=1.0)
    assert run(name, problem).status == "target"


@pytest.mark.parametrize("name", [name for name in STRAIGHT if name not in SLOW])
def test_sixty_dimensions(name: str, bowl: Callable[..., Any]) -> None:
    problem, random = bowl(60, 6000), bowl(60, 6000)
    assert run(name, problem).distance_db < 0.6 * run("random", random).distance_db


@pytest.mark.parametrize("name", [name for name in LEARNING if name != "ngopt"])
def test_starts_anew_instead_of_stopping(name: str, bowl: Callable[..., Any]) -> None:
    # One start after another takes its time: four runs in a third of the budget show little.
    problem = bowl(3, 36000 if name in ONE_START else affordable(name, 12000))
    assert run(name, problem).status == "budget"
    # Long after the optimum is found it still looks elsewhere: the range of each third is wide.
    for part in np.array_split(np.array(problem.asked), 3):
        assert np.ptp(part, axis=0).min() > 0.6
