"""A mix in float32, and its gradients by a signal and by its level, each in one pass."""

from __future__ import annotations

import numba
import numpy as np

from synthgym.kernels.compiling import compiled
from synthgym.kernels.waves import F

BLOCK = 1024
# Signals that are summed in one pass.
TOGETHER = 3


@compiled
def weighted_sum(first, second, third, levels, out):
    """Up to three signals at levels of their own, together.

    Args:
        first: (batch, n_samples) float32.
        second: the same, or of no rows if there is none.
        third: the same.
        levels: (batch, n_signals) float32.
        out: (batch, n_samples) float32, written.
    """
    for b in range(out.shape[0]):
        for at in range(0, out.shape[1], BLOCK):
            into, own, level = out[b, at : at + BLOCK], first[b, at : at + BLOCK], levels[b, 0]
            for i in range(len(into)):
                into[i] = level * own[i]
            if second.shape[0] > 0:
                own, level = second[b, at : at + BLOCK], levels[b, 1]
                for i in range(len(into)):
                    into[i] += level * own[i]
            if third.shape[0] > 0:
                own, level = third[b, at : at + BLOCK], levels[b, 2]
                for i in range(len(into)):
                    into[i] += level * own[i]


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
    return {
        "weighted_sum": (plane, plane, plane, plane, plane),
        "weighted_gradient": (plane, plane, line, plane, line),
    }
