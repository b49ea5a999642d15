"""Tones to write into files, and what is measured of those that come out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

Array = np.ndarray[Any, np.dtype[Any]]


class Peak(NamedTuple):
    """The strongest partial of a sound."""

    freq_hz: float
    amplitude: float


def make_tone(
    freq_hz: float = 1000.0, rate_hz: int = 44100, duration_s: float = 0.5, amplitude: float = 0.5
) -> Array:
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return amplitude * np.sin(2 * np.pi * freq_hz * time_s)


def measure(samples: Array, rate_hz: float) -> Peak:
    """Frequency and amplitude of the strongest partial, away from the ends."""
    n = samples.size
    middle = samples[n // 10 : n - n // 10].astype(np.float64)
    window = np.hanning(middle.size)
    n_fft = 8 * middle.size
    magnitude = np.abs(np.fft.rfft(middle * window, n_fft)) * 2 / window.sum()
    k = int(np.clip(magnitude.argmax(), 1, magnitude.size - 2))
    left, top, right = magnitude[k - 1 : k + 2]
    shift = 0.5 * (left - right) / (left - 2 * top + right)
    return Peak((k + shift) * rate_hz / n_fft, top - 0.25 * (left - right) * shift)


@pytest.fixture(name="tone", scope="session")
def tone_fixture() -> Callable[..., Array]:
    return make_tone


@pytest.fixture(name="strongest", scope="session")
def strongest_fixture() -> Callable[[Array, float], Peak]:
    return measure


@pytest.fixture
def tone_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes half a second of a 1 kHz tone, in as many channels as asked for."""

    def make(
        name: str, *, rate_hz: int = 44100, n_channels: int = 1, subtype: str | None = None
    ) -> Path:
        path = tmp_path / name
        frames = np.repeat(make_tone(rate_hz=rate_hz)[:, None], n_channels, axis=1)
        soundfile.write(path, frames, rate_hz, subtype=subtype)
        return path

    return make


@pytest.fixture
def as_nobody() -> Callable[[], AbstractContextManager[None]]:
    """A context without the superuser's rights, for whom no permission is denied."""

    @contextmanager
    def without_rights() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return without_rights
