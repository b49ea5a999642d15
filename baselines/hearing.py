"""What the PPO agent hears: pitch, its course over time, and overtones; and how it is shown.

An observer of one's own is a part that is passed to an environment:
`gym.make("DiffMoog-FM-v0", observation=GuessObserver())`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from synthgym.envs.descriptors import SoundDescriptor
from synthgym.envs.observations import Situation
from synthgym.losses import MelEmbedding
from synthgym.synth import Clock

LOWEST_HZ, N_OCTAVES = 32.0, 6.5
HARMONICS = (2, 3, 4, 5)
# What a course of the pitch comes to, and how much each counts as a difference: mean and middle of
# its extremes (logarithms), deviation and half its range (likewise), rate (likewise), flatness
# (fourth moment: less for a square, more for a saw), and two overtones of its rate.
FIGURES = {
    "mean": 1.5,
    "middle": 0.0,
    "deviation": 0.5,
    "range": 0.0,
    "rate": 0.5,
    "flatness": 1.0,
    "second": 0.0,
    "third": 0.0,
}
# Bins of a course's spectrum per cycle per sound.
N_PADDED = 8
# A distance of this many dB or more reads 1.
DISTANCE_RANGE_DB = 40.0


@dataclass(frozen=True)
class PitchDescriptor:
    """The environments' descriptor, followed by what a musician would note down.

    The partial that is loudest in a frame is taken for the fundamental; its frequency is found
    between the bands by their centre of gravity. From windows of 32 ms, which follow fast
    modulation, and then from those of 128 ms, which resolve low tones:

    1. the courses of the pitch, freed of their means and scaled to unit deviation: waveform and
       phase of a modulation, however deep it is;
    2. the spectra of the courses, cumulated: its rate. Cumulated, two rates differ the more the
       further they are apart, where their peaks would differ all the same;
    3. the levels of the first overtones relative to the fundamental;
    4. figures of each course, see `FIGURES`.

    All lies in [-1, 1].

    Args:
        nyquist_hz: upper end of the mel bands.
        sound: the descriptor that comes first.
        n_rates: bins of the course's spectrum, half a cycle per sound apart.
        n_course: points of the course.
    """

    nyquist_hz: float = 8000.0
    sound: SoundDescriptor = SoundDescriptor()
    n_rates: int = 32
    n_course: int = 64

    def __call__(self, embedded: MelEmbedding) -> Tensor:
        """Descriptors of embedded sounds, float32, shape (n, k)."""
        parts = torch.cat(list(self.parts(embedded).values()), dim=1)
        return parts.clamp(-1.0, 1.0).to(torch.float32)

    def parts(self, embedded: MelEmbedding) -> dict[str, Tensor]:
        """The parts by name, each (n, k), not clamped, in the order of the descriptor."""
        parts: dict[str, Tensor] = {}
        for name, power in zip(("fast", "slow"), embedded.powers[1:], strict=True):
            bands_hz = self._bands_hz(power)
            # The first frame is half silence, and its onset is a click.
            pitch_hz = _loudest_hz(power[:, 1:], bands_hz)
            course = _unit_deviation(pitch_hz)
            spectrum = _padded_spectrum(course)
            parts[f"course_{name}"] = _resized(course / 3.0, self.n_course)
            parts[f"rates_{name}"] = self._cumulated(spectrum)
            parts[f"figures_{name}"] = _figures(pitch_hz, course, spectrum)
        mean_hz = pitch_hz.mean(1, keepdim=True)
        parts["overtones"] = _overtones(embedded.powers[-1].mean(1), mean_hz, bands_hz)
        order = ("course", "rates", "overtones", "figures")
        own = sorted(parts, key=lambda name: order.index(name.split("_")[0]))
        return {**self.sound.parts(embedded), **{name: parts[name] for name in own}}

    def dissimilarity(self, difference: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far apart pitch, modulation and overtones of two sounds are, (n,).

        Args:
            difference: of their descriptors, (n, k).
        """
        gap = np.abs(difference)
        # Counted from the end, in the order of the parts; the first of each pair is of 32 ms.
        sizes = [self.n_course, self.n_course, self.n_rates, self.n_rates, len(HARMONICS)]
        sizes += [len(FIGURES), len(FIGURES)]
        starts = gap.shape[1] - np.cumsum(sizes[::-1])[::-1]
        course, _, rates, _, overtones, figures, _ = (
            gap[:, start : start + size] for start, size in zip(starts, sizes, strict=True)
        )
        means = course.mean(1) + 2.0 * rates.mean(1) + overtones.mean(1)
        return np.asarray(means + figures @ np.array(list(FIGURES.values()), np.float32))

    def _bands_hz(self, power: Tensor) -> Tensor:
        """Centre frequencies of the mel bands, (n_bands,)."""
        n_bands = power.shape[2]
        top = 2595.0 * np.log10(1.0 + self.nyquist_hz / 700.0)
        mel = np.linspace(0.0, top, n_bands + 2)[1:-1]
        return torch.as_tensor(700.0 * (10.0 ** (mel / 2595.0) - 1.0), dtype=power.dtype)

    def _cumulated(self, spectrum: Tensor) -> Tensor:
        """Share of the course's power up to each half cycle per sound, (n, n_rates)."""
        step = N_PADDED // 2
        bins = spectrum[:, step : step * (self.n_rates + 1) : step]
        return (bins / (bins.sum(1, keepdim=True) + 1e-6)).cumsum(1)


@dataclass(frozen=True)
class GuessObserver:
    """What the agent sees, float32, shape (d + 1 + 2 k,): patch, distance, target, difference.

    At the start of an episode the patch is the centre of the cube, which the agent has not chosen.
    Patch and difference then read 0 and the distance 1, as if nothing had been heard: a run on a
    problem starts that way, where the centre's sound would cost an evaluation.
    """

    descriptor: PitchDescriptor = PitchDescriptor()

    @classmethod
    def of(cls, clock: Clock) -> GuessObserver:
        """The observer for sounds of a clock."""
        return cls(PitchDescriptor(nyquist_hz=clock.nyquist_hz))

    def features(self, audio: Tensor, embedded: MelEmbedding) -> dict[str, Tensor]:
        """The descriptor of each sound, `{"descriptor": (n, k)}`."""
        return {"descriptor": self.descriptor(embedded)}

    def space(self, dimension: int, features: Mapping[str, NDArray[Any]]) -> spaces.Box:
        """A `Box` of shape (d + 1 + 2 k,)."""
        k = features["descriptor"].shape[1]
        high = np.repeat(np.array([1, 1, 1, 2], np.float32), [dimension, 1, k, k])
        return spaces.Box(-high, high, dtype=np.float32)

    def observe(self, situation: Situation) -> NDArray[np.float32]:
        """Observations (n, d + 1 + 2 k)."""
        target, sound = situation.target["descriptor"], situation.sound["descriptor"]
        distance = np.minimum(situation.distance_db / DISTANCE_RANGE_DB, 1.0)[:, None]
        guessed = np.any(situation.patch != 0.0, axis=1, keepdims=True)
        return np.concatenate(
            [
                situation.patch,
                np.where(guessed, distance, 1.0),
                target,
                np.where(guessed, target - sound, 0.0),
            ],
            axis=1,
            dtype=np.float32,
        )


def _loudest_hz(power: Tensor, bands_hz: Tensor) -> Tensor:
    """Frequency of the loudest partial in each frame of (n, n_frames, n_bands), (n, n_frames)."""
    n_bands = power.shape[2]
    around = power.argmax(2, keepdim=True) + torch.arange(-2, 3)
    inside = (around >= 0) & (around < n_bands)
    around = around.clamp(0, n_bands - 1)
    near = power.gather(2, around) * inside
    return (near * bands_hz[around]).sum(2) / (near.sum(2) + 1e-16)


def _unit_deviation(pitch_hz: Tensor) -> Tensor:
    """A course (n, n_frames) without its mean, scaled to unit deviation."""
    course_hz = pitch_hz - pitch_hz.mean(1, keepdim=True)
    return course_hz / (course_hz.square().mean(1, keepdim=True).sqrt() + 1e-2)


def _padded_spectrum(course: Tensor) -> Tensor:
    """Power of a course (n, n_frames), (n, n_bins), in steps of 1 / N_PADDED cycles per sound."""
    n_points = N_PADDED * (course.shape[1] + 1)  # with the frame that was left out
    return torch.fft.rfft(course, n=n_points).abs().square()


def _figures(pitch_hz: Tensor, course: Tensor, spectrum: Tensor) -> Tensor:
    """The `FIGURES` of a pitch over time (n, n_frames), (n, 8), about in [-1, 1]."""
    mean_hz = pitch_hz.mean(1, keepdim=True)
    deviation_hz = (pitch_hz - mean_hz).square().mean(1, keepdim=True).sqrt()
    # Nearly the extremes; a single frame gone wrong does not count.
    ordered = pitch_hz.sort(1).values
    n_out = course.shape[1] // 25
    low_hz, high_hz = ordered[:, n_out, None], ordered[:, -1 - n_out, None]
    # Below half a cycle per sound there is no modulation, only a drift.
    skip = N_PADDED // 2
    peak = spectrum[:, skip:].argmax(1, keepdim=True) + skip
    level_db = 10.0 * torch.log10(spectrum + 1e-6)
    multiples = (peak * torch.tensor([1, 2, 3])).clamp(max=spectrum.shape[1] - 1)
    levels_db = level_db.gather(1, multiples)
    return torch.cat(
        [
            2.0 * (mean_hz / LOWEST_HZ).log2() / N_OCTAVES - 1.0,
            (low_hz + high_hz).div(2.0 * LOWEST_HZ).log2() * (2.0 / N_OCTAVES) - 1.0,
            (deviation_hz + 0.1).log10() / 3.0,
            ((high_hz - low_hz) / 2.0 + 0.1).log10() / 3.0,
            (peak / N_PADDED).log2() / 5.0,
            course.square().square().mean(1, keepdim=True) - 1.5,
            (levels_db[:, 1:] - levels_db[:, :1]) / 40.0,
        ],
        dim=1,
    )


def _resized(course: Tensor, n_points: int) -> Tensor:
    """A course over time (n, n_frames) at another number of points, (n, n_points)."""
    return F.interpolate(course[:, None], n_points, mode="linear", align_corners=True)[:, 0]


def _overtones(power: Tensor, mean_hz: Tensor, bands_hz: Tensor) -> Tensor:
    """Levels of overtones over the fundamental's in 40 dB, of the mean spectrum (n, n_bands)."""
    multiples = mean_hz * torch.tensor([1.0, *HARMONICS])
    nearest = torch.searchsorted(bands_hz, multiples.contiguous()).clamp(1, len(bands_hz) - 1)
    pair = torch.maximum(power.gather(1, nearest), power.gather(1, nearest - 1))
    level_db = 10.0 * torch.log10(pair + 1e-12)
    return (level_db[:, 1:] - level_db[:, :1]) / 40.0
