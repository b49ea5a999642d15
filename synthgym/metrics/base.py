"""What a metric is: a card that says what it measures, and one call on sounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.errors import ParameterError

Floats = NDArray[np.float64]
Sounds = NDArray[Any] | torch.Tensor | Sequence[Sequence[float]]

# Sounds are measured so many samples at a time, so that a batch of any size needs no more memory.
CHUNK_SAMPLES = 1 << 16


@dataclass(frozen=True)
class Card:
    """What a metric measures, in words; a row of the table in `docs/metrics.md`.

    Args:
        name: as `metrics.build` takes it.
        unit: of its values; empty for a plain number.
        better: which of two values is the better one.
        range: the smallest and the largest value there can be.
        definition: the formula.
        settings: windows, hops, bands, floors.
        level: what a difference in loudness does to it.
        silence: what it is where a sound is digital silence.
        source: the publication or code that defines it.
    """

    name: str
    unit: str
    better: Literal["lower", "higher"]
    range: tuple[float, float]
    definition: str
    settings: str
    level: str
    silence: str
    source: str


@dataclass(frozen=True)
class Metric(ABC):
    """A figure of how near a sound comes to a target; for reports, not for descent.

    Args:
        sample_rate: of both sounds, in Hz.
    """

    sample_rate: int = 16000

    def __post_init__(self) -> None:
        if not self.sample_rate >= 1000:
            raise ParameterError(
                f"sample_rate is {self.sample_rate}; it must be a number of Hz from 1000 up"
            )

    @property
    @abstractmethod
    def card(self) -> Card:
        """What is measured."""

    @property
    def name(self) -> str:
        """As `metrics.build` takes it."""
        return self.card.name

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return self.card.unit

    @property
    def better(self) -> Literal["lower", "higher"]:
        """Which of two values is the better one."""
        return self.card.better

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value there can be."""
        return self.card.range

    @abstractmethod
    def measure(self, audio: Floats, target: Floats) -> Floats:
        """Values `(batch,)` of checked sounds `(batch, n_samples)`; the target may be one row."""

    def __call__(self, audio: Sounds, target: Sounds) -> Floats:
        """Values `(batch,)`, float64.

        Args:
            audio: sounds `(batch, n_samples)`, an array or a tensor of floats on any device.
            target: of the same length, as many or one for all.

        Raises:
            ParameterError: shapes or types do not fit, or a sound holds NaN or infinity.
        """
        own, theirs = check_pair(audio, target)
        n_rows = max(1, CHUNK_SAMPLES // own.shape[1])
        parts = []
        for first in range(0, len(own), n_rows):
            rows = slice(first, first + n_rows)
            parts.append(self.measure(own[rows], theirs if len(theirs) == 1 else theirs[rows]))
        return np.concatenate(parts)


def check_pair(
    audio: Sounds, target: Sounds, names: tuple[str, str, str] = ("audio", "target", "n_samples")
) -> tuple[Floats, Floats]:
    """Two batches as float64 arrays, if they fit each other.

    Args:
        audio: `(batch, n_samples)`.
        target: `(batch, n_samples)` or `(1, n_samples)`.
        names: what both and the second axis are called in messages.

    Raises:
        ParameterError: they do not fit, or hold something else than finite floats.
    """
    first, second, axis = names
    own, theirs = _floats(first, audio, axis), _floats(second, target, axis)
    if own.shape[1] != theirs.shape[1]:
        raise ParameterError(
            f"{first} and {second} have {axis} {own.shape[1]} and {theirs.shape[1]}; "
            "make them equal"
        )
    if len(theirs) not in (1, len(own)):
        raise ParameterError(
            f"{first} has {len(own)} rows and {second} {len(theirs)}; "
            "give a target for each row, or one for all"
        )
    return own, theirs


def _floats(name: str, sounds: Sounds, axis: str) -> Floats:
    if isinstance(sounds, torch.Tensor):
        sounds = sounds.detach().cpu().numpy()
    array = np.asarray(sounds)
    if not np.issubdtype(array.dtype, np.floating):
        raise ParameterError(f"{name} has dtype {array.dtype}; it must be floating point")
    if array.ndim != 2 or 0 in array.shape:
        raise ParameterError(
            f"{name} has shape {array.shape}; it must be (batch, {axis}), not empty"
        )
    if not np.isfinite(array).all():
        raise ParameterError(f"{name} holds NaN or infinity; every number must be finite")
    return array.astype(np.float64)
