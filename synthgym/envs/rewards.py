"""Rewards: what a step is worth, from the distances around it.

A reward is any callable that takes a `StepScore` and returns one number per member. It is
passed in as a part: `gym.make(env_id, reward=NegativeDistanceReward())`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import ParameterError

__all__ = ["ImprovementReward", "NegativeDistanceReward", "Reward", "StepScore"]


@dataclass(frozen=True)
class StepScore:
    """The distances around one step of `n` members, in dB, each of shape `(n,)`, float64."""

    first_db: NDArray[np.float64]
    """Of the patch that the episode began with."""
    previous_best_db: NDArray[np.float64]
    """The smallest one before this step, the first one included."""
    best_db: NDArray[np.float64]
    """The smallest one after this step."""
    distance_db: NDArray[np.float64]
    """Of this step's sound."""


class Reward(Protocol):
    """What a step is worth.

    An implementation treats every member on its own (entry `i` of the result depends on entry
    `i` of each field), keeps no state, and can be pickled.
    """

    def __call__(self, score: StepScore) -> NDArray[np.float64]:
        """The rewards of one step, shape `(n,)`."""
        ...


@dataclass(frozen=True)
class ImprovementReward:
    """The improvement of the best distance, as a share of the first distance.

    It is never negative, and it telescopes: the return of an episode is
    `1 - best / first`, which lies in [0, 1], and 1 is a perfect match.
    """

    def __call__(self, score: StepScore) -> NDArray[np.float64]:
        """The share that this step gained, shape `(n,)`."""
        gain_db = score.previous_best_db - score.best_db
        share = np.zeros_like(gain_db)
        # An episode that begins on the target leaves nothing to gain.
        np.divide(gain_db, score.first_db, out=share, where=score.first_db > 0)
        return share


@dataclass(frozen=True)
class NegativeDistanceReward:
    """Minus the distance of the sound just made, in units of `scale_db`.

    Unlike `ImprovementReward` it says at every step how good the guess was, also when an
    earlier one was better; its return depends on the length of the episode.
    """

    scale_db: float = 20.0

    def __post_init__(self) -> None:
        """Refuse a scale that cannot divide."""
        if not (np.isfinite(self.scale_db) and self.scale_db > 0):
            raise ParameterError(
                f"scale_db is {self.scale_db!r}; it must be a finite number above 0"
            )

    def __call__(self, score: StepScore) -> NDArray[np.float64]:
        """Minus the distance over `scale_db`, shape `(n,)`."""
        return -score.distance_db / self.scale_db
