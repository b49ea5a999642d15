"""Joint time-frequency scattering: how a spectrum moves, told by its rates and scales.

Andén, Lostanlen, Mallat, "Joint time-frequency scattering", IEEE TSP 67, 2019 (arXiv 1807.08869);
as a loss for synthesizers Vahidi, Han, Wang, Lagrange, Fazekas, Lostanlen, "Mesostructures: beyond
spectrogram loss in differentiable time-frequency analysis", JAES 71, 2023 (arXiv 2301.10183).

Written here in torch alone: kymatio's release 0.3.0 (2022) has no joint scattering, and its torch
front end cannot be imported beside SciPy 1.17.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.base import check_sides
from synthgym.losses.frames import check_audio

# How far in standard deviations a filter's band is followed: 1 % of its peak.
_REACH = 3.0


@dataclass(frozen=True)
class ScatteringEmbedding:
    """What `TimeFrequencyScattering` keeps of sounds.

    Args:
        first: averaged scalogram, `(batch, n_filters, n_windows)`.
        second: averaged moduli of its wavelet transform in time and frequency,
            `(batch, n_pairs, n_regions, n_windows)`.
        n_samples: length of the sounds.
    """

    first: Tensor
    second: Tensor
    n_samples: int

    def row(self, index: int) -> ScatteringEmbedding:
        """The embedding of one sound of the batch, as a batch of one."""
        rows = slice(index, index + 1)
        return ScatteringEmbedding(self.first[rows], self.second[rows], self.n_samples)


@dataclass(frozen=True)
class TimeFrequencyScattering:
    """Relative difference of scattering coefficients of first and second order.

    The first order is a scalogram: moduli of Morlet wavelets evenly spread over log frequency. The
    second looks at the scalogram as at a picture, and measures its ripples: each pair of a rate
    (ripples per second) and a scale (ripples per octave, with a sign: upward or downward) has a
    wavelet in time and log frequency, whose modulus is averaged. It hears vibrato, tremolo, chirps
    and their direction, but not the phase of the sound nor that of the ripples.

    With coefficients `a` and `b`, all of them not negative, each order counts for half with
    `sum |a - b| / sum (a + b)` (Bray and Curtis): 0 for equal sounds, 1 for sounds that share
    nothing, silence and any other sound among them. Symmetric, and aware of level: a factor of two
    is 1/3 away.

    Args:
        sample_rate: of both sounds, in Hz.
        n_octaves: reach of the wavelets below the highest, which is at 0.4 times the sample rate.
        per_octave: wavelets in an octave.
        rates_hz: of the ripples in time; those above half the lowest bandwidth that carries them
            say nothing of low notes.
        scales: of the ripples in frequency, in cycles per octave; up to `per_octave / 2`.
        window_s: length of the Hann windows of averages, half overlapping, in seconds.
        region_octaves: length of the windows of averages over log frequency.
        floor: added to the mean of `a + b`, which keeps two silent sounds finite.
        name: for reports.

    Raises:
        ParameterError: a setting outside its limits.
    """

    sample_rate: int = 16000
    n_octaves: int = 8
    per_octave: int = 8
    rates_hz: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
    scales: tuple[float, ...] = (0.5, 1.0, 2.0)
    window_s: float = 0.256
    region_octaves: float = 1.0
    floor: float = 1e-8
    name: str = field(default="scattering", kw_only=True)

    def __post_init__(self) -> None:
        if self.n_octaves < 1 or self.per_octave < 1:
            raise ParameterError(
                f"n_octaves is {self.n_octaves} and per_octave {self.per_octave}; "
                "both must be 1 or more"
            )
        if not self.rates_hz or not all(0 < r <= self.sample_rate / 8 for r in self.rates_hz):
            raise ParameterError(
                f"rates_hz is {self.rates_hz}; rates must be above 0 and up to an eighth of the "
                f"sample rate, {self.sample_rate / 8} Hz"
            )
        if not self.scales or not all(0 < s <= self.per_octave / 2 for s in self.scales):
            raise ParameterError(
                f"scales is {self.scales}; scales must be above 0 and up to half of per_octave, "
                f"{self.per_octave / 2}"
            )
        if min(self.window_s * self.sample_rate, self.region_octaves, self.floor) <= 0:
            raise ParameterError(
                f"window_s is {self.window_s}, region_octaves {self.region_octaves} and floor "
                f"{self.floor}; all must be above 0"
            )

    def embed(self, audio: Tensor) -> ScatteringEmbedding:
        """Scattering coefficients.

        Args:
            audio: `(batch, n_samples)`, float32 or float64.

        Raises:
            ParameterError: another shape, no samples, or whole numbers.
        """
        check_audio(audio)
        filters = _filters(self, audio.shape[1], audio.dtype, audio.device)
        spectrum = torch.fft.fft(audio, filters.n_padded)
        # A band is moved to zero frequency, which the modulus does not see, and sampled as densely
        # as the widest band needs.
        bands = spectrum[:, filters.bins] * filters.band_gains
        scalogram = torch.fft.ifft(bands, norm="forward").abs()
        first = scalogram @ filters.averages[0]
        return ScatteringEmbedding(first, self._ripples(scalogram, filters), audio.shape[1])

    def _ripples(self, scalogram: Tensor, filters: _Filters) -> Tensor:
        """Averaged moduli `(batch, n_pairs, n_regions, n_windows)` of the second order."""
        picture = torch.fft.rfft(scalogram, norm="forward")
        found = []
        for gains, average in zip(filters.rate_gains, filters.averages[1:], strict=True):
            moved = torch.fft.ifft(picture[:, :, : len(gains)] * gains, norm="forward")
            ripples = torch.einsum("sij,bjt->bsit", filters.scale_waves, moved).abs()
            found.append(filters.regions @ (ripples @ average))
        return torch.cat(found, 1)

    def compare(
        self, embedded: ScatteringEmbedding, embedded_target: ScatteringEmbedding
    ) -> Tensor:
        """Relative differences `(batch,)`.

        Args:
            embedded: a batch of sounds.
            embedded_target: of the same batch size, or a batch of one for all.

        Raises:
            ParameterError: the sounds differ in length, dtype or device, or the target's batch is
                neither as large nor one.
        """
        check_sides(embedded.first, embedded_target.first)
        if embedded.n_samples != embedded_target.n_samples:
            raise ParameterError(
                f"sound and target have {embedded.n_samples} and {embedded_target.n_samples} "
                "samples; they must have the same length"
            )
        first = _relative(embedded.first, embedded_target.first, self.floor)
        return (first + _relative(embedded.second, embedded_target.second, self.floor)) / 2

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Relative differences `(batch,)` of sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


def _relative(own: Tensor, target: Tensor, floor: float) -> Tensor:
    error = (own - target).abs().flatten(1).mean(1)
    return error / ((own + target).flatten(1).mean(1) + floor)


@dataclass(frozen=True)
class _Filters:
    """What depends on the settings and the length of the sound.

    Args:
        n_padded: length of the FFT; silence follows the sound, so that it does not meet itself.
        bins: of each first-order filter, `(n_filters, length)`.
        band_gains: at those bins, of the same shape.
        rate_gains: for each rate, at the bins from 0, `(n_bins,)`.
        scale_waves: wavelets in log frequency around each filter, `(n_scales, n_filters,
            n_filters)`, complex.
        averages: windows over time at the sampling of the scalogram, then of each rate,
            `(length, n_windows)`.
        regions: windows over log frequency, `(n_regions, n_filters)`.
    """

    n_padded: int
    bins: Tensor
    band_gains: Tensor
    rate_gains: tuple[Tensor, ...]
    scale_waves: Tensor
    averages: tuple[Tensor, ...]
    regions: Tensor


def _morlet(freq: Tensor, centre: float | Tensor, width: float | Tensor) -> Tensor:
    """Spectrum of a Morlet wavelet: a Gaussian, less another that takes its mean away."""
    at_zero = torch.exp(torch.as_tensor(-0.5 * (centre / width) ** 2))
    bell = torch.exp(-0.5 * ((freq - centre) / width) ** 2)
    return bell - at_zero * torch.exp(-0.5 * (freq / width) ** 2)


def _width(per_octave: float) -> float:
    """Standard deviation over centre at which neighbours cross at half power."""
    step = 2 ** (1 / per_octave)
    return (step - 1) / (step + 1) / math.sqrt(math.log(2))


@lru_cache(maxsize=16)
def _filters(
    loss: TimeFrequencyScattering, n_samples: int, dtype: torch.dtype, device: torch.device
) -> _Filters:
    with torch.inference_mode(False):  # kept, and used outside of inference mode too
        rate = loss.sample_rate
        n_padded = 1024 * math.ceil((n_samples + loss.window_s * rate) / 1024)
        bin_hz = rate / n_padded
        bins, band_gains = _bands(loss, n_padded)
        rate_gains = [_rate_gains(hz, bin_hz, bins.shape[1] // 2 + 1) for hz in loss.rates_hz]
        lengths = [bins.shape[1], *(len(gains) for gains in rate_gains)]
        averages = [_averages(loss, n_samples, n_padded, length) for length in lengths]
        return _Filters(
            n_padded,
            bins.to(device),
            band_gains.to(device, dtype),
            tuple(gains.to(device, dtype) for gains in rate_gains),
            _scale_waves(loss).to(device, dtype.to_complex()),
            tuple(average.to(device, dtype) for average in averages),
            _regions(loss).to(device, dtype),
        )


def _bands(loss: TimeFrequencyScattering, n_padded: int) -> tuple[Tensor, Tensor]:
    """Bins of each first-order filter and the gains there; a sine's modulus is its amplitude."""
    bin_hz = loss.sample_rate / n_padded
    steps = torch.arange(loss.n_octaves * loss.per_octave).double() / loss.per_octave
    centre = 0.4 * loss.sample_rate * 2**-steps
    width = centre * _width(loss.per_octave)
    # Not above half of the bins, as what lies beyond is the other side of the spectrum.
    length = min(_even_length(2 * _REACH * float(width[0]) / bin_hz, 128), n_padded // 2)
    first = (centre / bin_hz).round().long() - length // 2
    bins = first[:, None] + torch.arange(length)
    gains = 2 * _morlet(bins * bin_hz, centre[:, None], width[:, None]) / n_padded
    return bins % n_padded, gains * ((bins > 0) & (bins < n_padded // 2))


def _rate_gains(rate_hz: float, bin_hz: float, n_bins: int) -> Tensor:
    """Gains of a wavelet in time at the bins from 0 up to where it ends."""
    width = rate_hz * _width(1)
    n_used = min(_even_length((rate_hz + _REACH * width) / bin_hz + 1, 8), n_bins)
    return 2 * _morlet(torch.arange(n_used).double() * bin_hz, rate_hz, width)


def _even_length(at_least: float, multiple: int) -> int:
    """A length of an FFT; those with large prime factors are slow."""
    return multiple * math.ceil(at_least / multiple)


def _scale_waves(loss: TimeFrequencyScattering) -> Tensor:
    """Wavelets in log frequency around each filter: no ripple, then upward and downward ones."""
    n_filters = loss.n_octaves * loss.per_octave
    # Twice the filters and more, so that neither end of the axis meets the other.
    n_steps = 2 * n_filters + math.ceil(4 * loss.per_octave / min(loss.scales))
    freq = torch.fft.fftfreq(n_steps, dtype=torch.float64) * loss.per_octave
    flat = torch.exp(-0.5 * (freq / (min(loss.scales) * _width(1))) ** 2)
    ripples = [
        _morlet(sign * freq, scale, scale * _width(1)) for scale in loss.scales for sign in (1, -1)
    ]
    waves: Tensor = torch.fft.ifft(torch.stack([flat, *ripples]))
    steps = torch.arange(n_filters)
    return waves[:, (steps[:, None] - steps) % n_steps]


def _averages(loss: TimeFrequencyScattering, n_samples: int, n_padded: int, length: int) -> Tensor:
    """Hann windows `(length, n_windows)` of sum 1 within the sound, `length` points in all."""
    at_s = torch.arange(length).double() * (n_padded / length / loss.sample_rate)
    duration_s = n_samples / loss.sample_rate
    size_s = min(loss.window_s, duration_s)
    n_windows = max(1, int((duration_s - size_s) / (size_s / 2) + 1e-9) + 1)
    middle_s = size_s / 2 * (1 + torch.arange(n_windows).double())
    return _hann((at_s[:, None] - middle_s) / size_s, 0)


def _regions(loss: TimeFrequencyScattering) -> Tensor:
    """Hann windows `(n_regions, n_filters)` of sum 1 over log frequency, half overlapping."""
    n_filters = loss.n_octaves * loss.per_octave
    at_octave = torch.arange(n_filters).double() / loss.per_octave
    size = min(loss.region_octaves, float(loss.n_octaves))
    n_regions = max(1, int((loss.n_octaves - size) / (size / 2) + 1e-9) + 1)
    middle = size / 2 * (1 + torch.arange(n_regions).double())
    return _hann((at_octave - middle[:, None]) / size, 1)


def _hann(at: Tensor, axis: int) -> Tensor:
    """Hann windows of width 1 around zero, of sum 1 along an axis."""
    bells = torch.where(at.abs() < 0.5, torch.cos(math.pi * at) ** 2, 0.0)
    # Where a window falls between two points, the nearest one stands for it.
    nearest = at.abs() == at.abs().amin(axis, keepdim=True)
    bells = torch.where(bells.sum(axis, keepdim=True) > 1e-6, bells, nearest.double())
    return bells / bells.sum(axis, keepdim=True)
