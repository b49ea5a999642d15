"""The suite's distance: mel spectrograms at three resolutions, in dB."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.base import check_sides
from synthgym.losses.frames import check_audio
from synthgym.losses.mel_power import Filterbank, mel_powers


@dataclass(frozen=True)
class Resolution:
    """One mel spectrogram of the distance.

    Args:
        window_s: length of the Hann window in seconds; frames overlap by half.
        n_bands: number of mel bands.
    """

    window_s: float
    n_bands: int


DB_PER_NEPER = 10 / math.log(10)
RESOLUTIONS = (Resolution(0.016, 32), Resolution(0.032, 64), Resolution(0.128, 128))


@dataclass(frozen=True)
class MelEmbedding:
    """What `MelDistance` keeps of a sound.

    Args:
        powers: for each resolution the mel power `(batch, n_frames, n_bands)`; the bands of a
            full-scale sine add up to about 0.375, the power of a Hann window's three bins.
        floor_db: depth of the floor under the loudest cell, in dB.
    """

    powers: tuple[Tensor, ...]
    floor_db: float

    @property
    def floors(self) -> tuple[Tensor, ...]:
        """Power added to every cell, `(batch, 1, 1)`: `floor_db` under the loudest one."""
        return self._kept("floors", self._floors)

    @property
    def levels(self) -> tuple[Tensor, ...]:
        """Logarithm of power over floor `(batch, n_frames, n_bands)`, as a target has it."""
        return self._kept("levels", self._levels)

    def _floors(self) -> tuple[Tensor, ...]:
        share = 10 ** (-self.floor_db / 10)
        # The lower limit keeps digital silence finite: 160 dB under full scale.
        return tuple(p.amax((1, 2), keepdim=True).mul(share).clamp_min(1e-16) for p in self.powers)

    def _levels(self) -> tuple[Tensor, ...]:
        return tuple(_nepers(p, f) for p, f in zip(self.powers, self.floors, strict=True))

    def _kept(self, name: str, make: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """Computed once, unless it belongs to a graph: a graph serves one backward pass."""
        if name in self.__dict__:
            kept: tuple[Tensor, ...] = self.__dict__[name]
            return kept
        with torch.inference_mode(False):
            made = make()
        if not any(tensor.requires_grad for tensor in made):
            self.__dict__[name] = made
        return made

    def row(self, index: int) -> MelEmbedding:
        """The embedding of one sound of the batch, as a batch of one."""
        return MelEmbedding(tuple(p[index : index + 1] for p in self.powers), self.floor_db)


@dataclass(frozen=True)
class MelDistance:
    """Mean difference in dB between mel spectrograms at three resolutions, weighted by level.

    Hann windows of about 16, 32 and 128 ms, half overlap, 32, 64 and 128 HTK mel bands from 0 Hz to
    the Nyquist frequency. Frames start centred on the first sample, silence before it, and end with
    the last that the sound fills. Levels are counted from a floor 80 dB under the target's loudest
    cell (its power is added, so that the gradient never vanishes). With `a` and `b` the levels of
    a cell in sound and target, the distance at one resolution is

        sum(max(a, b) |a - b|) / sum(max(a, b)),

    and the result is the mean over resolutions. The weight makes it a difference in dB of what is
    heard, however few cells that fills: a sound 6 dB too loud is about 6 dB away, be it a sine or
    noise. Not symmetric, as the floor is the target's. `docs/distance.md` says why it is so.

    Args:
        sample_rate: of both sounds, in Hz.
        resolutions: the spectrograms.
        floor_db: depth of the floor under the target's loudest cell.

    Raises:
        ParameterError: a sample rate below 1, no resolution, or `floor_db` not above 0.
    """

    sample_rate: int = 16000
    resolutions: tuple[Resolution, ...] = RESOLUTIONS
    floor_db: float = 80.0
    name: str = field(default="mel", init=False)

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise ParameterError(f"sample_rate is {self.sample_rate}; it must be 1 Hz or more")
        if not self.resolutions:
            raise ParameterError("resolutions is empty; give at least one Resolution")
        if not self.floor_db > 0:
            raise ParameterError(f"floor_db is {self.floor_db}; it must be above 0")

    def embed(self, audio: Tensor) -> MelEmbedding:
        """The mel powers of sounds.

        Args:
            audio: `(batch, n_samples)`, float32 or float64.

        Raises:
            ParameterError: another shape or dtype, or no samples.
        """
        check_audio(audio)
        return MelEmbedding(mel_powers(audio, self._banks(audio)), self.floor_db)

    def compare(self, embedded: MelEmbedding, embedded_target: MelEmbedding) -> Tensor:
        """Distances `(batch,)` in dB between embedded sounds and their targets.

        Args:
            embedded: a batch of sounds.
            embedded_target: of the same batch size, or a batch of one for all.

        Raises:
            ParameterError: the sounds differ in length, dtype or device, or the target's batch is
                neither as large nor one.
        """
        own, of_target = embedded.powers, embedded_target.powers
        check_sides(own[0], of_target[0])
        if [p.shape[1:] for p in own] != [p.shape[1:] for p in of_target]:
            raise ParameterError(
                f"sound and target have {own[0].shape[1]} and {of_target[0].shape[1]} frames; "
                "they must have the same length and the same resolutions"
            )
        distances = [
            _weighted_difference(_nepers(power, floor), level)
            for power, floor, level in zip(
                own, embedded_target.floors, embedded_target.levels, strict=True
            )
        ]
        return torch.stack(distances).mean(0) * DB_PER_NEPER

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Distances `(batch,)` in dB between sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))

    def _banks(self, audio: Tensor) -> tuple[Filterbank, ...]:
        return tuple(
            _filterbank(
                window_length(resolution.window_s, self.sample_rate),
                resolution.n_bands,
                self.sample_rate,
                audio.dtype,
                audio.device,
            )
            for resolution in self.resolutions
        )


def _nepers(power: Tensor, floor: Tensor) -> Tensor:
    """Natural logarithm of the power over the floor, which is 0 there."""
    return torch.log1p(power * (1 / floor))


def _weighted_difference(level: Tensor, target: Tensor) -> Tensor:
    """Mean over cells `(batch,)` of the difference of levels, weighted by the higher of the two."""
    weight = torch.maximum(level, target)
    total = (weight * (level - target).abs()).sum((1, 2))
    return total / weight.sum((1, 2)).clamp_min(1e-9)


@lru_cache(maxsize=64)
def window_length(window_s: float, sample_rate: int) -> int:
    """Window length in samples: the nearest even number."""
    return max(2 * round(window_s * sample_rate / 2), 2)


@lru_cache(maxsize=64)
def _filterbank(
    size: int, n_bands: int, sample_rate: int, dtype: torch.dtype, device: torch.device
) -> Filterbank:
    """Window `(size,)`, scaled to unit sum, and mel weights `(size // 2 + 1, n_bands)`.

    Triangles over the HTK mel scale, `2595 log10(1 + f / 700)`. A weight is the mean of the
    triangle over the bin's width and not its value in the bin's middle, so that narrow low bands
    are not empty at short windows.
    """
    window = np.hanning(size + 1)[:-1]
    nyquist = sample_rate / 2
    mel_edges = np.linspace(0.0, 2595 * np.log10(1 + nyquist / 700), n_bands + 2)
    edges = 700 * (10 ** (mel_edges / 2595) - 1)
    bin_hz = sample_rate / size
    bin_edges = np.clip((np.arange(size // 2 + 2) - 0.5) * bin_hz, 0, nyquist)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    area = _triangle_integral(bin_edges[:, None], low, middle, high)
    weights = np.diff(area, axis=0) / bin_hz
    with torch.inference_mode(False):  # kept, and used outside of inference mode too
        return Filterbank(
            torch.tensor(window / window.sum(), dtype=dtype, device=device),
            torch.tensor(weights, dtype=dtype, device=device),
        )


def _triangle_integral(
    at: np.ndarray, low: np.ndarray, middle: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Integral from minus infinity to `at` of triangles of height 1."""
    rise = np.clip(at, low, middle) - low
    fall = high - np.clip(at, middle, high)
    whole_rise, whole_fall = middle - low, high - middle
    rising = rise**2 / (2 * whole_rise)
    falling = (whole_fall**2 - fall**2) / (2 * whole_fall)
    return np.asarray(rising + falling)
