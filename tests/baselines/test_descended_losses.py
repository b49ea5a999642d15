"""Losses that descents name: by which gradient, at which price, on which score."""

from __future__ import annotations

import numpy as np
import pytest

from synthgym.baselines.descended_losses import build_losses, value_and_grad, values
from synthgym.tasks import make_problem

NAMES = ("distance", "transport", "waveform", "blurred-1")


def points(n: int, dimension: int) -> np.ndarray:
    return np.random.default_rng(6).random((n, dimension))


@pytest.mark.parametrize("name", NAMES)
def test_the_surrogate_changes_the_gradient_and_nothing_else(name: str) -> None:
    problem = make_problem("DiffMoog-Osc-v0", index=1)
    x = points(5, problem.dimension)
    true, other = build_losses([name, f"surrogate-{name}"], problem.clock.sample_rate)
    losses, slopes = value_and_grad(problem, x, true)
    best_db = problem.best_distance
    other_losses, other_slopes = value_and_grad(problem, x, other)
    assert (problem.n_evaluations, problem.n_gradients) == (0, 10)
    assert problem.best_distance == pytest.approx(best_db, rel=1e-6)
    np.testing.assert_allclose(other_losses, losses, rtol=1e-5)
    freq, amp = problem.names.index("osc.freq"), problem.names.index("osc.amp")
    assert not np.allclose(other_slopes[:, freq], slopes[:, freq], rtol=0.05)
    np.testing.assert_allclose(other_slopes[:, amp], slopes[:, amp], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(values(problem, x, other), losses, rtol=1e-5)


def test_the_surrogate_of_the_distance_is_the_problems_own() -> None:
    problem = make_problem("DiffMoog-FM-v0", index=1)
    x = points(3, problem.dimension)
    (loss,) = build_losses(["surrogate-distance"], problem.clock.sample_rate)
    found, slopes = value_and_grad(problem, x, loss)
    expected, expected_slopes = problem.value_and_grad(x, surrogate=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(slopes, expected_slopes, rtol=1e-4, atol=1e-3)


def test_without_a_surrogate_the_gradient_is_the_true_one() -> None:
    problem = make_problem("DiffMoog-SawSquare-v0", index=1)
    assert not problem.has_surrogate
    x = points(3, problem.dimension)
    (loss,) = build_losses(["surrogate-distance"], problem.clock.sample_rate)
    np.testing.assert_allclose(
        value_and_grad(problem, x, loss)[1], problem.value_and_grad(x)[1], rtol=1e-4, atol=1e-3
    )
