"""Toy losses with known answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor


@dataclass(frozen=True)
class Centroid:
    """Difference of log spectral centroids: rises with any distance in pitch, whatever the level.

    Args:
        sign: -1 makes every answer wrong.
    """

    sign: float = 1.0
    name: str = "centroid"

    def embed(self, audio: Tensor) -> Tensor:
        # Without a window, what leaks from a cut tone moves the centroid to and fro.
        power = torch.fft.rfft(audio * torch.hann_window(audio.shape[1])).abs().square()
        hz = torch.linspace(0, 8000, power.shape[1])
        return ((power * hz).sum(1) / power.sum(1).clamp_min(1e-12)).clamp_min(1e-3).log()

    def compare(self, embedded: Tensor, embedded_target: Tensor) -> Tensor:
        return self.sign * (embedded - embedded_target).abs()


@dataclass(frozen=True)
class Broken:
    """Compares the mean absolute values, and returns what `spoil` makes of that."""

    spoil: Any
    name: str = "broken"

    def embed(self, audio: Tensor) -> Tensor:
        return audio.abs().mean(1)

    def compare(self, embedded: Tensor, embedded_target: Tensor) -> Any:
        return self.spoil((embedded - embedded_target).abs())


@pytest.fixture(scope="session")
def centroid() -> type[Centroid]:
    return Centroid


@pytest.fixture(scope="session")
def broken() -> type[Broken]:
    return Broken
