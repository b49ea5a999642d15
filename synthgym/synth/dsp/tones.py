"""Tones: a waveform, steady or frequency-modulated, at an amplitude.

One function each, so that a compiled kernel can compute a sample in one go. Where the kernels do
not serve, phase and waveform are computed one after the other with torch; `synthgym.kernels` says
when.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.oscillators import selected_waveform
from synthgym.synth.dsp.phase import constant_phase, modulated_phase

SHAPE_NUMBERS = {"sine": 0, "square": 1, "saw": 2, "triangle": 3}


def tone(
    weights: Tensor,
    shapes: tuple[str, ...],
    freq_hz: Tensor,
    start_cycles: Tensor,
    amp: Tensor,
    clock: Clock,
    naive: bool = False,
) -> Tensor:
    """Steady tones.

    Args:
        weights: one-hot, `(batch, len(shapes))`: which waveform each row has.
        shapes: waveform names.
        freq_hz: `(batch,)`.
        start_cycles: phase at the first sample, `(batch,)`.
        amp: peak amplitude, `(batch,)`.
        clock: time base.
        naive: closed-form waveforms instead of band-limited ones.

    Returns:
        `(batch, n_samples)`.
    """
    if not naive and kernels.serve(weights, freq_hz, start_cycles, amp):
        numbers = tuple(SHAPE_NUMBERS[shape] for shape in shapes)
        signal: Tensor = _Tone.apply(weights, freq_hz, start_cycles, amp, numbers, clock)  # type: ignore[no-untyped-call]
        return signal
    phase = constant_phase(freq_hz, start_cycles, clock)
    increment = freq_hz[:, None] / clock.sample_rate
    return amp[:, None] * selected_waveform(weights, shapes, phase, increment, naive)


def fm_tone(
    weights: Tensor,
    shapes: tuple[str, ...],
    freq_hz: Tensor,
    depth_hz: Tensor,
    start_cycles: Tensor,
    amp: Tensor,
    modulator: Tensor,
    clock: Clock,
    naive: bool = False,
) -> Tensor:
    """Frequency-modulated tones; other arguments as in `tone`.

    Args:
        weights: see there.
        shapes: see there.
        freq_hz: carrier frequency, `(batch,)`.
        depth_hz: deviation at a modulator of 1, `(batch,)`.
        start_cycles: see there.
        amp: see there.
        modulator: `(batch, n_samples)`.
        clock: see there.
        naive: see there.
    """
    if not naive and kernels.serve(weights, freq_hz, depth_hz, start_cycles, amp, modulator):
        numbers = tuple(SHAPE_NUMBERS[shape] for shape in shapes)
        signal: Tensor = _FMTone.apply(  # type: ignore[no-untyped-call]
            weights, freq_hz, depth_hz, start_cycles, amp, modulator, numbers, clock
        )
        return signal
    phase = modulated_phase(freq_hz, depth_hz, modulator, start_cycles, clock)
    increment = freq_hz[:, None] / clock.sample_rate
    if shapes != ("sine",):
        increment = increment + depth_hz[:, None] / clock.sample_rate * modulator
    return amp[:, None] * selected_waveform(weights, shapes, phase, increment, naive)


def _rows(weights: Tensor, numbers: tuple[int, ...]) -> Any:
    """The waveform number of each row, int64."""
    return torch.tensor(numbers)[weights.detach().argmax(-1)].numpy()


def _wide(value: Tensor) -> Any:
    return value.detach().double().contiguous().numpy()


def _narrow(value: Tensor) -> Any:
    return value.detach().contiguous().numpy()


class _Tone(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        weights: Tensor,
        freq: Tensor,
        start: Tensor,
        amp: Tensor,
        numbers: tuple[int, ...],
        clock: Clock,
    ) -> Tensor:
        arguments = (_rows(weights, numbers), _wide(freq), _wide(start), _narrow(amp))
        ctx.arguments, ctx.numbers, ctx.clock = arguments, numbers, clock
        out = torch.empty(len(freq), clock.n_samples)
        kernel, rate, signal = kernels.module("tones").tone, float(clock.sample_rate), out.numpy()
        kernels.in_threads(
            lambda r: kernel(*(a[r] for a in arguments), rate, signal[r]), *out.shape
        )
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        n_shapes = max(ctx.numbers) + 1 if ctx.needs_input_grad[0] else 0
        by = torch.empty(len(gradient), 3 + n_shapes, dtype=torch.float64)
        kernel, rate = kernels.module("tones").tone_gradient, float(ctx.clock.sample_rate)
        g, sums = _narrow(gradient), by.numpy()
        kernels.in_threads(
            lambda r: kernel(*(a[r] for a in ctx.arguments), rate, g[r], n_shapes, sums[r]),
            *gradient.shape,
        )
        freq, start, amp = by[:, :3].float().unbind(1)
        return _by_weights(by[:, 3:], ctx.numbers), freq, start, amp, None, None


class _FMTone(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        weights: Tensor,
        freq: Tensor,
        depth: Tensor,
        start: Tensor,
        amp: Tensor,
        modulator: Tensor,
        numbers: tuple[int, ...],
        clock: Clock,
    ) -> Tensor:
        arguments = (
            _rows(weights, numbers),
            _wide(freq),
            _wide(depth),
            _wide(start),
            _narrow(amp),
            _narrow(modulator),
        )
        code, rate = kernels.module("tones"), float(clock.sample_rate)
        out = torch.empty(len(freq), clock.n_samples)
        before = torch.empty(len(freq), -(-clock.n_samples // code.BLOCK), dtype=torch.float64)
        ctx.arguments, ctx.before = arguments, before.numpy()
        ctx.numbers, ctx.rate = numbers, rate
        sums, signal = ctx.before, out.numpy()
        kernels.in_threads(
            lambda r: code.fm_tone(*(a[r] for a in arguments), rate, sums[r], signal[r]),
            *out.shape,
        )
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        n_shapes = max(ctx.numbers) + 1 if ctx.needs_input_grad[0] else 0
        by = torch.empty(len(gradient), 4 + n_shapes, dtype=torch.float64)
        by_modulator = torch.empty(gradient.shape)
        kernel, before = kernels.module("tones").fm_tone_gradient, ctx.before
        g, sums, back = _narrow(gradient), by.numpy(), by_modulator.numpy()
        kernels.in_threads(
            lambda r: kernel(
                *(a[r] for a in ctx.arguments),
                ctx.rate,
                before[r],
                g[r],
                n_shapes,
                sums[r],
                back[r],
            ),
            *gradient.shape,
        )
        freq, start, depth, amp = by[:, :4].float().unbind(1)
        weights = _by_weights(by[:, 4:], ctx.numbers)
        return weights, freq, depth, start, amp, by_modulator, None, None


def _by_weights(products: Tensor, numbers: tuple[int, ...]) -> Tensor | None:
    """Gradients of the weights, from inner products in the order of waveform numbers."""
    return products[:, list(numbers)].float() if products.shape[1] else None
