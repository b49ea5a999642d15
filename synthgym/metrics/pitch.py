"""Fundamental frequency by YIN, and how far two sounds are apart in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from synthgym.errors import ParameterError
from synthgym.metrics.base import Card, Floats, Metric
from synthgym.metrics.spectra import frames

FINE = 4
"""Lags are read at this fraction of a sample: a high tone has few samples in a period."""

_FRAMES_TOGETHER = 512


@dataclass(frozen=True)
class PitchTracker:
    """YIN (de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator", 2002).

    The difference function of the paper's equation 6 and its normalized form, equation 8, at
    quarters of a sample; the first dip under the threshold is the period. That dip is then followed
    to ever longer multiples of the period, which divides the error of reading its place.

    Args:
        low_hz: lowest frequency; frames span two of its periods.
        high_hz: highest frequency, under a quarter of the sample rate in any case.
        hop_s: from frame to frame.
        threshold: of the normalized difference; a frame with no dip under it has no pitch.
        floor_db: a frame further than this under the loudest of its sound has no pitch.

    Raises:
        ParameterError: a setting is outside its domain.
    """

    low_hz: float = 30.0
    high_hz: float = 4200.0
    hop_s: float = 0.01
    threshold: float = 0.15
    floor_db: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.low_hz < self.high_hz:
            raise ParameterError(
                f"low_hz is {self.low_hz} and high_hz {self.high_hz}; low must be above 0 and "
                "below high"
            )
        for name in ("hop_s", "threshold", "floor_db"):
            if not getattr(self, name) > 0:
                raise ParameterError(f"{name} is {getattr(self, name)}; it must be above 0")

    def track(self, audio: Floats, sample_rate: int) -> Floats:
        """Fundamental frequencies in Hz, `(batch, n_frames)`; NaN where there is no pitch.

        Only frames within the sound are looked at; a sound shorter than two periods of `low_hz`
        has one frame, with silence behind.

        Args:
            audio: `(batch, n_samples)`.
            sample_rate: in Hz.
        """
        longest = math.ceil(sample_rate / self.low_hz)
        hop = max(round(self.hop_s * sample_rate), 1)
        pieces = frames(audio, 2 * longest, hop, "none")
        energy = (pieces**2).sum(-1)
        audible = energy > 10 ** (-self.floor_db / 10) * energy.max(-1, keepdims=True)
        flat = pieces.reshape(-1, 2 * longest)
        parts = [
            self._periods(flat[first : first + _FRAMES_TOGETHER], longest, sample_rate)
            for first in range(0, len(flat), _FRAMES_TOGETHER)
        ]
        periods = np.concatenate(parts).reshape(energy.shape)
        return np.asarray(np.where(audible, sample_rate / periods, np.nan))

    def _periods(self, pieces: Floats, longest: int, sample_rate: int) -> Floats:
        """Periods in samples `(n_pieces,)`, NaN where there is none."""
        difference = _difference(pieces, longest)
        lags = np.arange(1, difference.shape[1])
        means = np.cumsum(difference[:, 1:], axis=1) / lags
        normalized = np.ones_like(difference)
        np.divide(difference[:, 1:], means, out=normalized[:, 1:], where=means > 0)
        middle = normalized[:, 1:-1]
        dips = (middle <= normalized[:, :-2]) & (middle < normalized[:, 2:])
        dips &= middle < self.threshold
        shortest = FINE * sample_rate / min(self.high_hz, sample_rate / 4)
        dips &= lags[:-1] >= math.floor(shortest) - 1
        dip = dips.argmax(1) + 1
        period = _followed(difference, normalized, dip, self.threshold) / FINE
        return np.asarray(np.where(dips.any(1), period, np.nan))


def _difference(pieces: Floats, longest: int) -> Floats:
    """Squared difference of the first half and what lies a lag behind, `(n_pieces, n_lags)`.

    The lags go from 0 to `longest` samples, in steps of a sample over `FINE`.
    """
    n_fft = int(fft.next_fast_len(3 * longest, real=True))
    spectrum, half = fft.rfft(pieces, n_fft), fft.rfft(pieces[:, :longest], n_fft)
    product = spectrum * half.conj()
    n_lags = FINE * longest + 1
    # More zeros over the spectrum: the same correlation at fractions of a sample.
    correlation = FINE * fft.irfft(product, FINE * n_fft)[:, :n_lags]
    running = np.concatenate([np.zeros((len(pieces), 1)), np.cumsum(pieces**2, axis=1)], axis=1)
    energy = running[:, longest:] - running[:, : longest + 1]
    whole, part = np.divmod(np.arange(n_lags), FINE)
    after = np.minimum(whole + 1, longest)
    between = energy[:, whole] + (energy[:, after] - energy[:, whole]) * (part / FINE)
    return np.asarray(np.maximum(energy[:, :1] + between - 2 * correlation, 0.0))


def _followed(
    difference: Floats, normalized: Floats, dip: NDArray[np.intp], threshold: float
) -> Floats:
    """The lag of a dip `(n_pieces,)`, read at the longest multiple at which it can be found."""
    rows = np.arange(len(dip))
    last = difference.shape[1] - 1
    place = _vertex(difference, rows, dip)
    multiple = np.ones(len(dip))
    going = np.ones(len(dip), dtype=bool)
    while going.any():
        guess = np.rint(2 * place).astype(np.intp)
        going &= guess + 2 <= last
        near = np.minimum(guess, last - 2)[:, None] + np.arange(-2, 3)
        values = difference[rows[:, None], near]
        lowest = near[rows, values.argmin(1)]
        inner = (lowest > near[:, 0]) & (lowest < near[:, -1])
        going &= inner & (normalized[rows, lowest] < threshold)
        moved = _vertex(difference, rows, np.minimum(lowest, last - 1))
        place, multiple = np.where(going, moved, place), np.where(going, 2 * multiple, multiple)
    return np.asarray(place / multiple)


def _vertex(values: Floats, rows: NDArray[np.intp], at: NDArray[np.intp]) -> Floats:
    """Place of the lowest point of the parabola through a dip and its neighbours."""
    before, middle, after = (values[rows, at + step] for step in (-1, 0, 1))
    bend = before - 2 * middle + after
    shift = np.divide(before - after, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    return np.asarray(at + np.clip(shift, -1.0, 1.0))


@dataclass(frozen=True)
class F0Error(Metric):
    """Mean distance in pitch over the frames in which both sounds have one."""

    tracker: PitchTracker = field(default_factory=PitchTracker)

    @property
    def card(self) -> Card:
        """What is measured."""
        tracker = self.tracker
        widest = 1200 * math.log2(tracker.high_hz / tracker.low_hz)
        return Card(
            name="f0",
            unit="cents",
            better="lower",
            range=(0.0, float(math.ceil(widest))),
            definition="mean over frames in which both have a pitch of |1200 log2(f / g)|",
            settings=f"YIN from {tracker.low_hz:g} to {tracker.high_hz:g} Hz, threshold "
            f"{tracker.threshold:g}, hop {1000 * tracker.hop_s:g} ms, frames down to "
            f"{tracker.floor_db:g} dB under the loudest",
            level="blind",
            silence="NaN: no frame has a pitch in both, as with noise",
            source="tracker: de Cheveigné and Kawahara 2002 (YIN), read at longer multiples "
            "of the period; checked against librosa's `pyin`",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (self.tracker.track(sound, self.sample_rate) for sound in (audio, target))
        cents = np.abs(1200 * np.log2(own / theirs))
        voiced = np.isfinite(cents)
        total = np.where(voiced, cents, 0.0).sum(-1)
        count = voiced.sum(-1)
        undefined = np.full(len(cents), np.nan)
        return np.asarray(np.divide(total, count, out=undefined, where=count > 0))
