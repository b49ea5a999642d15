"""One target to match: what is returned, and what is refused."""

from __future__ import annotations

import gc
import math
from typing import Any

import numpy as np
import pytest
import torch
from adsr_problem import CLOCK, PATCH, TRUE, D, make, points, sound
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgym.errors import ParameterError
from synthgym.losses import MelDistance
from synthgym.losses.mel import Resolution
from synthgym.tasks import (
    Problem,
    get_task,
    make_problem,
    task_ids,
)


def test_the_true_parameters_have_no_distance() -> None:
    problem = make()
    assert problem(TRUE) < 1e-3
    assert problem.solved
    np.testing.assert_array_equal(problem.best_x, TRUE)
    value, _ = make().value_and_grad(TRUE)
    assert value < 1e-3


def test_what_a_new_problem_says() -> None:
    problem = make(task_id="mine", target_name="beep", budget=77, solved_db=2.0)
    assert (problem.dimension, problem.names) == (D, PATCH.space.names)
    assert (problem.task_id, problem.target_name, problem.budget) == ("mine", "beep", 77)
    assert (problem.cost, problem.remaining, problem.solved) == (0, 77, False)
    assert (problem.best_x, problem.best_distance, problem.history) == (None, math.inf, [])
    assert problem.clock == CLOCK
    assert problem.target.dtype == np.float32
    for word in ("mine", "beep", "77"):
        assert word in repr(problem)


def test_values_are_those_of_the_distance() -> None:
    problem, rows = make(), points(5)
    audio = problem.render(rows)
    assert (audio.dtype, audio.shape) == (np.float32, (5, CLOCK.n_samples))
    expected = MelDistance(8000)(torch.tensor(audio), torch.tensor(sound()[None]))
    values = problem.batch(rows)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("id", task_ids())
def test_a_batch_is_a_loop_of_ones(id: str) -> None:
    rows = np.random.default_rng(3).random((6, get_task(id).dimension))
    together = make_problem(id).batch(rows)
    problem = make_problem(id)
    alone = np.array([problem(row) for row in rows])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert isinstance(problem(rows[0]), float)


def test_large_batches_are_a_loop_of_ones() -> None:
    """More rows than are rendered at once: the seams must not show."""
    rows = points(2100)
    together = make().batch(rows)
    problem = make()
    for i in (0, 1, 1022, 1023, 1024, 1025, 2047, 2048, 2099):
        assert problem(rows[i]) == pytest.approx(together[i], abs=1e-4)


def test_gradients_are_those_of_the_distance() -> None:
    """Through float32, along the continuous entries together, at smooth points."""
    problem = make()
    rows = points(8, seed=5)
    values, gradients = problem.value_and_grad(rows)
    assert values.dtype == gradients.dtype == np.float64
    assert gradients.shape == (8, D)
    np.testing.assert_allclose(values, make().batch(rows), atol=1e-4)
    unit = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
    losses = MelDistance(8000)(
        PATCH.render(unit, CLOCK), torch.tensor(sound()[None], dtype=torch.float64)
    )
    (exact,) = torch.autograd.grad(losses.sum(), unit)
    apart = np.linalg.norm(gradients - exact.numpy(), axis=1)
    assert np.median(apart / np.linalg.norm(exact.numpy(), axis=1)) < 1e-2


def test_single_and_batched_gradients_agree() -> None:
    rows = points(3)
    values, gradients = make().value_and_grad(rows)
    for i in range(3):
        value, gradient = make().value_and_grad(rows[i])
        assert isinstance(value, float)
        assert gradient.shape == (D,)
        assert value == pytest.approx(values[i], abs=1e-4)
        np.testing.assert_allclose(gradient, gradients[i], rtol=1e-2, atol=1e-2)


def test_loss_descends_where_value_and_grad_does() -> None:
    rows = points(4)
    unit = torch.tensor(rows, dtype=torch.float32, requires_grad=True)
    problem = make()
    losses = problem.loss(unit)
    assert losses.shape == (4,)
    (gradient,) = torch.autograd.grad(losses.sum(), unit)
    values, expected = make().value_and_grad(rows)
    np.testing.assert_allclose(losses.detach().numpy(), values, atol=1e-5)
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-4, atol=1e-4)
    assert problem.best_distance == pytest.approx(values.min(), abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_another_loss_is_returned_and_the_distance_scored(dtype: torch.dtype) -> None:
    class MeanSquare:
        def embed(self, audio: torch.Tensor) -> torch.Tensor:
            return audio

        def compare(self, embedded: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return (embedded - target).square().mean(1)

    problem = make()
    unit = torch.tensor(points(3), dtype=dtype, requires_grad=True)
    loss = MeanSquare()
    for _ in range(2):
        losses = problem.loss(unit, loss)
        assert losses.dtype == dtype
        audio = PATCH.render(unit.detach(), CLOCK)
        expected = (audio - torch.tensor(sound(), dtype=dtype)).square().mean(1)
        torch.testing.assert_close(losses.detach(), expected)
        (gradient,) = torch.autograd.grad(losses.sum(), unit)
        assert bool((gradient != 0).any())
    assert problem.best_distance == pytest.approx(make().batch(points(3)).min(), abs=1e-3)


def test_losses_that_come_and_go_are_not_confused() -> None:
    """Python gives a new object the identity of one that is gone."""
    problem = make()
    unit = torch.tensor(points(1), dtype=torch.float32)
    for n_bands in (4, 8, 16, 32):
        loss = MelDistance(8000, resolutions=(Resolution(0.02, n_bands),))
        value = float(problem.loss(unit, loss))
        expected = float(loss(PATCH.render(unit, CLOCK), torch.tensor(sound()[None])))
        assert value == pytest.approx(expected, rel=1e-5)
        del loss
        gc.collect()


def test_rendered_tensors_are_differentiable() -> None:
    unit = torch.tensor(points(2), dtype=torch.float32, requires_grad=True)
    audio = make().render(unit)
    assert audio.shape == (2, CLOCK.n_samples)
    (gradient,) = torch.autograd.grad(audio.square().sum(), unit)
    assert bool((gradient != 0).any())


@settings(max_examples=20)
@given(st.floats(-1e-6, 1e-6), st.integers(0, 9), st.booleans())
def test_the_edge_gives_way_a_little(step: float, entry: int, upper: bool) -> None:
    """Optimizers step over it by rounding; what they get is the edge."""
    problem = make()
    x = TRUE.copy()
    x[entry] = float(upper)
    inside = problem(x)
    x[entry] += step
    assert problem(x) == pytest.approx(inside, abs=0.05)
    assert problem.best_x is not None
    assert problem.best_x.min() >= 0
    assert problem.best_x.max() <= 1


@pytest.mark.parametrize(
    ("transform", "shape"),
    [(torch.func.grad, (D,)), (torch.func.jacrev, (D,)), (torch.func.vmap, (2, D))],
)
def test_what_cannot_be_counted_is_refused_uncounted(
    transform: Any, shape: tuple[int, ...]
) -> None:
    problem = make()
    with pytest.raises(ParameterError, match=r"torch\.func"):
        transform(lambda unit: problem.loss(unit[None])[0])(torch.full(shape, 0.5))
    assert problem.cost == 0


def test_equal_distances_are_no_improvement() -> None:
    problem = make()
    problem(points(1)[0])
    problem(points(1)[0])
    problem.batch(np.repeat(points(1), 3, axis=0))
    assert len(problem.history) == 1


def test_gradients_come_without_the_callers_leave() -> None:
    with torch.no_grad():
        _, gradient = make().value_and_grad(points(1)[0])
    assert np.abs(gradient).max() > 0


def test_silence_can_be_a_target() -> None:
    problem = Problem(PATCH, CLOCK, np.zeros(CLOCK.n_samples), MelDistance(8000))
    values, gradients = problem.value_and_grad(points(3))
    assert np.isfinite(values).all()
    assert np.isfinite(gradients).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target": np.zeros(1023)}, ["(1023,)", "(1024,)", "8000 Hz"]),
        ({"target": np.zeros((1, 1024))}, ["(1, 1024)", "(1024,)"]),
        ({"target": np.full(1024, np.nan)}, ["target", "finite"]),
        ({"target": np.full(1024, np.inf)}, ["target", "finite"]),
        ({"target": ["a"] * 1024}, ["target", "numbers"]),
        ({"target": [[0.0], [0.0, 1.0]]}, ["target", "numbers"]),
        ({"target": np.zeros(1024, complex)}, ["target", "real numbers"]),
        ({"target": np.full(1024, 1e20)}, ["target", "1e+20", "scale"]),
        ({"budget": 0}, ["budget", "0", "at least 1"]),
        ({"budget": -3}, ["budget", "-3"]),
        ({"budget": 1.5}, ["budget", "1.5", "whole"]),
        ({"budget": math.nan}, ["budget", "nan"]),
        ({"budget": "many"}, ["budget", "'many'"]),
        ({"budget": True}, ["budget", "True"]),
        ({"gradient_cost": 0}, ["gradient_cost", "0", "at least 1"]),
        ({"gradient_cost": None}, ["gradient_cost", "None", "whole"]),
        ({"stop_at_db": "1"}, ["stop_at_db", "'1'"]),
        ({"stop_at_db": math.nan}, ["stop_at_db", "nan"]),
    ],
)
def test_impossible_problems_are_refused(settings: dict[str, Any], words: list[str]) -> None:
    arguments = {"target": sound(), **settings}
    with pytest.raises(ParameterError) as caught:
        Problem(PATCH, CLOCK, distance=MelDistance(8000), **arguments)
    for word in words:
        assert word in str(caught.value)
