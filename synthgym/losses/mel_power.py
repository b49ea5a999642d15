"""Mel power spectrogram as one differentiable function.

Worked out a few sounds at a time, in place, and with its own derivatives: what a generic chain of
framing, FFT and squares would keep for its backward pass costs more to write and fetch than the FFT
costs to do again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order

CACHE_SAMPLES = 1 << 16


@dataclass(frozen=True)
class Filterbank:
    """A window and the mel weights of its spectrum.

    Args:
        window: `(size,)`, size even.
        weights: from power to bands, `(size // 2 + 1, n_bands)`.
    """

    window: Tensor
    weights: Tensor

    @cached_property
    def packed(self) -> tuple[Any, Any, Any, Any]:
        """First bin, end bin, offset of each band, and the weights of all, as arrays."""
        weights = self.weights.numpy()
        used = weights > 0
        first = used.argmax(0)
        end = len(weights) - used[::-1].argmax(0)
        offset = np.concatenate([[0], np.cumsum(end - first)[:-1]])
        packed = [weights[a:b, j] for j, (a, b) in enumerate(zip(first, end, strict=True))]
        return first, end, offset, np.concatenate(packed)


def mel_powers(audio: Tensor, banks: Sequence[Filterbank]) -> tuple[Tensor, ...]:
    """Mel power of frames that overlap by half, at several resolutions.

    Frame `i` is centred on sample `i * size / 2`; before its start the sound is silent. There is no
    frame beyond its end, where a cut would be heard as a click: only a sound shorter than half a
    window is continued with silence.

    Args:
        audio: `(batch, n_samples)`.
        banks: windows and mel weights, of the sound's precision and device.

    Returns:
        For each bank `(batch, n_frames, n_bands)`; `n_frames` is `n_samples // (size // 2)`, or 1.
    """
    if kernels.serve(audio):
        powers: tuple[Tensor, ...] = _CompiledMelPowers.apply(audio, banks)  # type: ignore[no-untyped-call]
        return powers
    return tuple(_MelPower.apply(audio, b.window, b.weights) for b in banks)  # type: ignore[no-untyped-call]


def _n_frames(n_samples: int, hop: int) -> int:
    return max(1, n_samples // hop)


def _spectra(audio: Tensor, window: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Spectra `(rows, n_frames, n_bins)` of a few sounds at a time."""
    n_samples, hop = audio.shape[1], len(window) // 2
    end = max(0, hop - n_samples)
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
    @first_order
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
            within = summed.view(len(spectrum), -1)[:, hop : hop + n_samples]
            out[rows] = F.pad(within, (0, n_samples - within.shape[1]))
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


class _CompiledMelPowers(torch.autograd.Function):
    """The same with compiled loops around the FFT, for several resolutions."""

    @staticmethod
    def forward(ctx: Any, audio: Tensor, banks: Sequence[Filterbank]) -> tuple[Tensor, ...]:
        ctx.save_for_backward(audio)
        ctx.banks = banks
        bands = kernels.module("mel").bands
        powers = []
        for bank in banks:
            n_frames = _n_frames(audio.shape[1], len(bank.window) // 2)
            power = audio.new_empty(len(audio), n_frames, bank.weights.shape[1])
            for rows, spectra in _compiled_spectra(audio, bank):
                bands(_parts(spectra), *bank.packed, power[rows].numpy())
            powers.append(power)
        return tuple(powers)

    @staticmethod
    @first_order
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (audio,) = ctx.saved_tensors
        mel, out = kernels.module("mel"), torch.empty_like(audio)
        for number, (bank, gradient) in enumerate(zip(ctx.banks, gradients, strict=True)):
            window, g = bank.window, gradient.contiguous().numpy()
            for rows, spectra in _compiled_spectra(audio, bank):
                shape = (len(spectra), (spectra.shape[1] + 1) // 2, len(window))
                pairs = kernels.scratch("pairs", shape, torch.complex64)
                mel.bands_gradient(_parts(spectra), *bank.packed, g[rows], _parts(pairs))
                torch.fft.ifft(pairs, norm="forward", out=pairs)
                n_frames, samples = spectra.shape[1], out[rows].numpy()
                mel.unframe(_parts(pairs), n_frames, window.numpy(), number > 0, samples)
        return out, None


def _parts(spectra: Tensor) -> Any:
    """Real and imaginary parts as an array with one more axis."""
    return torch.view_as_real(spectra).numpy()


def _compiled_spectra(audio: Tensor, bank: Filterbank) -> Iterator[tuple[slice, Tensor]]:
    """As `_spectra`; each piece overwrites the one before."""
    audio, size = audio.detach().contiguous(), len(bank.window)
    n_frames = _n_frames(audio.shape[1], size // 2)
    step = max(1, CACHE_SAMPLES // audio.shape[1])
    window, frame = bank.window.numpy(), kernels.module("mel").frame
    for at in range(0, len(audio), step):
        rows = slice(at, min(at + step, len(audio)))
        shape = (rows.stop - rows.start, n_frames)
        frames = kernels.scratch("frames", (*shape, size))
        spectra = kernels.scratch("spectra", (*shape, size // 2 + 1), torch.complex64)
        frame(audio[rows].numpy(), window, frames.numpy())
        yield rows, torch.fft.rfft(frames, out=spectra)
