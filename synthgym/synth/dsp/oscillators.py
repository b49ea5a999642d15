"""Waveforms of a phase, band-limited or in closed form.

All are 1-periodic functions of a phase in cycles. Square and saw jump, which aliases, and makes
the derivative of the closed form wrong: the jumps move with frequency and phase, but the slope
beside them does not show it. The band-limited forms replace each jump by the integral of a cubic
B-spline four samples wide (polyBLEP of third order: Välimäki, Pekonen, Nam, "Perceptually informed
synthesis of bandlimited classical waveforms using integrated polynomial interpolation", JASA 131,
2012). They are twice continuously differentiable in phase and frequency, so that automatic
differentiation gives the derivative of the sound that is heard.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from synthgym.errors import unknown_name

# Beyond a quarter of the sample rate the smoothed steps of one period would overlap. The width is
# held there: such a tone has its fundamental alone under the Nyquist frequency anyway.
MAX_STEP_WIDTH = 0.25
MIN_STEP_WIDTH = 1e-6


def sine(phase: Tensor, increment: Tensor | None = None) -> Tensor:
    """Sine of a phase in cycles; any shape. `increment` is ignored."""
    return torch.sin(phase * (2 * math.pi))


def square(phase: Tensor, increment: Tensor) -> Tensor:
    """Band-limited square, 1 in the first half of the cycle and -1 in the second.

    Args:
        phase: in cycles, any shape.
        increment: momentary frequency in cycles per sample, broadcastable to `phase`; its sign
            does not matter.
    """
    wrapped, sign = _signed(phase)
    width = _step_width(increment)
    distance = wrapped * sign
    return sign * (1 - 2 * (_step_tail(distance / width) + _step_tail((0.5 - distance) / width)))


def saw(phase: Tensor, increment: Tensor) -> Tensor:
    """Band-limited saw, rising from -1 to 1, 0 at phase 0. Arguments as in `square`."""
    wrapped, sign = _signed(phase + 0.5)
    return 2 * wrapped - sign * (1 - 2 * _step_tail(wrapped * sign / _step_width(increment)))


def naive_square(phase: Tensor, increment: Tensor | None = None) -> Tensor:
    """Closed-form square; its derivative is zero almost everywhere. `increment` is ignored."""
    return _signed(phase)[1]


def naive_saw(phase: Tensor, increment: Tensor | None = None) -> Tensor:
    """Closed-form saw; its derivative ignores the jumps. `increment` is ignored."""
    shifted = phase + 0.5
    return 2 * (shifted - shifted.detach().floor()) - 1


Waveform = Callable[[Tensor, Tensor], Tensor]
BAND_LIMITED: dict[str, Waveform] = {"sine": sine, "square": square, "saw": saw}
NAIVE: dict[str, Waveform] = {"sine": sine, "square": naive_square, "saw": naive_saw}


def waveform(shape: str, naive: bool = False) -> Waveform:
    """The function of a waveform's name: `"sine"`, `"square"` or `"saw"`.

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
        weights: `(batch, len(shapes))`, one-hot in value. If they need a gradient, every waveform
            is computed; if not, each row computes its own alone.
        shapes: waveform names.
        phase: `(batch, n_samples)` in cycles.
        increment: `(batch, n_samples)` or `(batch, 1)`, cycles per sample.
        naive: closed forms instead of the band-limited ones.
    """
    if torch.is_grad_enabled() and weights.requires_grad:
        return torch.stack(
            [
                weights[:, k, None] * waveform(shape, naive)(phase, increment)
                for k, shape in enumerate(shapes)
            ]
        ).sum(0)
    selected = weights.argmax(-1)
    signal = torch.empty_like(phase)
    for k, shape in enumerate(shapes):
        rows = (selected == k).nonzero()[:, 0]
        if len(rows) == len(phase):
            return waveform(shape, naive)(phase, increment)
        if len(rows):
            signal[rows] = waveform(shape, naive)(phase[rows], increment[rows])
    return signal


def _signed(phase: Tensor) -> tuple[Tensor, Tensor]:
    """Phase wrapped to [-0.5, 0.5) with derivative 1, and its sign (1 at 0)."""
    wrapped = phase - (phase.detach() + 0.5).floor()
    # A sign of 0 at phase 0 would lose the slope of the step's middle: hence not torch.sign.
    return wrapped, torch.where(wrapped.detach() >= 0, 1.0, -1.0).to(phase.dtype)


def _step_width(increment: Tensor) -> Tensor:
    return increment.abs().clamp(MIN_STEP_WIDTH, MAX_STEP_WIDTH)


def _step_tail(distance: Tensor) -> Tensor:
    """How far a smoothed unit step is from its final value, `distance` samples after its middle.

    The integral of the cubic B-spline from `distance` to 2; `distance` at least 0.
    """
    outer = (2 - distance).clamp_min(0)
    inner = (outer - 1).clamp_min(0)
    return (outer.square().square() - 4 * inner.square().square()) / 24
