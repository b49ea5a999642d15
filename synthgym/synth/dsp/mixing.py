"""Mixing, amplification, multiplication and saturation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def mean(signals: Sequence[Tensor]) -> Tensor:
    """The mean of signals of one shape."""
    total = signals[0]
    for signal in signals[1:]:
        total = total + signal
    return total / len(signals)


def weighted_sum(signals: Sequence[Tensor], levels: Sequence[Tensor]) -> Tensor:
    """The sum of signals `(batch, n_samples)`, each at a level `(batch,)` of its own."""
    total = signals[0] * levels[0][:, None]
    for signal, level in zip(signals[1:], levels[1:], strict=True):
        total = torch.addcmul(total, signal, level[:, None])
    return total


def soft_clip(audio: Tensor, drive: Tensor) -> Tensor:
    """Saturation: `tanh(drive * audio) / tanh(drive)`, which keeps 0 and full scale where they are.

    Args:
        audio: `(batch, n_samples)`.
        drive: `(batch,)`, above zero; towards zero the sound stays as it is.
    """
    return torch.tanh(audio * drive[:, None]) / torch.tanh(drive)[:, None]
