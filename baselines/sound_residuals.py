"""How a sound differs from a target, as vectors of residuals that least squares can make small.

Five views, from wide basins to exact ones. A view is a vector whose square sum falls to zero at the
target. Gauss-Newton steps go far where a view changes linearly with a parameter, so each view is
made to do so for some of them:

- `track`: quantiles of each frame's power over log frequency, in semitones, and the frame's level.
  A sound that is transposed moves every quantile by the same amount, however far: the transport
  distance is a least-squares problem in quantiles. `onset` is its first quarter. A modulation
  that is too fast or too slow runs out of phase with time, and early on it has not yet.
- `wide` and `narrow`: levels of power that is blurred over 4 and 1.5 semitones *before* the
  logarithm. The partials of one source become humps that slide with its pitch, and those of a
  softer source stay visible between them. Blurred after the logarithm, they do not slide.
- `mel`: the cells of the suite's distance, so that the square sum is small where the distance is.

Sources: Villani, "Topics in Optimal Transportation" (2003), theorem 2.18 (one dimension);
Torres, Peeters and Richard, "Unsupervised Harmonic Parameter Estimation Using Differentiable DSP
and Spectral Optimal Transport", ICASSP 2024, arXiv 2312.14507 (transport for pitch).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.losses import MelDistance
from synthgym.synth import Clock

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

VIEWS = ("onset", "track", "wide", "narrow", "mel")
DB_PER_NEPER = 10 / math.log(10)
BLUR_SEMITONES = {"wide": 4.0, "narrow": 1.5}
BLUR_WINDOW_S = 0.128
BLUR_FLOOR_DB = 60.0
LOWEST_HZ = 20.0
N_QUANTILES = 8
# Frames quieter than this do not count for pitch; 40 dB above it they count fully.
TRACK_FLOOR_DB, TRACK_RISE_DB = 50.0, 40.0
# A dB of level against a semitone of pitch.
LEVEL_WEIGHT = 0.5
ONSET_SHARE = 0.25
# Keeps digital silence finite, 160 dB under full scale.
LEAST_POWER = 1e-16


class SoundResiduals:
    """Residuals of sounds against one target.

    Args:
        target: `(n_samples,)`.
        clock: its time base.
    """

    def __init__(self, target: NDArray[np.generic], clock: Clock) -> None:
        self._distance = MelDistance(clock.sample_rate)
        sound = torch.tensor(np.array(target, dtype=np.float32))[None]
        embedded = self._distance.embed(sound)
        self._floors = [floor.numpy() for floor in embedded.floors]
        self._levels = [level.numpy() * np.float32(DB_PER_NEPER) for level in embedded.levels]
        powers = [power.numpy() for power in embedded.powers]
        # The shortest windows are too short to tell low pitches apart.
        self._tracks = [
            _Track(power, clock.sample_rate / 2) for power in powers[1:] if power.shape[1]
        ]
        self._blurs = {
            name: _Blur(sound, clock.sample_rate, width) for name, width in BLUR_SEMITONES.items()
        }
        blurred = [blur.power(sound)[0] for blur in self._blurs.values()]
        self.powers_of_target: list[Floats] = [power[0] for power in powers] + blurred
        times = [track.times for track in self._tracks]
        self._onset = np.flatnonzero(np.concatenate(times) <= ONSET_SHARE)

    def __call__(self, audio: NDArray[np.float32]) -> Mapping[str, Floats]:
        """Residuals `(n, k)` of sounds `(n, n_samples)` for each view, finite for finite sounds."""
        return self.compare(self.powers(audio))

    def powers(self, audio: NDArray[np.float32]) -> list[Floats]:
        """Powers of sounds `(n, n_samples)` in frames and bands, mel and blurred; they add up."""
        sounds = torch.as_tensor(audio)
        mel = [power.numpy() for power in self._distance.embed(sounds).powers]
        return mel + [blur.power(sounds) for blur in self._blurs.values()]

    def compare(self, powers: list[Floats]) -> Mapping[str, Floats]:
        """Residuals `(n, k)` of such powers for each view."""
        mel, blurred = powers[: len(self._levels)], powers[len(self._levels) :]
        track = np.concatenate(
            [track(power) for track, power in zip(self._tracks, mel[1:], strict=True)], axis=1
        )
        return {
            "onset": track[:, self._onset],
            "track": track,
            **{
                name: blur(power)
                for (name, blur), power in zip(self._blurs.items(), blurred, strict=True)
            },
            "mel": self._mel(mel),
        }

    def _mel(self, powers: list[Floats]) -> Floats:
        """Differences of levels in dB, each weighted as the distance weights it."""
        parts = []
        for power, floor, target in zip(powers, self._floors, self._levels, strict=True):
            level = np.log1p(power / floor) * np.float32(DB_PER_NEPER)
            parts.append(_weighted(level, target) / np.sqrt(len(powers)))
        return np.concatenate(parts, axis=1)


def _weighted(level: Floats, target: Floats) -> Floats:
    """Residuals `(n, k)` whose square sum is the mean square difference by the higher level."""
    weight = np.maximum(level, target)
    weight = weight / np.maximum(weight.sum((1, 2), keepdims=True), 1e-9)
    weighted: Floats = ((level - target) * np.sqrt(weight)).reshape(len(level), -1)
    return weighted


class _Track:
    """Quantiles of each frame's power over log frequency, and its level.

    Args:
        power: mel powers of the target, `(1, n_frames, n_bands)`.
        nyquist_hz: where the bands end.
    """

    def __init__(self, power: Floats, nyquist_hz: float) -> None:
        n_frames, n_bands = power.shape[1:]
        mel = np.linspace(0.0, 2595 * np.log10(1 + nyquist_hz / 700), n_bands + 2)
        middle_hz = 700 * (10 ** ((mel[1:] + mel[:-1]) / 2 / 2595) - 1)
        self._semitones = (12 * np.log2(np.maximum(middle_hz, LOWEST_HZ))).astype(np.float32)
        self._quantiles, total = self._course(power)
        self._floor = max(float(total.max()) * 10 ** (-TRACK_FLOOR_DB / 10), LEAST_POWER)
        self._level = 10 * np.log10(total + self._floor)
        above = self._level - 10 * np.log10(self._floor)
        weight = np.clip((above - TRACK_RISE_DB / 4) / TRACK_RISE_DB, 0, 1)
        share = weight / max(float(weight.sum()), 1e-9) / N_QUANTILES
        self._weight = np.sqrt(share)[..., None].astype(np.float32)
        frames = np.linspace(0, 1, n_frames)
        self.times = np.concatenate([np.repeat(frames, N_QUANTILES), frames])

    def __call__(self, power: Floats) -> Floats:
        """Residuals `(n, n_frames * (quantiles + 1))`, in order of `times`."""
        quantiles, total = self._course(power)
        pitch = (quantiles - self._quantiles) * self._weight
        level = 10 * np.log10(total + self._floor) - self._level
        level = level * np.float32(LEVEL_WEIGHT / np.sqrt(level.shape[1]))
        residuals: Floats = np.concatenate([pitch.reshape(len(power), -1), level], axis=1)
        return residuals

    def _course(self, power: Floats) -> tuple[Floats, Floats]:
        """Quantiles in semitones `(n, n_frames, q)`, and total power `(n, n_frames)`."""
        below = np.cumsum(power, axis=2)
        total = below[..., -1]
        start = np.zeros_like(below[..., :1])
        below = np.concatenate([start, below], axis=2)
        below /= np.maximum(total, 1e-20)[..., None]
        quantiles = np.empty((*total.shape, N_QUANTILES), np.float32)
        for i in range(N_QUANTILES):
            share = (i + 0.5) / N_QUANTILES
            upper = np.clip((below < share).sum(2), 1, power.shape[2] - 1)[..., None]
            high = np.take_along_axis(below, upper, 2)[..., 0]
            low = np.take_along_axis(below, upper - 1, 2)[..., 0]
            part = np.clip((share - low) / np.maximum(high - low, 1e-12), 0, 1)
            at = upper[..., 0]
            step = self._semitones[at] - self._semitones[at - 1]
            quantiles[..., i] = self._semitones[at - 1] + part * step
        return quantiles, total


class _Blur:
    """Levels of power that is blurred over log frequency.

    Args:
        target: `(1, n_samples)`.
        sample_rate: in Hz.
        width_semitones: deviation of the blur, and distance of the points at which it is read.
    """

    def __init__(self, target: torch.Tensor, sample_rate: float, width_semitones: float) -> None:
        size = max(4, 2 * round(BLUR_WINDOW_S * sample_rate / 2))
        self._window = torch.hann_window(size)
        freq_hz = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), LOWEST_HZ)
        width = width_semitones / 12
        middle = np.arange(np.log2(1.5 * LOWEST_HZ), np.log2(sample_rate / 2) + width, width)
        # A bin is spread over half its own width at least, or low pitches would fall between.
        spread = np.maximum(width, 0.5 * np.log2(1 + sample_rate / size / freq_hz))
        away = (np.log2(freq_hz)[:, None] - middle) / spread[:, None]
        bank = np.exp(-0.5 * away**2)
        # Tails that no sound is heard by, and that would be slow as subnormal numbers.
        bank[bank < 1e-20] = 0.0
        bank /= np.maximum(bank.sum(1, keepdims=True), 1e-30)
        self._bank = torch.tensor(bank, dtype=torch.float32)
        power = self.power(target)
        self._floor = max(float(power.max()) * 10 ** (-BLUR_FLOOR_DB / 10), LEAST_POWER)
        self._target = self._level(power)

    def __call__(self, power: Floats) -> Floats:
        return _weighted(self._level(power), self._target)

    def _level(self, power: Floats) -> Floats:
        return np.log1p(power / np.float32(self._floor)) * np.float32(DB_PER_NEPER)

    def power(self, audio: torch.Tensor) -> Floats:
        spectrum = torch.stft(
            audio,
            len(self._window),
            len(self._window) // 2,
            window=self._window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        power = (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)
        blurred: Floats = (power @ self._bank / len(self._window) ** 2).numpy()
        return blurred
