"""What kernels of tones share: spans of a row's samples, waveforms and sums over them.

Loops go over whole spans, with silence after the row's end, and over one piece of memory: their
length, and that they do not write what they read, is known when compiling, which halves their time.
"""

from __future__ import annotations

import numpy as np

from synthgym.kernels.compiling import inlined
from synthgym.kernels.waves import SAW, SINE, SQUARE, F, saw, sine, square, triangle

# Loops take several blocks at a time, as their beginnings and ends cost as much as many samples.
BLOCK, PARTS = 128, 4
SPAN = BLOCK * PARTS
MIN_WIDTH, MAX_WIDTH = F(1e-6), F(0.25)


@inlined
def take(row, first, tile):
    """A span's samples, and silence after the row's end."""
    if first + SPAN <= len(row):
        piece = row[first : first + SPAN]
        for i in range(SPAN):
            tile[i] = piece[i]
    else:
        n = len(row) - first
        for i in range(n):
            tile[i] = row[first + i]
        tile[n:] = F(0)


@inlined
def give(tile, scale, row, first):
    """Write a span's samples, scaled, up to the row's end."""
    if first + SPAN <= len(row):
        piece = row[first : first + SPAN]
        for i in range(SPAN):
            piece[i] = scale * tile[i]
    else:
        for i in range(len(row) - first):
            row[first + i] = scale * tile[i]


@inlined
def write_wave(shape, phase, inverse, values):
    """Write a span of a waveform; the branch is outside of the loops, which stay vectors."""
    if shape == SINE:
        for i in range(SPAN):
            values[i] = sine(phase[i])
    elif shape == SQUARE:
        for i in range(SPAN):
            values[i] = square(phase[i], inverse[i])
    elif shape == SAW:
        for i in range(SPAN):
            values[i] = saw(phase[i], inverse[i])
    else:
        for i in range(SPAN):
            values[i] = triangle(phase[i], inverse[i])


@inlined
def fraction(cycles):
    """What a float64 phase is beyond whole cycles, in float32."""
    return F(cycles - np.floor(cycles))


@inlined
def add_products(shape, n_shapes, phase, inverse, g, amp, own, values, by):
    """Add inner products of a span's gradient with waveforms.

    To the first of `by` the row's own, which is known; to those after it, of each of `n_shapes`.
    """
    by[0] += own
    for k in range(n_shapes):
        if k == shape:
            by[1 + k] += amp * own
            continue
        write_wave(k, phase, inverse, values)
        total = F(0)
        for i in range(SPAN):
            total += g[i] * values[i]
        by[1 + k] += amp * np.float64(total)


@inlined
def add_up(m, ends, tops, summed):
    """Write running sums of a span, of fours first, of fours of these, then of the rest.

    So most additions wait for no other. Returns the last sum.
    """
    for k in range(SPAN // 4):
        a = m[4 * k]
        b = a + m[4 * k + 1]
        c = b + m[4 * k + 2]
        d = c + m[4 * k + 3]
        summed[4 * k], summed[4 * k + 1], summed[4 * k + 2], summed[4 * k + 3] = a, b, c, d
        ends[k] = d
    for k in range(SPAN // 16):
        a = ends[4 * k]
        b = a + ends[4 * k + 1]
        c = b + ends[4 * k + 2]
        tops[k] = c + ends[4 * k + 3]
        ends[4 * k], ends[4 * k + 1], ends[4 * k + 2], ends[4 * k + 3] = F(0), a, b, c
    running = F(0)
    for k in range(SPAN // 16):
        top = tops[k]
        for i in range(4):
            ends[4 * k + i] += running
        running += top
    for k in range(SPAN // 4):
        end = ends[k]
        summed[4 * k] += end
        summed[4 * k + 1] += end
        summed[4 * k + 2] += end
        summed[4 * k + 3] += end
    return running
