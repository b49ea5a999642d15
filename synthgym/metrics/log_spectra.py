"""Differences of logarithmic spectra: LSD in its two definitions, log-mel, mean absolute error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthgym.metrics.base import Card, Floats, Metric
from synthgym.metrics.spectra import Spectrum, decibels, mel_weights, peak, powers

DIFFMOOG = "DiffMoog (arXiv 2401.12570)"
DIFFMOOG_CODE = "aisynth/diffmoog `src/utils/metrics.py`"
OFFSET = 1e-5
UNPADDED = Spectrum("", "power, Hann 1024, hop 256, whole frames only", 1024, 256, "none", 2)
POWER = Spectrum("", "power, Hann 512, hop 256, mirrored at the ends", 512, 256, "reflect", 2)
MEL = Spectrum(
    "_mel",
    "magnitude, Hann 1024, hop 256, mirrored at the ends, 128 HTK mel bands",
    1024,
    256,
    "reflect",
    1,
    n_mels=128,
)
"""The transform of DiffMoog's paper configurations."""


@dataclass(frozen=True)
class LogSpectralDistance(Metric):
    """Log-spectral distance, per frame: the RMS over bins, then the mean over frames."""

    size: int = 2048
    hop: int = 512
    floor: float = 1e-8

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="lsd",
            unit="dB",
            better="lower",
            range=(0.0, math.inf),
            definition="mean over frames of the RMS over bins of 10 log10 P - 10 log10 Q",
            settings=f"power, Hann {self.size}, hop {self.hop}, mirrored at the ends, "
            f"powers of at least {self.floor:g}",
            level="aware: 6 dB louder everywhere is 6 dB",
            silence="finite",
            source="Gray and Markel 1976; as in super-resolution since Kuleshov et al. "
            "(arXiv 1708.00853), there without the factor 10",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (
            10 * np.log10(np.maximum(powers(sound, self.size, self.hop, "reflect"), self.floor))
            for sound in (audio, target)
        )
        return np.asarray(np.sqrt(((own - theirs) ** 2).mean(-1)).mean(-1))


@dataclass(frozen=True)
class FrobeniusLogSpectralDistance(Metric):
    """Log-spectral distance as DiffMoog has it: one norm over all cells, over the frame count."""

    spectrum: Spectrum = UNPADDED

    @property
    def card(self) -> Card:
        """What is measured."""
        code = "`lsd`" if self.spectrum.n_mels else "`paper_lsd`"
        return Card(
            name=f"lsd_frobenius{self.spectrum.suffix}",
            unit="dB",
            better="lower",
            range=(0.0, math.inf),
            definition="‖10 log10(S + 1e-5) - 10 log10(T + 1e-5)‖ over all cells, "
            "divided by the number of frames",
            settings=self.spectrum.words,
            level="aware",
            silence="finite",
            source=f"{DIFFMOOG}; {DIFFMOOG_CODE}, {code} "
            "(the paper prints the norm alone, without 10 and without the division)",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        difference = 10 * _log_difference(self.spectrum, self.sample_rate, audio, target)
        norm = np.sqrt((difference**2).sum((1, 2)))
        return np.asarray(norm / difference.shape[1])


@dataclass(frozen=True)
class LogMeanAbsoluteError(Metric):
    """Mean absolute error of decimal logarithms of spectra."""

    spectrum: Spectrum = POWER

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name=f"log_mae{self.spectrum.suffix}",
            unit="log10",
            better="lower",
            range=(0.0, math.inf),
            definition="mean over cells of |log10(S + 1e-5) - log10(T + 1e-5)|",
            settings=self.spectrum.words,
            level="aware",
            silence="finite",
            source=f"{DIFFMOOG_CODE}, `mae`",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        difference = _log_difference(self.spectrum, self.sample_rate, audio, target)
        return np.asarray(np.abs(difference).mean((1, 2)))


def _log_difference(spectrum: Spectrum, sample_rate: int, audio: Floats, target: Floats) -> Floats:
    """Cells `(batch, n_frames, n_bins)` of the difference of decimal logarithms."""
    own, theirs = (spectrum.of(sound, sample_rate) for sound in (audio, target))
    return np.asarray(np.log10(own + OFFSET) - np.log10(theirs + OFFSET))


MEL_WINDOWS = ((0.010, 0.005, 32), (0.025, 0.010, 64), (0.100, 0.050, 128))
"""Window and hop in seconds, and the number of bands, of each spectrogram of `LogMel`."""


@dataclass(frozen=True)
class LogMel(Metric):
    """Multi-scale log-mel distance, each sound against its own maximum."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="log_mel",
            unit="dB",
            better="lower",
            range=(0.0, 80.0),
            definition="mean over cells of the absolute difference in dB of mel powers, each "
            "sound's maximum at 0 dB and nothing under -80 dB; mean over three spectrograms",
            settings="Hann 10, 25, 100 ms, hop 5, 10, 50 ms, 32, 64, 128 Slaney mel bands, "
            "silence beyond the ends",
            level="blind to one gain over the whole sound",
            silence="finite: silence is 0 dB in all cells",
            source="Hayes et al. 2025 (arXiv 2506.07199), their MSS; "
            "ben-hayes/synth-permutations `scripts/compute_audio_metrics.py`",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        distances = []
        for window_s, hop_s, n_bands in MEL_WINDOWS:
            size, hop = int(window_s * self.sample_rate), int(hop_s * self.sample_rate)
            weights = mel_weights(self.sample_rate, size, n_bands, "slaney")
            own, theirs = (
                _under_peak(decibels(powers(sound, size, hop, "silence") @ weights))
                for sound in (audio, target)
            )
            distances.append(np.abs(own - theirs).mean((1, 2)))
        return np.asarray(np.mean(distances, axis=0))


def _under_peak(level: Floats) -> Floats:
    return np.asarray(level - peak(level))
