"""Signals brought to a lower sample rate, differentiably."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

ZEROS = 6
ROLL_OFF = 0.95


def at_rate(signal: Tensor, sample_rate: int, rate_hz: int) -> Tensor:
    """Resample by a Hann-windowed sinc low-pass; held at its ends, so that a constant stays one.

    Args:
        signal: `(batch, n_samples)` at `sample_rate`.
        sample_rate: in Hz.
        rate_hz: the new one.

    Returns:
        `(batch, ceil(n_samples * rate_hz / sample_rate))`; sample i is at time `i / rate_hz`.
    """
    common = math.gcd(sample_rate, rate_hz)
    old, new = sample_rate // common, rate_hz // common
    if old == new:
        return signal
    taps, reach = _taps(old, new, signal.dtype, signal.device)
    n_out = -(-signal.shape[1] * new // old)
    n_rounds = -(-n_out // new)
    behind = max(0, (n_rounds - 1) * old + taps.shape[-1] - reach - signal.shape[1])
    held = F.pad(signal[None], (reach, behind), mode="replicate")[0]
    phases = F.conv1d(held[:, None], taps, stride=old)[:, :, :n_rounds]
    return phases.transpose(1, 2).reshape(len(signal), -1)[:, :n_out]


@lru_cache(maxsize=16)
def _taps(old: int, new: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, int]:
    """Low-pass for each of `new` phases `(new, 1, n_taps)`, and how many taps lie before time 0."""
    cutoff = ROLL_OFF * min(old, new) / old / 2  # in cycles per old sample
    half = ZEROS / (2 * cutoff)
    reach = math.ceil(half)
    with torch.inference_mode(False):  # kept, and used outside of inference mode too
        at = torch.arange(-reach, reach + old + 1, dtype=torch.float64)
        distance = at - torch.arange(new, dtype=torch.float64)[:, None] * old / new
        shape = torch.cos(distance.clamp(-half, half) * math.pi / (2 * half)).square()
        taps = torch.sinc(2 * cutoff * distance) * shape
        taps = taps / taps.sum(1, keepdim=True)
        return taps[:, None].to(device, dtype), reach
