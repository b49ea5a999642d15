"""Envelopes: control signals in [0, 1]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
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
    falling = torch.maximum(1 - (held_s - attack_s) * ((1 - sustain) / decay_s), sustain)
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
    time_s = torch.arange(clock.n_samples, dtype=attack_s.dtype, device=attack_s.device)
    time_s = (time_s / clock.sample_rate)[None, :]
    attack_s, decay_s, sustain, hold_s, release_s, curve = (
        value[:, None] for value in (attack_s, decay_s, sustain, hold_s, release_s, curve)
    )

    def done(elapsed_s: Tensor, stage_s: Tensor) -> Tensor:
        share = (elapsed_s / stage_s).clamp(0, 1)
        return torch.expm1(-curve * share) / torch.expm1(-curve)

    held_s = torch.minimum(time_s, hold_s)
    level = done(held_s, attack_s) * (1 - (1 - sustain) * done(held_s - attack_s, decay_s))
    return level * (1 - done(time_s - held_s, release_s))
