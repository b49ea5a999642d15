"""Envelopes in float32, in straight lines."""

from __future__ import annotations

import numba
import numpy as np

from synthgym.kernels.compiling import compiled
from synthgym.kernels.waves import F

BLOCK = 128


@compiled
def adsr(times, rate, out):
    """The envelope of `synthgym.synth.dsp.envelopes.adsr`.

    Args:
        times: (batch, 5) float32: attack, decay, sustain, hold, release; seconds but for sustain.
        rate: sample rate in Hz, float64.
        out: (batch, n_samples) float32, written.
    """
    step_s = 1.0 / rate
    for b in range(out.shape[0]):
        attack, decay, sustain, hold, release = times[b]
        fall = (F(1) - sustain) / decay
        row = out[b]
        for n in range(len(row)):
            time = F(n * step_s)
            held = min(time, hold)
            level = min(held / attack, max(F(1) - (held - attack) * fall, sustain))
            row[n] = level * max(F(1) - (time - held) / release, F(0))


@compiled
def adsr_gradient(times, rate, gradient, by):
    """Gradients of `adsr` by its five times.

    Args:
        times: as in `adsr`.
        rate: see there.
        gradient: of the output, (batch, n_samples) float32.
        by: (batch, 5) float64, written.
    """
    step_s = 1.0 / rate
    for b in range(gradient.shape[0]):
        attack, decay, sustain, hold, release = times[b]
        by[b, :] = 0.0
        for first in range(0, gradient.shape[1], BLOCK):
            row = gradient[b, first : first + BLOCK]
            sum_a, sum_d, sum_s, sum_h, sum_r = F(0), F(0), F(0), F(0), F(0)
            for i in range(len(row)):
                time = F((first + i) * step_s)
                after = F(1) if time > hold else F(0)
                held = min(time, hold)
                rise = held / attack
                since = held - attack
                fall = F(1) - since * (F(1) - sustain) / decay
                rising = F(1) if rise < max(fall, sustain) else F(0)
                falling = F(1) - rising if since < decay else F(0)
                resting = F(1) - rising - falling
                level = rising * rise + falling * fall + resting * sustain
                left = F(1) - (time - held) / release
                sounding = F(1) if left > F(0) else F(0)
                g, left = row[i], left * sounding
                sum_a += g * left * (falling * (F(1) - sustain) / decay - rising * rise / attack)
                sum_d += g * left * falling * since * (F(1) - sustain) / (decay * decay)
                sum_s += g * left * (resting + falling * since / decay)
                slope = rising / attack - falling * (F(1) - sustain) / decay
                sum_h += g * after * (left * slope + sounding * level / release)
                sum_r += g * sounding * level * (time - held) / (release * release)
            by[b, 0] += np.float64(sum_a)
            by[b, 1] += np.float64(sum_d)
            by[b, 2] += np.float64(sum_s)
            by[b, 3] += np.float64(sum_h)
            by[b, 4] += np.float64(sum_r)


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    plane, by = numba.float32[:, ::1], numba.float64[:, ::1]
    return {
        "adsr": (plane, numba.float64, plane),
        "adsr_gradient": (plane, numba.float64, plane, by),
    }
