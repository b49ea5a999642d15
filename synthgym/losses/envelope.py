"""Losses on loudness over time: RMS envelopes, cell by cell or aligned in time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.frames import check_audio
from synthgym.losses.soft_dtw import soft_dtw
from synthgym.losses.waveform import check_fit

DB_PER_NEPER = 10 / math.log(10)

# 160 dB under full scale: keeps digital silence finite.
_SILENT = 1e-16


@dataclass(frozen=True)
class Framing:
    """Which samples an envelope's values are taken over.

    Args:
        sample_rate: in Hz.
        hop_s: from value to value, in seconds.
        n_hops: length of the window in hops.

    Raises:
        ParameterError: a hop of less than a sample, or no hop.
    """

    sample_rate: int = 16000
    hop_s: float = 0.016
    n_hops: int = 4

    def __post_init__(self) -> None:
        if self.hop < 1 or self.n_hops < 1:
            raise ParameterError(
                f"hop_s is {self.hop_s} at {self.sample_rate} Hz and n_hops {self.n_hops}; "
                "a hop must be a sample or more, and n_hops 1 or more"
            )

    @property
    def hop(self) -> int:
        """Samples from value to value."""
        return round(self.hop_s * self.sample_rate)


def mean_squares(audio: Tensor, framing: Framing) -> Tensor:
    """Mean square of the samples in each window.

    The first window begins with the sound, and the last is the last that it fills; only a sound
    shorter than a window is continued with silence.

    Args:
        audio: `(batch, n_samples)`.
        framing: the windows.

    Returns:
        `(batch, n_frames)`.

    Raises:
        ParameterError: another shape, no samples, or whole numbers.
    """
    n_samples = check_audio(audio).shape[1]
    n_blocks = max(framing.n_hops, n_samples // framing.hop)
    whole = F.pad(audio, (0, n_blocks * framing.hop - n_samples))
    blocks = whole.view(len(audio), n_blocks, framing.hop).square().mean(-1)
    return blocks.unfold(1, framing.n_hops, 1).mean(-1)


def _floor(squares: Tensor, floor_db: float) -> Tensor:
    """Mean square `(batch, 1)` that lies `floor_db` under the loudest."""
    return squares.amax(1, keepdim=True).mul(10 ** (-floor_db / 10)).clamp_min(_SILENT)


def _levels_db(squares: Tensor, floor: Tensor) -> Tensor:
    """Level over the floor, which is added: 0 dB at silence."""
    return DB_PER_NEPER * torch.log1p(squares / floor)


def _check_floor_db(floor_db: float) -> None:
    if not floor_db > 0:
        raise ParameterError(f"floor_db is {floor_db}; it must be above 0")


@dataclass(frozen=True)
class RMSEnvelope:
    """Mean absolute difference of RMS envelopes, in full scales.

    The root is `sqrt(x + e^2) - e` with `e` 80 dB under full scale, so that it has a slope at
    silence.

    Args:
        framing: windows of 64 ms every 16 ms.
        name: for reports.
    """

    framing: Framing = Framing()
    name: str = field(default="rms-envelope", kw_only=True)

    def embed(self, audio: Tensor) -> Tensor:
        """Envelopes `(batch, n_frames)`."""
        return torch.sqrt(mean_squares(audio, self.framing) + 1e-8) - 1e-4

    def compare(self, embedded: Tensor, embedded_target: Tensor) -> Tensor:
        """Distances `(batch,)` in full scales."""
        return (embedded - check_fit(embedded, embedded_target)).abs().mean(1)

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Distances `(batch,)` between sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


@dataclass(frozen=True)
class LogRMSEnvelope:
    """Mean absolute difference of RMS envelopes in dB.

    Levels are counted from a floor `floor_db` under the target's loudest window, which is added.
    Not symmetric, as the floor is the target's.

    Args:
        framing: windows of 64 ms every 16 ms.
        floor_db: depth of the floor.
        name: for reports.

    Raises:
        ParameterError: `floor_db` is not above 0.
    """

    framing: Framing = Framing()
    floor_db: float = 80.0
    name: str = field(default="log-rms-envelope", kw_only=True)

    def __post_init__(self) -> None:
        _check_floor_db(self.floor_db)

    def embed(self, audio: Tensor) -> Tensor:
        """Mean squares `(batch, n_frames)`."""
        return mean_squares(audio, self.framing)

    def compare(self, embedded: Tensor, embedded_target: Tensor) -> Tensor:
        """Distances `(batch,)` in dB."""
        target = check_fit(embedded, embedded_target)
        floor = _floor(target, self.floor_db)
        nepers = torch.log((embedded + floor) / (target + floor))
        return DB_PER_NEPER * nepers.abs().mean(1)

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Distances `(batch,)` between sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


@dataclass(frozen=True)
class EnvelopeSoftDTW:
    """Soft-DTW divergence of RMS envelopes in dB, divided by the number of windows.

    A note that starts a little late is far from its target moment by moment, and has no slope in
    time; aligned it is near. With `d` the soft minimum over alignments of the sum of squared
    differences in dB, it is `(d(a, b) - d(a, a) / 2 - d(b, b) / 2) / n_frames`, which is 0 for
    equal sounds as `d` itself is not: Blondel, Mensch, Vert, "Differentiable divergences between
    time series", AISTATS 2021 (arXiv 2010.08354). Levels as in `LogRMSEnvelope`.

    Args:
        framing: windows of 64 ms every 16 ms.
        gamma: softness in dB squared: a small one comes near plain DTW, with more local minima.
        floor_db: depth of the floor under the target's loudest window.
        name: for reports.

    Raises:
        ParameterError: `floor_db` or `gamma` is not above 0.
    """

    framing: Framing = Framing()
    gamma: float = 10.0
    floor_db: float = 80.0
    name: str = field(default="envelope-soft-dtw", kw_only=True)

    def __post_init__(self) -> None:
        _check_floor_db(self.floor_db)
        if not self.gamma > 0:
            raise ParameterError(f"gamma is {self.gamma}; it must be above 0")

    def embed(self, audio: Tensor) -> EnvelopeEmbedding:
        """Mean squares of the windows."""
        return EnvelopeEmbedding(mean_squares(audio, self.framing), self.floor_db, self.gamma)

    def compare(self, embedded: EnvelopeEmbedding, embedded_target: EnvelopeEmbedding) -> Tensor:
        """Divergences `(batch,)` in dB squared."""
        check_fit(embedded.squares, embedded_target.squares)
        floor, target = embedded_target.floor, embedded_target.levels_db
        own = _levels_db(embedded.squares, floor)
        # Both at once, as the steps are as many for one pair as for all.
        pairs = torch.cat([_squared_differences(own, target), _squared_differences(own, own)])
        between, within = soft_dtw(pairs, self.gamma).chunk(2)
        return (between - (within + embedded_target.to_itself) / 2) / target.shape[1]

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Divergences `(batch,)` between sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


@dataclass(frozen=True)
class EnvelopeEmbedding:
    """What `EnvelopeSoftDTW` keeps of sounds.

    Args:
        squares: mean squares `(batch, n_frames)`.
        floor_db: of the loss.
        gamma: of the loss.
    """

    squares: Tensor
    floor_db: float
    gamma: float

    @property
    def floor(self) -> Tensor:
        """Mean square of the floor `(batch, 1)`."""
        return _floor(self.squares, self.floor_db)

    @property
    def levels_db(self) -> Tensor:
        """Levels over the sound's own floor `(batch, n_frames)`."""
        return _levels_db(self.squares, self.floor)

    @property
    def to_itself(self) -> Tensor:
        """Soft-DTW to itself `(batch,)`; computed once, unless it belongs to a graph."""
        kept: Tensor | None = self.__dict__.get("_to_itself")
        if kept is not None:
            return kept
        with torch.inference_mode(False):
            levels = self.levels_db
            value = soft_dtw(_squared_differences(levels, levels), self.gamma)
        if not value.requires_grad:
            self.__dict__["_to_itself"] = value
        return value

    def row(self, index: int) -> EnvelopeEmbedding:
        """The embedding of one sound of the batch, as a batch of one."""
        return EnvelopeEmbedding(self.squares[index : index + 1], self.floor_db, self.gamma)


def _squared_differences(rows: Tensor, columns: Tensor) -> Tensor:
    """`(batch, n, m)` of `(batch, n)` and `(batch or 1, m)`."""
    return (rows[:, :, None] - columns[:, None, :]).square()
