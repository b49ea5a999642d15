"""Waveforms, sample by sample, in float32: values and derivatives. Inlined into the loops.

A phase is in cycles; `width` is the momentary frequency in cycles per sample and `inverse` is
1 / width. The formulas are those of `synthgym.synth.dsp.oscillators`, which is the reference.
"""

from __future__ import annotations

import math

import numpy as np

from synthgym.kernels.compiling import inlined

SINE, SQUARE, SAW, TRIANGLE = range(4)
SHAPES = {"sine": SINE, "square": SQUARE, "saw": SAW, "triangle": TRIANGLE}

F = np.float32
HALF, QUARTER, ONE, TWO, FOUR, ZERO = F(0.5), F(0.25), F(1), F(2), F(4), F(0)
# sin(2 pi q) = q P(q^2) on [0, 1/4]: least maximum error, 3e-9, under float32's own rounding.
S0, S1, S2, S3, S4 = F(6.2831850), F(-41.341656), F(81.601006), F(-76.549782), F(39.536705)
TWO_PI = F(2 * math.pi)
# Of the steps of saw and square, see `synthgym.synth.dsp.steps`.
STRETCH, UNSTRETCH = F(1.05), F(1 / 1.05)


@inlined
def wrap(phase):
    """The phase in [-0.5, 0.5)."""
    return phase - np.floor(phase + HALF)


@inlined
def quarter_sine(cycles):
    """sin(2 pi cycles) for cycles in [-1/4, 1/4]."""
    z = cycles * cycles
    return cycles * (S0 + z * (S1 + z * (S2 + z * (S3 + z * S4))))


@inlined
def sine(phase):
    """sin(2 pi phase)."""
    wrapped = wrap(phase)
    distance = abs(wrapped)
    return math.copysign(quarter_sine(min(distance, HALF - distance)), wrapped)


@inlined
def sine_and_cosine(phase):
    """Sin and cos of 2 pi phase, of one wrapped phase."""
    wrapped = wrap(phase)
    rest = QUARTER - abs(wrapped)
    return math.copysign(quarter_sine(QUARTER - abs(rest)), wrapped), quarter_sine(rest)


@inlined
def tail(distance):
    """24 times what a smoothed unit step lacks `distance` samples after its middle."""
    outer = max(TWO - distance, ZERO)
    inner = max(outer - ONE, ZERO)
    outer *= outer
    inner *= inner
    return outer * outer - FOUR * inner * inner


@inlined
def slope(distance):
    """-6 times the derivative of the smoothed step's tail."""
    outer = max(TWO - distance, ZERO)
    inner = max(outer - ONE, ZERO)
    return outer * outer * outer - FOUR * inner * inner * inner


@inlined
def corner(distance):
    """120 times the integral of the tail, by which a smoothed corner lies off its tip."""
    outer = max(TWO - distance, ZERO)
    inner = max(outer - ONE, ZERO)
    outer_2, inner_2 = outer * outer, inner * inner
    return outer_2 * outer_2 * outer - FOUR * inner_2 * inner_2 * inner


@inlined
def saw(phase, inverse):
    """Saw from -1 to 1, 0 at phase 0."""
    inverse *= UNSTRETCH
    wrapped = phase - np.floor(phase) - HALF
    jump = HALF - tail(abs(wrapped) * inverse) * F(1 / 24)
    return TWO * (wrapped - math.copysign(jump, wrapped))


@inlined
def saw_slopes(phase, inverse):
    """Derivatives of the saw by phase and by width."""
    inverse *= UNSTRETCH
    wrapped = phase - np.floor(phase) - HALF
    steep = slope(abs(wrapped) * inverse) * inverse * F(1 / 3)
    return TWO - steep, wrapped * steep * inverse * STRETCH


@inlined
def square(phase, inverse):
    """Square, 1 in the first half of the cycle."""
    inverse *= UNSTRETCH
    wrapped = wrap(phase)
    distance = abs(wrapped)
    tails = tail(distance * inverse) + tail((HALF - distance) * inverse)
    return math.copysign(ONE - tails * F(1 / 12), wrapped)


@inlined
def square_slopes(phase, inverse):
    """Derivatives of the square by phase and by width."""
    inverse *= UNSTRETCH
    wrapped = wrap(phase)
    distance = abs(wrapped)
    rise = slope(distance * inverse)
    fall = slope((HALF - distance) * inverse)
    scale = inverse * F(1 / 3)
    spread = (distance * rise + (HALF - distance) * fall) * scale * inverse * STRETCH
    return (rise - fall) * scale, -math.copysign(spread, wrapped)


@inlined
def triangle(phase, inverse):
    """Triangle, 0 and rising at phase 0, as the sine is."""
    distance = abs(wrap(phase - QUARTER))
    corners = corner((HALF - distance) * inverse) - corner(distance * inverse)
    return ONE - FOUR * distance + corners / (F(15) * inverse)


@inlined
def triangle_slopes(phase, inverse):
    """Derivatives of the triangle by phase and by width."""
    wrapped = wrap(phase - QUARTER)
    distance = abs(wrapped)
    top, bottom = distance * inverse, (HALF - distance) * inverse
    by_distance = F(1 / 3) * (tail(top) + tail(bottom)) - FOUR
    by_width = F(1 / 15) * (corner(bottom) - corner(top)) + F(1 / 3) * (
        bottom * tail(bottom) - top * tail(top)
    )
    return math.copysign(ONE, wrapped) * by_distance, by_width


@inlined
def _sine_both(phase, inverse):
    value, slope = sine_and_cosine(phase)
    return value, TWO_PI * slope, ZERO


@inlined
def _square_both(phase, inverse):
    by_phase, by_width = square_slopes(phase, inverse)
    return square(phase, inverse), by_phase, by_width


@inlined
def _saw_both(phase, inverse):
    by_phase, by_width = saw_slopes(phase, inverse)
    return saw(phase, inverse), by_phase, by_width


@inlined
def _triangle_both(phase, inverse):
    by_phase, by_width = triangle_slopes(phase, inverse)
    return triangle(phase, inverse), by_phase, by_width


# In the order of their numbers: value, and derivatives by phase and by width.
BOTH = (_sine_both, _square_both, _saw_both, _triangle_both)
