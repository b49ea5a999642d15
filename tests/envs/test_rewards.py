from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgym.envs import ImprovementReward, NegativeDistanceReward, StepScore
from synthgym.errors import ParameterError

distances_db = st.lists(st.floats(0.0, 200.0), min_size=2, max_size=12)


def play(reward, distances_db: list[float]) -> list[float]:
    """The rewards of an episode with these distances, the first one being the reset's."""
    first = best = distances_db[0]
    rewards = []
    for distance in distances_db[1:]:
        score = StepScore(*(np.array([v]) for v in (first, best, min(best, distance), distance)))
        best = min(best, distance)
        rewards.append(float(reward(score)[0]))
    return rewards


@given(distances_db)
def test_improvement_returns_what_the_best_saved(distances_db) -> None:
    rewards = play(ImprovementReward(), distances_db)
    assert min(rewards) >= 0.0
    first, best = distances_db[0], min(distances_db)
    expected = 1.0 - best / first if first > 0 else 0.0
    assert sum(rewards) == pytest.approx(expected, abs=1e-9)


def test_a_perfect_guess_is_worth_one() -> None:
    assert play(ImprovementReward(), [30.0, 0.0]) == [1.0]


def test_a_worse_guess_is_worth_nothing() -> None:
    assert play(ImprovementReward(), [20.0, 10.0, 25.0, 10.0, 5.0]) == [0.5, 0.0, 0.0, 0.25]


def test_negative_distance_tells_every_guess() -> None:
    assert play(NegativeDistanceReward(scale_db=5.0), [20.0, 10.0, 25.0]) == [-2.0, -5.0]


@pytest.mark.parametrize("scale_db", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_must_divide(scale_db) -> None:
    with pytest.raises(ParameterError, match="scale_db"):
        NegativeDistanceReward(scale_db=scale_db)
