"""State-variable filter: lowpass, highpass, bandpass, whose cutoff and resonance may move."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.scan import affine_scan

# What each mode makes its output of: the input, the band output at unit gain, the low output.
MODES = {"lowpass": (0.0, 0.0, 1.0), "highpass": (1.0, -1.0, -1.0), "bandpass": (0.0, 1.0, 0.0)}


def state_variable_filter(
    weights: Tensor,
    modes: tuple[str, ...],
    audio: Tensor,
    cutoff_hz: Tensor,
    q: Tensor,
    clock: Clock,
) -> Tensor:
    """Two-pole filter, 12 dB an octave: trapezoidal integrators in a loop without delay.

    V. Zavalishin, "The Art of VA Filter Design" (rev. 2.1.2, 2018), chapter 4; A. Simper, "Linear
    trapezoidal state variable filter" (2013). At rest it is the bilinear transform of
    `1 / (s^2 + s / q + 1)` (and `s^2`, `s / q` in the numerator), exact at 0 Hz and the cutoff:
    there the lowpass and the highpass have a gain of q and the bandpass of 1. Each step of the
    state is a contraction, whatever cutoff and q are, so the filter is stable however they move.
    The recursion is exact, and so is its gradient, by the adjoint recursion.

    Without the compiled kernels it is solved in parallel over time: about 20 times the work.

    Args:
        weights: one-hot, `(batch, len(modes))`: the mode of each row.
        modes: names out of `MODES`.
        audio: `(batch, n_samples)`; the filter is at rest before its start.
        cutoff_hz: `(batch,)` or `(batch, n_samples)`, held within 0 and the Nyquist frequency.
        q: above 0, `(batch,)` or `(batch, n_samples)`.
        clock: time base.

    Returns:
        `(batch, n_samples)`.
    """
    mix = weights @ weights.new_tensor([MODES[mode] for mode in modes])
    cutoff, quality = along_time(cutoff_hz), along_time(q)
    if kernels.serve(mix, audio, cutoff, quality):
        filtered: Tensor = _Filtered.apply(mix, audio, cutoff, quality, clock)  # type: ignore[no-untyped-call]
        return filtered
    angle = math.pi * (cutoff / clock.sample_rate).clamp(0.0, 0.5)
    sine, cosine, damping = torch.sin(angle), torch.cos(angle), 1 / quality
    twice = 2 * sine / (1 + damping * sine * cosine)
    cross, square = twice * cosine, twice * sine
    change = torch.stack(
        [torch.stack([-square - damping * cross, -cross]), torch.stack([cross, -square])]
    )
    ends = affine_scan(
        change.expand(2, 2, *audio.shape), torch.stack([cross * audio, square * audio])
    )
    middles = (ends + torch.nn.functional.pad(ends, (1, 0))[..., :-1]) / 2
    dry, band, low = mix.unbind(1)
    return dry[:, None] * audio + band[:, None] * damping * middles[0] + low[:, None] * middles[1]


def along_time(value: Tensor) -> Tensor:
    """A value for each row as a column; one for each sample as it is."""
    return value[:, None] if value.ndim == 1 else value


def plain(tensor: Tensor) -> Any:
    """As an array that lies in one piece, without its history."""
    return tensor.detach().contiguous().numpy()


class _Filtered(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, mix: Tensor, audio: Tensor, cutoff: Tensor, q: Tensor, clock: Clock
    ) -> Tensor:
        code, rate = kernels.module("svf"), float(clock.sample_rate)
        arguments = tuple(plain(t) for t in (mix, audio, cutoff, q))
        n_blocks = -(-audio.shape[1] // code.BLOCK)
        starts = torch.empty(len(audio), n_blocks, 2, code.LANES).numpy()
        out = torch.empty(audio.shape)
        signal = out.numpy()
        kernels.in_threads(
            lambda r: code.svf(*(a[r] for a in arguments), rate, starts[r], signal[r]), *out.shape
        )
        ctx.arguments, ctx.rate, ctx.starts = arguments, rate, starts
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        code, starts, rate = kernels.module("svf"), ctx.starts, ctx.rate
        mix, audio, cutoff, q = ctx.arguments
        by = [torch.empty(a.shape) for a in (audio, cutoff, q, mix)]
        arrays, g = [t.numpy() for t in by], plain(gradient)
        kernels.in_threads(
            lambda r: code.svf_gradient(
                *(a[r] for a in ctx.arguments), rate, starts[r], g[r], *(a[r] for a in arrays)
            ),
            *gradient.shape,
        )
        by_audio, by_cutoff, by_q, by_mix = by
        return by_mix, by_audio, by_cutoff, by_q, None
