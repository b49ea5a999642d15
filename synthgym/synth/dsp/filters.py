"""Filters."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from synthgym.synth.clock import Clock


def windowed_sinc_lowpass(
    audio: Tensor, cutoff_hz: Tensor, clock: Clock, least_cutoff_hz: float, zeros: int = 8
) -> Tensor:
    """Zero-phase lowpass: convolution with a Hann-windowed sinc, unit gain at 0 Hz.

    DiffMoog's filter (arXiv 2401.12570, after julius), with one change: the kernel's half length
    `zeros / 2` periods of the cutoff is a real number and not rounded to samples. As the window
    meets zero with zero slope, the output is continuously differentiable in the cutoff. -6 dB at
    the cutoff; the transition band is about `4 / zeros` of the cutoff wide.

    Args:
        audio: `(batch, n_samples)`; taken as silent before its start and after its end.
        cutoff_hz: `(batch,)`, up to the Nyquist frequency (clamped there).
        clock: time base.
        least_cutoff_hz: lower limit of `cutoff_hz`; sets the length of the kernel, so that a row's
            result does not depend on the other rows.
        zeros: zero crossings of the sinc kept on both sides together.

    Returns:
        `(batch, n_samples)`.
    """
    if not len(audio):
        return audio
    cutoff = (cutoff_hz / clock.sample_rate).clamp(least_cutoff_hz / clock.sample_rate, 0.5)
    reach = math.ceil(zeros * clock.sample_rate / (2 * least_cutoff_hz))
    lag = torch.arange(reach + 1, dtype=audio.dtype, device=audio.device)
    cycles = cutoff[:, None] * lag
    window = torch.cos(math.pi / zeros * cycles.clamp_max(zeros / 2)).square()
    side = torch.sinc(2 * cycles) * window
    side = side / (2 * side.sum(-1, keepdim=True) - side[:, :1])

    n_fft = next_fast_length(max(clock.n_samples + reach, 2 * reach + 1))
    gap = audio.new_zeros(len(side), n_fft - 2 * reach - 1)
    kernel = torch.cat([side, gap, side[:, 1:].flip(-1)], dim=-1)
    # MKL transforms a lone row by another algorithm than several: with two at least, a row is the
    # same to the bit in every batch.
    padded = torch.nn.functional.pad(audio, (0, n_fft - clock.n_samples))
    spectra = torch.fft.rfft(torch.cat([padded, kernel]))
    spectrum = spectra[: len(audio)] * spectra[len(audio) :]
    pair = spectrum if len(spectrum) > 1 else spectrum.repeat(2, 1)
    filtered: Tensor = torch.fft.irfft(pair, n_fft)
    return filtered[: len(audio), : clock.n_samples]


@lru_cache(maxsize=256)
def next_fast_length(n: int) -> int:
    """The least length of at least `n` whose FFT is fast: 1, 5, 7, 25 or 35 times a power of two.

    Factors of 3 are left out: on the CPUs measured they cost more than the few samples they save.
    """
    odd = (1, 5, 7, 25, 35)
    return min(m << max(1, (-(-n // m) - 1).bit_length()) for m in odd)
