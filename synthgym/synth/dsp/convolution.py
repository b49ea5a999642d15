"""Convolution with symmetric kernels, frame by frame, with what surrounds the FFTs compiled."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order

# Rows are filtered a cache's worth at a time: fresh large tensors cost more than the arithmetic.
# FFTs of fewer frames at a time cost more each: see docs/speed.md.
CACHE_SAMPLES = 1 << 18


def rfft(rows: Tensor, n_fft: int) -> Tensor:
    """Spectra of real rows."""
    # MKL transforms a lone row by another algorithm than several: with two at least, a row is the
    # same to the bit in every batch.
    lone = rows.shape[:-1].numel() == 1
    spectra: Tensor = torch.fft.rfft(torch.cat([rows, rows]) if lone else rows, n_fft)
    return spectra[:1] if lone else spectra


def irfft(spectra: Tensor, n_fft: int) -> Tensor:
    """The inverse of `rfft`."""
    lone = spectra.shape[:-1].numel() == 1
    rows: Tensor = torch.fft.irfft(torch.cat([spectra, spectra]) if lone else spectra, n_fft)
    return rows[:1] if lone else rows


def shares(first: int, last: int, n_samples: int, reach: int, n_fft: int) -> list[slice]:
    """Rows that are filtered together."""
    n_frames = math.ceil(n_samples / (n_fft - 2 * reach))
    n_rows = max(1, CACHE_SAMPLES // (n_frames * n_fft))
    return [slice(row, min(row + n_rows, last)) for row in range(first, last, n_rows)]


def convolved(audio: Tensor, side: Tensor, n_fft: int) -> Tensor:
    """Audio `(batch, n_samples)` through symmetric kernels, by their middle and right half.

    Args:
        audio: for which the kernels serve.
        side: `(batch, reach + 1)`.
        n_fft: length of a frame, at least four reaches.
    """
    filtered: Tensor = _Convolved.apply(audio, side, n_fft)  # type: ignore[no-untyped-call]
    return filtered


def _parts(spectra: Tensor) -> Any:
    """Real and imaginary parts beside each other, as an array."""
    return torch.view_as_real(spectra).numpy()


class _Convolved(torch.autograd.Function):
    """Two FFT calls forward and two backward, of frames and kernels together."""

    @staticmethod
    def forward(ctx: Any, audio: Tensor, side: Tensor, n_fft: int) -> Tensor:
        code, reach, n_samples = kernels.module("overlap"), side.shape[1] - 1, audio.shape[1]
        hop, n_bins = n_fft - 2 * reach, n_fft // 2 + 1
        n_frames = math.ceil(n_samples / hop)
        sound, half = audio.detach().contiguous().numpy(), side.detach().contiguous()
        ctx.kept, ctx.reach, ctx.n_fft, ctx.n_frames = {}, reach, n_fft, n_frames
        keeps = any(ctx.needs_input_grad)
        out = torch.empty(audio.shape)
        signal = out.numpy()

        def filter_rows(rows: slice) -> None:
            for own in shares(rows.start, rows.stop, n_samples, reach, n_fft):
                n = own.stop - own.start
                buffer = kernels.scratch("sinc frames", (n * (n_frames + 1), n_fft))
                frames = buffer[: n * n_frames].view(n, n_frames, n_fft)
                code.frame(sound[own], hop, reach, 0, n_fft, frames.numpy())
                tails = buffer[n * n_frames :].zero_()
                tails[:, : reach + 1] = half[own]
                both = rfft(buffer, n_fft)
                spectra, halves = both[: n * n_frames], both[n * n_frames :]
                kernel = torch.empty(n, n_bins)
                shaped = torch.empty_like(spectra) if ctx.needs_input_grad[1] else spectra
                code.shape(
                    _parts(spectra.view(n, n_frames, n_bins)),
                    _parts(halves),
                    half[own, 0].contiguous().numpy(),
                    kernel.numpy(),
                    _parts(shaped.view(n, n_frames, n_bins)),
                )
                filtered = irfft(shaped, n_fft).view(n, n_frames, n_fft)
                code.middles(filtered.numpy(), hop, reach, signal[own])
                if keeps:
                    wanted = n_frames if ctx.needs_input_grad[1] else 0
                    before = spectra.view(n, n_frames, n_bins)[:, :wanted]
                    ctx.kept[own.start] = own, kernel, before

        kernels.in_threads(filter_rows, *audio.shape)
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        code, reach, n_fft, n_frames = kernels.module("overlap"), ctx.reach, ctx.n_fft, ctx.n_frames
        hop, n_bins = n_fft - 2 * reach, n_fft // 2 + 1
        g = gradient.detach().contiguous().numpy()
        by_audio = torch.empty(gradient.shape)
        by_side = torch.empty(len(gradient), reach + 1)
        back = by_audio.numpy()

        def spread(own: slice, kernel: Tensor, before: Tensor) -> None:
            n = own.stop - own.start
            frames = kernels.scratch("sinc frames", (n * n_frames, n_fft))
            code.frame(g[own], hop, 0, reach, hop, frames.view(n, n_frames, n_fft).numpy())
            spectra = rfft(frames, n_fft)
            both = torch.empty(n * (n_frames + 1), n_bins, dtype=spectra.dtype)
            code.shape_gradient(
                _parts(spectra.view(n, n_frames, n_bins)),
                kernel.numpy(),
                _parts(before.contiguous()),
                _parts(both[: n * n_frames].view(n, n_frames, n_bins)),
                _parts(both[n * n_frames :]),
            )
            signals = irfft(both, n_fft)
            spread_out = signals[: n * n_frames].view(n, n_frames, n_fft)
            code.overlapped(spread_out.numpy(), hop, reach, back[own])
            # The correlation as many samples apart one way and the other.
            by_side[own] = 2 * signals[n * n_frames :, : reach + 1]

        kept = list(ctx.kept.values())
        kernels.side_by_side(
            lambda one: spread(*kept[one.start]), [slice(k, k + 1) for k in range(len(kept))]
        )
        by_side[:, 0] /= 2
        return by_audio, by_side if ctx.needs_input_grad[1] else None, None
