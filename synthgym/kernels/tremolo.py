"""Tremolo in float32: `audio (1 - amount / 2 + amount / 2 control)`, in one pass."""

from __future__ import annotations

import numba
import numpy as np

from synthgym.kernels.compiling import compiled
from synthgym.kernels.waves import HALF, ONE, F

BLOCK = 1024


@compiled
def tremolo(audio, control, amount, out):
    """Write rows.

    Args:
        audio: (batch, n_samples) float32.
        control: (batch, n_samples) float32.
        amount: (batch,) float32.
        out: (batch, n_samples) float32, written.
    """
    for b in range(out.shape[0]):
        half = HALF * amount[b]
        rest = ONE - half
        sound, steering, into = audio[b], control[b], out[b]
        for i in range(len(into)):
            into[i] = sound[i] * (rest + half * steering[i])


@compiled
def tremolo_gradient(audio, control, amount, gradient, by_audio, by_control, by_amount):
    """Gradients of `tremolo`.

    Args:
        audio: as in `tremolo`, like the next two.
        control: see there.
        amount: see there.
        gradient: of the output, (batch, n_samples) float32.
        by_audio: (batch, n_samples) float32, written.
        by_control: (batch, n_samples) float32, written.
        by_amount: (batch,) float32, written.
    """
    for b in range(gradient.shape[0]):
        half = HALF * amount[b]
        rest, total = ONE - half, 0.0
        for first in range(0, gradient.shape[1], BLOCK):
            g, sound = gradient[b, first : first + BLOCK], audio[b, first : first + BLOCK]
            steering = control[b, first : first + BLOCK]
            back, steered = by_audio[b, first:], by_control[b, first:]
            part = F(0)
            for i in range(len(g)):
                back[i] = g[i] * (rest + half * steering[i])
                share = g[i] * sound[i]
                steered[i] = half * share
                part += share * (steering[i] - ONE)
            total += np.float64(part)
        by_amount[b] = 0.5 * total


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    line, plane = numba.float32[::1], numba.float32[:, ::1]
    return {
        "tremolo": (plane, plane, line, plane),
        "tremolo_gradient": (plane, plane, line, plane, plane, plane, line),
    }
