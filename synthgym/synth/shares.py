"""Batches rendered some rows at a time, side by side.

Rows know nothing of each other. A batch of any size needs only so much memory, as what is not kept
for the gradient is computed again where that is asked for. Where a patch has many nodes, each
thread takes some rows through all of them, and waits for no other at any; where it has few, threads
share out the rows of each node, which spares a copy of the sound. Shares much smaller than these,
which would stay in the cache, lose more by the calls than they gain: see docs/speed.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order

SHARE_SAMPLES = 1 << 22
LEAST_SAMPLES = 1 << 16
MANY_NODES = 8
# Of all nodes together, a graph for the gradient is kept up to so many, some 10 bytes each.
KEPT_SAMPLES = 1 << 27
DEVICE_SAMPLES = 1 << 27

Render = Callable[[slice, Sequence[Tensor]], Tensor]


def shares(n_rows: int, n_samples: int, n_nodes: int, device: torch.device) -> list[slice]:
    """Rows of a patch of so many nodes that are rendered together."""
    if device.type != "cpu":
        n_shares = -(-n_rows * n_samples // DEVICE_SAMPLES)
    else:
        n_threads = torch.get_num_threads()
        n_shares = -(-n_rows // max(1, SHARE_SAMPLES // n_samples))
        if n_nodes >= MANY_NODES:
            n_shares = max(n_shares, min(n_threads, n_rows * n_samples // LEAST_SAMPLES))
        if n_shares > n_threads:
            n_shares = -(-n_shares // n_threads) * n_threads
    n_shares = max(1, min(n_rows, n_shares))
    bounds = [n_rows * k // n_shares for k in range(n_shares + 1)]
    return [slice(*pair) for pair in pairwise(bounds)]


def rendered_in_shares(
    render: Render, tensors: Sequence[Tensor], out: Tensor, pieces: Sequence[slice]
) -> Tensor:
    """What `render` makes of rows of the tensors, written to `out`, without a derivative.

    Args:
        render: of a slice of rows and what the tensors hold there; any thread may call it.
        tensors: `(batch, ...)` each.
        out: `(batch, n_samples)`, written.
        pieces: the slices, which make up the batch.
    """
    inference = torch.is_inference_mode_enabled()

    def work(rows: slice) -> None:
        with torch.inference_mode(inference), torch.no_grad():
            out[rows] = render(rows, [tensor[rows] for tensor in tensors])

    _side_by_side(work, pieces, out.device)
    return out


def _side_by_side(
    work: Callable[[slice], object], pieces: Sequence[slice], device: torch.device
) -> None:
    if device.type == "cpu":
        kernels.side_by_side(work, pieces)
        return
    for rows in pieces:
        work(rows)


def traced_in_shares(
    render: Render, tensors: Sequence[Tensor], n_samples: int, pieces: Sequence[slice], keep: bool
) -> Tensor:
    """The same with a gradient, `(batch, n_samples)`.

    Args:
        render: as above.
        tensors: as above.
        n_samples: length of the sounds.
        pieces: as above.
        keep: whether what the gradient needs is kept. If not, or for a second gradient, a share is
            rendered again.
    """
    audio: Tensor = _Shared.apply(render, n_samples, pieces, keep, *tensors)  # type: ignore[no-untyped-call]
    return audio


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        render: Render,
        n_samples: int,
        pieces: Sequence[slice],
        keep: bool,
        *tensors: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(*tensors)
        ctx.render, ctx.pieces, ctx.kept = render, pieces, {}
        ctx.wanted = [k for k, needed in enumerate(ctx.needs_input_grad[4:]) if needed]
        out = tensors[0].new_empty(len(tensors[0]), n_samples)
        if not keep:
            return rendered_in_shares(render, [t.detach() for t in tensors], out, pieces)

        def work(rows: slice) -> None:
            leaves, audio = _traced(render, tensors, ctx.wanted, rows)
            out[rows] = audio.detach()
            ctx.kept[rows.start] = leaves, audio

        kernels.side_by_side(work, pieces)
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        tensors = ctx.saved_tensors
        by = {k: torch.zeros_like(tensors[k]) for k in ctx.wanted}

        def work(rows: slice) -> None:
            kept = ctx.kept.pop(rows.start, None)
            leaves, audio = kept or _traced(ctx.render, tensors, ctx.wanted, rows)
            if not audio.requires_grad:
                return
            found = torch.autograd.grad(audio, leaves, gradient[rows], allow_unused=True)
            for k, own in zip(ctx.wanted, found, strict=True):
                if own is not None:
                    by[k][rows] = own

        kernels.side_by_side(work, ctx.pieces)
        return (None,) * 4 + tuple(by.get(k) for k in range(len(tensors)))


def _traced(
    render: Render, tensors: Sequence[Tensor], wanted: list[int], rows: slice
) -> tuple[list[Tensor], Tensor]:
    """The leaves that derivatives are wanted by, and the audio with its graph."""
    with torch.inference_mode(False), torch.enable_grad():
        own = [tensor.detach()[rows] for tensor in tensors]
        leaves = [own[k].requires_grad_() for k in wanted]
        return leaves, render(rows, own)
