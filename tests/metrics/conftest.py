"""Sounds that the tests of the metrics share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Sound = NDArray[np.float64]


@pytest.fixture(scope="session")
def noise() -> Callable[..., Sound]:
    """Gaussian noise `(batch, n_samples)` by seed, of RMS `rms`."""

    def make(seed: int = 0, batch: int = 1, n: int = 8192, rms: float = 0.1) -> Sound:
        return rms * np.random.default_rng(seed).normal(size=(batch, n))

    return make


@pytest.fixture(scope="session")
def tone() -> Callable[..., Sound]:
    """A sine `(1, n_samples)`."""

    def make(freq_hz: float, n: int = 16_000, rate: int = 16_000, amp: float = 0.5) -> Sound:
        return amp * np.sin(2 * np.pi * freq_hz * np.arange(n) / rate)[None]

    return make
