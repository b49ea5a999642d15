"""Signals of exponential stages, in float32: value + scale (exp(-rate t) - 1) from a time on.

Within a block of 128 samples the exponential is a table's, from one block to the next it is exact.
As exp(x + y) - 1 = p + (1 + p) q for p and q those of x and y, a slow stage, whose scale is large
and whose exponential is all but 1, loses no digits.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from synthgym.kernels.compiling import compiled, inlined
from synthgym.kernels.waves import F

BLOCK = 128


@inlined
def _fill(table, per_sample):
    """Exp - 1 of the first samples after a block's start."""
    for i in range(len(table)):
        table[i] = F(math.expm1(-per_sample * i))


@compiled
def stages(starts, shapes, sample_rate, out):
    """Write a signal of stages.

    Args:
        starts: (batch, n_stages + 1) int64, rising: the first sample of each, and the length.
        shapes: (batch, n_stages, 4) float64: value and scale, rate in 1 / s, and the time in s that
            the exponential counts from.
        sample_rate: in Hz, float64.
        out: (batch, n_samples) float32, written.
    """
    table = np.empty(BLOCK, np.float32)
    for b in range(out.shape[0]):
        for k in range(shapes.shape[1]):
            value, scale, rate, since = shapes[b, k]
            first, end = starts[b, k], starts[b, k + 1]
            if scale == 0.0:
                out[b, first:end] = F(value)
                continue
            if first < end:
                _fill(table, rate / sample_rate)
            for block in range(first, end, BLOCK):
                part = math.expm1(-rate * (block / sample_rate - since))
                base, slope = F(value + scale * part), F(scale * (1.0 + part))
                row = out[b, block : min(block + BLOCK, end)]
                for i in range(len(row)):
                    row[i] = base + slope * table[i]


@compiled
def stages_gradient(starts, shapes, sample_rate, gradient, by):
    """Gradients of `stages` by its shapes.

    Args:
        starts: as in `stages`.
        shapes: see there.
        sample_rate: see there.
        gradient: of the output, (batch, n_samples) float32.
        by: (batch, n_stages, 4) float64, written.
    """
    table = np.empty(BLOCK, np.float32)
    for b in range(gradient.shape[0]):
        for k in range(shapes.shape[1]):
            scale, rate, since = shapes[b, k, 1], shapes[b, k, 2], shapes[b, k, 3]
            first, end = starts[b, k], starts[b, k + 1]
            by[b, k, :] = 0.0
            if first < end:
                _fill(table, rate / sample_rate)
            for block in range(first, end, BLOCK):
                row = gradient[b, block : min(block + BLOCK, end)]
                plain, bent, late = F(0), F(0), F(0)
                for i in range(len(row)):
                    plain += row[i]
                    bent += row[i] * table[i]
                    late += row[i] * (F(1) + table[i]) * F(i)
                elapsed = block / sample_rate - since
                part = math.expm1(-rate * elapsed)
                # Sums of g, of g (e - 1), and of g e t, for e = exp(-rate t).
                shed = part * np.float64(plain) + (1.0 + part) * np.float64(bent)
                kept = np.float64(plain) + shed
                timed = elapsed * kept + (1.0 + part) * np.float64(late) / sample_rate
                by[b, k, 0] += np.float64(plain)
                by[b, k, 1] += shed
                by[b, k, 2] -= scale * timed
                by[b, k, 3] += scale * rate * kept


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    starts, shapes = numba.int64[:, ::1], numba.float64[:, :, ::1]
    rate, signal = numba.float64, numba.float32[:, ::1]
    return {
        "stages": (starts, shapes, rate, signal),
        "stages_gradient": (starts, shapes, rate, signal, shapes),
    }
