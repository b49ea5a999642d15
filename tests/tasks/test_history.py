"""What a problem records of its evaluations: each improvement at its cost, and when to stop."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from osc_problem import CLOCK, OTHER_LOSS, counts, make, points, tensor

from synthgym.errors import ParameterError, TargetReached
from synthgym.losses import MelDistance
from synthgym.synth import Node, Patch
from synthgym.synth.modules import Noise
from synthgym.tasks import Problem


@pytest.mark.parametrize("call", ["batch", "value_and_grad", "render", "loss"])
def test_history_places_each_improvement_exactly(call: str) -> None:
    """As if the batch had been evaluated one by one."""
    rows, before = points(40), points(3, seed=9)
    values = make().batch(np.concatenate([before, rows]))
    problem = make()
    heard: list[float] = []
    problem.on_improvement = lambda improvement: heard.append(improvement.distance_db)
    problem.batch(before)
    gradients = call == "value_and_grad"
    argument = torch.tensor(rows, dtype=torch.float32) if call == "loss" else rows
    getattr(problem, call)(argument)

    best = math.inf
    expected = []
    for i, value in enumerate(values):
        if value < best:
            best = value
            in_batch = max(i + 1 - 3, 0)
            expected.append(
                (min(i + 1, 3), in_batch) if gradients else (min(i + 1, 3) + in_batch, 0)
            )
    assert [(e.n_evaluations, e.n_gradients) for e in problem.history] == expected
    assert [e.cost for e in problem.history] == [n + 3 * g for n, g in expected]
    distances = [e.distance_db for e in problem.history]
    assert heard == distances
    assert all(a > b for a, b in itertools.pairwise(distances))
    assert distances[-1] == problem.best_distance == pytest.approx(values.min(), abs=1e-4)
    walls = [e.wall_s for e in problem.history]
    assert walls == sorted(walls)
    assert walls[0] >= 0
    assert walls[-1] <= problem.wall_s


def test_history_is_exact_over_many_chunks() -> None:
    """More rows than are rendered at once."""
    rows = points(4500, seed=2)
    problem = make()
    values = problem.batch(rows)
    running = np.minimum.accumulate(values)
    improved = np.flatnonzero(np.diff(np.concatenate([[np.inf], running])) < 0)
    assert [e.n_evaluations for e in problem.history] == (improved + 1).tolist()
    assert problem.best_distance == values.min()
    np.testing.assert_array_equal(problem.best_x, rows[values.argmin()])


def test_the_distance_is_scored_whatever_loss_is_descended() -> None:
    problem, plain = make(), make()
    losses = problem.loss(tensor(6, grad=True), OTHER_LOSS)
    values = plain.batch(points(6))
    assert not np.allclose(losses.detach().numpy(), values, rtol=1e-2)
    assert problem.best_distance == pytest.approx(values.min(), abs=1e-4)
    np.testing.assert_allclose(problem.best_x, points(6)[values.argmin()], atol=1e-7)


@pytest.mark.parametrize("through", ["value_and_grad", "loss", "other loss"])
def test_the_distance_is_the_true_one_whatever_gradient_is_taken(through: str) -> None:
    problem, plain = make(), make()
    assert problem.has_surrogate
    slopes = []
    for surrogate in (True, False):
        if through == "value_and_grad":
            gradient = problem.value_and_grad(points(6), surrogate=surrogate)[1]
        else:
            unit = tensor(6, grad=True)
            losses = problem.loss(unit, OTHER_LOSS if "other" in through else None, surrogate)
            losses.sum().backward()
            assert unit.grad is not None
            gradient = unit.grad.double().numpy()
        slopes.append(gradient)
    # What comes second finds nothing better, as the first has had the same distances.
    values = plain.batch(points(6))
    assert all(one.n_gradients <= 6 for one in problem.history)
    assert problem.best_distance == values.min()
    freq = problem.names.index("osc.freq")
    assert not np.allclose(slopes[0][:, freq], slopes[1][:, freq], rtol=0.01)
    amp = problem.names.index("osc.amp")
    np.testing.assert_allclose(slopes[0][:, amp], slopes[1][:, amp], rtol=1e-4, atol=1e-4)


def test_a_surrogate_that_does_not_exist_is_refused_and_costs_nothing() -> None:
    patch = Patch((Node("noise", Noise()),))
    target = patch.render(torch.full((1, 1), 0.5), CLOCK)[0].numpy()
    problem = Problem(patch, CLOCK, target, MelDistance(8000), task_id="Hiss-v0")
    assert not problem.has_surrogate
    for call in (
        lambda: problem.value_and_grad([0.5], surrogate=True),
        lambda: problem.loss(torch.full((1, 1), 0.5), surrogate=True),
    ):
        with pytest.raises(ParameterError, match=r"Hiss-v0.*has_surrogate"):
            call()
    assert counts(problem) == (0, 0, 0)


def test_reaching_the_target_ends_the_run_after_recording() -> None:
    true = np.array([0.0, 0.0, 1.0, 0.6, 0.8])
    rows = np.concatenate([points(3), true[None], points(2, seed=1)])
    for call, expected in (
        (lambda p: p.batch(rows), (6, 0, 6)),
        (lambda p: p.value_and_grad(rows), (0, 6, 18)),
        (lambda p: p.render(rows), (6, 0, 6)),
        (lambda p: p.loss(torch.tensor(rows, dtype=torch.float32)), (6, 0, 6)),
    ):
        problem = make(100, stop_at_db=0.5)
        with pytest.raises(TargetReached, match=r"0\.5"):
            call(problem)
        assert counts(problem) == expected
        assert problem.best_distance < 1e-3
        assert problem.solved
        np.testing.assert_allclose(problem.best_x, true, atol=1e-7)
        with pytest.raises(TargetReached):
            problem(points(1)[0])


def test_reaching_the_target_on_the_last_unit_is_a_success() -> None:
    rows = np.concatenate([points(3), [[0.0, 0.0, 1.0, 0.6, 0.8]], points(3, seed=1)])
    problem = make(4, stop_at_db=0.5)
    with pytest.raises(TargetReached):
        problem.batch(rows)
    assert problem.cost == 4


def test_without_a_stop_the_run_goes_on() -> None:
    problem = make()
    problem(np.array([0.0, 0.0, 1.0, 0.6, 0.8]))
    assert problem.solved
    problem(points(1)[0])
    assert problem.cost == 2
