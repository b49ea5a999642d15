"""Mixing, amplification, multiplication and saturation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from synthgym import kernels

CACHE_SAMPLES = 1 << 16


def mean(signals: Sequence[Tensor]) -> Tensor:
    """The mean of signals of one shape."""
    if len(signals) == 1:
        return signals[0]
    total = signals[0] + signals[1]
    for signal in signals[2:]:
        # In place: a pass over fresh memory costs several over what is in the cache.
        total = total.add_(signal) if total.shape == signal.shape else total + signal
    return total.div_(len(signals))


def weighted_sum(signals: Sequence[Tensor], levels: Sequence[Tensor]) -> Tensor:
    """The sum of signals `(batch, n_samples)`, each at a level `(batch,)` of its own."""
    if kernels.serve(*signals, *levels) and len({signal.shape for signal in signals}) == 1:
        mixed: Tensor = _Weighted.apply(torch.stack(list(levels), 1), *signals)  # type: ignore[no-untyped-call]
        return mixed
    total = signals[0] * levels[0][:, None]
    for signal, level in zip(signals[1:], levels[1:], strict=True):
        total = torch.addcmul(total, signal, level[:, None])
    return total


class _Weighted(torch.autograd.Function):
    """The same in one pass, and so are its gradients."""

    @staticmethod
    def forward(ctx: Any, levels: Tensor, *signals: Tensor) -> Tensor:
        ctx.save_for_backward(levels, *signals)
        out = torch.empty(signals[0].shape)
        sources = [signal.detach().contiguous() for signal in signals]
        own, mixing = levels.detach().contiguous(), kernels.module("mixing")
        together, others = sources[: mixing.TOGETHER], sources[mixing.TOGETHER :]
        together += [out[:0]] * (mixing.TOGETHER - len(together))

        def mix(rows: slice) -> None:
            arrays = (*(signal[rows] for signal in together), own[rows], out[rows])
            mixing.weighted_sum(*(tensor.numpy() for tensor in arrays))
            for k, signal in enumerate(others, mixing.TOGETHER):
                out[rows].addcmul_(signal[rows], own[rows, k, None])

        kernels.in_threads(mix, *out.shape)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        levels, *signals = (saved.detach() for saved in ctx.saved_tensors)
        g, n_samples = gradient.contiguous(), gradient.shape[1]
        wanted = ctx.needs_input_grad[1:]
        by_signals = [torch.empty(g.shape if needed else (0, n_samples)) for needed in wanted]
        columns, by_levels = levels.t().contiguous(), torch.empty(levels.t().shape)
        kernel = kernels.module("mixing").weighted_gradient
        n_together = max(1, CACHE_SAMPLES // max(1, n_samples))

        def spread(rows: slice) -> None:
            # All signals of a few rows, for which the gradient stays in the cache.
            for first in range(rows.start, rows.stop, n_together):
                r = slice(first, min(first + n_together, rows.stop))
                for k, signal in enumerate(signals):
                    back = by_signals[k][r] if wanted[k] else by_signals[k]
                    own = (g[r], signal[r].contiguous(), columns[k, r], back, by_levels[k, r])
                    kernel(*(tensor.numpy() for tensor in own))

        kernels.in_threads(spread, *g.shape)
        kept = [by if needed else None for by, needed in zip(by_signals, wanted, strict=True)]
        return by_levels.t() if ctx.needs_input_grad[0] else None, *kept


def soft_clip(audio: Tensor, drive: Tensor) -> Tensor:
    """Saturation: `tanh(drive * audio) / tanh(drive)`, which keeps 0 and full scale where they are.

    Args:
        audio: `(batch, n_samples)`.
        drive: `(batch,)`, above zero; towards zero the sound stays as it is.
    """
    return torch.tanh(audio * drive[:, None]) / torch.tanh(drive)[:, None]
