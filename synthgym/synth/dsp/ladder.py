"""The Moog ladder: four one-pole lowpasses in a saturated loop."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.svf import along_time, plain

LEAST_DRIVE = 1e-3
QUIET_SAMPLES = 4096


def moog_ladder(
    audio: Tensor, cutoff_hz: Tensor, resonance: Tensor, drive: Tensor, clock: Clock
) -> Tensor:
    """Four-pole lowpass, 24 dB an octave, with feedback from its end to a saturated input.

    R. A. Moog, "A voltage-controlled low-pass high-pass filter for audio signal processing" (AES
    1965), with trapezoidal integrators in a loop without delay: V. Zavalishin, "The Art of VA
    Filter Design" (rev. 2.1.2, 2018), chapters 5 and 6. The loop is resolved as if it were linear,
    and its input e then saturates as `tanh(drive e) / drive`: the gain of small signals does not
    depend on the drive, and what enters the first stage never exceeds `1 / drive`, so that no
    resonance makes the filter run away.

    For small signals the gain at 0 Hz is `1 / (1 + resonance)`; at the cutoff each stage turns the
    phase by exactly an eighth of a cycle, so that from a resonance of 4 on the filter oscillates
    there by itself, once something has set it off, and the saturation limits it. The recursion is
    exact, and so is its gradient, by the adjoint recursion.

    Without the compiled kernels this walks through the samples one by one in torch: some hundred
    times slower; from 4096 samples on it warns.

    Args:
        audio: `(batch, n_samples)`; the filter is at rest before its start.
        cutoff_hz: `(batch,)` or `(batch, n_samples)`, held within 0 and the Nyquist frequency, at
            which the filter passes everything.
        resonance: 0 or more, `(batch,)` or `(batch, n_samples)`.
        drive: `(batch,)`; below 0.001 taken as that, which is linear for all that is audible.
        clock: time base.

    Returns:
        `(batch, n_samples)`.

    Warns:
        RuntimeWarning: a long sound is filtered without the compiled kernel.
    """
    cutoff, k, d = along_time(cutoff_hz), along_time(resonance), drive.clamp_min(LEAST_DRIVE)
    if kernels.serve(audio, cutoff, k, d):
        filtered: Tensor = _Laddered.apply(audio, cutoff, k, d, clock)  # type: ignore[no-untyped-call]
        return filtered
    if clock.n_samples >= QUIET_SAMPLES:
        warnings.warn(
            f"the Moog ladder walks through {clock.n_samples} samples one by one, as its compiled "
            "kernel takes only float32 on the CPU, once it is compiled: "
            "synthgym.kernels.compile_all() (needs numba)",
            RuntimeWarning,
            stacklevel=2,
        )
    return _walk(audio, cutoff, k, d, clock)


def _walk(audio: Tensor, cutoff: Tensor, k: Tensor, d: Tensor, clock: Clock) -> Tensor:
    """The definition, sample by sample: `state' = matrix state + column u`."""
    angle = math.pi * (cutoff / clock.sample_rate).clamp(0.0, 0.5)
    gain = (torch.sin(angle) / (torch.sin(angle) + torch.cos(angle))).expand(audio.shape)
    rest, zero = 1 - gain, torch.zeros_like(gain)
    # Each stage's output, of the four states and the loop's input.
    rows = [torch.stack([rest, zero, zero, zero, gain])]
    for stage in range(1, 4):
        own = torch.stack([rest if i == stage else zero for i in range(5)])
        rows.append(gain * rows[-1] + own)
    stages = torch.stack(rows).permute(3, 2, 0, 1)
    steps = 2 * stages - torch.eye(4, 5, dtype=audio.dtype, device=audio.device)
    matrices, columns = steps[..., :4].unbind(0), steps[..., 4].unbind(0)
    resolved = 1 / (1 + k * gain**4)
    feeds = (k * resolved).T[..., None] * stages[:, :, 3, :4]
    heads = (audio * resolved).T[..., None]
    state, drive = audio.new_zeros(len(audio), 4), d[:, None]
    states, inputs = [], []
    for matrix, column, feed, head in zip(matrices, columns, feeds.unbind(0), heads, strict=True):
        open_input = head - (feed * state).sum(1, keepdim=True)
        u = torch.tanh(drive * open_input) / drive
        states.append(state)
        inputs.append(u)
        state = torch.baddbmm((column * u)[..., None], matrix, state[..., None])[..., 0]
    known = torch.cat([torch.stack(states), torch.stack(inputs)], dim=-1)
    return (stages[:, :, 3] * known).sum(-1).T


class _Laddered(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, audio: Tensor, cutoff: Tensor, k: Tensor, d: Tensor, clock: Clock
    ) -> Tensor:
        code, rate = kernels.module("ladder"), float(clock.sample_rate)
        arguments = tuple(plain(t) for t in (audio, cutoff, k, d))
        n_blocks = -(-audio.shape[1] // code.STEPS)
        out = torch.empty(audio.shape)
        kept = (torch.empty(len(audio), n_blocks, 4).numpy(), torch.empty(audio.shape).numpy())
        signal = out.numpy()
        kernels.in_threads(
            lambda r: code.ladder(
                *(a[r] for a in arguments), rate, *(a[r] for a in kept), signal[r]
            ),
            *out.shape,
        )
        ctx.arguments, ctx.rate, ctx.kept = arguments, rate, kept
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        code, rate, kept = kernels.module("ladder"), ctx.rate, ctx.kept
        by = [torch.empty(a.shape) for a in ctx.arguments]
        arrays, g = [t.numpy() for t in by], plain(gradient)
        kernels.in_threads(
            lambda r: code.ladder_gradient(
                *(a[r] for a in ctx.arguments),
                rate,
                *(a[r] for a in kept),
                g[r],
                *(a[r] for a in arrays),
            ),
            *gradient.shape,
        )
        return (*by, None)
