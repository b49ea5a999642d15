"""Signals that steer others: bent pitch, swept tones, phase modulation, tremolo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.phase import constant_phase, modulated_phase
from synthgym.synth.dsp.tones import fm_tone, tone


def bent(freq_hz: Tensor, semitones: Tensor) -> Tensor:
    """A frequency moved by semitones: `freq_hz * 2 ** (semitones / 12)`; shapes broadcast."""
    return freq_hz * torch.exp(semitones * (math.log(2) / 12))


def swept_tone(
    weights: Tensor,
    shapes: tuple[str, ...],
    freq_hz: Tensor,
    start_cycles: Tensor,
    amp: Tensor,
    clock: Clock,
    naive: bool = False,
) -> Tensor:
    """Tones whose frequency is itself a signal.

    The phase at sample n is `start + (f[1] + ... + f[n]) / sample_rate`: a steady frequency gives
    the steady tone.

    Args:
        weights: one-hot, `(batch, len(shapes))`: which waveform each row has.
        shapes: waveform names.
        freq_hz: momentary frequency, `(batch, n_samples)`, or `(batch, 1)` if it stands still.
        start_cycles: phase at the first sample, `(batch,)`.
        amp: peak amplitude, `(batch,)`.
        clock: time base.
        naive: closed-form waveforms instead of band-limited ones.

    Returns:
        `(batch, n_samples)`.
    """
    first = freq_hz[:, 0]
    if freq_hz.shape[1] == 1:
        return tone(weights, shapes, first, start_cycles, amp, clock, naive)
    # Its first frequency is the carrier's, so that only what departs from it is summed in float32:
    # the sum of a frequency itself drifts by a hundredth of a cycle in ten seconds.
    one_hz, moved = torch.ones_like(first), freq_hz - first[:, None]
    return fm_tone(weights, shapes, first, one_hz, start_cycles, amp, moved, clock, naive)


def operator(freq_hz: Tensor, modulators: Sequence[Tensor], level: Tensor, clock: Clock) -> Tensor:
    """A sine whose phase others modulate: `level * sin(2 pi phase(freq) + sum of modulators)`.

    What the operators of frequency-modulating synthesizers compute (Chowning, "The synthesis of
    complex audio spectra by means of frequency modulation", JAES 21, 1973; DX7).

    Args:
        freq_hz: `(batch, n_samples)`, or `(batch, 1)` if it stands still.
        modulators: in radians, `(batch, n_samples)` each; as many as there are.
        level: `(batch,)`; an amplitude where the operator is heard, radians where it modulates.
        clock: time base.

    Returns:
        `(batch, n_samples)`.
    """
    first, zero = freq_hz[:, 0], torch.zeros_like(freq_hz[:, 0])
    if freq_hz.shape[1] == 1:
        phase = constant_phase(first, zero, clock)
    else:
        moved = freq_hz - first[:, None]
        phase = modulated_phase(first, torch.ones_like(first), moved, zero, clock)
    angle = phase * (2 * math.pi)
    for modulator in modulators:
        angle = angle + modulator
    return level[:, None] * torch.sin(angle)


def tremolo(audio: Tensor, control: Tensor, amount: Tensor) -> Tensor:
    """Amplitude modulation that never turns the sign (DiffMoog, arXiv 2401.12570).

    `audio * (1 - amount + amount * (control + 1) / 2)`.

    Args:
        audio: `(batch, n_samples)`.
        control: in [-1, 1], `(batch, n_samples)`.
        amount: 0 changes nothing, at 1 the sound dips to silence; `(batch,)`.
    """
    if audio.shape == control.shape and kernels.serve(audio, control, amount):
        signal: Tensor = _Tremolo.apply(audio, control, amount)  # type: ignore[no-untyped-call]
        return signal
    half = amount[:, None] / 2
    return audio * (1 - half + half * control)


class _Tremolo(torch.autograd.Function):
    """The same, compiled."""

    @staticmethod
    def forward(ctx: Any, audio: Tensor, control: Tensor, amount: Tensor) -> Tensor:
        arguments = tuple(t.detach().contiguous().numpy() for t in (audio, control, amount))
        ctx.arguments = arguments
        out = torch.empty(audio.shape)
        kernel, signal = kernels.module("tremolo").tremolo, out.numpy()
        kernels.in_threads(lambda r: kernel(*(a[r] for a in arguments), signal[r]), *out.shape)
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        by = tuple(torch.empty(a.shape) for a in ctx.arguments)
        arrays, g = [t.numpy() for t in by], gradient.contiguous().numpy()
        kernel = kernels.module("tremolo").tremolo_gradient
        kernels.in_threads(
            lambda r: kernel(*(a[r] for a in ctx.arguments), g[r], *(a[r] for a in arrays)),
            *gradient.shape,
        )
        return by
