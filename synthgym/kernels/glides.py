"""Tones and amplifiers steered by points, float32: straight lines from one point to the next.

Points lie `hop` samples apart, the first on the first sample, the last on or after the last. A tone
whose frequency goes from a to b in H samples has gone through `a i + (b - a) i (i + 1) / (2 H)`
samples' worth of it at the i-th of them: no running sum over the samples is needed, and neither is
one for the gradient, which are sums of such polynomials times the slope of the waveform.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from synthgym.kernels.compiling import compiled, inlined
from synthgym.kernels.tones import BLOCK, MAX_WIDTH, MIN_WIDTH, _fraction, _products, _slopes, _wave
from synthgym.kernels.waves import SINE, F


@inlined
def _glide(wide, base, a, slope, first, phase, inverse, n):
    """Phases and, where `wide`, inverse widths of a block: sines have no use for them.

    The block begins `first` samples after a point of a cycles per sample, at a phase of `base`.
    """
    # The frequency's sum from the block's start on: (a + slope first) i + slope i (i + 1) / 2.
    here, half = F(a + slope * first), F(0.5 * slope)
    for i in range(n):
        phase[i] = base + F(i) * (here + half * F(i + 1))
    if wide:
        for i in range(n):
            width = abs(here + F(slope) * F(i))
            inverse[i] = F(1) / min(max(width, MIN_WIDTH), MAX_WIDTH)


@compiled
def glide_tone(shape, start, amp, points, hop, rate, out):
    """Tones of gliding frequency; other arguments as in `synthgym.kernels.tones.tone`.

    Args:
        shape: see there.
        start: see there.
        amp: see there.
        points: frequencies in Hz, (batch, n_points) float32.
        hop: samples from a point to the next.
        rate: see there.
        out: (batch, n_samples) float32, written.
    """
    phase, inverse = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for b in range(out.shape[0]):
        cycles = start[b]
        for k in range((out.shape[1] + hop - 1) // hop):
            a = np.float64(points[b, k]) / rate
            slope = (np.float64(points[b, k + 1]) / rate - a) / hop
            length = min(hop, out.shape[1] - k * hop)
            for first in range(0, length, BLOCK):
                n = min(BLOCK, length - first)
                base = _fraction(cycles + first * (a + 0.5 * slope * (first + 1)))
                _glide(shape[b] != SINE, base, a, slope, first + 0.0, phase, inverse, n)
                values = out[b, k * hop + first : k * hop + first + n]
                _wave(shape[b], phase, inverse, values, n)
                for i in range(n):
                    values[i] *= amp[b]
            cycles += hop * (a + 0.5 * slope * (hop + 1))
            cycles -= math.floor(cycles)


@inlined
def _glide_sums(shape, a, slope, first, hop, g, rise, widen, sums):
    """Add up, over a block: the slope by phase, by its two polynomials, and by width."""
    total, early, late, flat, tilt = F(0), F(0), F(0), F(0), F(0)
    for i in range(len(g)):
        steep = g[i] * rise[i]
        total += steep
        early += steep * F(i)
        late += steep * F(i) * F(i + 1)
    if shape != SINE:
        here = F(a + slope * first)
        for i in range(len(g)):
            momentary = here + F(slope) * F(i)
            held = (abs(momentary) <= MIN_WIDTH) | (abs(momentary) >= MAX_WIDTH)
            wide = F(0) if held else math.copysign(g[i] * widen[i], momentary * g[i] * widen[i])
            flat += wide
            tilt += wide * F(i)
    # i of the block is first + i of the segment: expand (first + i) and its product with the next.
    t, e = np.float64(total), np.float64(early)
    sums[0] += t
    sums[1] += first * t + e
    sums[2] += 0.5 * (first * (first + 1) * t + 2 * first * e + np.float64(late))
    sums[3] += np.float64(flat)
    sums[4] += first * np.float64(flat) + np.float64(tilt)


@compiled
def glide_tone_gradient(shape, start, amp, points, hop, rate, gradient, n_shapes, by, by_points):
    """Gradients of `glide_tone`.

    Args:
        shape: as in `glide_tone`, like the next five.
        start: see there.
        amp: see there.
        points: see there.
        hop: see there.
        rate: see there.
        gradient: of the output, (batch, n_samples) float32.
        n_shapes: as in `synthgym.kernels.tones.tone_gradient`.
        by: (batch, 2 + n_shapes) float64, written: by start, amplitude, then as there.
        by_points: (batch, n_points) float64, written.
    """
    phase, inverse = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    values, rise, widen = (
        np.empty(BLOCK, np.float32),
        np.empty(BLOCK, np.float32),
        np.empty(BLOCK, np.float32),
    )
    n_segments = (gradient.shape[1] + hop - 1) // hop
    sums, through = np.empty(5, np.float64), np.empty(n_segments, np.float64)
    for b in range(gradient.shape[0]):
        by[b, :] = 0.0
        by_points[b, :] = 0.0
        wide = shape[b] != SINE or n_shapes > 0
        cycles = start[b]
        for k in range(n_segments):
            a = np.float64(points[b, k]) / rate
            slope = (np.float64(points[b, k + 1]) / rate - a) / hop
            length = min(hop, gradient.shape[1] - k * hop)
            sums[:] = 0.0
            for first in range(0, length, BLOCK):
                n = min(BLOCK, length - first)
                base = _fraction(cycles + first * (a + 0.5 * slope * (first + 1)))
                _glide(wide, base, a, slope, first + 0.0, phase, inverse, n)
                g = gradient[b, k * hop + first : k * hop + first + n]
                _slopes(shape[b], phase, inverse, rise, widen, n)
                _glide_sums(shape[b], a, slope, first + 0.0, hop, g, rise, widen, sums)
                _products(shape[b], n_shapes, phase, inverse, g, amp[b], values, by[b, 1:])
            through[k] = sums[0]
            by_points[b, k] += sums[1] - sums[2] / hop + sums[3] - sums[4] / hop
            by_points[b, k + 1] += (sums[2] + sums[4]) / hop
            cycles += hop * (a + 0.5 * slope * (hop + 1))
            cycles -= math.floor(cycles)
        # What follows a segment has gone through all of it.
        after = 0.0
        for k in range(n_segments - 1, -1, -1):
            by_points[b, k] += after * 0.5 * (hop - 1)
            by_points[b, k + 1] += after * 0.5 * (hop + 1)
            after += through[k]
        by[b, 0] = amp[b] * after
        for k in range(by_points.shape[1]):
            by_points[b, k] *= amp[b] / rate


@compiled
def amplify(audio, points, hop, out):
    """Sounds times the lines between points.

    Args:
        audio: (batch, n_samples) float32, or (1, n_samples): the same for all.
        points: (batch, n_points) float32.
        hop: samples from a point to the next.
        out: (batch, n_samples) float32, written.
    """
    for b in range(out.shape[0]):
        sound = audio[b if audio.shape[0] > 1 else 0]
        for k in range((out.shape[1] + hop - 1) // hop):
            a, slope = points[b, k], (points[b, k + 1] - points[b, k]) / F(hop)
            into, own = out[b, k * hop : (k + 1) * hop], sound[k * hop : (k + 1) * hop]
            for i in range(len(into)):
                into[i] = own[i] * (a + slope * F(i))


@compiled
def amplify_gradient(audio, points, hop, gradient, by_audio, by_points):
    """Gradients of `amplify`.

    Args:
        audio: as in `amplify`, like the next two.
        points: see there.
        hop: see there.
        gradient: of the output, (batch, n_samples) float32.
        by_audio: (batch, n_samples) float32, written, or of no rows if it is not wanted.
        by_points: (batch, n_points) float32, written.
    """
    for b in range(gradient.shape[0]):
        sound = audio[b if audio.shape[0] > 1 else 0]
        by_points[b, :] = F(0)
        for k in range((gradient.shape[1] + hop - 1) // hop):
            a, slope = points[b, k], (points[b, k + 1] - points[b, k]) / F(hop)
            g, own = gradient[b, k * hop : (k + 1) * hop], sound[k * hop : (k + 1) * hop]
            flat, tilt = F(0), F(0)
            for i in range(len(g)):
                flat += g[i] * own[i]
                tilt += g[i] * own[i] * F(i)
            by_points[b, k] += flat - tilt / F(hop)
            by_points[b, k + 1] += tilt / F(hop)
            if by_audio.shape[0] > 0:
                back = by_audio[b, k * hop : (k + 1) * hop]
                for i in range(len(back)):
                    back[i] = g[i] * (a + slope * F(i))


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    shapes, starts, amps = numba.int64[::1], numba.float64[::1], numba.float32[::1]
    plane, by = numba.float32[:, ::1], numba.float64[:, ::1]
    tone = (shapes, starts, amps, plane, numba.int64, numba.float64, plane)
    return {
        "glide_tone": tone,
        "glide_tone_gradient": (*tone, numba.int64, by, by),
        "amplify": (plane, plane, numba.int64, plane),
        "amplify_gradient": (plane, plane, numba.int64, plane, plane, plane),
    }
