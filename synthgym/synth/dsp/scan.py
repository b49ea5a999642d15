"""Linear recursions of two states, in parallel over time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def affine_scan(change: Tensor, offset: Tensor) -> Tensor:
    """States of `state[n] = (1 + change[n]) state[n - 1] + offset[n]`, from a state of zero.

    A slow recursion is one of small changes: kept apart from the 1, they keep all their digits.
    Steps are joined in pairs, the half as many steps solved, and the states between filled in:
    about `2 log2(n_samples)` operations on tensors that halve each time (Blelloch 1990, "Prefix
    sums and their applications"). The gradient is the same recursion, transposed, in reverse; it
    can itself be differentiated, also forward.

    Args:
        change: `(2, 2, batch, n_samples)`.
        offset: `(2, batch, n_samples)`.

    Returns:
        `(2, batch, n_samples)`.
    """
    states: Tensor = _Scan.apply(change, offset)  # type: ignore[no-untyped-call]
    return states


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return matrix[:, 0] * vector[0] + matrix[:, 1] * vector[1]


def _scan(change: Tensor, offset: Tensor) -> Tensor:
    n = offset.shape[-1]
    if n == 1:
        return offset
    even = n - n % 2
    c, o = change[..., :even], offset[..., :even]
    early, late, entering = c[..., ::2], c[..., 1::2], o[..., ::2]
    both = torch.stack([_times(late, early[:, 0]), _times(late, early[:, 1])], dim=1)
    joined = entering + _times(late, entering) + o[..., 1::2]
    second = _scan(early + late + both, joined)
    states = torch.empty_like(offset)
    states[..., 1::2] = second
    states[..., :1] = offset[..., :1]
    before = second[..., : (n - 1) // 2]
    states[..., 2::2] = before + _times(change[..., 2::2], before) + offset[..., 2::2]
    return states


def _delayed(states: Tensor) -> Tensor:
    return torch.nn.functional.pad(states, (1, 0))[..., :-1]


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, change: Tensor, offset: Tensor) -> Tensor:
        states = _scan(change, offset)
        ctx.save_for_backward(change, states)
        ctx.save_for_forward(change, states)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        change, states = ctx.saved_tensors
        # The adjoint takes the step that leaves a sample, transposed; from the last, none does.
        onward = torch.nn.functional.pad(change.transpose(0, 1)[..., 1:], (0, 1))
        adjoint = affine_scan(onward.flip(-1), gradient.flip(-1)).flip(-1)
        return adjoint[:, None] * _delayed(states)[None], adjoint

    @staticmethod
    def jvp(ctx: Any, change_tangent: Tensor, offset_tangent: Tensor) -> Tensor:
        change, states = ctx.saved_tensors
        return affine_scan(change, _times(change_tangent, _delayed(states)) + offset_tangent)
