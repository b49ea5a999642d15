"""Losses made of losses: weighted sums, and a way from coarse to fine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.errors import ParameterError
from synthgym.losses.base import Loss


@dataclass(frozen=True)
class WeightedSum:
    """A weighted sum of losses of the same sounds.

    Weights are no part of an embedding: with others, by `dataclasses.replace`, an embedded target
    stays good.

    Args:
        losses: at least one.
        weights: one for each; 1 by default.
        name: for reports.

    Raises:
        ParameterError: no loss, or another number of weights.
    """

    losses: tuple[Loss, ...]
    weights: tuple[float, ...] = ()
    name: str = field(default="weighted-sum", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "losses", tuple(self.losses))
        object.__setattr__(self, "weights", tuple(self.weights) or (1.0,) * len(self.losses))
        if not self.losses or len(self.weights) != len(self.losses):
            raise ParameterError(
                f"there are {len(self.losses)} losses and {len(self.weights)} weights; "
                "give one weight for each of one or more losses"
            )

    def embed(self, audio: Tensor) -> tuple[Any, ...]:
        """What each loss keeps of sounds `(batch, n_samples)`."""
        return tuple(loss.embed(audio) for loss in self.losses)

    def compare(self, embedded: tuple[Any, ...], embedded_target: tuple[Any, ...]) -> Tensor:
        """Weighted sums `(batch,)`."""
        parts = zip(self.losses, self.weights, embedded, embedded_target, strict=True)
        return torch.stack([weight * loss.compare(a, b) for loss, weight, a, b in parts]).sum(0)

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Losses `(batch,)` of sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


@dataclass(frozen=True)
class LevelEmbeddings:
    """Sounds and what the levels that were asked for keep of them."""

    audio: Tensor
    levels: tuple[Loss, ...]
    kept: dict[int, Any] = field(default_factory=dict, repr=False, compare=False)

    def at(self, level: int) -> Any:
        """What one level keeps."""
        if level in self.kept:
            return self.kept[level]
        made = self.levels[level].embed(self.audio)
        if not (self.audio.requires_grad or kernels.has_tangent(self.audio)):
            self.kept[level] = made
        return made


@dataclass(frozen=True)
class CoarseToFine:
    """A way through losses from coarse to fine, as `progress` goes from 0 to 1.

    Between two levels it is their mix in proportion. Only these two are computed. Who wants to move
    on replaces `progress`; an embedded target stays good:

        for step in range(n_steps):
            now = dataclasses.replace(loss, progress=step / (n_steps - 1))
            value = now.compare(now.embed(audio), embedded_target)

    Args:
        levels: coarse first, at least one: the same loss with less and less blur, or resolution.
        progress: from 0 to 1.
        name: for reports.

    Raises:
        ParameterError: no level, or `progress` out of its range.
    """

    levels: tuple[Loss, ...]
    progress: float = 0.0
    name: str = field(default="coarse-to-fine", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        if not self.levels:
            raise ParameterError("there are no levels; give at least one loss")
        if not 0 <= self.progress <= 1:
            raise ParameterError(f"progress is {self.progress}; it must be from 0 to 1")

    @property
    def shares(self) -> dict[int, float]:
        """Share of each level that counts now, by its number; they add up to 1."""
        place = self.progress * (len(self.levels) - 1)
        coarse = min(math.floor(place), len(self.levels) - 1)
        fine = place - coarse
        return {coarse: 1 - fine, **({coarse + 1: fine} if fine > 0 else {})}

    def embed(self, audio: Tensor) -> LevelEmbeddings:
        """Keep sounds `(batch, n_samples)`; levels look at them when they are asked."""
        if audio.requires_grad or kernels.has_tangent(audio):
            return LevelEmbeddings(audio, self.levels)
        with torch.inference_mode(False):  # a copy, as the caller may write to the sound
            return LevelEmbeddings(audio.clone(), self.levels)

    def compare(self, embedded: LevelEmbeddings, embedded_target: LevelEmbeddings) -> Tensor:
        """Losses `(batch,)` at this stage."""
        parts = [
            share * self.levels[level].compare(embedded.at(level), embedded_target.at(level))
            for level, share in self.shares.items()
        ]
        return torch.stack(parts).sum(0)

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Losses `(batch,)` of sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))
