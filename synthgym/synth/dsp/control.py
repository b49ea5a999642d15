"""Control signals at a rate of their own: points, and straight lines between them.

Envelopes and slow oscillators need no value for each sample. Synthesizers work them out some
hundred times a second and let them move evenly in between, as torchsynth does (Turian et al., "One
billion audio sounds from GPU-enabled modular synthesis", DAFx 2021: 441 Hz at 44.1 kHz).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.modulation import swept_tone
from synthgym.synth.dsp.tones import SHAPE_NUMBERS


@dataclass(frozen=True)
class ControlClock(Clock):
    """The clock of points; its rate may be lower than a sound's."""

    LEAST_HZ: ClassVar[int] = 1


@lru_cache(maxsize=256)
def samples_per_point(sample_rate: int, rate_hz: float) -> int:
    """The most samples from a point to the next that divide a second at `rate_hz` or more."""
    # From a second on no number divides it.
    most = max(1, int(sample_rate / max(rate_hz, 1.0)))
    return next(hop for hop in range(most, 0, -1) if sample_rate % hop == 0)


def control_clock(clock: Clock, hop: int) -> Clock:
    """The clock of points that lie `hop` samples apart: the last is after the last sample."""
    if hop == 1:
        return clock
    return ControlClock(clock.sample_rate // hop, -(-clock.n_samples // hop) + 1)


def interpolated(points: Tensor, hop: int, clock: Clock) -> Tensor:
    """Straight lines between points `(batch, n_points)`: `(batch, n_samples)`."""
    if hop == 1 or points.shape[1] == 1:
        return points
    ramp = torch.arange(hop, dtype=points.dtype, device=points.device) / hop
    before = points[:, :-1, None]
    lines = torch.addcmul(before, points[:, 1:, None] - before, ramp)
    return lines.flatten(1)[:, : clock.n_samples]


def glide_tone(
    weights: Tensor,
    shapes: tuple[str, ...],
    points_hz: Tensor,
    hop: int,
    start_cycles: Tensor,
    amp: Tensor,
    clock: Clock,
    naive: bool = False,
) -> Tensor:
    """Tones whose frequency goes in straight lines from point to point.

    Args:
        weights: one-hot, `(batch, len(shapes))`: which waveform each row has.
        shapes: waveform names.
        points_hz: `(batch, n_points)`, as many as `control_clock` has, or `(batch, 1)`.
        hop: samples from a point to the next.
        start_cycles: phase at the first sample, `(batch,)`.
        amp: peak amplitude, `(batch,)`.
        clock: time base of the sound.
        naive: closed-form waveforms instead of band-limited ones.

    Returns:
        `(batch, n_samples)`: the tone of `swept_tone` for that frequency.
    """
    steered = hop > 1 and points_hz.shape[1] > 1
    if steered and not naive and kernels.serve(weights, points_hz, start_cycles, amp):
        numbers = tuple(SHAPE_NUMBERS[shape] for shape in shapes)
        signal: Tensor = _Glide.apply(  # type: ignore[no-untyped-call]
            weights, points_hz, start_cycles, amp, hop, numbers, clock
        )
        return signal
    freq_hz = interpolated(points_hz, hop, clock)
    return swept_tone(weights, shapes, freq_hz, start_cycles, amp, clock, naive)


def amplified(audio: Tensor, points: Tensor, hop: int, clock: Clock) -> Tensor:
    """Sound `(batch, n_samples)` times the lines between points `(batch, n_points)`."""
    if hop > 1 and points.shape[1] > 1 and kernels.serve(audio, points):
        signal: Tensor = _Amplified.apply(audio, points, hop)  # type: ignore[no-untyped-call]
        return signal
    return audio * interpolated(points, hop, clock)


class _Glide(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        weights: Tensor,
        points: Tensor,
        start: Tensor,
        amp: Tensor,
        hop: int,
        numbers: tuple[int, ...],
        clock: Clock,
    ) -> Tensor:
        rows = torch.tensor(numbers)[weights.detach().argmax(-1)].numpy()
        wide = start.detach().double().contiguous().numpy()
        ctx.arguments = (rows, wide, _plain(amp), _plain(points))
        ctx.hop, ctx.rate, ctx.numbers = hop, float(clock.sample_rate), numbers
        out = torch.empty(len(points), clock.n_samples)
        kernel, signal = kernels.module("glides").glide_tone, out.numpy()
        kernels.in_threads(
            lambda r: kernel(*(a[r] for a in ctx.arguments), hop, ctx.rate, signal[r]), *out.shape
        )
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        n_shapes = max(ctx.numbers) + 1 if ctx.needs_input_grad[0] else 0
        by = torch.empty(len(gradient), 2 + n_shapes, dtype=torch.float64)
        by_points = torch.empty(ctx.arguments[3].shape, dtype=torch.float64)
        kernel, g = kernels.module("glides").glide_tone_gradient, _plain(gradient)
        sums, at_points = by.numpy(), by_points.numpy()
        kernels.in_threads(
            lambda r: kernel(
                *(a[r] for a in ctx.arguments),
                ctx.hop,
                ctx.rate,
                g[r],
                n_shapes,
                sums[r],
                at_points[r],
            ),
            *gradient.shape,
        )
        start, amp = by[:, :2].float().unbind(1)
        weights = by[:, 2:][:, list(ctx.numbers)].float() if n_shapes else None
        return weights, by_points.float(), start, amp, None, None, None


class _Amplified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, audio: Tensor, points: Tensor, hop: int) -> Tensor:
        out = torch.empty(len(points), audio.shape[1])
        # Noise is one row for all.
        shared = audio.stride(0) == 0 and not ctx.needs_input_grad[0]
        ctx.shared, ctx.hop = shared, hop
        ctx.arguments = (_plain(audio[:1] if shared else audio), _plain(points))
        kernel, signal = kernels.module("glides").amplify, out.numpy()
        sound, steered = ctx.arguments
        kernels.in_threads(
            lambda r: kernel(sound if shared else sound[r], steered[r], hop, signal[r]), *out.shape
        )
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:
        sound, points = ctx.arguments
        wanted = ctx.needs_input_grad[0]
        by_audio = torch.empty(gradient.shape if wanted else (0, gradient.shape[1]))
        by_points = torch.empty(points.shape)
        kernel, g = kernels.module("glides").amplify_gradient, _plain(gradient)
        back, at_points = by_audio.numpy(), by_points.numpy()
        kernels.in_threads(
            lambda r: kernel(
                sound if ctx.shared else sound[r],
                points[r],
                ctx.hop,
                g[r],
                back[r] if wanted else back,
                at_points[r],
            ),
            *gradient.shape,
        )
        return by_audio if wanted else None, by_points, None


def _plain(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()
