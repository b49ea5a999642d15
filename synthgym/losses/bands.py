"""Linear maps from the bins of a spectrum to bands: mel, and a blur over log frequency."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

import torch
from torch import Tensor

from synthgym.errors import ParameterError, unknown_name


class Bands(Hashable, Protocol):
    """Weights from bins to bands; a frozen dataclass, as the weights are kept by it."""

    def weights(self, n_fft: int) -> Tensor:
        """`(n_fft // 2 + 1, n_bands)`, float64."""


@dataclass(frozen=True)
class MelBands:
    """Triangles, evenly spread over a mel scale, with values taken at the bins' centres.

    At short windows narrow bands lie between two bins and stay empty, as they do in the libraries
    named below; `MelDistance` has triangles without that flaw.

    Args:
        n_bands: how many.
        sample_rate: in Hz.
        low_hz: lower edge of the lowest band.
        high_hz: upper edge of the highest band; half the sample rate if None.
        scale: `"htk"`: `2595 log10(1 + f / 700)`, triangles of height 1 (torchaudio's default);
            `"slaney"`: linear up to 1 kHz and logarithmic above, triangles of area 1 (librosa's).

    Raises:
        UnknownNameError: there is no such scale.
        ParameterError: no band, or edges that are not in order.
    """

    n_bands: int
    sample_rate: int = 16000
    low_hz: float = 0.0
    high_hz: float | None = None
    scale: Literal["htk", "slaney"] = "htk"

    def __post_init__(self) -> None:
        if self.n_bands < 1:
            raise ParameterError(f"n_bands is {self.n_bands}; it must be 1 or more")
        if self.scale not in ("htk", "slaney"):
            raise unknown_name("mel scale", self.scale, ("htk", "slaney"))
        if not 0 <= self.low_hz < self.top_hz:
            raise ParameterError(
                f"low_hz is {self.low_hz} and high_hz {self.top_hz}; low must be below high"
            )

    @property
    def top_hz(self) -> float:
        """Upper edge of the highest band."""
        return self.sample_rate / 2 if self.high_hz is None else self.high_hz

    def weights(self, n_fft: int) -> Tensor:
        """`(n_fft // 2 + 1, n_bands)`, float64."""
        to_mel, to_hz = (_htk, _from_htk) if self.scale == "htk" else (_slaney, _from_slaney)
        low_mel, high_mel = to_mel(torch.tensor([self.low_hz, self.top_hz]).double()).tolist()
        edges = to_hz(torch.linspace(low_mel, high_mel, self.n_bands + 2, dtype=torch.float64))
        bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)[:, None] * self.sample_rate / n_fft
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
        triangles = torch.minimum(rising, falling).clamp_min(0)
        return triangles if self.scale == "htk" else triangles * (2 / (high - low))


@dataclass(frozen=True)
class LogFrequencyBlur:
    """A Gaussian blur over the logarithm of frequency; each bin's power is spread, none is lost.

    A coarse look at a spectrum: partials whose distance is below the width run together, so that
    a comparison sees where power lies and not which bins it fills.

    Args:
        octaves: standard deviation; 0 leaves the spectrum as it is.

    Raises:
        ParameterError: `octaves` is negative.
    """

    octaves: float

    def __post_init__(self) -> None:
        if not self.octaves >= 0:
            raise ParameterError(f"octaves is {self.octaves}; it must be 0 or more")

    def weights(self, n_fft: int) -> Tensor:
        """`(n_fft // 2 + 1, n_fft // 2 + 1)`, float64; each row adds up to 1."""
        n_bins = n_fft // 2 + 1
        if self.octaves == 0:
            return torch.eye(n_bins, dtype=torch.float64)
        # The lowest bin reaches from 0 to half a bin; its middle keeps the logarithm finite.
        octave = torch.arange(n_bins, dtype=torch.float64).clamp_min(0.25).log2()
        spread = torch.exp(-0.5 * ((octave - octave[:, None]) / self.octaves).square())
        # Bins lie dense at high frequencies; what matters is how much of the axis each one covers.
        spread = spread * _widths(octave)
        return spread / spread.sum(1, keepdim=True)


@lru_cache(maxsize=64)
def kept_weights(bands: Bands, n_fft: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The weights of bands in a precision and on a device, made once and kept."""
    with torch.inference_mode(False):  # used outside of inference mode too
        return bands.weights(n_fft).to(device, dtype)


def _widths(centre: Tensor) -> Tensor:
    """Distance from middle to middle of neighbours along an axis."""
    middle = (centre[1:] + centre[:-1]) / 2
    inner = middle.diff()
    if len(inner) == 0:
        return torch.ones_like(centre)
    return torch.cat([inner[:1], inner, inner[-1:]])


def _htk(hz: Tensor) -> Tensor:
    return 2595 * torch.log10(1 + hz / 700)


def _from_htk(mel: Tensor) -> Tensor:
    return 700 * (10 ** (mel / 2595) - 1)


# Slaney's Auditory Toolbox (1998): 15 mel per kHz up to 1 kHz, then 27 mel per factor of 6.4.
_STEP = math.log(6.4) / 27


def _slaney(hz: Tensor) -> Tensor:
    return torch.where(hz < 1000, hz * 0.015, 15 + torch.log(hz.clamp_min(1) / 1000) / _STEP)


def _from_slaney(mel: Tensor) -> Tensor:
    return torch.where(mel < 15, mel / 0.015, 1000 * torch.exp((mel - 15) * _STEP))
