"""Saw, square and triangle with smoothed jumps or corners: values and derivatives, in few passes.

A jump becomes the integral of a cubic B-spline, 4.2 samples wide. With `a` the distance from the
jump in samples of 1.05, what is missing to the final value of a unit step is

    tail(a) = (max(2 - a, 0)^4 - 4 max(1 - a, 0)^4) / 24,

and its derivative `-(max(2 - a, 0)^3 - 4 max(1 - a, 0)^3) / 6`. A corner becomes the integral of
such a step, and lies off the sharp one by the integral of the tail,

    corner(a) = (max(2 - a, 0)^5 - 4 max(1 - a, 0)^5) / 120

for each unit of slope by which it turns. All are worked out here in place, a cache's worth of
samples at a time: fresh large tensors would cost more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from synthgym.derivatives import first_order

CACHE_SAMPLES = 1 << 15

# Beyond a quarter of the sample rate the smoothed steps of one period would overlap. The width is
# held there: such a tone has its fundamental alone under the Nyquist frequency anyway. Stretched,
# they do overlap there, by 3e-6 of a step, which is left out: a jump 97 dB under full scale.
MAX_WIDTH = 0.25
MIN_WIDTH = 1e-6
# The spline's natural width of four samples leaves the worst square, that of 2667 Hz at 16 kHz,
# whose third harmonic lies just above the Nyquist frequency, 18.9 dB under the closed form off its
# harmonics. With steps this much wider it is 20.7 dB.
STRETCH = 1.05


def smooth_saw(phase: Tensor, increment: Tensor) -> Tensor:
    """Saw from -1 to 1, 0 at phase 0, with its jump smoothed.

    Args:
        phase: in cycles, `(batch, n_samples)`.
        increment: cycles per sample, `(batch, n_samples)` or `(batch, 1)`; its sign is ignored.
    """
    width = increment.abs().clamp(MIN_WIDTH, MAX_WIDTH) * STRETCH
    signal: Tensor = _Smoothed.apply(phase, width, _Saw)  # type: ignore[no-untyped-call]
    return signal


def smooth_square(phase: Tensor, increment: Tensor) -> Tensor:
    """Square, 1 in the first half of the cycle, with its jumps smoothed; arguments as above."""
    width = increment.abs().clamp(MIN_WIDTH, MAX_WIDTH) * STRETCH
    signal: Tensor = _Smoothed.apply(phase, width, _Square)  # type: ignore[no-untyped-call]
    return signal


def smooth_triangle(phase: Tensor, increment: Tensor) -> Tensor:
    """Triangle, 0 and rising at phase 0, with its corners smoothed; arguments as above."""
    width = increment.abs().clamp(MIN_WIDTH, MAX_WIDTH)
    signal: Tensor = _Smoothed.apply(phase, width, _Triangle)  # type: ignore[no-untyped-call]
    return signal


def _tail_24(distance: Tensor, inverse: Tensor, out: Tensor, spare: Tensor) -> Tensor:
    """24 times the tail at `distance` cycles, with `inverse` = -1 / width; writes `out`."""
    outer = torch.addcmul(distance.new_tensor(2.0), distance, inverse, out=out).clamp_min_(0)
    inner = torch.sub(outer, 1, out=spare).clamp_min_(0)
    return outer.square_().square_().sub_(inner.square_().square_(), alpha=4)


def _slope_6(distance: Tensor, inverse: Tensor, out: Tensor, spare: Tensor) -> Tensor:
    """-6 times the derivative of the tail by its distance in samples; writes `out`."""
    outer = torch.addcmul(distance.new_tensor(2.0), distance, inverse, out=out).clamp_min_(0)
    inner = torch.sub(outer, 1, out=spare).clamp_min_(0)
    inner.mul_(inner.square())
    return outer.mul_(outer.square()).sub_(inner, alpha=4)


def _corner_120(distance: Tensor, inverse: Tensor, out: Tensor, spare: Tensor) -> Tensor:
    """120 times what a smoothed corner lacks, at `distance` cycles; writes `out`."""
    outer = torch.addcmul(distance.new_tensor(2.0), distance, inverse, out=out).clamp_min_(0)
    inner = torch.sub(outer, 1, out=spare).clamp_min_(0)
    return outer.pow_(5).sub_(inner.pow_(5), alpha=4)


class _Saw:
    """2 w - s + 2 s tail(|w|), with w the phase from the jump in [-0.5, 0.5) and s its sign."""

    @staticmethod
    def values(phase: Tensor, inverse: Tensor, out: Tensor, scratch: list[Tensor]) -> None:
        wrapped, distance, tail, spare = scratch
        torch.sub(phase, torch.floor(phase, out=wrapped), out=wrapped).sub_(0.5)
        _tail_24(torch.abs(wrapped, out=distance), inverse, tail, spare)
        torch.add(phase.new_tensor(0.5), tail, alpha=-1 / 24, out=tail)
        wrapped.sub_(torch.copysign(tail, wrapped, out=tail))
        torch.mul(wrapped, 2, out=out)

    @staticmethod
    def slopes(
        phase: Tensor, inverse: Tensor, by_phase: Tensor, by_width: Tensor, scratch: list[Tensor]
    ) -> None:
        wrapped, distance, slope, spare = scratch
        torch.sub(phase, torch.floor(phase, out=wrapped), out=wrapped).sub_(0.5)
        _slope_6(torch.abs(wrapped, out=distance), inverse, slope, spare)
        slope.mul_(inverse)
        torch.add(phase.new_tensor(2.0), slope, alpha=1 / 3, out=by_phase)
        torch.mul(slope.mul_(wrapped), inverse, out=by_width).mul_(1 / 3)


class _Square:
    """s (1 - 2 tail(|v|) - 2 tail(0.5 - |v|)), with v the phase in [-0.5, 0.5) and s its sign."""

    @staticmethod
    def values(phase: Tensor, inverse: Tensor, out: Tensor, scratch: list[Tensor]) -> None:
        wrapped, distance, tail, spare = scratch
        torch.sub(phase, torch.add(phase, 0.5, out=wrapped).floor_(), out=wrapped)
        _tail_24(torch.abs(wrapped, out=distance), inverse, tail, spare)
        torch.sub(phase.new_tensor(0.5), distance, out=distance)
        tail.add_(_tail_24(distance, inverse, out, spare))
        torch.add(phase.new_tensor(1.0), tail, alpha=-1 / 12, out=tail)
        # The tails add up to half a step at most, but for the 3e-6 of overlapping steps.
        torch.copysign(tail, wrapped, out=out)

    @staticmethod
    def slopes(
        phase: Tensor, inverse: Tensor, by_phase: Tensor, by_width: Tensor, scratch: list[Tensor]
    ) -> None:
        wrapped, distance, slope, spare = scratch
        torch.sub(phase, torch.add(phase, 0.5, out=wrapped).floor_(), out=wrapped)
        _slope_6(torch.abs(wrapped, out=distance), inverse, slope, spare)
        torch.mul(slope, distance, out=by_width)
        torch.sub(phase.new_tensor(0.5), distance, out=distance)
        other = _slope_6(distance, inverse, by_phase, spare)
        by_width.addcmul_(other, distance).mul_(inverse).mul_(inverse).mul_(-1 / 3)
        by_width.mul_(torch.copysign(by_width.new_tensor(1.0), wrapped, out=spare))
        other.sub_(slope).mul_(inverse).mul_(1 / 3)


class _Triangle:
    """1 - 4 d + 8 width (corner(0.5 - d) - corner(d)), d in [0, 0.5] the distance from the top."""

    @staticmethod
    def _distance(phase: Tensor, wrapped: Tensor) -> Tensor:
        turns = torch.add(phase, 0.25, out=wrapped).floor_()
        return torch.sub(phase, turns, out=wrapped).sub_(0.25)

    @staticmethod
    def values(phase: Tensor, inverse: Tensor, out: Tensor, scratch: list[Tensor]) -> None:
        wrapped, distance, top, spare = scratch
        torch.abs(_Triangle._distance(phase, wrapped), out=distance)
        _corner_120(distance, inverse, top, spare)
        below = torch.sub(phase.new_tensor(0.5), distance, out=wrapped)
        bottom = _corner_120(below, inverse, out, spare)
        bottom.sub_(top).div_(inverse).mul_(-1 / 15)
        bottom.add_(1).sub_(distance, alpha=4)

    @staticmethod
    def slopes(
        phase: Tensor, inverse: Tensor, by_phase: Tensor, by_width: Tensor, scratch: list[Tensor]
    ) -> None:
        wrapped, distance, part, spare = scratch
        torch.abs(_Triangle._distance(phase, wrapped), out=distance)
        sign = wrapped.sign_()
        tail = _tail_24(distance, inverse, by_phase, spare)
        torch.mul(tail, distance, out=by_width)
        corner = _corner_120(distance, inverse, part, spare)
        # Both corners alike, at the top and then, with the other sign, at the bottom.
        by_width.mul_(inverse).mul_(1 / 3).sub_(corner, alpha=1 / 15)
        torch.sub(phase.new_tensor(0.5), distance, out=distance)
        corner = _corner_120(distance, inverse, part, spare)
        by_width.add_(corner, alpha=1 / 15)
        other = _tail_24(distance, inverse, part, spare)
        by_phase.add_(other).mul_(1 / 3).sub_(4).mul_(sign)
        by_width.addcmul_(other.mul_(distance), inverse, value=-1 / 3)


_Shape = type[_Saw] | type[_Square] | type[_Triangle]


def _chunks(phase: Tensor) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of pieces that fit the cache."""
    n_rows, n_columns = phase.shape
    columns = max(1, min(n_columns, CACHE_SAMPLES))
    rows = max(1, CACHE_SAMPLES // columns)
    for row in range(0, n_rows, rows):
        for column in range(0, n_columns, columns):
            yield slice(row, row + rows), slice(column, column + columns)


def _pieces(
    phase: Tensor, inverse: Tensor
) -> Iterator[tuple[tuple[slice, slice], Tensor, Tensor, list[Tensor]]]:
    """Each piece's place, phase, -1 / width and scratch."""
    buffers: list[Tensor] = []
    for place in _chunks(phase):
        piece = phase[place]
        if not buffers:
            buffers = [torch.empty_like(piece) for _ in range(5)]
        rows, columns = place
        own = inverse[rows] if inverse.shape[1] == 1 else inverse[rows, columns]
        yield place, piece, own, [b[: piece.shape[0], : piece.shape[1]] for b in buffers]


class _Smoothed(torch.autograd.Function):
    """A waveform of phase and width with its analytic derivative, backward and forward."""

    @staticmethod
    def forward(ctx: Any, phase: Tensor, width: Tensor, shape: _Shape) -> Tensor:
        ctx.save_for_backward(phase, width)
        ctx.save_for_forward(phase, width)
        ctx.shape = shape
        out = torch.empty_like(phase)
        for place, piece, inverse, scratch in _pieces(phase, -1 / width):
            shape.values(piece, inverse, out[place], scratch[:4])
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        phase, width = ctx.saved_tensors
        by_phase, by_width = torch.empty_like(phase), torch.zeros_like(width)
        for place, piece, inverse, scratch in _pieces(phase, -1 / width):
            share = scratch[4]
            ctx.shape.slopes(piece, inverse, by_phase[place], share, scratch[:4])
            by_phase[place].mul_(gradient[place])
            share.mul_(gradient[place])
            if width.shape[1] == 1:
                by_width[place[0]] += share.sum(1, keepdim=True)
            else:
                by_width[place] = share
        return by_phase, by_width, None

    @staticmethod
    def jvp(ctx: Any, phase_tangent: Tensor, width_tangent: Tensor, _: None) -> Tensor:
        phase, width = ctx.saved_tensors
        out = torch.empty_like(phase)
        for place, piece, inverse, scratch in _pieces(phase, -1 / width):
            share = scratch[4]
            ctx.shape.slopes(piece, inverse, out[place], share, scratch[:4])
            rows, columns = place
            own = width_tangent[rows] if width.shape[1] == 1 else width_tangent[rows, columns]
            out[place].mul_(phase_tangent[place]).add_(share.mul_(own))
        return out
