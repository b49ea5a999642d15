"""Losses that hear phase: sample by sample, or bin by bin of the complex spectrum.

They vanish only where two sounds agree in every sample, and have a minimum at each cycle of the
phase. Between sounds whose phases differ they say little, which is why most others look away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.base import check_sides
from synthgym.losses.frames import check_audio, magnitude, stft
from synthgym.losses.terms import check_norm

DB_PER_NEPER = 10 / math.log(10)


@dataclass(frozen=True)
class WaveformDistance:
    """Mean absolute difference of the samples, or mean squared difference.

    Args:
        norm: 1 or 2; no root is taken.
        name: for reports.

    Raises:
        ParameterError: `norm` is not 1 or 2.
    """

    norm: Literal[1, 2] = 1
    name: str = field(default="waveform-l1", kw_only=True)

    def __post_init__(self) -> None:
        check_norm(self.norm)

    def embed(self, audio: Tensor) -> Tensor:
        """The sounds `(batch, n_samples)`: a copy, as a caller may go on in the same buffer."""
        return check_audio(audio).clone()

    def compare(self, embedded: Tensor, embedded_target: Tensor) -> Tensor:
        """Distances `(batch,)`, in full scales or their squares."""
        error = embedded - check_fit(embedded, embedded_target)
        return (error.abs() if self.norm == 1 else error.square()).mean(1)

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Distances `(batch,)` between sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


@dataclass(frozen=True)
class SISDR:
    """Negative scale-invariant signal-to-distortion ratio in dB; lower is better.

    With `a` the share of the target `t` in the sound `s`, `a = <s, t> / <t, t>`, it is
    `-10 log10(|a t|^2 / |s - a t|^2)`. Le Roux, Wisdom, Erdogan, Hershey, "SDR: half-baked or well
    done?", ICASSP 2019 (arXiv 1811.02508), equation 5.

    Not a distance: equal sounds have `-ceiling_db`, and neither gain nor sign matter. Both energies
    get `10^(-ceiling_db / 10)` of the sound's added, so that a perfect match and a sound without
    any of the target stay finite, at `-ceiling_db` and `ceiling_db`. A silent sound has 0 dB and no
    slope; of a silent target no sound has any, so all but silence is at `ceiling_db`.

    Args:
        zero_mean: subtract the mean of both first, as the paper does.
        ceiling_db: of the ratio's absolute value.
        name: for reports.

    Raises:
        ParameterError: `ceiling_db` is not above 0.
    """

    zero_mean: bool = True
    ceiling_db: float = 80.0
    name: str = field(default="si-sdr", kw_only=True)

    def __post_init__(self) -> None:
        if not self.ceiling_db > 0:
            raise ParameterError(f"ceiling_db is {self.ceiling_db}; it must be above 0")

    def embed(self, audio: Tensor) -> Tensor:
        """The sounds `(batch, n_samples)`, without their mean if so set."""
        audio = check_audio(audio)
        with torch.inference_mode(False):  # kept, and used outside of inference mode too
            return audio - audio.mean(1, keepdim=True) if self.zero_mean else audio.clone()

    def compare(self, embedded: Tensor, embedded_target: Tensor) -> Tensor:
        """Negative ratios `(batch,)` in dB."""
        target = check_fit(embedded, embedded_target)
        energy = torch.linalg.vecdot(target, target)
        share = torch.linalg.vecdot(embedded, target) / energy.clamp_min(_LEAST_ENERGY)
        rest = torch.addcmul(embedded, share.unsqueeze(1), target, value=-1)
        signal, distortion = share.square() * energy, torch.linalg.vecdot(rest, rest)
        # The two parts are orthogonal, so their energies add up to the sound's.
        least = 10 ** (-self.ceiling_db / 10) * (signal + distortion) + _LEAST_ENERGY
        return DB_PER_NEPER * (torch.log(distortion + least) - torch.log(signal + least))

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Negative ratios `(batch,)` of sounds to targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


# Of a whole sound, 200 dB under one full-scale sample; keeps silence finite in float32 too.
_LEAST_ENERGY = 1e-20


@dataclass(frozen=True)
class ComplexSpectrumDistance:
    """Mean over cells of the distance between complex short-time spectra.

    Bin by bin it is `|S - T|`, or with `norm` 2 its square. Level and phase count alike: a partial
    in opposite phase is as far away as two sounds can be, one a quarter cycle off `sqrt(2)` times
    its magnitude. Spectra are scaled by `2 / n_fft`.

    Args:
        n_fft: length of the Hann window in samples.
        hop: samples from frame to frame.
        norm: 1 or 2; no root is taken.
        name: for reports.

    Raises:
        ParameterError: `norm` is not 1 or 2, or a number of samples below 1.
    """

    n_fft: int = 1024
    hop: int = 256
    norm: Literal[1, 2] = 1
    name: str = field(default="complex-spectrum", kw_only=True)

    def __post_init__(self) -> None:
        check_norm(self.norm)
        if self.n_fft < 1 or self.hop < 1:
            raise ParameterError(
                f"n_fft is {self.n_fft} and hop {self.hop}; both must be 1 or more"
            )

    def embed(self, audio: Tensor) -> Tensor:
        """Complex spectra `(batch, n_frames, n_bins)`."""
        return stft(check_audio(audio) * (2 / self.n_fft), self.n_fft, self.hop)

    def compare(self, embedded: Tensor, embedded_target: Tensor) -> Tensor:
        """Distances `(batch,)`, in full scales or their squares."""
        error = embedded - check_fit(embedded, embedded_target)
        if self.norm == 1:
            return magnitude(error).mean((1, 2))
        return torch.view_as_real(error).square().sum(-1).mean((1, 2))

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Distances `(batch,)` between sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


def check_fit(embedded: Tensor, embedded_target: Tensor) -> Tensor:
    """The target, if it fits the sound.

    Args:
        embedded: `(batch, length, ...)`.
        embedded_target: of the same shape, or with a batch of one.

    Raises:
        ParameterError: they differ in length, dtype or device, or the target's batch is neither as
            large nor one.
    """
    check_sides(embedded, embedded_target)
    if embedded.shape[1:] != embedded_target.shape[1:]:
        raise ParameterError(
            f"sound and target have embeddings of shapes {tuple(embedded.shape)} and "
            f"{tuple(embedded_target.shape)}; they must have the same length"
        )
    return embedded_target
