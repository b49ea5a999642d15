"""Noise from a counter: sample n is a function of a key and n, and of nothing else.

So a noise is the same in any batch, at any place in it, however long the rendering, and no state of
a random generator is read or left behind.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthgym.errors import unknown_name
from synthgym.synth.clock import Clock

COLORS = ("white", "pink")
PINK_TAPS = 1 << 15
PINK_RMS = 0.25


def noise(color: str, key: str, clock: Clock, like: Tensor) -> Tensor:
    """One row of noise, `(1, n_samples)`.

    Args:
        color: `"white"`: evenly distributed in [-1, 1), or `"pink"`: 3 dB less per octave down to
            sample rate / 32768, of root mean square 0.25, so that it peaks at about 1. Towards
            the Nyquist frequency it falls less, and there lies 2 dB above that line: its power goes
            with 1 / sin(pi f / sample rate).
        key: what tells this noise from others.
        clock: time base.
        like: a tensor of the dtype and on the device that are wanted.

    Raises:
        UnknownNameError: there is no such color.
    """
    if color not in COLORS:
        raise unknown_name("color of noise", color, COLORS)
    return _kept(color, key, clock.n_samples, like.dtype, like.device)


@lru_cache(maxsize=16)
def _kept(color: str, key: str, n_samples: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    made = _white(key, 0, n_samples) if color == "white" else _pink(key, n_samples)
    # Kept for later calls, which may need gradients: so never an inference tensor.
    with torch.inference_mode(False):
        return torch.tensor(made, dtype=dtype, device=device)[None]


def _white(key: str, first: int, n_samples: int) -> NDArray[np.float64]:
    """Samples from `first` on: SplitMix64 of a counter (Steele, Lea, Flood, OOPSLA 2014)."""
    start = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")
    counter = np.arange(first + 1, first + 1 + n_samples, dtype=np.uint64)
    bits = np.uint64(start) + counter * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits = bits ^ (bits >> np.uint64(31))
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1


def _pink(key: str, n_samples: int) -> NDArray[np.float64]:
    """White noise through half an integrator: power in proportion to 1 / frequency.

    Its impulse response is h[k] = h[k - 1] (k - 1/2) / k (Kasdin, "Discrete simulation of colored
    noise and stochastic processes and 1/f^a power law noise generation", Proc. IEEE 83, 1995), here
    of a finite length, which the noise is older than from its first sample on: it is stationary.
    """
    k = np.arange(1, PINK_TAPS)
    response = np.cumprod(np.concatenate([[1.0], (k - 0.5) / k]))
    white = _white(key, 0, n_samples + PINK_TAPS - 1)
    size = 1 << (len(white) + PINK_TAPS - 1).bit_length()
    made = np.fft.irfft(np.fft.rfft(white, size) * np.fft.rfft(response, size), size)
    loudness = np.sqrt(np.square(response).sum() / 3)
    pink: NDArray[np.float64] = made[PINK_TAPS - 1 :][:n_samples] * (PINK_RMS / loudness)
    return pink
