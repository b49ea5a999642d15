"""L-SHADE against hand-computed cases of its equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthgym.baselines.l_shade import LShade, Memory, lehmer_mean, propose
from synthgym.solvers import run_solver


def test_the_mean_leans_to_what_gained_more_and_to_larger_values() -> None:
    # Gains 3 and 1: (3 * 0.04 + 1 * 0.64) / (3 * 0.2 + 1 * 0.8) = 0.76 / 1.4.
    assert lehmer_mean(np.array([0.2, 0.8]), np.array([3.0, 1.0])) == pytest.approx(0.542857, 1e-5)
    assert lehmer_mean(np.array([0.2, 0.8]), np.array([1.0, 1.0])) == pytest.approx(0.68)


def test_slots_are_overwritten_in_turn_and_failures_teach_nothing() -> None:
    memory = Memory(2)
    memory.learn(np.empty(0), np.empty(0), np.empty(0))
    assert memory.weights.tolist() == memory.rates.tolist() == [0.5, 0.5]
    for weight, rate in ((0.9, 0.1), (0.7, 0.3), (0.2, 0.6)):
        memory.learn(np.array([weight]), np.array([rate]), np.array([4.0]))
    # The third success is where the first was; the second is still there.
    np.testing.assert_allclose(memory.weights, [0.2, 0.7])
    np.testing.assert_allclose(memory.rates, [0.6, 0.3])


def test_a_rate_of_zero_is_final() -> None:
    memory = Memory(1)
    memory.learn(np.array([0.5]), np.array([0.0]), np.array([1.0]))
    memory.learn(np.array([0.5]), np.array([0.9]), np.array([1.0]))
    _, rates = memory.draw(200, np.random.default_rng(0))
    assert (rates == 0).all()


def test_draws_lie_around_the_memory_and_within_their_ranges() -> None:
    memory = Memory(1)
    memory.weights[0], memory.rates[0] = 0.3, 0.95
    weights, rates = memory.draw(20_000, np.random.default_rng(0))
    assert weights.min() > 0 and weights.max() == 1
    assert rates.min() > 0 and rates.max() == 1
    # A Cauchy distribution whose part below zero is drawn again: P(F <= 0) = 0.1024, so that the
    # median is at 0.3 + 0.1 tan(pi * 0.1024 / 2) = 0.316.
    assert np.median(weights) == pytest.approx(0.316, abs=0.005)
    assert np.median(rates) == pytest.approx(0.95, abs=0.005)


def test_a_step_goes_to_the_best_along_a_difference() -> None:
    x = np.array([[0.5, 0.5], [0.4, 0.6], [0.6, 0.4]])
    values = np.array([0.0, 1.0, 2.0])
    ones = np.ones(3)
    seen = set()
    for seed in range(40):
        trials = propose(
            x, values, np.empty((0, 2)), 0.5 * ones, ones, 1, np.random.default_rng(seed)
        )
        seen.add(tuple(np.round(trials[0], 6)))
    # The best is itself, and two others are left: half of their difference, either way round.
    assert seen == {(0.4, 0.6), (0.6, 0.4)}


def test_the_archive_takes_part_in_differences() -> None:
    x = np.array([[0.5], [0.5], [0.5]])
    archive, ones = np.array([[0.9]]), np.ones(3)
    seen = set()
    for seed in range(40):
        trials = propose(x, np.zeros(3), archive, 0.5 * ones, ones, 1, np.random.default_rng(seed))
        seen.update(np.round(trials[:, 0], 6))
    assert seen == {0.5, 0.3}


def test_beyond_a_bound_a_trial_is_half_way_to_it() -> None:
    x = np.array([[0.2], [0.0], [1.0]])
    ones = np.ones(3)
    seen = set()
    for seed in range(40):
        # The parent 0.2 is the best; 0.2 + (0 - 1) is below 0, 0.2 + (1 - 0) is above 1.
        trials = propose(
            x, np.arange(3.0), np.empty((0, 1)), ones, ones, 1, np.random.default_rng(seed)
        )
        seen.add(round(float(trials[0, 0]), 6))
    assert seen == {0.1, 0.6}


def test_at_a_rate_of_zero_one_entry_changes() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((30, 8))
    trials = propose(x, rng.random(30), x[:0], 0.5 * np.ones(30), np.zeros(30), 3, rng)
    assert ((trials != x).sum(1) == 1).all()


def test_the_population_shrinks_in_a_straight_line(bowl: Any) -> None:
    problem = bowl(5, 1000)
    sizes = []
    batch = problem.batch
    problem.batch = lambda X: (sizes.append(len(X)), batch(X))[1]
    run_solver(LShade(5, 1), problem)
    # Planned for 200 d = 1000 evaluations, 20 generations at the least: 50 members at first.
    assert sizes[:3] == [50, 50, 45]  # 50 - 46 * 100 / 1000 = 45.4
    for k in range(2, 15):
        assert sizes[k] == round(50 - 46 * sum(sizes[:k]) / 1000)
