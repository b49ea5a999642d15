"""State-variable filter in float32: 16 stretches of a block side by side, joined exactly.

A recursion alone leaves most of the processor idle, as each sample waits for the one before. A
block is therefore cut into stretches, one for each lane of a vector. The first pass finds, for each
stretch, where it leads from silence and where it takes the two unit states; a step is affine, so
this gives the state that each stretch begins with. The second pass, or in the gradient the same in
reverse, does the work. Each row is computed alone, so its result depends on no other row.

With w = pi cutoff / rate, s = sin w, c = cos w, k = 1 / q and D = 1 + k s c, a step of the filter
(Zavalishin, "The Art of VA Filter Design", 2018, chapter 4, multiplied out by cos^2 w so that the
Nyquist frequency is no exception) from the state (s1, s2) is

    M = (c s1 + s (x - s2)) / D,   band = c M,   low = s2 + s M,
    s1' = 2 band - s1 = s1 - T s1 + Q (x - s2),
    s2' = 2 low - s2  = s2 + Q s1 + R (x - s2)

with Q = 2 s c / D, R = 2 s^2 / D, T = R + k Q. Steps are added to the state, as they are small
where the cutoff is low. The output is `mix[0] x + mix[1] k band + mix[2] low`.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from synthgym.kernels.compiling import inlined
from synthgym.kernels.waves import F, quarter_sine

# Without leave to reorder sums: the order is what keeps a small step on a large state exact.
in_order = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nsz"})

LANES, STEPS = 16, 32
BLOCK = LANES * STEPS
ZERO, HALF, ONE, TWO, QUARTER = F(0), F(0.5), F(1), F(2), F(0.25)


@inlined
def _stretch(row, first, fill, tile):
    """Lane after lane, the samples of a block from `first` on; after the row's end, `fill`."""
    for lane in range(LANES):
        start = first + lane * STEPS
        n = max(min(STEPS, len(row) - start), 0)
        piece = row[start : start + n]
        for i in range(n):
            tile[i, lane] = piece[i]
        for i in range(n, STEPS):
            tile[i, lane] = fill


@inlined
def _controls(cutoff, q, first, f, d):
    """A block of a row's cutoff and q, where they move."""
    if len(cutoff) > 1:
        _stretch(cutoff, first, ZERO, f)
    if len(q) > 1:
        _stretch(q, first, ONE, d)


@inlined
def _unstretch(tile, row, first):
    """Write a block's samples back in order."""
    for lane in range(LANES):
        start = first + lane * STEPS
        n = max(min(STEPS, len(row) - start), 0)
        piece = row[start : start + n]
        for i in range(n):
            piece[i] = tile[i, lane]


@inlined
def _angles(cutoff, q, half, sine, cosine, damping, inverse):
    """Elementwise: sin and cos of w, k and 1 / D, of the cutoff in Hz and q."""
    for i in range(STEPS):
        for j in range(LANES):
            turn = min(max(cutoff[i, j] * half, ZERO), QUARTER)
            s, c, k = quarter_sine(turn), quarter_sine(QUARTER - turn), ONE / q[i, j]
            sine[i, j], cosine[i, j], damping[i, j] = s, c, k
            inverse[i, j] = ONE / (ONE + k * s * c)


@inlined
def _steps(sine, cosine, damping, inverse, T, Q, R):
    """Elementwise: the coefficients of a step."""
    for i in range(STEPS):
        for j in range(LANES):
            twice = TWO * sine[i, j] * inverse[i, j]
            Q[i, j] = twice * cosine[i, j]
            R[i, j] = twice * sine[i, j]
            T[i, j] = R[i, j] + damping[i, j] * Q[i, j]


@inlined
def _join(carry, s1, s2, a1, a2, b1, b2, lane):
    """The state that a lane begins with, in place of where it leads; carry moves on to its end."""
    t1, t2 = carry[0], carry[1]
    carry[0] = s1[lane] + a1[lane] * t1 + b1[lane] * t2
    carry[1] = s2[lane] + a2[lane] * t1 + b2[lane] * t2
    s1[lane], s2[lane] = t1, t2


@in_order
def svf(mix, audio, cutoff, q, rate, starts, out):
    """Filter rows.

    Args:
        mix: what the output is made of, (batch, 3) float32: see above.
        audio: (batch, n_samples) float32.
        cutoff: in Hz, (batch, n_samples) or (batch, 1) float32; held within 0 and rate / 2.
        q: as `cutoff`, above 0.
        rate: sample rate in Hz, float64.
        starts: (batch, n_blocks, 2, LANES) float32, written: the state at each stretch's start.
        out: (batch, n_samples) float32, written.
    """
    half = F(0.5 / rate)
    # One piece of memory: how its parts lie is known when compiling, and loops become vectors.
    tiles, lanes = np.empty((11, STEPS, LANES), np.float32), np.empty((6, LANES), np.float32)
    x, f, d, y, sine, cosine = tiles[0], tiles[1], tiles[2], tiles[3], tiles[4], tiles[5]
    damping, inverse, T, Q, R = tiles[6], tiles[7], tiles[8], tiles[9], tiles[10]
    s1, s2, a1, a2, b1, b2 = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5]
    carry = np.empty(2, np.float32)
    for row in range(audio.shape[0]):
        m0, m1, m2 = mix[row, 0], HALF * mix[row, 1], HALF * mix[row, 2]
        carry[:] = ZERO
        f[:], d[:] = cutoff[row, 0], q[row, 0]
        moving = cutoff.shape[1] > 1 or q.shape[1] > 1
        for block in range(starts.shape[1]):
            first = block * BLOCK
            _stretch(audio[row], first, ZERO, x)
            _controls(cutoff[row], q[row], first, f, d)
            if moving or block == 0:
                _angles(f, d, half, sine, cosine, damping, inverse)
                _steps(sine, cosine, damping, inverse, T, Q, R)
                a1[:], a2[:], b1[:], b2[:] = ONE, ZERO, ZERO, ONE
                for i in range(STEPS):
                    for j in range(LANES):
                        t, p, r = T[i, j], Q[i, j], R[i, j]
                        u, v = a1[j], a2[j]
                        a1[j], a2[j] = u - (t * u + p * v), v + (p * u - r * v)
                        u, v = b1[j], b2[j]
                        b1[j], b2[j] = u - (t * u + p * v), v + (p * u - r * v)
            s1[:], s2[:] = ZERO, ZERO
            for i in range(STEPS):
                for j in range(LANES):
                    u, v = s1[j], x[i, j] - s2[j]
                    s1[j] = u + (Q[i, j] * v - T[i, j] * u)
                    s2[j] += Q[i, j] * u + R[i, j] * v
            for lane in range(LANES):
                _join(carry, s1, s2, a1, a2, b1, b2, lane)
            starts[row, block, 0], starts[row, block, 1] = s1, s2
            for i in range(STEPS):
                for j in range(LANES):
                    u, w = s1[j], s2[j]
                    v = x[i, j] - w
                    m, n = u + (Q[i, j] * v - T[i, j] * u), w + (Q[i, j] * u + R[i, j] * v)
                    s1[j], s2[j] = m, n
                    y[i, j] = m0 * x[i, j] + (m1 * damping[i, j] * (u + m) + m2 * (w + n))
            _unstretch(y, out[row], first)


@inlined
def _unit_states_back(T, Q, R, a1, a2, b1, b2):
    """Where a stretch, walked in reverse, takes the two unit states."""
    a1[:], a2[:], b1[:], b2[:] = ONE, ZERO, ZERO, ONE
    for i in range(STEPS - 1, -1, -1):
        for j in range(LANES):
            t, p, r = T[i, j], Q[i, j], R[i, j]
            u, v = a1[j], a2[j]
            a1[j], a2[j] = u + (p * v - t * u), v - (p * u + r * v)
            u, v = b1[j], b2[j]
            b1[j], b2[j] = u + (p * v - t * u), v - (p * u + r * v)


@inlined
def _states(x, T, Q, R, s1, s2, band, low):
    """Write the states at each sample of a block, from those that its stretches begin with."""
    for i in range(STEPS):
        for j in range(LANES):
            u, w = s1[j], s2[j]
            v = x[i, j] - w
            band[i, j], low[i, j] = u, w
            s1[j], s2[j] = u + (Q[i, j] * v - T[i, j] * u), w + (Q[i, j] * u + R[i, j] * v)


@inlined
def _by_states(m1, m2, g, damping, T, Q, R, back_1, back_2):
    """Write what the output's gradient adds to that of the states, at each sample."""
    for i in range(STEPS):
        for j in range(LANES):
            by_band, by_low = HALF * m1 * damping[i, j] * g[i, j], HALF * m2 * g[i, j]
            p = Q[i, j]
            back_1[i, j] = by_band * (TWO - T[i, j]) + by_low * p
            back_2[i, j] = by_low * (TWO - R[i, j]) - by_band * p


@inlined
def _walk_back(T, Q, R, s1, s2, back_1, back_2):
    """The transposed recursion through a block in reverse, from what is behind its stretches."""
    for i in range(STEPS - 1, -1, -1):
        for j in range(LANES):
            u, v = s1[j], s2[j]
            s1[j] = u + (Q[i, j] * v - T[i, j] * u + back_1[i, j])
            s2[j] = v + (back_2[i, j] - Q[i, j] * u - R[i, j] * v)


@inlined
def _walk_back_and_keep(T, Q, R, s1, s2, back_1, back_2):
    """As `_walk_back`; writes the gradient of the states behind each sample over what it read."""
    for i in range(STEPS - 1, -1, -1):
        for j in range(LANES):
            u, v = s1[j], s2[j]
            s1[j] = u + (Q[i, j] * v - T[i, j] * u + back_1[i, j])
            s2[j] = v + (back_2[i, j] - Q[i, j] * u - R[i, j] * v)
            back_1[i, j], back_2[i, j] = u, v


@inlined
def _by_inputs(m0, m1, m2, half, turn_hz, tiles, sums):
    """Write gradients by audio over `g`, by cutoff over `back_1`, by q over `back_2`; add to sums.

    Args:
        m0: of the row's mix, like the next two.
        m1: see there.
        m2: see there.
        half: half a sample's time in s.
        turn_hz: derivative of w by the cutoff.
        tiles: those of `svf_gradient`.
        sums: (5, LANES) float32, added to: by mix, cutoff and q.
    """
    x, f, g, sine, cosine = tiles[0], tiles[1], tiles[3], tiles[4], tiles[5]
    damping, inverse, band, low = tiles[6], tiles[7], tiles[11], tiles[12]
    back_1, back_2 = tiles[13], tiles[14]
    for i in range(STEPS):
        for j in range(LANES):
            s, c, k, scale = sine[i, j], cosine[i, j], damping[i, j], inverse[i, j]
            u, v, go = band[i, j], x[i, j] - low[i, j], g[i, j]
            m = (c * u + s * v) * scale
            by_band = m1 * k * go + TWO * back_1[i, j]
            by_low = m2 * go + TWO * back_2[i, j]
            by_m = (c * by_band + s * by_low) * scale
            turned = c * v - s * u - m * k * (c * c - s * s)
            by_turn = m * (c * by_low - s * by_band) + by_m * turned
            by_damping = m1 * go * c * m - by_m * m * s * c
            turn = f[i, j] * half
            inside = turn == min(max(turn, ZERO), QUARTER)
            sums[0, j] += go * x[i, j]
            sums[1, j] += go * k * c * m
            sums[2, j] += go * (low[i, j] + s * m)
            g[i, j] = m0 * go + s * by_m
            by_f = turn_hz * by_turn if inside else ZERO
            by_d = -by_damping * k * k
            back_1[i, j], back_2[i, j] = by_f, by_d
            sums[3, j] += by_f
            sums[4, j] += by_d


@inlined
def _collect(sums, totals):
    """Add the lanes of sums to totals."""
    for n in range(sums.shape[0]):
        for j in range(LANES):
            totals[n] += sums[n, j]


@in_order
def svf_gradient(mix, audio, cutoff, q, rate, starts, gradient, by_audio, by_cutoff, by_q, by_mix):
    """Gradients of `svf`: the states once more, then the recursion's transpose in reverse.

    Args:
        mix: as in `svf`, like the next five.
        audio: see there.
        cutoff: see there.
        q: see there.
        rate: see there.
        starts: as written by `svf`.
        gradient: of the output, (batch, n_samples) float32.
        by_audio: (batch, n_samples) float32, written.
        by_cutoff: of the shape of `cutoff`, written.
        by_q: of the shape of `q`, written.
        by_mix: (batch, 3) float32, written.
    """
    half, turn_hz = F(0.5 / rate), F(math.pi / rate)
    tiles, lanes = np.empty((15, STEPS, LANES), np.float32), np.empty((6, LANES), np.float32)
    x, f, d, g, sine, cosine = tiles[0], tiles[1], tiles[2], tiles[3], tiles[4], tiles[5]
    damping, inverse, T, Q, R = tiles[6], tiles[7], tiles[8], tiles[9], tiles[10]
    band, low, back_1, back_2 = tiles[11], tiles[12], tiles[13], tiles[14]
    s1, s2, a1, a2, b1, b2 = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5]
    sums, totals = np.empty((5, LANES), np.float32), np.empty(5, np.float64)
    carry = np.empty(2, np.float32)
    for row in range(audio.shape[0]):
        m0, m1, m2 = mix[row, 0], mix[row, 1], mix[row, 2]
        carry[:], totals[:] = ZERO, 0.0
        f[:], d[:] = cutoff[row, 0], q[row, 0]
        moving = cutoff.shape[1] > 1 or q.shape[1] > 1
        for block in range(starts.shape[1] - 1, -1, -1):
            first = block * BLOCK
            _stretch(audio[row], first, ZERO, x)
            _stretch(gradient[row], first, ZERO, g)
            _controls(cutoff[row], q[row], first, f, d)
            if moving or block == starts.shape[1] - 1:
                _angles(f, d, half, sine, cosine, damping, inverse)
                _steps(sine, cosine, damping, inverse, T, Q, R)
                _unit_states_back(T, Q, R, a1, a2, b1, b2)
            s1[:], s2[:] = starts[row, block, 0], starts[row, block, 1]
            _states(x, T, Q, R, s1, s2, band, low)
            _by_states(m1, m2, g, damping, T, Q, R, back_1, back_2)
            s1[:], s2[:] = ZERO, ZERO
            _walk_back(T, Q, R, s1, s2, back_1, back_2)
            for lane in range(LANES - 1, -1, -1):
                _join(carry, s1, s2, a1, a2, b1, b2, lane)
            _walk_back_and_keep(T, Q, R, s1, s2, back_1, back_2)
            sums[:] = ZERO
            _by_inputs(m0, m1, m2, half, turn_hz, tiles, sums)
            _collect(sums, totals)
            _unstretch(g, by_audio[row], first)
            if cutoff.shape[1] > 1:
                _unstretch(back_1, by_cutoff[row], first)
            if q.shape[1] > 1:
                _unstretch(back_2, by_q[row], first)
        by_mix[row, :] = totals[:3]
        if cutoff.shape[1] == 1:
            by_cutoff[row, 0] = totals[3]
        if q.shape[1] == 1:
            by_q[row, 0] = totals[4]


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    plane, real, starts = numba.float32[:, ::1], numba.float64, numba.float32[:, :, :, ::1]
    return {
        "svf": (plane, plane, plane, plane, real, starts, plane),
        "svf_gradient": (*[plane] * 4, real, starts, *[plane] * 5),
    }
