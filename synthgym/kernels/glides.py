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
from synthgym.kernels.spans import (
    BLOCK,
    MAX_WIDTH,
    MIN_WIDTH,
    SPAN,
    add_products,
    fraction,
    write_wave,
)
from synthgym.kernels.waves import BOTH, SAW, SINE, SQUARE, F

# Vectors are filled up to whole ones: the next piece writes over what is too much.
LANES = 32
ROOM = SPAN + LANES


@inlined
def _glide(base, here, slope, at, n, counts, phase, width):
    """Write phases and momentary widths, `at` on, of n samples that begin at a phase of `base`.

    They begin with `here` cycles per sample, which grow by `slope` from one to the next.
    """
    # The frequency's sum from the start on: here i + slope i (i + 1) / 2.
    half = F(0.5 * slope)
    n = (n + LANES - 1) // LANES * LANES
    phases, widths = phase[at : at + n], width[at : at + n]
    for i in range(n):
        phases[i] = base + counts[i] * (here + half * (counts[i] + F(1)))
        widths[i] = here + F(slope) * counts[i]


@inlined
def _advance(k, first, cycles, points, hop, rate, n_samples, pieces, counts, phase, width):
    """Write phases and widths of as many pieces as a span has room for.

    A piece is up to a block of the samples from a point to the next. Begins `first` samples after
    point k, at which the phase is `cycles`; returns where the span ends, the same three numbers,
    and the numbers of its samples and of its pieces. Of these are kept: the point, the samples
    after it, and how many.
    """
    n_pieces, at = 0, 0
    while k * hop + first < n_samples:
        n = min(BLOCK, min(hop, n_samples - k * hop) - first)
        if at + n > SPAN:
            break
        a = np.float64(points[k]) / rate
        slope = (np.float64(points[k + 1]) / rate - a) / hop
        base = fraction(cycles + first * (a + 0.5 * slope * (first + 1)))
        _glide(base, F(a + slope * first), slope, at, n, counts, phase, width)
        pieces[n_pieces, 0], pieces[n_pieces, 1], pieces[n_pieces, 2] = k, first, n
        n_pieces, at, first = n_pieces + 1, at + n, first + n
        if first == hop:
            cycles += hop * (a + 0.5 * slope * (hop + 1))
            cycles -= np.floor(cycles)
            k, first = k + 1, 0
    return k, first, cycles, at, n_pieces


@inlined
def _inverted(width, inverse):
    for i in range(SPAN):
        inverse[i] = F(1) / min(max(abs(width[i]), MIN_WIDTH), MAX_WIDTH)


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
    tiles = np.zeros((4, ROOM), np.float32)
    phase, width, inverse, values = tiles[0], tiles[1], tiles[2], tiles[3]
    pieces, counts = np.empty((SPAN, 3), np.int64), np.arange(BLOCK).astype(np.float32)
    for b in range(out.shape[0]):
        k, first, cycles, end = 0, 0, start[b], 0
        while end < out.shape[1]:
            k, first, cycles, n, _ = _advance(
                k, first, cycles, points[b], hop, rate, out.shape[1], pieces, counts, phase, width
            )
            if shape[b] != SINE:  # which has no use for it
                _inverted(width, inverse)
            write_wave(shape[b], phase, inverse, values)
            into = out[b, end : end + n]
            for i in range(n):
                into[i] = amp[b] * values[i]
            end += n


def _glide_slopes(both):
    """The loop over a span of a tone of a waveform, whose value and slopes `both` gives."""

    @inlined
    def slopes(phase, width, inverse, g, rise, widen):
        """Write slopes by phase and by width, times the gradient; returns the values' sum."""
        own = F(0)
        for i in range(SPAN):
            value, by_phase, by_width = both(phase[i], inverse[i])
            rise[i] = g[i] * by_phase
            own += g[i] * value
            held = (abs(width[i]) <= MIN_WIDTH) | (abs(width[i]) >= MAX_WIDTH)
            widen[i] = F(0) if held else by_width * math.copysign(g[i], width[i] * g[i])
        return own

    return slopes


_sine_slopes, _square_slopes, _saw_slopes, _triangle_slopes = map(_glide_slopes, BOTH)


@inlined
def _glide_sums(wide, at, first, n, counts, rise, widen, sums):
    """Add up, over a piece: the slope by phase, by its two polynomials, and by width."""
    steep, spread = rise[at : at + n], widen[at : at + n]
    total, early, late, flat, tilt = F(0), F(0), F(0), F(0), F(0)
    for i in range(n):
        total += steep[i]
        early += steep[i] * counts[i]
        late += steep[i] * counts[i] * (counts[i] + F(1))
    if wide:
        for i in range(n):
            flat += spread[i]
            tilt += spread[i] * counts[i]
    # i of the piece is first + i of the segment: expand (first + i) and its product with the next.
    t, e = np.float64(total), np.float64(early)
    sums[0] += t
    sums[1] += first * t + e
    sums[2] += 0.5 * (first * (first + 1) * t + 2 * first * e + np.float64(late))
    sums[3] += np.float64(flat)
    sums[4] += first * np.float64(flat) + np.float64(tilt)


@inlined
def _by_points(sums, hop, scale, by_points):
    """Turn sums by segment into a row's gradient by its points; returns that by the start.

    What follows a segment has gone through all of it.
    """
    after = 0.0
    by_points[:] = 0.0
    for k in range(sums.shape[0] - 1, -1, -1):
        late, wide, tilt = sums[k, 2] / hop, sums[k, 3], sums[k, 4] / hop
        by_points[k] += sums[k, 1] - late + wide - tilt + after * 0.5 * (hop - 1)
        by_points[k + 1] += late + tilt + after * 0.5 * (hop + 1)
        after += sums[k, 0]
    for k in range(len(by_points)):
        by_points[k] *= scale
    return after


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
    tiles, pieces = np.zeros((7, ROOM), np.float32), np.empty((SPAN, 3), np.int64)
    phase, width, inverse, values = tiles[0], tiles[1], tiles[2], tiles[3]
    g, rise, widen = tiles[4], tiles[5], tiles[6]
    counts = np.arange(BLOCK).astype(np.float32)
    sums = np.empty(((gradient.shape[1] + hop - 1) // hop, 5), np.float64)
    for b in range(gradient.shape[0]):
        by[b, :], sums[:] = 0.0, 0.0
        k, first, cycles, end = 0, 0, start[b], 0
        while end < gradient.shape[1]:
            k, first, cycles, n, n_pieces = _advance(
                k,
                first,
                cycles,
                points[b],
                hop,
                rate,
                gradient.shape[1],
                pieces,
                counts,
                phase,
                width,
            )
            g[:n] = gradient[b, end : end + n]
            g[n:] = F(0)
            _inverted(width, inverse)
            if shape[b] == SINE:
                own = _sine_slopes(phase, width, inverse, g, rise, widen)
            elif shape[b] == SQUARE:
                own = _square_slopes(phase, width, inverse, g, rise, widen)
            elif shape[b] == SAW:
                own = _saw_slopes(phase, width, inverse, g, rise, widen)
            else:
                own = _triangle_slopes(phase, width, inverse, g, rise, widen)
            at = 0
            for piece in range(n_pieces):
                m = pieces[piece, 2]
                into, since = sums[pieces[piece, 0]], pieces[piece, 1] + 0.0
                _glide_sums(shape[b] != SINE, at, since, m, counts, rise, widen, into)
                at += m
            known = np.float64(own)
            add_products(shape[b], n_shapes, phase, inverse, g, amp[b], known, values, by[b, 1:])
            end += n
        by[b, 0] = amp[b] * _by_points(sums, hop, amp[b] / rate, by_points[b])


@compiled
def amplify(audio, points, hop, out):
    """Sounds times the lines between points.

    Args:
        audio: (batch, n_samples) float32, or (1, n_samples): the same for all.
        points: (batch, n_points) float32.
        hop: samples from a point to the next.
        out: (batch, n_samples) float32, written.
    """
    counts = np.arange(hop).astype(np.float32)
    for b in range(out.shape[0]):
        sound = audio[b if audio.shape[0] > 1 else 0]
        for k in range((out.shape[1] + hop - 1) // hop):
            a, slope = points[b, k], (points[b, k + 1] - points[b, k]) / F(hop)
            into, own = out[b, k * hop : (k + 1) * hop], sound[k * hop : (k + 1) * hop]
            for i in range(len(into)):
                into[i] = own[i] * (a + slope * counts[i])


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
    counts = np.arange(hop).astype(np.float32)
    for b in range(gradient.shape[0]):
        sound = audio[b if audio.shape[0] > 1 else 0]
        by_points[b, :] = F(0)
        for k in range((gradient.shape[1] + hop - 1) // hop):
            a, slope = points[b, k], (points[b, k + 1] - points[b, k]) / F(hop)
            g, own = gradient[b, k * hop : (k + 1) * hop], sound[k * hop : (k + 1) * hop]
            flat, tilt = F(0), F(0)
            for i in range(len(g)):
                flat += g[i] * own[i]
                tilt += g[i] * own[i] * counts[i]
            by_points[b, k] += flat - tilt / F(hop)
            by_points[b, k + 1] += tilt / F(hop)
            if by_audio.shape[0] > 0:
                back = by_audio[b, k * hop : (k + 1) * hop]
                for i in range(len(back)):
                    back[i] = g[i] * (a + slope * counts[i])


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
