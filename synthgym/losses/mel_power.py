"""Mel power spectrogram as one differentiable function.

Worked out a few sounds at a time, in place, and with its own derivatives: what a generic chain of
framing, FFT and squares would keep for its backward pass costs more to write and fetch than the FFT
costs to do again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CACHE_SAMPLES = 1 << 16


def mel_power(audio: Tensor, window: Tensor, bands: Tensor) -> Tensor:
    """Mel power of frames that overlap by half.

    Frame `i` is centred on sample `i * size / 2`; beyond its ends the sound is silent.

    Args:
        audio: `(batch, n_samples)`.
        window: `(size,)`, size even.
        bands: weights from power to bands, `(size // 2 + 1, n_bands)`.

    Returns:
        `(batch, n_frames, n_bands)` with `n_frames = ceil(2 n_samples / size) + 1`.
    """
    power: Tensor = _MelPower.apply(audio, window, bands)  # type: ignore[no-untyped-call]
    return power


def _n_frames(n_samples: int, hop: int) -> int:
    return -(-n_samples // hop) + 1


def _spectra(audio: Tensor, window: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Spectra `(rows, n_frames, n_bins)` of a few sounds at a time."""
    n_samples, hop = audio.shape[1], len(window) // 2
    end = _n_frames(n_samples, hop) * hop - n_samples
    step = max(1, CACHE_SAMPLES // n_samples)
    for at in range(0, len(audio), step):
        rows = slice(at, at + step)
        frames = F.pad(audio[rows], (hop, end)).unfold(-1, len(window), hop)
        yield rows, torch.fft.rfft(frames * window)


class _MelPower(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, audio: Tensor, window: Tensor, bands: Tensor) -> Tensor:
        ctx.save_for_backward(audio, window, bands)
        ctx.save_for_forward(audio, window, bands)
        n_frames = _n_frames(audio.shape[1], len(window) // 2)
        out = audio.new_empty(len(audio), n_frames, bands.shape[1])
        for rows, spectrum in _spectra(audio, window):
            squares = torch.view_as_real(spectrum).square_()
            torch.matmul(squares[..., 0] + squares[..., 1], bands, out=out[rows])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        audio, window, bands = ctx.saved_tensors
        n_samples, hop = audio.shape[1], len(window) // 2
        n_frames = _n_frames(n_samples, hop)
        # d|S|^2 = 2 Re(conj(S) dS). The inverse FFT doubles all bins but the first and the last.
        back = bands.T.clone()
        back[:, [0, -1]] *= 2
        out = torch.empty_like(audio)
        for rows, spectrum in _spectra(audio, window):
            weights = gradient[rows] @ back
            spectrum.real.mul_(weights)
            spectrum.imag.mul_(weights)
            frames = torch.fft.irfft(spectrum, len(window), norm="forward").mul_(window)
            halves = frames.view(len(spectrum), n_frames, 2, hop)
            summed = frames.new_zeros(len(spectrum), n_frames + 1, hop)
            summed[:, :-1] = halves[:, :, 0]
            summed[:, 1:] += halves[:, :, 1]
            out[rows] = summed.view(len(spectrum), -1)[:, hop : hop + n_samples]
        return out, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        audio, window, bands = ctx.saved_tensors
        pairs = zip(_spectra(audio, window), _spectra(tangent, window), strict=True)
        parts = [
            (spectrum.real * moved.real).addcmul_(spectrum.imag, moved.imag) @ bands
            for (_, spectrum), (_, moved) in pairs
        ]
        return torch.cat(parts).mul_(2)
