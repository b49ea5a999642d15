"""Observations: what an agent sees of the target, of its last sound and of its patch.

An observer is a part: it says what is kept of a sound (`features`, computed once for a target
and once for each guess, from the spectrograms that the distance needs anyway) and how that
becomes an observation. Pass one of your own as `gym.make(env_id, observation=MyObserver())`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from synthgym.envs.descriptors import SoundDescriptor, level_unit, long_spectrum
from synthgym.errors import ParameterError, unknown_name
from synthgym.losses import MelEmbedding

__all__ = [
    "FlatObserver",
    "MelObserver",
    "Observation",
    "Observer",
    "Situation",
    "resolve_observer",
]

Observation: TypeAlias = "NDArray[Any] | dict[str, NDArray[Any]]"

Features: TypeAlias = "Mapping[str, NDArray[Any]]"

# A distance of this many dB or more reads 1 in an observation.
DISTANCE_RANGE_DB = 40.0


@dataclass(frozen=True)
class Situation:
    """Where `n` members stand, as an observer gets it."""

    patch: NDArray[np.float32]
    """The last patches, shape (n, d), in [-1, 1]."""
    distance_db: NDArray[np.float64]
    """Distances of the last sounds, shape (n,)."""
    best_share: NDArray[np.float64]
    """Best distances as a share of the first ones, shape (n,), in [0, 1]."""
    target: Features
    """Features of the targets, each (n, ...)."""
    sound: Features
    """Features of the last sounds, each (n, ...)."""

    @property
    def score(self) -> NDArray[np.float32]:
        """Last distance (1 is 40 dB or more) and best share, shape (n, 2), in [0, 1].

        With these two the next reward is a function of observation and action.
        """
        last = np.minimum(self.distance_db / DISTANCE_RANGE_DB, 1.0)
        return np.stack([last, self.best_share], axis=1).astype(np.float32)


class Observer(Protocol):
    """What an agent sees.

    Every row of a result depends on that row of the arguments alone.
    """

    def features(self, audio: Tensor, embedded: Any) -> Mapping[str, Tensor]:
        """What is kept of sounds.

        Args:
            audio: shape (n, n_samples).
            embedded: what the task's distance keeps of them; `MelEmbedding` in the suite.

        Returns:
            Named tensors on the CPU, each (n, ...).
        """
        ...

    def space(self, dimension: int, features: Features) -> spaces.Space[Any]:
        """The observation space of one member, for a task's dimension and example features."""
        ...

    def observe(self, situation: Situation) -> Observation:
        """Observations with the batch first, as new arrays."""
        ...


@dataclass(frozen=True)
class FlatObserver:
    """One float32 vector: patch, score, and descriptors of target, last sound and difference.

    The descriptors (`SoundDescriptor`) lie in [-1, 1], and so does everything else but the
    difference, target minus sound, which lies in [-2, 2].
    """

    descriptor: SoundDescriptor = field(default_factory=SoundDescriptor)

    def features(self, audio: Tensor, embedded: MelEmbedding) -> dict[str, Tensor]:
        """The descriptor of each sound, `{"descriptor": (n, k)}`."""
        return {"descriptor": self.descriptor(embedded)}

    def space(self, dimension: int, features: Features) -> spaces.Box:
        """A `Box` of shape (d + 2 + 3 k,)."""
        k = features["descriptor"].shape[1]
        low = np.concatenate([np.full(dimension, -1), np.zeros(2), np.full(2 * k, -1)])
        high = np.ones(dimension + 2 + 2 * k)
        low, high = (
            np.concatenate([low, np.full(k, -2)]).astype(np.float32),
            np.concatenate([high, np.full(k, 2)]).astype(np.float32),
        )
        return spaces.Box(low, high, dtype=np.float32)

    def observe(self, situation: Situation) -> NDArray[np.float32]:
        """Patch (d), score (2), target (k), sound (k), target minus sound (k)."""
        target, sound = situation.target["descriptor"], situation.sound["descriptor"]
        return np.concatenate(
            [situation.patch, situation.score, target, sound, target - sound],
            axis=1,
            dtype=np.float32,
        )


@dataclass(frozen=True)
class MelObserver:
    """A dictionary with spectrograms, for policies with convolutions.

    - `patch`: float32, shape (d,), in [-1, 1];
    - `score`: float32, shape (2,), in [0, 1], see `Situation.score`;
    - `mel`: uint8, shape (2, n_bands, n_frames), low bands first: the target's mel spectrogram
      (32 ms windows) and the last sound's; 0 is -100 dB, 255 is 0 dB (about full scale);
    - `spectrum`: float32, shape (256,), in [-1, 1]: the target's mean spectrum over long
      windows (128 ms, 128 mel bands), and the last sound's.

    It has one level and `mel` is an image to Stable-Baselines3, so `MultiInputPolicy` takes it.
    """

    def features(self, audio: Tensor, embedded: MelEmbedding) -> dict[str, Tensor]:
        """`{"mel": (n, n_bands, n_frames), "spectrum": (n, 128)}`."""
        levels = level_unit(embedded.powers[1]).transpose(1, 2)
        image = ((levels + 1.0) * 127.5).round().to(torch.uint8)
        return {"mel": image, "spectrum": long_spectrum(embedded)}

    def space(self, dimension: int, features: Features) -> spaces.Dict:
        """A `Dict` of four boxes."""
        return spaces.Dict(
            {
                "patch": spaces.Box(-1.0, 1.0, (dimension,), np.float32),
                "score": spaces.Box(0.0, 1.0, (2,), np.float32),
                "mel": spaces.Box(0, 255, (2, *features["mel"].shape[1:]), np.uint8),
                "spectrum": spaces.Box(-1.0, 1.0, (2 * features["spectrum"].shape[1],), np.float32),
            }
        )

    def observe(self, situation: Situation) -> dict[str, NDArray[Any]]:
        """The four arrays, with the batch first."""
        target, sound = situation.target, situation.sound
        return {
            "patch": situation.patch,
            "score": situation.score,
            "mel": np.stack([target["mel"], sound["mel"]], axis=1),
            "spectrum": np.concatenate([target["spectrum"], sound["spectrum"]], axis=1),
        }


OBSERVERS: Mapping[str, type[FlatObserver] | type[MelObserver]] = {
    "flat": FlatObserver,
    "mel": MelObserver,
}


def resolve_observer(observation: str | Observer) -> Observer:
    """The observer of a name, or the observer itself.

    Raises:
        UnknownNameError: a name that does not exist.
        ParameterError: an object without the methods of an `Observer`.
    """
    if isinstance(observation, str):
        if observation not in OBSERVERS:
            raise unknown_name("observation", observation, OBSERVERS)
        return OBSERVERS[observation]()
    for method in ("features", "space", "observe"):
        if not callable(getattr(observation, method, None)):
            raise ParameterError(
                f"observation is {observation!r}, which has no method {method}(); "
                f"give one of {', '.join(map(repr, OBSERVERS))} or an Observer"
            )
    return observation
