"""Distances of mel-frequency cepstral coefficients, frame by frame and along a warped path."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft

from synthgym.metrics.base import Card, Floats, Metric
from synthgym.metrics.log_spectra import DIFFMOOG_CODE
from synthgym.metrics.spectra import MelScale, Padding, decibels, mel_weights, powers


def mfcc(
    audio: Floats,
    sample_rate: int,
    *,
    n_coefficients: int,
    size: int,
    hop: int,
    scale: MelScale,
    padding: Padding,
    n_mels: int = 128,
) -> Floats:
    """Mel-frequency cepstral coefficients `(batch, n_frames, n_coefficients)`.

    The orthonormal cosine transform (type 2) of mel powers in dB, 80 dB deep under the sound's
    maximum.

    Args:
        audio: `(batch, n_samples)`.
        sample_rate: in Hz.
        n_coefficients: how many are kept.
        size: of a frame in samples.
        hop: in samples.
        scale: see `mel_weights`.
        padding: see `frames`.
        n_mels: number of mel bands.
    """
    bands = powers(audio, size, hop, padding) @ mel_weights(sample_rate, size, n_mels, scale)
    cepstrum = fft.dct(decibels(bands), type=2, norm="ortho", axis=-1)
    return np.asarray(cepstrum[..., :n_coefficients])


@dataclass(frozen=True)
class MfccDistance(Metric):
    """Mean absolute difference of cepstral coefficients."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="mfcc",
            unit="dB",
            better="lower",
            range=(0.0, math.inf),
            definition="mean over frames and coefficients of |c - d|",
            settings="40 coefficients of 128 HTK mel powers in dB, 80 dB deep, Hann 400, hop 200, "
            "mirrored at the ends",
            level="aware: the first coefficient holds the level",
            silence="finite",
            source=f"{DIFFMOOG_CODE}, `mfcc_distance`; torchaudio `MFCC` with its defaults, here "
            "80 dB deep under each sound's own maximum and not the batch's",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (
            mfcc(
                sound,
                self.sample_rate,
                n_coefficients=40,
                size=400,
                hop=200,
                scale="htk",
                padding="reflect",
            )
            for sound in (audio, target)
        )
        return np.asarray(np.abs(own - theirs).mean((1, 2)))


@dataclass(frozen=True)
class WarpedMfccDistance(Metric):
    """Cost of the best alignment in time of two sequences of cepstral coefficients."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="wmfcc",
            unit="dB",
            better="lower",
            range=(0.0, math.inf),
            definition="least cost of a path through both sequences, a frame's cost the mean "
            "absolute difference of its coefficients, diagonal steps counted twice, divided by "
            "the sum of both lengths",
            settings="20 coefficients of 128 Slaney mel powers in dB, 80 dB deep, Hann 50 ms, "
            "hop 10 ms, silence beyond the ends",
            level="aware: the first coefficient holds the level",
            silence="finite",
            source="Hayes et al. 2025 (arXiv 2506.07199), wMFCC; "
            "ben-hayes/synth-permutations `scripts/compute_audio_metrics.py`",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (
            mfcc(
                sound,
                self.sample_rate,
                n_coefficients=20,
                size=int(0.05 * self.sample_rate),
                hop=int(0.01 * self.sample_rate),
                scale="slaney",
                padding="silence",
            )
            for sound in (audio, target)
        )
        return warped(own, theirs)


def warped(own: Floats, theirs: Floats) -> Floats:
    """Normalized cost `(batch,)` of the best path through two sequences.

    A pair of frames costs the mean absolute difference of their coefficients. Steps go by one in
    either sequence, or in both at twice the cost (the symmetric steps of Sakoe and Chiba 1978,
    without slope constraint); the sum is divided by n + m.

    Args:
        own: `(batch, n, n_coefficients)`.
        theirs: `(batch, m, n_coefficients)`, or one row for all.
    """
    batch, n, m = len(own), own.shape[1], theirs.shape[1]
    # One anti-diagonal after the other, by the index in `own`, counted from 1; 0 is outside.
    older, old = (np.full((batch, n + 1), np.inf) for _ in range(2))
    old[:, 1] = np.abs(own[:, 0] - theirs[:, 0]).mean(-1)
    for total in range(3, n + m + 1):
        first, end = max(1, total - m), min(n, total - 1) + 1
        facing = theirs[:, total - end : total - first][:, ::-1]
        step = np.abs(own[:, first - 1 : end - 1] - facing).mean(-1)
        new = np.full((batch, n + 1), np.inf)
        straight = np.minimum(old[:, first - 1 : end - 1], old[:, first:end]) + step
        new[:, first:end] = np.minimum(older[:, first - 1 : end - 1] + 2 * step, straight)
        older, old = old, new
    return np.asarray(old[:, n] / (n + m))
