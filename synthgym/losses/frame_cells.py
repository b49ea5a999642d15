"""Spectrograms none of whose frames reaches beyond the end, with a derivative of their own.

What follows a sound's last sample is nobody's business, yet a frame that reaches over the end hears
a click there (or, where the sound is mirrored, a kink). Its spectrum turns with the phase of the
last sample, and so with frequency: a loss that is to point to the right frequency must not look.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from synthgym.derivatives import first_order
from synthgym.losses.frames import check_audio, frames, unframed, window


def frame_cells(audio: Tensor, n_fft: int, hop: int, exponent: Literal[1, 2] = 2) -> Tensor:
    """Magnitudes or powers of Hann-windowed frames.

    Frame i is centred on sample `i * hop`; before the sound there is silence, and the last frame
    is the last that the sound fills. Only a sound of less than half a frame is continued with
    silence. Differentiable once; the gradient at zero is zero.

    Args:
        audio: `(batch, n_samples)`, float32 or float64, on any device.
        n_fft: length of a frame in samples.
        hop: samples from frame to frame.
        exponent: 1 for magnitudes, 2 for powers.

    Returns:
        `(batch, n_frames, n_fft // 2 + 1)`, scaled such that a sine of amplitude a between two
        ends of a frame has the magnitude a / 2 at its bin, whatever `n_fft`.

    Raises:
        ParameterError: another shape, no samples, or whole numbers.
    """
    shape = window("hann", n_fft, check_audio(audio).dtype, audio.device)
    cells: Tensor = _Cells.apply(audio, shape * (2 / n_fft), hop, exponent)  # type: ignore[no-untyped-call]
    return cells


def _spectrum(audio: Tensor, shape: Tensor, hop: int) -> Tensor:
    n_fft = len(shape)
    n_frames = max(1, (audio.shape[1] - n_fft // 2) // hop + 1)
    pieces = frames(audio, n_fft, hop, "silence")[:, :n_frames]
    spectrum: Tensor = torch.fft.rfft(pieces * shape)
    return spectrum


class _Cells(torch.autograd.Function):
    """Torch's own backward pass takes a full complex FFT, and adds frames up one by one."""

    @staticmethod
    def forward(ctx: Any, audio: Tensor, shape: Tensor, hop: int, exponent: int) -> Tensor:
        spectrum = _spectrum(audio, shape, hop)
        cells = torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)
        if exponent == 1:
            cells.sqrt_()
        ctx.save_for_backward(shape, spectrum, cells)
        ctx.save_for_forward(shape, spectrum, cells)
        ctx.hop, ctx.exponent, ctx.n_samples = hop, exponent, audio.shape[1]
        return cells

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        # With S a bin, d|S|^2 = 2 Re(conj(S) dS) and d|S| = Re(conj(S) dS) / |S|. The inverse FFT
        # counts every bin twice but the first and, for an even size, the last.
        shape, spectrum, cells = ctx.saved_tensors
        slope = gradient.clone() if ctx.exponent == 2 else 0.5 * gradient / _divisor(cells)
        slope[..., 0] *= 2
        if len(shape) % 2 == 0:
            slope[..., -1] *= 2
        pieces = torch.fft.irfft(spectrum * slope, len(shape), norm="forward").mul_(shape)
        return unframed(pieces, ctx.n_samples, ctx.hop, "silence"), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        shape, spectrum, cells = ctx.saved_tensors
        moved = _spectrum(tangent, shape, ctx.hop)
        turned = torch.addcmul(spectrum.real * moved.real, spectrum.imag, moved.imag)
        return 2 * turned if ctx.exponent == 2 else turned / _divisor(cells)


def _divisor(magnitudes: Tensor) -> Tensor:
    # Below, the square of a part may have been rounded to zero: no slope from there.
    return magnitudes.clamp_min(1e-18)
