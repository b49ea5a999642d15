"""Waveforms of a phase, band-limited or in closed form.

All are 1-periodic functions of a phase in cycles. Square and saw jump, which aliases, and makes
the derivative of the closed form wrong: the jumps move with frequency and phase, but the slope
beside them does not show it. The band-limited forms replace each jump by the integral of a cubic
B-spline about four samples wide (polyBLEP of third order: Välimäki, Pekonen, Nam, "Perceptually
informed synthesis of bandlimited classical waveforms using integrated polynomial interpolation",
JASA 131, 2012). They are twice continuously differentiable in phase and frequency, so that
automatic differentiation gives the derivative of the sound that is heard. The triangle has no
jumps, but corners, which become the twofold integral of the B-spline (BLAMP: Esqueda, Välimäki,
Bilbao, "Rounding corners with BLAMP", DAFx 2016).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from synthgym.errors import unknown_name
from synthgym.synth.dsp.steps import smooth_saw, smooth_square, smooth_triangle


def sine(phase: Tensor, increment: Tensor | None = None) -> Tensor:
    """Sine of a phase in cycles; any shape. `increment` is ignored."""
    return torch.sin(phase * (2 * math.pi))


def square(phase: Tensor, increment: Tensor) -> Tensor:
    """Band-limited square, 1 in the first half of the cycle and -1 in the second.

    Args:
        phase: in cycles, `(batch, n_samples)`.
        increment: momentary frequency in cycles per sample, `(batch, n_samples)` or `(batch, 1)`;
            its sign does not matter.
    """
    return smooth_square(phase, increment)


def saw(phase: Tensor, increment: Tensor) -> Tensor:
    """Band-limited saw, rising from -1 to 1, 0 at phase 0. Arguments as in `square`."""
    return smooth_saw(phase, increment)


def triangle(phase: Tensor, increment: Tensor) -> Tensor:
    """Band-limited triangle, 0 and rising at phase 0, as the sine is. Arguments as in `square`."""
    return smooth_triangle(phase, increment)


def naive_square(phase: Tensor, increment: Tensor | None = None) -> Tensor:
    """Closed-form square, the sign of the sine: 0 just where it jumps. `increment` is ignored.

    Its derivative is zero almost everywhere.
    """
    at = phase.detach()
    wrapped = at - (at + 0.5).floor()
    level = torch.where(wrapped == -0.5, 0.0, wrapped.sign())
    return level.to(phase.dtype) + 0 * phase


def naive_saw(phase: Tensor, increment: Tensor | None = None) -> Tensor:
    """Closed-form saw; its derivative ignores the jumps. `increment` is ignored."""
    shifted = phase + 0.5
    return 2 * (shifted - shifted.detach().floor()) - 1


def naive_triangle(phase: Tensor, increment: Tensor | None = None) -> Tensor:
    """Closed-form triangle; it aliases, but far less than what jumps. `increment` is ignored."""
    wrapped = phase - (phase.detach() + 0.25).floor() - 0.25
    return 1 - 4 * wrapped.abs()


Waveform = Callable[[Tensor, Tensor], Tensor]
BAND_LIMITED: dict[str, Waveform] = {
    "sine": sine,
    "square": square,
    "saw": saw,
    "triangle": triangle,
}
NAIVE: dict[str, Waveform] = {
    "sine": sine,
    "square": naive_square,
    "saw": naive_saw,
    "triangle": naive_triangle,
}


def waveform(shape: str, naive: bool = False) -> Waveform:
    """The function of a waveform's name: `"sine"`, `"square"`, `"saw"` or `"triangle"`.

    Raises:
        UnknownNameError: there is no such waveform.
    """
    table = NAIVE if naive else BAND_LIMITED
    if shape not in table:
        raise unknown_name("waveform", shape, table)
    return table[shape]


def selected_waveform(
    weights: Tensor, shapes: tuple[str, ...], phase: Tensor, increment: Tensor, naive: bool = False
) -> Tensor:
    """The waveform that each row's one-hot weights select.

    Args:
        weights: `(batch, len(shapes))`, one-hot in value. Each row computes its own waveform; the
            others only where the weights need a gradient.
        shapes: waveform names.
        phase: `(batch, n_samples)` in cycles.
        increment: `(batch, n_samples)` or `(batch, 1)`, cycles per sample.
        naive: closed forms instead of the band-limited ones.
    """
    signal = _by_row(weights.argmax(-1), shapes, phase, increment, naive)
    if not (torch.is_grad_enabled() and weights.requires_grad):
        return signal
    # Straight-through: zero in value, the waveforms themselves are what the weights' gradient sees.
    with torch.no_grad():
        waves = torch.stack([waveform(s, naive)(phase, increment) for s in shapes], 1)
    off = (weights - weights.detach())[:, None]
    return signal + torch.bmm(off, waves)[:, 0]


def _by_row(
    selected: Tensor, shapes: tuple[str, ...], phase: Tensor, increment: Tensor, naive: bool
) -> Tensor:
    """Each row in its own waveform; only that one is computed."""
    groups = [(selected == k).nonzero()[:, 0] for k in range(len(shapes))]
    signals: list[Tensor] = []
    for shape, rows in zip(shapes, groups, strict=True):
        if len(rows) == len(phase):
            return waveform(shape, naive)(phase, increment)
        if len(rows):
            signals.append(waveform(shape, naive)(phase[rows], increment[rows]))
    return torch.cat(signals)[torch.cat(groups).argsort()]
