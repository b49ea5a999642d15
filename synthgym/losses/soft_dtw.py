"""Soft dynamic time warping: the cost of aligning two sequences, with a slope everywhere.

Cuturi, Blondel, "Soft-DTW: a differentiable loss function for time-series", ICML 2017 (arXiv
1703.01541). The recursions run over anti-diagonals, on which no cell waits for another: a step
takes a whole diagonal of a whole batch.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from synthgym.derivatives import first_order
from synthgym.errors import ParameterError


def soft_dtw(cost: Tensor, gamma: float) -> Tensor:
    """The soft minimum over all alignments of their summed costs.

    An alignment is a path from the first to the last cell in steps down, right or both. The soft
    minimum `-gamma log(sum(exp(-c / gamma)))` is below the least cost, by up to `gamma` times the
    logarithm of the number of paths.

    Args:
        cost: of pairs of elements, `(batch, n, m)`.
        gamma: softness, in the unit of the cost; above 0.

    Returns:
        `(batch,)`; differentiable once. Worked out in float64, as sums are large beside gamma.

    Raises:
        ParameterError: `gamma` is not above 0, or the cost has another shape or no cells.
    """
    if not gamma > 0:
        raise ParameterError(f"gamma is {gamma}; it must be above 0")
    if cost.ndim != 3 or 0 in cost.shape[1:]:
        raise ParameterError(f"cost has shape {tuple(cost.shape)}; it must be (batch, n, m)")
    value: Tensor = _SoftDTW.apply(cost, gamma)  # type: ignore[no-untyped-call]
    return value


class _SoftDTW(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cost: Tensor, gamma: float) -> Tensor:
        reached, arriving = _forward(_diagonals(cost.double()), gamma)
        ctx.save_for_backward(reached, arriving)
        ctx.save_for_forward(reached, arriving)
        ctx.gamma, ctx.dtype = gamma, cost.dtype
        return reached[-1, :, -1].to(cost.dtype, copy=True)

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        reached, arriving = ctx.saved_tensors
        share = _backward(reached, arriving, ctx.gamma).to(ctx.dtype)
        return gradient[:, None, None] * share, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        reached, arriving = ctx.saved_tensors
        share = _backward(reached, arriving, ctx.gamma).to(ctx.dtype)
        moved: Tensor = (share * tangent).sum((1, 2))
        return moved


def _diagonals(cost: Tensor) -> Tensor:
    """Anti-diagonals `(n + m - 1, batch, n)` of `(batch, n, m)`: cell i of the k-th is (i, k - i).

    Infinite outside of the matrix. A row that is n longer than it was and then read one shorter
    moves by one to the right with every row.
    """
    batch, n, m = cost.shape
    padded = F.pad(cost, (0, n), value=torch.inf).flatten(1)
    skewed = padded[:, : n * (n + m - 1)].view(batch, n, n + m - 1)
    return skewed.permute(2, 0, 1).contiguous()


def _matrix(diagonals: Tensor) -> Tensor:
    """The inverse of `_diagonals`."""
    n_diagonals, batch, n = diagonals.shape
    flat = F.pad(diagonals.permute(1, 2, 0).flatten(1), (0, n))
    return flat.view(batch, n, n_diagonals + 1)[..., : n_diagonals + 1 - n]


def _forward(cost: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """Cost to reach each cell with it and without it, as diagonals `(n + m - 1, batch, n)`.

    Outside of the matrix the first is infinite and the second minus infinite, so that both weigh
    nothing on the way back.
    """
    arriving = torch.zeros_like(cost)
    # A diagonal and a cell of nothing before the first ones; cell i is at i + 1.
    around = cost.new_full((len(cost) + 1, cost.shape[1], cost.shape[2] + 1), torch.inf)
    around[1, :, 1:] = cost[0]
    for k in range(1, len(cost)):
        old, above, corner = around[k, :, 1:], around[k, :, :-1], around[k - 1, :, :-1]
        least = -gamma * torch.logsumexp(torch.stack([old, above, corner]) / -gamma, 0)
        torch.add(least, cost[k], out=around[k + 1, :, 1:])
        arriving[k] = least
    return around[1:, :, 1:].contiguous(), arriving.masked_fill_(cost.isinf(), -torch.inf)


def _backward(reached: Tensor, arriving: Tensor, gamma: float) -> Tensor:
    """Slope of the value by each cell's cost, `(batch, n, m)`: the share of paths through it."""
    n_diagonals, batch, n = reached.shape
    # What a cell gets of the shares of those after it, in its row, in its column and across.
    after = F.pad(arriving, (0, 1, 0, 0, 0, 2), value=-torch.inf)
    in_row = torch.exp((after[1:-1, :, :-1] - reached) / gamma)
    in_column = torch.exp((after[1:-1, :, 1:] - reached) / gamma)
    across = torch.exp((after[2:, :, 1:] - reached) / gamma)
    share = reached.new_zeros(n_diagonals + 2, batch, n + 1)
    share[-3, :, -2] = 1.0
    for k in range(n_diagonals - 2, -1, -1):
        total = in_row[k] * share[k + 1, :, :-1]
        total.addcmul_(in_column[k], share[k + 1, :, 1:])
        torch.addcmul(total, across[k], share[k + 2, :, 1:], out=share[k, :, :-1])
    return _matrix(share[:-2, :, :-1])
