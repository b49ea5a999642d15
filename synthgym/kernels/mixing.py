"""Gradients of a mix in float32: by a signal and by its level, in one pass."""

from __future__ import annotations

import numba
import numpy as np

from synthgym.kernels.compiling import compiled
from synthgym.kernels.waves import F

BLOCK = 1024


@compiled
def weighted_gradient(gradient, signal, level, by_signal, by_level):
    """Gradients of `level * signal`, a part of a mix.

    Args:
        gradient: of the output, (batch, n_samples) float32.
        signal: (batch, n_samples) float32.
        level: (batch,) float32.
        by_signal: (batch, n_samples) float32, written, or of no rows if it is not wanted.
        by_level: (batch,) float32, written.
    """
    for b in range(gradient.shape[0]):
        total = 0.0
        for first in range(0, gradient.shape[1], BLOCK):
            g, own = gradient[b, first : first + BLOCK], signal[b, first : first + BLOCK]
            part = F(0)
            for i in range(len(g)):
                part += g[i] * own[i]
            total += np.float64(part)
            if by_signal.shape[0] > 0:
                back = by_signal[b, first : first + BLOCK]
                for i in range(len(g)):
                    back[i] = level[b] * g[i]
        by_level[b] = total


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    line, plane = numba.float32[::1], numba.float32[:, ::1]
    return {"weighted_gradient": (plane, plane, line, plane, line)}
