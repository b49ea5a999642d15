"""Envelopes: control signals in [0, 1]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order
from synthgym.synth.clock import Clock


def adsr(
    attack_s: Tensor,
    decay_s: Tensor,
    sustain: Tensor,
    hold_s: Tensor,
    release_s: Tensor,
    clock: Clock,
) -> Tensor:
    """Attack, decay, sustain, release in straight lines, as a gate of `hold_s` seconds drives them.

    From 0 it rises to 1 in `attack_s`, falls to `sustain` in `decay_s` and stays there until the
    gate closes; from the level it has then it falls to 0 in `release_s`. Continuous in time and in
    every argument, so its derivatives are true ones almost everywhere.

    Args:
        attack_s: seconds, `(batch,)`, above zero, like the other times.
        decay_s: seconds.
        sustain: level in [0, 1].
        hold_s: seconds from the start to the end of the gate.
        release_s: seconds.
        clock: time base.

    Returns:
        `(batch, n_samples)`.
    """
    times = (attack_s, decay_s, sustain, hold_s, release_s)
    if kernels.serve(*times):
        envelope: Tensor = _ADSR.apply(torch.stack(times, 1), clock)  # type: ignore[no-untyped-call]
        return envelope
    return _adsr(*times, clock)


def _adsr(
    attack_s: Tensor,
    decay_s: Tensor,
    sustain: Tensor,
    hold_s: Tensor,
    release_s: Tensor,
    clock: Clock,
) -> Tensor:
    time_s = torch.arange(clock.n_samples, dtype=attack_s.dtype, device=attack_s.device)
    time_s = (time_s / clock.sample_rate)[None, :]
    attack_s, decay_s, sustain, hold_s, release_s = (
        value[:, None] for value in (attack_s, decay_s, sustain, hold_s, release_s)
    )
    held_s = torch.minimum(time_s, hold_s)
    # By the share that is over, so that the derivative is the true one at a sustain of 1 as well.
    falling = 1 - ((held_s - attack_s) / decay_s).clamp_max(1) * (1 - sustain)
    level = torch.minimum(held_s / attack_s, falling)
    return level * (1 - (time_s - held_s) / release_s).clamp_min(0)


class _ADSR(torch.autograd.Function):
    """The same, compiled."""

    @staticmethod
    def forward(ctx: Any, times: Tensor, clock: Clock) -> Tensor:
        ctx.save_for_backward(times)
        ctx.rate = float(clock.sample_rate)
        out = torch.empty(len(times), clock.n_samples)
        kernel, rows, signal = kernels.module("envelopes").adsr, times.numpy(), out.numpy()
        kernels.in_threads(lambda r: kernel(rows[r], ctx.rate, signal[r]), *out.shape)
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (times,) = ctx.saved_tensors
        by = torch.empty(times.shape, dtype=torch.float64)
        kernel = kernels.module("envelopes").adsr_gradient
        rows, g, sums = times.numpy(), gradient.contiguous().numpy(), by.numpy()
        kernels.in_threads(lambda r: kernel(rows[r], ctx.rate, g[r], sums[r]), *gradient.shape)
        return by.float(), None


def bent_adsr(
    attack_s: Tensor,
    decay_s: Tensor,
    sustain: Tensor,
    hold_s: Tensor,
    release_s: Tensor,
    curve: Tensor,
    clock: Clock,
) -> Tensor:
    """The envelope of an analog circuit: each stage starts fast and slows down towards its end.

    A stage goes by `(1 - exp(-curve u)) / (1 - exp(-curve))`, u the share of it that is over: a
    capacitor that is charged to just above the level at which the next stage takes over. Every
    stage ends where that of `adsr` does; a `curve` towards 0 is that envelope. Continuous in time
    and in every argument.

    Args:
        attack_s: seconds, `(batch,)`, above zero, like the other times.
        decay_s: seconds.
        sustain: level in [0, 1].
        hold_s: seconds from the start to the end of the gate.
        release_s: seconds.
        curve: time constants that a stage lasts, `(batch,)`, above zero.
        clock: time base.

    Returns:
        `(batch, n_samples)`.
    """
    values = (attack_s, decay_s, sustain, hold_s, release_s, curve)
    if kernels.serve(*values):
        starts, shapes = _bent_stages(clock, *(value.double() for value in values))
        envelope: Tensor = _Stages.apply(shapes, starts, clock)  # type: ignore[no-untyped-call]
        return envelope
    return _bent_adsr(*values, clock)


def _done(elapsed_s: Tensor, stage_s: Tensor, curve: Tensor) -> Tensor:
    """How much of a stage is over, by its level."""
    share = (elapsed_s / stage_s).clamp(0, 1)
    return torch.expm1(-curve * share) / torch.expm1(-curve)


def _bent_adsr(
    attack_s: Tensor,
    decay_s: Tensor,
    sustain: Tensor,
    hold_s: Tensor,
    release_s: Tensor,
    curve: Tensor,
    clock: Clock,
) -> Tensor:
    time_s = torch.arange(clock.n_samples, dtype=attack_s.dtype, device=attack_s.device)
    time_s = (time_s / clock.sample_rate)[None, :]
    attack_s, decay_s, sustain, hold_s, release_s, curve = (
        value[:, None] for value in (attack_s, decay_s, sustain, hold_s, release_s, curve)
    )
    held_s = torch.minimum(time_s, hold_s)
    decayed = _done(held_s - attack_s, decay_s, curve)
    level = _done(held_s, attack_s, curve) * (1 - (1 - sustain) * decayed)
    return level * (1 - _done(time_s - held_s, release_s, curve))


def _bent_stages(
    clock: Clock,
    attack_s: Tensor,
    decay_s: Tensor,
    sustain: Tensor,
    hold_s: Tensor,
    release_s: Tensor,
    curve: Tensor,
) -> tuple[Tensor, Tensor]:
    """Attack, decay, sustain, release and the silence after it, for the kernel of that name.

    The envelope is continuous where one meets the next, so that where this is has no derivative.
    """
    height = -1 / torch.expm1(-curve)
    decayed = _done(hold_s - attack_s, decay_s, curve)
    last = _done(hold_s, attack_s, curve) * (1 - (1 - sustain) * decayed)
    nothing, full = torch.zeros_like(curve), torch.ones_like(curve)
    shapes = (
        (nothing, -height, curve / attack_s, nothing),
        (full, (1 - sustain) * height, curve / decay_s, attack_s),
        (sustain, nothing, nothing, nothing),
        (last, last * height, curve / release_s, hold_s),
        (nothing, nothing, nothing, nothing),
    )
    ends_s = (
        nothing,
        torch.minimum(attack_s, hold_s),
        torch.minimum(attack_s + decay_s, hold_s),
        hold_s,
        hold_s + release_s,
        torch.full_like(curve, 2 * clock.duration_s),
    )
    n_samples = clock.n_samples
    starts = [(end.detach() * clock.sample_rate).ceil().clamp_max(n_samples) for end in ends_s]
    return torch.stack(starts, 1).long(), torch.stack([torch.stack(s, 1) for s in shapes], 1)


class _Stages(torch.autograd.Function):
    """A signal of exponential stages, compiled; see `synthgym.kernels.stages`."""

    @staticmethod
    def forward(ctx: Any, shapes: Tensor, starts: Tensor, clock: Clock) -> Tensor:
        ctx.save_for_backward(shapes, starts)
        ctx.rate = float(clock.sample_rate)
        out = torch.empty(len(shapes), clock.n_samples)
        kernel, signal = kernels.module("stages").stages, out.numpy()
        first, form = starts.numpy(), shapes.numpy()
        kernels.in_threads(lambda r: kernel(first[r], form[r], ctx.rate, signal[r]), *out.shape)
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        shapes, starts = ctx.saved_tensors
        by = torch.empty_like(shapes)
        kernel = kernels.module("stages").stages_gradient
        first, form, g, sums = (t.numpy() for t in (starts, shapes, gradient.contiguous(), by))
        kernels.in_threads(
            lambda r: kernel(first[r], form[r], ctx.rate, g[r], sums[r]), *gradient.shape
        )
        return by, None, None
