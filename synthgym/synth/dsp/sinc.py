"""DiffMoog's filters: zero-phase lowpass and highpass with a windowed-sinc kernel."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.derivatives import first_order
from synthgym.errors import ParameterError, unknown_name
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.convolution import convolved, irfft, rfft, shares

EDGES = ("silent", "repeat")
LONGEST_REACH = 1 << 20


def windowed_sinc_lowpass(
    audio: Tensor,
    cutoff_hz: Tensor,
    clock: Clock,
    least_cutoff_hz: float,
    zeros: int = 8,
    edge: str = "silent",
    rounded: bool = False,
) -> Tensor:
    """Zero-phase lowpass: convolution with a Hann-windowed sinc, unit gain at 0 Hz.

    DiffMoog's filter (arXiv 2401.12570, after julius), with one change: the kernel's half length
    `zeros / 2` periods of the cutoff is a real number and not rounded to samples. As the window
    meets zero with zero slope, the output is continuously differentiable in the cutoff. -6 dB at
    the cutoff; the transition band is about `4 / zeros` of the cutoff wide.

    Args:
        audio: `(batch, n_samples)`.
        cutoff_hz: `(batch,)`, up to the Nyquist frequency (clamped there).
        clock: time base.
        least_cutoff_hz: lower limit of `cutoff_hz`; sets the length of the kernel, so that a row's
            result does not depend on the other rows.
        zeros: zero crossings of the sinc kept on both sides together.
        edge: what lies before the audio's start and after its end: `"silent"`, or `"repeat"` for
            its first and last sample again and again.
        rounded: the half length is rounded down to samples, as in the paper. The output then jumps
            where the cutoff makes it a sample longer, and its gradient knows nothing of that.

    Returns:
        `(batch, n_samples)`.

    Raises:
        UnknownNameError: there is no such edge.
        ParameterError: the kernel would reach over more than a million samples.
    """
    _check(edge, least_cutoff_hz, zeros, clock)
    cutoff = (cutoff_hz / clock.sample_rate).clamp(least_cutoff_hz / clock.sample_rate, 0.5)
    reach = math.ceil(zeros * clock.sample_rate / (2 * least_cutoff_hz))
    side = _half_kernel(cutoff, reach, zeros, rounded)
    n_samples = audio.shape[1]
    if len(audio) == 0:  # no FFT takes that
        return audio + 0 * cutoff[:, None]
    if edge == "repeat":
        audio = torch.nn.functional.pad(audio, (reach, reach), mode="replicate")
    n_fft = _frame_length(audio.shape[1], reach)
    filtered: Tensor
    if kernels.serve(audio, side):
        filtered = convolved(audio, side, n_fft)
    elif audio.dtype == torch.float32 and not kernels.has_tangent(audio, side):
        filtered = _Convolved.apply(audio, side, n_fft)  # type: ignore[no-untyped-call]
    else:
        spectra = rfft(_frames(audio, reach, n_fft), n_fft)
        filtered = _middles(irfft(spectra * _spectrum(side, n_fft)[:, None], n_fft), reach)
    first = reach if edge == "repeat" else 0
    return filtered[:, first : first + n_samples]


def windowed_sinc_highpass(
    audio: Tensor,
    cutoff_hz: Tensor,
    clock: Clock,
    least_cutoff_hz: float,
    zeros: int = 8,
    edge: str = "silent",
    rounded: bool = False,
) -> Tensor:
    """What `windowed_sinc_lowpass` takes away from the audio; see there for the arguments.

    Args:
        audio: `(batch, n_samples)`.
        cutoff_hz: `(batch,)`; from the Nyquist frequency on, silence is left.
        clock: time base.
        least_cutoff_hz: see there.
        zeros: see there.
        edge: see there.
        rounded: see there.

    Returns:
        `(batch, n_samples)`.

    Raises:
        UnknownNameError: there is no such edge.
    """
    low = windowed_sinc_lowpass(audio, cutoff_hz, clock, least_cutoff_hz, zeros, edge, rounded)
    return audio - low


def _check(edge: str, least_cutoff_hz: float, zeros: int, clock: Clock) -> None:
    if edge not in EDGES:
        raise unknown_name("edge", edge, EDGES)
    if zeros * clock.sample_rate > 2 * least_cutoff_hz * LONGEST_REACH:
        raise ParameterError(
            f"cutoffs from {least_cutoff_hz:g} Hz on with {zeros} zeros need a kernel of more than "
            f"{LONGEST_REACH} samples to each side; raise the cutoff or take fewer zeros"
        )


def _half_kernel(cutoff: Tensor, reach: int, zeros: int, rounded: bool) -> Tensor:
    """The kernel's middle and right half, `(batch, reach + 1)`, of cutoffs in cycles per sample."""
    lag = torch.arange(reach + 1, dtype=cutoff.dtype, device=cutoff.device)
    cycles = cutoff[:, None] * lag
    if rounded:
        half = torch.floor(zeros / (2 * cutoff.detach())).clamp_min(1.0)
        part = lag / half[:, None]
    else:
        part = cycles * (2 / zeros)
    window = torch.cos(math.pi / 2 * part.clamp_max(1.0)).square()
    side = torch.sinc(2 * cycles) * window
    return side / (2 * side.sum(-1, keepdim=True) - side[:, :1])


@lru_cache(maxsize=256)
def _frame_length(n_samples: int, reach: int) -> int:
    """The power of two whose frames, overlapping by two reaches, filter a sound at the least cost.

    A frame adds at least two reaches of new samples, so that only neighbours overlap.
    """

    def cost(n_fft: int) -> float:
        frames = math.ceil(n_samples / (n_fft - 2 * reach))
        # One more for the kernel.
        return (frames + 1) * n_fft * math.log2(n_fft)

    least = max(4, (4 * reach - 1).bit_length())
    return min((1 << k for k in range(least, least + 8)), key=cost)


def _frames(audio: Tensor, reach: int, n_fft: int) -> Tensor:
    """Overlapping frames `(batch, n_frames, n_fft)`; each is of use between two reaches."""
    hop = n_fft - 2 * reach
    missing = -audio.shape[1] % hop
    return torch.nn.functional.pad(audio, (reach, missing + reach)).unfold(1, n_fft, hop)


def _middles(frames: Tensor, reach: int) -> Tensor:
    """What is of use of filtered frames, in one row."""
    return frames[..., reach : frames.shape[-1] - reach].flatten(1)


def _spectrum(side: Tensor, n_fft: int) -> Tensor:
    """The spectrum of a symmetric kernel: a real one, `(batch, n_fft / 2 + 1)`."""
    return 2 * rfft(side, n_fft).real - side[:, :1]


def _scaled(spectra: Tensor, by: Tensor) -> Tensor:
    """Complex spectra of frames times real ones of their rows."""
    return torch.view_as_complex(torch.view_as_real(spectra) * by[:, None, :, None])


class _Convolved(torch.autograd.Function):
    """Convolution with symmetric kernels, frame by frame, and its gradients.

    Two FFT calls forward and two backward, of frames and kernels together: a call itself costs as
    much as the frames of a sound.
    """

    @staticmethod
    def forward(ctx: Any, audio: Tensor, side: Tensor, n_fft: int) -> Tensor:
        reach = side.shape[1] - 1
        tail = torch.nn.functional.pad(side, (0, n_fft - reach - 1))
        out = torch.empty_like(audio)
        ctx.kept, ctx.reach, ctx.n_fft = [], reach, n_fft
        for rows in shares(0, len(audio), audio.shape[1], reach, n_fft):
            frames = _frames(audio[rows], reach, n_fft)
            n_rows = len(frames)
            both = rfft(torch.cat([frames.flatten(0, 1), tail[rows]]), n_fft)
            kernel = 2 * both[-n_rows:].real - side[rows, :1]
            spectra = both[:-n_rows].reshape(*frames.shape[:2], -1)
            filtered = irfft(_scaled(spectra, kernel), n_fft)
            out[rows] = _middles(filtered, reach)[:, : audio.shape[1]]
            ctx.kept.append((kernel, spectra if ctx.needs_input_grad[1] else None))
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        reach, n_fft, n_samples = ctx.reach, ctx.n_fft, gradient.shape[1]
        by_audio = torch.empty_like(gradient)
        by_side = gradient.new_zeros(len(gradient), reach + 1)
        pieces = shares(0, len(gradient), n_samples, reach, n_fft)
        for rows, (kernel, before) in zip(pieces, ctx.kept, strict=True):
            spectra = rfft(_set_apart(gradient[rows], reach, n_fft), n_fft)
            spread = _scaled(spectra, kernel)
            if before is None:
                by_audio[rows] = _overlapped(irfft(spread, n_fft), reach)[:, :n_samples]
                continue
            # The correlation of audio and gradient, as many samples apart one way and the other.
            product = (torch.view_as_real(spectra) * torch.view_as_real(before)).sum((1, 3))
            both = irfft(torch.cat([spread.flatten(0, 1), product.to(spread.dtype)]), n_fft)
            frames = both[: -len(kernel)].reshape(*spread.shape[:2], n_fft)
            by_audio[rows] = _overlapped(frames, reach)[:, :n_samples]
            by_side[rows] = 2 * both[-len(kernel) :, : reach + 1]
        by_side[:, 0] /= 2
        return by_audio, by_side, None


def _set_apart(audio: Tensor, reach: int, n_fft: int) -> Tensor:
    """Frames as those of `_frames`, but silent in their overlaps."""
    hop = n_fft - 2 * reach
    missing = -audio.shape[1] % hop
    whole = torch.nn.functional.pad(audio, (0, missing)).reshape(len(audio), -1, hop)
    return torch.nn.functional.pad(whole, (reach, reach))


def _overlapped(frames: Tensor, reach: int) -> Tensor:
    """Frames added up where they overlap, in one row; the transpose of `_frames`."""
    hop = frames.shape[-1] - 2 * reach
    out = frames[..., reach : reach + hop].contiguous()
    out[:, 1:, :reach] += frames[:, :-1, reach + hop :]
    out[:, :-1, hop - reach :] += frames[:, 1:, :reach]
    return out.flatten(1)
