"""Magnitudes compared as they are: multi-scale spectral, spectral convergence, correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft

from synthgym.metrics.base import Card, Floats, Metric
from synthgym.metrics.log_spectra import DIFFMOOG_CODE, POWER
from synthgym.metrics.spectra import Spectrum, magnitudes

FFT_SIZES = (2048, 1024, 512, 256, 128, 64)


@dataclass(frozen=True)
class MultiScaleSpectral(Metric):
    """DDSP's multi-scale spectral distance."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="mss",
            unit="",
            better="lower",
            range=(0.0, math.inf),
            definition="sum over FFT sizes of mean |S - T| + mean |ln S - ln T|",
            settings="magnitude, Hann 2048, 1024, 512, 256, 128, 64, hop a quarter, frames from "
            "the first sample on, the last filled up with silence, magnitudes of at least 1e-5 "
            "in the logarithm",
            level="aware",
            silence="finite",
            source="Engel et al. 2020 (DDSP, arXiv 2001.04643), equation 4; magenta/ddsp "
            "`SpectralLoss` with both weights 1",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        total = np.zeros(len(audio))
        for size in FFT_SIZES:
            own, theirs = (magnitudes(sound, size, size // 4, "end") for sound in (audio, target))
            total += np.abs(own - theirs).mean((1, 2))
            logs = (np.log(np.maximum(spectrum, 1e-5)) for spectrum in (own, theirs))
            total += np.abs(np.subtract(*logs)).mean((1, 2))
        return total


@dataclass(frozen=True)
class SpectralConvergence(Metric):
    """The difference's share of the target's spectrum."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="spectral_convergence",
            unit="",
            better="lower",
            range=(0.0, math.inf),
            definition="‖S - T‖ / ‖T‖ over all cells",
            settings="magnitude of at least 1e-4, Hann 1024, hop 256, mirrored at the ends",
            level="aware: 6 dB louder everywhere is 1",
            silence="finite: 1 for a silent sound, large for a silent target",
            source="Arık et al. 2018 (arXiv 1808.06719); auraloss `SpectralConvergenceLoss` "
            "within `STFTLoss`",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (
            np.maximum(magnitudes(sound, 1024, 256, "reflect"), 1e-4) for sound in (audio, target)
        )
        return np.asarray(_norm(own - theirs) / _norm(theirs))


@dataclass(frozen=True)
class DiffMoogConvergence(Metric):
    """Spectral convergence on the spectra that DiffMoog reports it for."""

    spectrum: Spectrum = POWER

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name=f"spectral_convergence{self.spectrum.suffix or '_power'}",
            unit="",
            better="lower",
            range=(0.0, math.inf),
            definition="‖S - T‖ / ‖T‖ over all cells",
            settings=self.spectrum.words,
            level="aware",
            silence="10 for a silent target, 0 if both are silent, 1 for a silent sound",
            source=f"{DIFFMOOG_CODE}, `spectral_convergence` (NaN there if both are silent)",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (self.spectrum.of(sound, self.sample_rate) for sound in (audio, target))
        apart, whole = _norm(own - theirs), _norm(theirs)
        undefined = np.where(apart > 0, 10.0, 0.0)
        ratio = np.divide(
            apart, whole, out=undefined, where=np.broadcast_to(whole > 0, apart.shape)
        )
        return np.asarray(ratio)


def _norm(spectra: Floats) -> Floats:
    return np.asarray(np.sqrt((spectra**2).sum((1, 2))))


_UNDEFINED = "0 where either is silent"


@dataclass(frozen=True)
class PearsonStft(Metric):
    """Correlation of two spectrograms, cell by cell."""

    spectrum: Spectrum = POWER

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name=f"pearson_stft{self.spectrum.suffix}",
            unit="",
            better="higher",
            range=(-1.0, 1.0),
            definition="Pearson's correlation of S and T over all cells",
            settings=self.spectrum.words,
            level="blind to one gain over the whole sound",
            silence=_UNDEFINED,
            source=f"{DIFFMOOG_CODE}, `pearsonr_dist` of spectra",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (self.spectrum.of(sound, self.sample_rate) for sound in (audio, target))
        return _pearson(own.reshape(len(own), -1), theirs.reshape(len(theirs), -1))


@dataclass(frozen=True)
class PearsonFft(Metric):
    """Correlation of the spectra of whole sounds."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="pearson_fft",
            unit="",
            better="higher",
            range=(-1.0, 1.0),
            definition="Pearson's correlation of |FFT| over all bins, of both signs",
            settings="one FFT over the whole sound, no window",
            level="blind to one gain over the whole sound",
            silence=_UNDEFINED,
            source=f"{DIFFMOOG_CODE}, `pearsonr_dist` of audio",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (np.abs(fft.fft(sound, axis=-1)) for sound in (audio, target))
        return _pearson(own, theirs)


def _pearson(own: Floats, theirs: Floats) -> Floats:
    """Correlations `(batch,)` of rows, 0 where one of them is constant."""
    own, theirs = (rows - rows.mean(-1, keepdims=True) for rows in (own, theirs))
    scale = np.sqrt((own**2).sum(-1) * (theirs**2).sum(-1))
    shared = (own * theirs).sum(-1)
    ratio = np.divide(shared, scale, out=np.zeros_like(shared), where=scale > 0)
    return np.asarray(np.clip(ratio, -1.0, 1.0))
