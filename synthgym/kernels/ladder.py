"""Moog ladder in float32: rows side by side, as a saturated loop has to be walked sample by sample.

Rows fill the lanes of vectors, missing ones are idle; a lane's arithmetic is the same whatever
the others hold. With w = pi cutoff / rate and G = sin w / (sin w + cos w), a step of the filter
from the states (s1, s2, s3, s4) is

    S = (1 - G) (s4 + G (s3 + G (s2 + G s1)))         what the states alone give at the output
    e = (x - k S) / (1 + k G^4)                       the loop's input, resolved without delay
    u = tanh(d e) / d                                 saturated
    y1 = s1 + G (u - s1), y2 = s2 + G (y1 - s2), y3, y4 likewise
    s1' = 2 y1 - s1, and so on; the output is y4.

`synthgym.synth.dsp.ladder` has the sources.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from synthgym.kernels.compiling import inlined
from synthgym.kernels.svf import ONE, QUARTER, TWO, ZERO, in_order
from synthgym.kernels.waves import F, quarter_sine

LANES, STEPS = 16, 64
THREE, FOUR = F(3), F(4)
# tanh(a) = a P(a^2) / Q(a^2) on [-8, 8]: least maximum relative error, 6e-9, under float32's own
# rounding. tanh(8) is 1 within 3e-7.
TANH_END = F(8)
P0, P1, P2, P3, P4 = (
    F(0.99999999357),
    F(0.13444515152),
    F(3.5716183132e-3),
    F(2.1894991644e-5),
    F(1.5230866425e-8),
)
Q1, Q2, Q3, Q4 = F(0.46777842480), F(0.026164520397), F(3.4113250172e-4), F(8.5226320229e-7)
# (a / cosh^2 a - tanh a) / a^3, to 1e-6 where a^2 is below SMALL.
SMALL, D0, D1, D2, D3 = F(0.05), F(-2 / 3), F(8 / 15), F(-34 / 105), F(496 / 2835)


@inlined
def tanh(a):
    """The hyperbolic tangent."""
    b = min(max(a, -TANH_END), TANH_END)
    z = b * b
    z2 = z * z
    over = (P0 + z * P1) + z2 * ((P2 + z * P3) + z2 * P4)
    under = (ONE + z * Q1) + z2 * ((Q2 + z * Q3) + z2 * Q4)
    return b * over / under


@inlined
def by_drive_of(d, e, u):
    """Derivative of u = tanh(d e) / d by d; a series where the difference would cancel."""
    a = d * e
    z = a * a
    series = e * e * a * (D0 + z * (D1 + z * (D2 + z * D3)))
    hot = d * u
    return series if z < SMALL else (e * (ONE - hot * hot) - u) / d


@inlined
def _lanes(rows, first_row, first, fill, tile):
    """A block of samples of some rows, a row in each lane; `fill` where there are none."""
    for lane in range(LANES):
        n = 0
        if first_row + lane < rows.shape[0]:
            piece = rows[first_row + lane, first : first + STEPS]
            n = len(piece)
            for i in range(n):
                tile[i, lane] = piece[i]
        for i in range(n, STEPS):
            tile[i, lane] = fill


@inlined
def _constant(rows, first_row, fill, tile):
    """As `_lanes`, of rows of one value that lasts."""
    for lane in range(LANES):
        tile[:, lane] = rows[first_row + lane, 0] if first_row + lane < rows.shape[0] else fill


@inlined
def _controls(cutoff, resonance, first_row, first, f, k):
    """A block of cutoffs and resonances, where they move."""
    if cutoff.shape[1] > 1:
        _lanes(cutoff, first_row, first, ZERO, f)
    if resonance.shape[1] > 1:
        _lanes(resonance, first_row, first, ZERO, k)


@inlined
def _unlane(tile, rows, first_row, first):
    """Write a block's samples back to their rows."""
    for lane in range(min(LANES, rows.shape[0] - first_row)):
        piece = rows[first_row + lane, first : first + STEPS]
        for i in range(len(piece)):
            piece[i] = tile[i, lane]


@inlined
def _gains(f, k, half, G, inverse):
    """Elementwise: G and 1 / (1 + k G^4)."""
    for i in range(STEPS):
        for j in range(LANES):
            turn = min(max(f[i, j] * half, ZERO), QUARTER)
            s = quarter_sine(turn)
            gain = s / (s + quarter_sine(QUARTER - turn))
            G[i, j] = gain
            inverse[i, j] = ONE / (ONE + k[i, j] * (gain * gain) * (gain * gain))


@in_order
def ladder(audio, cutoff, resonance, drive, rate, starts, inputs, out):
    """Filter rows.

    Args:
        audio: (batch, n_samples) float32.
        cutoff: in Hz, (batch, n_samples) or (batch, 1) float32; held within 0 and rate / 2.
        resonance: k, as `cutoff`, 0 or more.
        drive: d, (batch,) float32, above 0.
        rate: sample rate in Hz, float64.
        starts: (batch, n_blocks, 4) float32, written: the states at each block's start.
        inputs: (batch, n_samples) float32, written: u.
        out: (batch, n_samples) float32, written.
    """
    half = F(0.5 / rate)
    # One piece of memory: how its parts lie is known when compiling, and loops become vectors.
    tiles, lanes = np.zeros((6, STEPS, LANES), np.float32), np.ones((6, LANES), np.float32)
    x, f, k, G, inverse, us = tiles[0], tiles[1], tiles[2], tiles[3], tiles[4], tiles[5]
    d, scale, s1, s2, s3, s4 = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5]
    moving = cutoff.shape[1] > 1 or resonance.shape[1] > 1
    for row in range(0, audio.shape[0], LANES):
        n_rows = min(LANES, audio.shape[0] - row)
        s1[:], s2[:], s3[:], s4[:] = ZERO, ZERO, ZERO, ZERO
        for j in range(n_rows):
            d[j], scale[j] = drive[row + j], ONE / drive[row + j]
        _constant(cutoff, row, ZERO, f)
        _constant(resonance, row, ZERO, k)
        for block in range(starts.shape[1]):
            first = block * STEPS
            for j in range(n_rows):
                starts[row + j, block, 0], starts[row + j, block, 1] = s1[j], s2[j]
                starts[row + j, block, 2], starts[row + j, block, 3] = s3[j], s4[j]
            _lanes(audio, row, first, ZERO, x)
            _controls(cutoff, resonance, row, first, f, k)
            if moving or block == 0:
                _gains(f, k, half, G, inverse)
            for i in range(STEPS):
                for j in range(LANES):
                    gain, t1, t2, t3, t4 = G[i, j], s1[j], s2[j], s3[j], s4[j]
                    square = gain * gain
                    still = (ONE - gain) * ((t4 + gain * t3) + square * (t2 + gain * t1))
                    e = (x[i, j] - k[i, j] * still) * inverse[i, j]
                    u = tanh(d[j] * e) * scale[j]
                    step = gain * (u - t1)
                    y = t1 + step
                    s1[j] = y + step
                    step = gain * (y - t2)
                    y = t2 + step
                    s2[j] = y + step
                    step = gain * (y - t3)
                    y = t3 + step
                    s3[j] = y + step
                    step = gain * (y - t4)
                    y = t4 + step
                    s4[j] = y + step
                    us[i, j] = u
                    x[i, j] = y
            _unlane(us, inputs, row, first)
            _unlane(x, out, row, first)


@inlined
def _begin(starts, row, n_rows, block, states):
    """The states at a block's start, in the first row of each."""
    for n in range(4):
        for j in range(n_rows):
            states[n, 0, j] = starts[row + j, block, n]


@inlined
def _states(d, G, inverse, us, S1, S2, S3, S4, soft):
    """Write the states at each sample of a block, from those in the first row.

    And the share of the saturation's gradient that reaches the audio.
    """
    for i in range(STEPS - 1):
        for j in range(LANES):
            gain = G[i, j]
            step = gain * (us[i, j] - S1[i, j])
            y = S1[i, j] + step
            S1[i + 1, j] = y + step
            step = gain * (y - S2[i, j])
            y = S2[i, j] + step
            S2[i + 1, j] = y + step
            step = gain * (y - S3[i, j])
            y = S3[i, j] + step
            S3[i + 1, j] = y + step
            S4[i + 1, j] = S4[i, j] + TWO * gain * (y - S4[i, j])
    for i in range(STEPS):
        for j in range(LANES):
            hot = d[j] * us[i, j]
            soft[i, j] = G[i, j] * (ONE - hot * hot) * inverse[i, j]


@inlined
def _walk_back(g, k, G, soft, s1, s2, s3, s4, B1, B2, B3, B4):
    """The transposed recursion in reverse; writes the gradients of the four stages' outputs."""
    for i in range(STEPS - 1, -1, -1):
        for j in range(LANES):
            gain = G[i, j]
            rest = ONE - gain
            t4 = g[i, j] + TWO * s4[j]
            t3 = TWO * s3[j] + gain * t4
            t2 = TWO * s2[j] + gain * t3
            t1 = TWO * s1[j] + gain * t2
            share = -k[i, j] * soft[i, j] * t1 * rest
            s4[j] = (rest * t4 - s4[j]) + share
            s3[j] = (rest * t3 - s3[j]) + share * gain
            share *= gain * gain
            s2[j] = (rest * t2 - s2[j]) + share
            s1[j] = (rest * t1 - s1[j]) + share * gain
            B1[i, j], B2[i, j], B3[i, j], B4[i, j] = t1, t2, t3, t4


@inlined
def _by_inputs(half, turn_hz, d, tiles):
    """Write gradients by audio over `g`, by cutoff, resonance and drive over the last three tiles.

    Args:
        half: half a sample's time in s.
        turn_hz: derivative of w by the cutoff.
        d: drives of the lanes.
        tiles: those of `ladder_gradient`.
    """
    x, f, k, G, inverse, us = tiles[0], tiles[1], tiles[2], tiles[3], tiles[4], tiles[5]
    g, S1, S2, S3, S4 = tiles[6], tiles[7], tiles[8], tiles[9], tiles[10]
    soft, B1, B2, B3, B4 = tiles[11], tiles[12], tiles[13], tiles[14], tiles[15]
    for i in range(STEPS):
        for j in range(LANES):
            gain, t1, t2, t3, t4 = G[i, j], S1[i, j], S2[i, j], S3[i, j], S4[i, j]
            u, b1 = us[i, j], B1[i, j]
            rest, square = ONE - gain, gain * gain
            y1 = t1 + gain * (u - t1)
            y2 = t2 + gain * (y1 - t2)
            y3 = t3 + gain * (y2 - t3)
            # With the loop open.
            by_gain = b1 * (u - t1) + B2[i, j] * (y1 - t2)
            by_gain += B3[i, j] * (y2 - t3) + B4[i, j] * (y3 - t4)
            inner = (t4 + gain * t3) + square * (t2 + gain * t1)
            e = (x[i, j] - k[i, j] * rest * inner) * inverse[i, j]
            by_x = soft[i, j] * b1
            slope = (t3 + TWO * gain * t2) + THREE * square * t1
            closing = (rest * slope - inner) + e * FOUR * gain * square
            by_gain -= k[i, j] * by_x * closing
            # dG / dw = 1 / (sin w + cos w)^2 = G^2 + (1 - G)^2.
            by_f = by_gain * (square + rest * rest) * turn_hz
            turn = f[i, j] * half
            g[i, j] = by_x
            B2[i, j] = by_f if turn == min(max(turn, ZERO), QUARTER) else ZERO
            B3[i, j] = -by_x * (rest * inner + e * square * square)
            B4[i, j] = gain * b1 * by_drive_of(d[j], e, u)


@inlined
def _through(half, turn_hz, tiles, lanes):
    """The gradients through a block, from what is behind it in `lanes`; see `ladder_gradient`."""
    k, G, inverse, us, g = tiles[2], tiles[3], tiles[4], tiles[5], tiles[6]
    S1, S2, S3, S4, soft = tiles[7], tiles[8], tiles[9], tiles[10], tiles[11]
    B1, B2, B3, B4 = tiles[12], tiles[13], tiles[14], tiles[15]
    d, s1, s2, s3, s4 = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4]
    _states(d, G, inverse, us, S1, S2, S3, S4, soft)
    _walk_back(g, k, G, soft, s1, s2, s3, s4, B1, B2, B3, B4)
    _by_inputs(half, turn_hz, d, tiles)


@inlined
def _collect(gradients, sums, totals):
    """Add a block's gradients to the totals of its lanes."""
    sums[:] = ZERO
    for n in range(3):
        for i in range(STEPS):
            for j in range(LANES):
                sums[n, j] += gradients[n, i, j]
        for j in range(LANES):
            totals[n, j] += sums[n, j]


@inlined
def _uncontrols(by_f, by_k, by_cutoff, by_resonance, first_row, first):
    """Write a block's gradients by cutoffs and resonances, where they move."""
    if by_cutoff.shape[1] > 1:
        _unlane(by_f, by_cutoff, first_row, first)
    if by_resonance.shape[1] > 1:
        _unlane(by_k, by_resonance, first_row, first)


@inlined
def _for_good(totals, row, n_rows, by):
    """Write the gradients by controls that stand still."""
    if by.shape[1] == 1:
        for j in range(n_rows):
            by[row + j, 0] = totals[j]


@in_order
def ladder_gradient(
    audio,
    cutoff,
    resonance,
    drive,
    rate,
    starts,
    inputs,
    gradient,
    by_audio,
    by_cutoff,
    by_resonance,
    by_drive,
):
    """Gradients of `ladder`: the states once more, from the saturated inputs, then in reverse.

    Args:
        audio: as in `ladder`, like the next four.
        cutoff: see there.
        resonance: see there.
        drive: see there.
        rate: see there.
        starts: as written by `ladder`.
        inputs: as written by `ladder`.
        gradient: of the output, (batch, n_samples) float32.
        by_audio: (batch, n_samples) float32, written.
        by_cutoff: of the shape of `cutoff`, written.
        by_resonance: of the shape of `resonance`, written.
        by_drive: (batch,) float32, written.
    """
    half, turn_hz = F(0.5 / rate), F(math.pi / rate)
    tiles, lanes = np.zeros((16, STEPS, LANES), np.float32), np.ones((5, LANES), np.float32)
    x, f, k, G, inverse, us = tiles[0], tiles[1], tiles[2], tiles[3], tiles[4], tiles[5]
    g, by_f, by_k, d = tiles[6], tiles[13], tiles[14], lanes[0]
    sums, totals = np.empty((3, LANES), np.float32), np.empty((3, LANES), np.float64)
    moving = cutoff.shape[1] > 1 or resonance.shape[1] > 1
    for row in range(0, audio.shape[0], LANES):
        n_rows = min(LANES, audio.shape[0] - row)
        totals[:] = 0.0
        for j in range(n_rows):
            d[j] = drive[row + j]
        _constant(cutoff, row, ZERO, f)
        _constant(resonance, row, ZERO, k)
        lanes[1:], tiles[7:11, 0] = ZERO, ZERO
        for block in range(starts.shape[1] - 1, -1, -1):
            first = block * STEPS
            for rows, tile in ((audio, x), (gradient, g), (inputs, us)):
                _lanes(rows, row, first, ZERO, tile)
            _controls(cutoff, resonance, row, first, f, k)
            if moving or block == starts.shape[1] - 1:
                _gains(f, k, half, G, inverse)
            _begin(starts, row, n_rows, block, tiles[7:11])
            _through(half, turn_hz, tiles, lanes)
            _collect(tiles[13:], sums, totals)
            _unlane(g, by_audio, row, first)
            _uncontrols(by_f, by_k, by_cutoff, by_resonance, row, first)
        by_drive[row : row + n_rows] = totals[2, :n_rows]
        _for_good(totals[0], row, n_rows, by_cutoff)
        _for_good(totals[1], row, n_rows, by_resonance)


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    line, plane, cube = numba.float32[::1], numba.float32[:, ::1], numba.float32[:, :, ::1]
    head = (plane, plane, plane, line, numba.float64, cube, plane, plane)
    return {"ladder": head, "ladder_gradient": (*head, plane, plane, plane, line)}
