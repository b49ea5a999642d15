"""Tones in float32, a span of a row at a time: each sample is computed, and written, once.

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
from synthgym.kernels.spans import (
    BLOCK,
    MAX_WIDTH,
    MIN_WIDTH,
    SPAN,
    add_products,
    add_up,
    fraction,
    give,
    take,
    write_wave,
)
from synthgym.kernels.waves import BOTH, SAW, SINE, SQUARE, TWO_PI, F, sine_and_cosine

# From this sample on, a modulator's sums are carried on in float64. Not from the first on: the
# sounds of the suite are shorter, and are to stay as they are.
EXACT_FROM = 1 << 16


@inlined
def _ramp(start, step, first, counts, phase):
    """Write a span's phases of a steady tone."""
    fine = F(step)
    for part in range(0, SPAN, BLOCK):
        base = fraction(start + step * (first + part))
        for i in range(BLOCK):
            phase[part + i] = base + fine * counts[i]


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
    tiles = np.empty((4, SPAN), np.float32)
    counts, phase, inverse, values = tiles[0], tiles[1], tiles[2], tiles[3]
    counts[:] = np.arange(SPAN)
    for b in range(out.shape[0]):
        step = freq[b] / rate
        fine = F(step)
        inverse[:] = F(1) / min(max(abs(fine), MIN_WIDTH), MAX_WIDTH)
        for first in range(0, out.shape[1], SPAN):
            _ramp(start[b], step, first, counts, phase)
            write_wave(shape[b], phase, inverse, values)
            give(values, amp[b], out[b], first)


def _tone_sums(both):
    """The loop over a span of a tone of a waveform, whose value and slopes `both` gives."""

    @inlined
    def sums(counts, phase, inverse, g):
        """Sums, times the gradient, of slopes by phase, these by sample, by width, and values."""
        rise, late, widen, own = F(0), F(0), F(0), F(0)
        for i in range(SPAN):
            value, by_phase, by_width = both(phase[i], inverse[i])
            steep = g[i] * by_phase
            rise += steep
            late += steep * counts[i]
            widen += g[i] * by_width
            own += g[i] * value
        return rise, late, widen, own

    return sums


_sine_sums, _square_sums, _saw_sums, _triangle_sums = map(_tone_sums, BOTH)


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
    tiles = np.empty((5, SPAN), np.float32)
    counts, phase, inverse, values, g = tiles[0], tiles[1], tiles[2], tiles[3], tiles[4]
    counts[:] = np.arange(SPAN)
    for b in range(gradient.shape[0]):
        step = freq[b] / rate
        fine = F(step)
        width = min(max(abs(fine), MIN_WIDTH), MAX_WIDTH)
        inverse[:] = F(1) / width
        moves = F(0) if width != abs(fine) else math.copysign(F(1), fine)
        by[b, :] = 0.0
        for first in range(0, gradient.shape[1], SPAN):
            _ramp(start[b], step, first, counts, phase)
            take(gradient[b], first, g)
            if shape[b] == SINE:
                rise, late, widen, own = _sine_sums(counts, phase, inverse, g)
            elif shape[b] == SQUARE:
                rise, late, widen, own = _square_sums(counts, phase, inverse, g)
            elif shape[b] == SAW:
                rise, late, widen, own = _saw_sums(counts, phase, inverse, g)
            else:
                rise, late, widen, own = _triangle_sums(counts, phase, inverse, g)
            after = np.float64(late) + np.float64(first) * np.float64(rise)
            by[b, 0] += amp[b] * (after + np.float64(widen * moves)) / rate
            by[b, 1] += amp[b] * np.float64(rise)
            known = np.float64(own)
            add_products(shape[b], n_shapes, phase, inverse, g, amp[b], known, values, by[b, 2:])


@inlined
def _summed(m, summed):
    """Write running sums of each block of a span.

    One after the other, though any other order would be faster: it is part of the sound.
    """
    for part in range(0, SPAN, BLOCK):
        running = F(0)
        for i in range(part, part + BLOCK):
            running += m[i]
            summed[i] = running


@inlined
def _block_sum(m, summed, part, exact):
    """The modulator's sum over a block; the roundings of the running one add up in a long sound."""
    if not exact:
        return np.float64(summed[part + BLOCK - 1])
    total = 0.0
    for i in range(BLOCK):
        total += np.float64(m[part + i])
    return total


@inlined
def _widths(fine, bend, m, inverse):
    """Write the inverse widths of a span."""
    for i in range(SPAN):
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
    tiles = np.empty((6, SPAN), np.float32)
    counts, phase, inverse = tiles[0], tiles[1], tiles[2]
    values, m, summed = tiles[3], tiles[4], tiles[5]
    counts[:] = np.arange(SPAN)
    for b in range(out.shape[0]):
        step, scale = freq[b] / rate, depth[b] / rate
        fine, bend, total = F(step), F(scale), 0.0
        for first in range(0, out.shape[1], SPAN):
            take(modulator[b], first, m)
            _summed(m, summed)
            for part in range(0, SPAN, BLOCK):
                if first + part < out.shape[1]:
                    before[b, (first + part) // BLOCK] = total
                base = fraction(start[b] + step * (first + part) + scale * total)
                total += _block_sum(m, summed, part, first + part >= EXACT_FROM)
                for i in range(BLOCK):
                    phase[part + i] = base + fine * counts[i] + bend * summed[part + i]
            if shape[b] != SINE:  # which has no use for it
                _widths(fine, bend, m, inverse)
            write_wave(shape[b], phase, inverse, values)
            give(values, amp[b], out[b], first)


def _fm_sums(both):
    """As `_tone_sums`, of a modulated tone."""

    @inlined
    def sums(counts, fine, bend, m, g, phase, inverse, summed, rise, widen):
        """Write slopes by phase and by width, times the gradient, and return sums.

        Of the slopes by phase alone, by sample, and by the modulator's sum, of those by width alone
        and by the modulator, and of the values times the gradient.
        """
        plain, late, bent, wide, wide_bent, own = F(0), F(0), F(0), F(0), F(0), F(0)
        for i in range(SPAN):
            value, by_phase, by_width = both(phase[i], inverse[i])
            steep = g[i] * by_phase
            rise[i] = steep
            plain += steep
            late += steep * counts[i]
            bent += steep * summed[i]
            own += g[i] * value
            momentary = fine + bend * m[i]
            held = (abs(momentary) <= MIN_WIDTH) | (abs(momentary) >= MAX_WIDTH)
            spread = F(0) if held else by_width * math.copysign(g[i], momentary * g[i])
            widen[i] = spread
            wide += spread
            wide_bent += spread * m[i]
        return plain, late, bent, wide, wide_bent, own

    return sums


_fm_square_sums, _fm_saw_sums, _fm_triangle_sums = map(_fm_sums, BOTH[1:])


@inlined
def _fm_sine_sums(counts, g, phase, summed, rise):
    """As those of the other waveforms; a sine has no width."""
    plain, late, bent, own = F(0), F(0), F(0), F(0)
    for i in range(SPAN):
        value, slope = sine_and_cosine(phase[i])
        steep = g[i] * (TWO_PI * slope)
        rise[i] = steep
        plain += steep
        late += steep * counts[i]
        bent += steep * summed[i]
        own += g[i] * value
    return plain, late, bent, F(0), F(0), own


@inlined
def _slopes(shape, counts, fine, bend, m, g, phase, inverse, summed, rise, widen):
    """The loop of `_fm_sums` for a waveform number."""
    if shape == SINE:
        return _fm_sine_sums(counts, g, phase, summed, rise)
    if shape == SQUARE:
        return _fm_square_sums(counts, fine, bend, m, g, phase, inverse, summed, rise, widen)
    if shape == SAW:
        return _fm_saw_sums(counts, fine, bend, m, g, phase, inverse, summed, rise, widen)
    return _fm_triangle_sums(counts, fine, bend, m, g, phase, inverse, summed, rise, widen)


@inlined
def _phases_again(start, step, scale, before, first, counts, summed, phase):
    """Write a span's phases, from the modulator's sums within it and those before its blocks."""
    fine, bend = F(step), F(scale)
    for part in range(0, SPAN, BLOCK):
        at = min((first + part) // BLOCK, len(before) - 1)
        base = fraction(start + step * (first + part) + scale * before[at])
        so_far = F(before[at] - before[first // BLOCK])
        for i in range(BLOCK):
            phase[part + i] = base + fine * counts[i] + bend * (summed[part + i] - so_far)


@inlined
def _by_modulator(after, rise, widen, wide, ends, tops, sums, back):
    """Write a span's gradient by the modulator: all phases from a sample on follow it."""
    total = add_up(rise, ends, tops, sums)
    rest = F(after + np.float64(total))
    for i in range(SPAN):
        back[i] = (rest - sums[i]) + rise[i]
    if wide:
        for i in range(SPAN):
            back[i] += widen[i]


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
    tiles = np.empty((9, SPAN), np.float32)
    counts, phase, inverse, values = tiles[0], tiles[1], tiles[2], tiles[3]
    m, g, summed, rise, widen = tiles[4], tiles[5], tiles[6], tiles[7], tiles[8]
    ends, tops = np.empty(SPAN // 4, np.float32), np.empty(SPAN // 16, np.float32)
    counts[:] = np.arange(SPAN)
    n_spans = (gradient.shape[1] + SPAN - 1) // SPAN
    for b in range(gradient.shape[0]):
        step, scale, own_shape = freq[b] / rate, depth[b] / rate, shape[b]
        fine, bend, wide = F(step), F(scale), own_shape != SINE
        by[b, :] = 0.0
        after = 0.0
        for first in range((n_spans - 1) * SPAN, -1, -SPAN):
            take(modulator[b], first, m)
            take(gradient[b], first, g)
            add_up(m, ends, tops, summed)
            past = before[b, first // BLOCK]
            _phases_again(start[b], step, scale, before[b], first, counts, summed, phase)
            if wide or n_shapes > 0:
                _widths(fine, bend, m, inverse)
            sums = _slopes(own_shape, counts, fine, bend, m, g, phase, inverse, summed, rise, widen)
            total = np.float64(sums[0])
            late = np.float64(sums[1]) + np.float64(first) * total
            bent = np.float64(sums[2]) + past * total
            by[b, 0] += amp[b] * (late + np.float64(sums[3])) / rate
            by[b, 1] += amp[b] * total
            by[b, 2] += amp[b] * (bent + np.float64(sums[4])) / rate
            _by_modulator(after, rise, widen, wide, ends, tops, summed, values)
            give(values, amp[b] * bend, by_modulator[b], first)
            after += total
            own = np.float64(sums[5])
            add_products(own_shape, n_shapes, phase, inverse, g, amp[b], own, values, by[b, 3:])


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
