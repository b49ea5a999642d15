"""Tones put together from saws and squares: pulses of any width, and mixes of the two."""

from __future__ import annotations

import torch
from torch import Tensor

from synthgym.synth.clock import Clock
from synthgym.synth.dsp.tones import tone


def _steady(
    shape: str, freq_hz: Tensor, start_cycles: Tensor, amp: Tensor, clock: Clock, naive: bool
) -> Tensor:
    weights = torch.ones(len(freq_hz), 1, dtype=freq_hz.dtype, device=freq_hz.device)
    return tone(weights, (shape,), freq_hz, start_cycles, amp, clock, naive)


def pulse_tone(
    freq_hz: Tensor,
    width: Tensor,
    start_cycles: Tensor,
    amp: Tensor,
    clock: Clock,
    naive: bool = False,
) -> Tensor:
    """Pulses: 1 in the first `width` of each cycle, -1 in the rest. Half a cycle is the square.

    The difference of two saws, so that both edges are band-limited and the derivative with respect
    to the width is the true one. Has a mean of `2 width - 1`, as a pulse does.

    Args:
        freq_hz: `(batch,)`.
        width: in cycles, `(batch,)`, in [0, 1].
        start_cycles: phase at the first sample, `(batch,)`.
        amp: half the height, `(batch,)`.
        clock: time base.
        naive: the closed form.

    Returns:
        `(batch, n_samples)`.
    """
    rising = _steady("saw", freq_hz, start_cycles + 0.5, amp, clock, naive)
    falling = _steady("saw", freq_hz, start_cycles + 0.5 - width, amp, clock, naive)
    return falling - rising + (amp * (2 * width - 1))[:, None]


def saw_square_tone(
    freq_hz: Tensor,
    factor: Tensor,
    saw_amp: Tensor,
    square_amp: Tensor,
    start_cycles: Tensor,
    clock: Clock,
    naive: bool = False,
) -> Tensor:
    """DiffMoog's mix: `factor * square_amp * square + (1 - factor) * saw_amp * saw`.

    Args:
        freq_hz: of both, `(batch,)`.
        factor: share of the square, in [0, 1], `(batch,)`.
        saw_amp: `(batch,)`.
        square_amp: `(batch,)`.
        start_cycles: phase at the first sample, `(batch,)`.
        clock: time base.
        naive: the closed forms.

    Returns:
        `(batch, n_samples)`.
    """
    square = _steady("square", freq_hz, start_cycles, factor * square_amp, clock, naive)
    return square + _steady("saw", freq_hz, start_cycles, (1 - factor) * saw_amp, clock, naive)
