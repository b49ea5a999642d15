"""What a problem keeps to itself: no caller changes it, and none finds the true parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from adsr_problem import CLOCK, PATCH, TRUE, make, points, sound

import synthgym
from synthgym.errors import BudgetExceeded
from synthgym.losses import MelDistance
from synthgym.tasks import (
    SUITE_VERSION,
    Problem,
    get_task,
    make_problem,
    stable_seed,
    task_ids,
)


@pytest.mark.parametrize(
    "name", ["n_evaluations", "n_gradients", "budget", "gradient_cost", "best_distance"]
)
def test_a_solver_cannot_set_what_it_is_judged_by(name: str) -> None:
    problem = make_problem("DiffMoog-Osc-v0", budget=10)
    before = getattr(problem, name)
    with pytest.raises(AttributeError, match=name):
        setattr(problem, name, 1)
    assert getattr(problem, name) == before


@pytest.mark.parametrize("look", ["budget", "remaining"])
def test_it_is_known_whether_somebody_looked_at_the_budget(look: str) -> None:
    """Runs of who did not are the same under another budget, as far as they go."""
    problem = make(budget=4)
    problem.batch(points(3))
    problem.loss(torch.tensor(points(1)))
    assert (repr(problem).count("budget=4"), problem.exhausted) == (1, True)
    with pytest.raises(BudgetExceeded, match="budget of 4 cost units"):
        problem.batch(points(1))
    assert not problem.budget_seen
    getattr(problem, look)
    assert problem.budget_seen
    assert not make(budget=4).exhausted
    assert not make().exhausted


def test_returned_gradients_are_ones_own() -> None:
    problem = make()
    values, gradients = problem.value_and_grad(points(2))
    gradients[:] = 0
    values[:] = 0
    assert problem.best_distance > 0
    assert np.abs(problem.value_and_grad(points(2))[1]).max() > 0


def test_the_callers_array_is_left_alone_and_not_kept() -> None:
    problem = make()
    x = TRUE.copy()
    problem(x)
    np.testing.assert_array_equal(x, TRUE)
    x[:] = 0
    np.testing.assert_array_equal(problem.best_x, TRUE)
    rows = np.concatenate([TRUE[None], points(2)])
    problem = make()
    problem.batch(rows)
    rows[:] = 0.5
    np.testing.assert_array_equal(problem.best_x, TRUE)
    problem = make()
    unit = torch.tensor(TRUE[None], dtype=torch.float64)
    problem.loss(unit)
    unit.zero_()
    np.testing.assert_allclose(problem.best_x, TRUE, atol=1e-7)


def test_the_target_is_ones_own_and_read_only() -> None:
    audio = sound()
    problem = Problem(PATCH, CLOCK, audio, MelDistance(8000))
    before = problem(points(1)[0])
    audio[:] = 0
    assert problem(points(1)[0]) == before
    np.testing.assert_array_equal(problem.target, sound())
    with pytest.raises(ValueError, match="read-only"):
        problem.target[0] = 1.0


def test_the_best_point_is_ones_own() -> None:
    """A solver that steps from it in place must not change what will be recorded."""
    problem = make()
    problem(TRUE)
    best = problem.best_x
    assert best is not None
    best += 0.1
    np.testing.assert_array_equal(problem.best_x, TRUE)


def test_a_problem_has_no_chance_in_it() -> None:
    state = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    first, second = make(), make()
    values = first.batch(points(5))
    np.testing.assert_array_equal(second.batch(points(5)), values)
    np.testing.assert_array_equal(first.batch(points(5)), values)
    assert torch.equal(torch.get_rng_state(), state[0])
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])  # type: ignore[index]


def test_use_under_inference_mode_leaves_nothing_behind() -> None:
    problem = make()
    with torch.inference_mode():
        value = problem(points(1)[0])
        inferred, gradient = problem.value_and_grad(points(1)[0])
    again, expected = problem.value_and_grad(points(1)[0])
    assert value == pytest.approx(inferred, abs=1e-5)
    assert again == inferred
    np.testing.assert_array_equal(gradient, expected)


def reachable(root: object) -> list[np.ndarray]:
    """Every array, tensor and sequence of numbers that attributes and items lead to."""
    found: list[np.ndarray] = []
    seen: set[int] = set()
    todo: list[Any] = [root]
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, str | bytes | type):
            continue
        seen.add(id(item))
        if isinstance(item, torch.Tensor):
            found.append(item.detach().numpy().ravel())
            continue
        if isinstance(item, np.ndarray):
            found.append(item.ravel())
            todo.append(item.base)
            continue
        if isinstance(item, dict):
            todo += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple | set | frozenset):
            if item and all(isinstance(v, int | float) for v in item):
                found.append(np.array(list(item), dtype=float))
            todo += list(item)
        todo += list(vars(item).values()) if hasattr(item, "__dict__") else []
        for name in getattr(type(item), "__slots__", ()):
            todo.append(getattr(item, name, None))
    return found


@pytest.mark.parametrize("id", task_ids())
def test_the_true_parameters_are_nowhere_on_the_object(id: str) -> None:
    """The draw that made the target, found again from its seed, is on no path from the problem."""
    task = get_task(id)
    problem = synthgym.make_problem(id, split="test", index=4)
    rng = np.random.default_rng(stable_seed(f"suite {SUITE_VERSION}/{id}", "test", "4"))
    for _ in range(1000):
        true = rng.random(task.dimension)
        sound = task.patch.render(torch.tensor(true[None], dtype=torch.float32), task.clock)
        if np.array_equal(sound[0].numpy(), problem.target):
            break
    else:
        pytest.fail("the recipe of the seed no longer gives the target")
    problem.batch(np.random.default_rng(0).random((3, task.dimension)))
    problem.loss(torch.full((1, task.dimension), 0.5, requires_grad=True)).sum().backward()
    arrays = reachable(problem)
    assert len(arrays) > 3
    physical = [
        value
        for group in task.patch.space.describe(true).values()
        for value in (field["value"] for field in group.values())
        if isinstance(value, float)
    ]
    for secret in (true, np.array(physical)):
        for array in arrays:
            if array.dtype.kind == "f" and array.size < 1000:
                for number in secret:
                    assert not np.isclose(array, number, rtol=1e-6, atol=0).any()
    # And yet they are what solves it.
    assert problem(true) < 1e-3
