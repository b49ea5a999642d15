"""Tones in float32, a block of a row at a time: each sample is computed, and written, once.

Rows are independent, so that callers may share them out over threads; no result depends on how.
Each row has a waveform of its own. Within a block of 128 samples phases are counted in float32,
from one block to the next in float64 modulo 1.

For a row of frequency f, deviation d and modulator m, at a sample rate s, sample n has the phase
`phase + f n / s + d / s (m[0] + ... + m[n])` and the step width `|f + d m[n]| / s`, held within
limits. The gradients below follow from these two lines.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from synthgym.kernels.compiling import compiled, inlined
from synthgym.kernels.waves import (
    SAW,
    SINE,
    SQUARE,
    TWO_PI,
    F,
    saw,
    saw_slopes,
    sine,
    square,
    square_slopes,
    triangle,
    triangle_slopes,
)

BLOCK = 128
MIN_WIDTH, MAX_WIDTH = F(1e-6), F(0.25)


@inlined
def _wave(shape, phase, inverse, values, n):
    """Write n values of a waveform; the branch is outside of the loops, which stay vectors."""
    if shape == SINE:
        for i in range(n):
            values[i] = sine(phase[i])
    elif shape == SQUARE:
        for i in range(n):
            values[i] = square(phase[i], inverse[i])
    elif shape == SAW:
        for i in range(n):
            values[i] = saw(phase[i], inverse[i])
    else:
        for i in range(n):
            values[i] = triangle(phase[i], inverse[i])


@inlined
def _slopes(shape, phase, inverse, by_phase, by_width, n):
    """Write n derivatives of a waveform, by phase and by width."""
    if shape == SINE:
        for i in range(n):
            by_phase[i] = TWO_PI * sine(phase[i] + F(0.25))
            by_width[i] = F(0)
    elif shape == SQUARE:
        for i in range(n):
            by_phase[i], by_width[i] = square_slopes(phase[i], inverse[i])
    elif shape == SAW:
        for i in range(n):
            by_phase[i], by_width[i] = saw_slopes(phase[i], inverse[i])
    else:
        for i in range(n):
            by_phase[i], by_width[i] = triangle_slopes(phase[i], inverse[i])


@inlined
def _fraction(cycles):
    return F(cycles - math.floor(cycles))


@compiled
def tone(shape, freq, start, amp, rate, out):
    """Steady tones: `out[b] = amp[b] * wave(shape[b])`.

    Args:
        shape: waveform numbers, (batch,) int64.
        freq: in Hz, (batch,) float64.
        start: phase in cycles, (batch,) float64.
        amp: (batch,) float32.
        rate: sample rate in Hz, float64.
        out: (batch, n_samples) float32, written.
    """
    phase, inverse = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for b in range(out.shape[0]):
        step = freq[b] / rate
        fine = F(step)
        inverse[:] = F(1) / min(max(abs(fine), MIN_WIDTH), MAX_WIDTH)
        for first in range(0, out.shape[1], BLOCK):
            n = min(BLOCK, out.shape[1] - first)
            base = _fraction(start[b] + step * first)
            for i in range(n):
                phase[i] = base + fine * F(i)
            values = out[b, first : first + n]
            _wave(shape[b], phase, inverse, values, n)
            for i in range(n):
                values[i] *= amp[b]


@inlined
def _products(shape, n_shapes, phase, inverse, g, amp, values, by):
    """Add inner products of a block's gradient with waveforms.

    With the row's own to the first of `by`, with each of `n_shapes` to those after it.
    """
    for k in range(max(n_shapes, 1)):
        which = k if n_shapes else shape
        _wave(which, phase, inverse, values, len(g))
        total = F(0)
        for i in range(len(g)):
            total += g[i] * values[i]
        if which == shape:
            by[0] += np.float64(total)
        if n_shapes:
            by[1 + k] += amp * np.float64(total)


@compiled
def tone_gradient(shape, freq, start, amp, rate, gradient, n_shapes, by):
    """Gradients of `tone`.

    Args:
        shape: as in `tone`, like the next four.
        freq: see there.
        start: see there.
        amp: see there.
        rate: see there.
        gradient: of the output, (batch, n_samples) float32.
        n_shapes: for how many waveforms the correlation with the gradient is wanted, or 0.
        by: (batch, 3 + n_shapes) float64, written: by frequency, start, amplitude, and for each
            waveform number the inner product of the gradient with that tone.
    """
    phase, inverse = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    values, rise, widen = (
        np.empty(BLOCK, np.float32),
        np.empty(BLOCK, np.float32),
        np.empty(BLOCK, np.float32),
    )
    for b in range(gradient.shape[0]):
        step = freq[b] / rate
        fine = F(step)
        width = min(max(abs(fine), MIN_WIDTH), MAX_WIDTH)
        inverse[:] = F(1) / width
        moves = F(0) if width != abs(fine) else math.copysign(F(1), fine)
        by[b, :] = 0.0
        for first in range(0, gradient.shape[1], BLOCK):
            n = min(BLOCK, gradient.shape[1] - first)
            base = _fraction(start[b] + step * first)
            for i in range(n):
                phase[i] = base + fine * F(i)
            g = gradient[b, first : first + n]
            _slopes(shape[b], phase, inverse, rise, widen, n)
            sum_rise, sum_late, sum_widen = F(0), F(0), F(0)
            for i in range(n):
                sum_rise += g[i] * rise[i]
                sum_late += g[i] * rise[i] * F(i)
                sum_widen += g[i] * widen[i]
            late = np.float64(sum_late) + np.float64(first) * np.float64(sum_rise)
            by[b, 0] += amp[b] * (late + np.float64(sum_widen * moves)) / rate
            by[b, 1] += amp[b] * np.float64(sum_rise)
            _products(shape[b], n_shapes, phase, inverse, g, amp[b], values, by[b, 2:])


@inlined
def _summed(m, summed):
    """Write a block's running sums; returns the last one."""
    running = F(0)
    for i in range(len(m)):
        running += m[i]
        summed[i] = running
    return np.float64(running)


@inlined
def _moved(wide, base, fine, bend, m, summed, phase, inverse):
    """Phases and, where `wide`, inverse widths of a block: sines have no use for them."""
    for i in range(len(m)):
        phase[i] = base + fine * F(i) + bend * summed[i]
    if wide:
        for i in range(len(m)):
            inverse[i] = F(1) / min(max(abs(fine + bend * m[i]), MIN_WIDTH), MAX_WIDTH)


@compiled
def fm_tone(shape, freq, depth, start, amp, modulator, rate, before, out):
    """Frequency-modulated tones; arguments as in `tone`.

    Args:
        shape: see there.
        freq: see there.
        depth: deviation in Hz at a modulator of 1, (batch,) float64.
        start: see there.
        amp: see there.
        modulator: (batch, n_samples) float32.
        rate: see there.
        before: (batch, n_blocks) float64, written: the modulator's sum before each block.
        out: (batch, n_samples) float32, written.
    """
    phase, inverse = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for b in range(out.shape[0]):
        step, scale = freq[b] / rate, depth[b] / rate
        total = 0.0
        for block in range(before.shape[1]):
            first = block * BLOCK
            n = min(BLOCK, out.shape[1] - first)
            m = modulator[b, first : first + n]
            before[b, block] = total
            base = _fraction(start[b] + step * first + scale * total)
            total += _summed(m, phase)
            _moved(shape[b] != SINE, base, F(step), F(scale), m, phase, phase, inverse)
            values = out[b, first : first + n]
            _wave(shape[b], phase, inverse, values, n)
            for i in range(n):
                values[i] *= amp[b]


@inlined
def _weighted_slopes(shape, fine, bend, m, g, phase, inverse, rise, widen):
    """Write the gradient times the derivatives of a block, by phase and by momentary width."""
    _slopes(shape, phase, inverse, rise, widen, len(m))
    for i in range(len(m)):
        rise[i] *= g[i]
    if shape != SINE:
        for i in range(len(m)):
            momentary = fine + bend * m[i]
            held = (abs(momentary) <= MIN_WIDTH) | (abs(momentary) >= MAX_WIDTH)
            widen[i] *= F(0) if held else math.copysign(g[i], momentary * g[i])


@inlined
def _fm_sums(m, summed, before, first, rise, widen, amp, rate, by):
    """Add to a row's gradients by frequency, start and depth; returns the sum by phase."""
    sum_rise, sum_late, sum_bent = F(0), F(0), F(0)
    sum_widen, sum_widen_bent = F(0), F(0)
    for i in range(len(m)):
        sum_rise += rise[i]
        sum_late += rise[i] * F(i)
        sum_bent += rise[i] * summed[i]
        sum_widen += widen[i]
        sum_widen_bent += widen[i] * m[i]
    total = np.float64(sum_rise)
    late = np.float64(sum_late) + np.float64(first) * total
    bent = np.float64(sum_bent) + before * total
    by[0] += amp * (late + np.float64(sum_widen)) / rate
    by[1] += amp * total
    by[2] += amp * (bent + np.float64(sum_widen_bent)) / rate
    return total


@inlined
def _sums_from(after, scale, rise, widen, back):
    """Write the gradient by a block's modulator: all phases from a sample on follow it."""
    later = F(after)
    for i in range(len(back) - 1, -1, -1):
        later += rise[i]
        back[i] = later
    for i in range(len(back)):
        back[i] = scale * (back[i] + widen[i])


@compiled
def fm_tone_gradient(
    shape, freq, depth, start, amp, modulator, rate, before, gradient, n_shapes, by, by_modulator
):
    """Gradients of `fm_tone`; arguments as in `fm_tone` and `tone_gradient`.

    Args:
        shape: see there.
        freq: see there.
        depth: see there.
        start: see there.
        amp: see there.
        modulator: see there.
        rate: see there.
        before: as written by `fm_tone`.
        gradient: see there.
        n_shapes: see there.
        by: (batch, 4 + n_shapes) float64, written: by frequency, start, depth, amplitude, then as
            in `tone_gradient`.
        by_modulator: (batch, n_samples) float32, written.
    """
    phase, inverse = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    values, rise, widen, summed = (
        np.empty(BLOCK, np.float32),
        np.empty(BLOCK, np.float32),
        np.empty(BLOCK, np.float32),
        np.empty(BLOCK, np.float32),
    )
    for b in range(gradient.shape[0]):
        step, scale = freq[b] / rate, depth[b] / rate
        fine, bend = F(step), F(scale)
        wide = shape[b] != SINE or n_shapes > 0
        by[b, :] = 0.0
        after = 0.0
        for block in range(before.shape[1] - 1, -1, -1):
            first = block * BLOCK
            n = min(BLOCK, gradient.shape[1] - first)
            m = modulator[b, first : first + n]
            g = gradient[b, first : first + n]
            base = _fraction(start[b] + step * first + scale * before[b, block])
            _summed(m, summed)
            _moved(wide, base, fine, bend, m, summed, phase, inverse)
            _weighted_slopes(shape[b], fine, bend, m, g, phase, inverse, rise, widen)
            total = _fm_sums(m, summed, before[b, block], first, rise, widen, amp[b], rate, by[b])
            back = by_modulator[b, first : first + n]
            _sums_from(after, amp[b] * bend, rise, widen, back)
            after += total
            _products(shape[b], n_shapes, phase, inverse, g, amp[b], values, by[b, 3:])


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    real, rows = numba.float64, numba.float64[::1]
    shapes, amps, signal = numba.int64[::1], numba.float32[::1], numba.float32[:, ::1]
    by, count = numba.float64[:, ::1], numba.int64
    fm = (shapes, rows, rows, rows, amps, signal, real, by)
    return {
        "tone": (shapes, rows, rows, amps, real, signal),
        "tone_gradient": (shapes, rows, rows, amps, real, signal, count, by),
        "fm_tone": (*fm, signal),
        "fm_tone_gradient": (*fm, signal, count, by, signal),
    }
