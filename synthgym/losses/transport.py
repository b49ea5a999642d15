"""Spectral optimal transport: how far the power of one spectrum is carried to make the other.

Spectra compared bin by bin see no difference between a partial that is a semitone off and one that
is three octaves off. Transport does: its cost is the distance along the frequency axis, so that its
gradient points to the target from afar. Torres, Peeters, Richard, "Unsupervised harmonic parameter
estimation using differentiable DSP and spectral optimal transport", ICASSP 2024 (arXiv 2312.14507);
Cazelles, Robert, Tobar, "The Wasserstein-Fourier distance for stationary time series", IEEE TSP 69,
2021 (arXiv 1912.05509).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor

from synthgym.derivatives import first_order
from synthgym.errors import ParameterError, unknown_name
from synthgym.losses.base import check_sides
from synthgym.losses.frame_cells import frame_cells
from synthgym.losses.mel import window_length

DB_PER_NEPER = 10 / math.log(10)
AXES = {"linear": "kHz", "mel": "kilomel (HTK)", "log": "octaves"}
"""The axes and their units."""

SILENT_DB = 160.0
"""The noise floor's least mass lies so far under full scale, which keeps silence finite."""

Axis = Literal["linear", "mel", "log"]


@dataclass(frozen=True)
class TransportEmbedding:
    """What `SpectralTransport` keeps of sounds.

    Args:
        cdf: share of a frame's mass up to each bin, `(batch, n_frames, n_bins)`; ends at 1.
        mass: of each frame, `(batch, n_frames)`.
        floor: mass of the noise floor, `(batch, 1)`.
    """

    cdf: Tensor
    mass: Tensor
    floor: Tensor

    def row(self, index: int) -> TransportEmbedding:
        """The embedding of one sound of the batch, as a batch of one."""
        rows = slice(index, index + 1)
        return TransportEmbedding(self.cdf[rows], self.mass[rows], self.floor[rows])


@dataclass(frozen=True)
class SpectralTransport:
    """Exact one-dimensional transport between the spectra of each frame, and a term for level.

    Transport is between equal masses, sounds are not equally loud. The two questions are kept
    apart:

    - **Where the power is.** Each frame's spectrum is divided by its mass (its sum), so that level
      does not matter. Before that every frame gets a noise floor, spread evenly over the axis,
      `floor_db` under the sound's own loudest frame. A silent frame is then the noise that is left
      of it, and not an undefined 0 / 0: two silent frames cost nothing, a partial against silence
      costs its way to the noise, and in between the one fades into the other.
    - **How much there is.** The level of a frame is its mass over the target's floor in dB, with
      the floor added; `level_weight` times the mean absolute difference is added to the transport.

    Frames start centred on the first sample, silence before it, and end with the last that the
    sound fills: beyond lies a click whose spectrum turns with the phase of the last sample, and
    with it the gradient. Frequencies under 20 Hz count as 20 Hz on the log axis.

    Zero between equal sounds and never negative; without the level term symmetric, and for
    `order` 1 a metric of the normalized spectra. The distance of two sines is the distance of
    their frequencies along the axis (its square for `order` 2).

    Args:
        sample_rate: of both sounds, in Hz.
        axis: of the frequencies: `"log"` in octaves, `"mel"` in thousands of HTK mel, or
            `"linear"` in kHz.
        order: 1 for the mean distance (W1), 2 for the mean squared distance (W2 squared; a root
            would have no slope at zero).
        exponent: mass is magnitude (1) or power (2). Power weighs partials as their energy does
            and leaves little to the window's side lobes, whose share turns with frequency.
        n_fft: length of the Hann window in samples.
        hop: samples from frame to frame; a quarter of `n_fft` if None.
        floor_db: depth of the noise floor under the loudest frame.
        level_weight: units of the axis per dB; at 0.05 an octave weighs as much as 20 dB.
        name: for reports.

    Raises:
        ParameterError: a setting outside its limits.
        UnknownNameError: there is no such axis.
    """

    sample_rate: int = 16000
    axis: Axis = "log"
    order: Literal[1, 2] = 1
    exponent: Literal[1, 2] = 2
    n_fft: int = 2048
    hop: int | None = None
    floor_db: float = 80.0
    level_weight: float = 0.05
    name: str = field(default="transport", kw_only=True)

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise unknown_name("axis", self.axis, AXES)
        for name, value in (("order", self.order), ("exponent", self.exponent)):
            if value not in (1, 2):
                raise ParameterError(f"{name} is {value!r}; it must be 1 or 2")
        if self.n_fft < 4 or self.hop_samples < 1 or self.sample_rate < 1:
            raise ParameterError(
                f"n_fft is {self.n_fft}, hop {self.hop} and sample_rate {self.sample_rate}; "
                "n_fft must be 4 or more, the others 1 or more"
            )
        if not self.floor_db > 0 or not self.level_weight >= 0:
            raise ParameterError(
                f"floor_db is {self.floor_db} and level_weight {self.level_weight}; "
                "floor_db must be above 0 and level_weight not below"
            )

    @classmethod
    def at(
        cls,
        sample_rate: int,
        axis: Axis = "log",
        order: Literal[1, 2] = 1,
        window_s: float = 0.128,
        name: str = "transport",
    ) -> SpectralTransport:
        """The loss with a window of the same duration at every sample rate."""
        n_fft = window_length(window_s, sample_rate)
        return cls(sample_rate, axis=axis, order=order, n_fft=max(4, n_fft), name=name)

    @property
    def hop_samples(self) -> int:
        """Samples from frame to frame."""
        return max(1, self.n_fft // 4) if self.hop is None else self.hop

    def embed(self, audio: Tensor) -> TransportEmbedding:
        """Masses of the frames and their distribution over the axis.

        Args:
            audio: `(batch, n_samples)`, float32 or float64.

        Raises:
            ParameterError: another shape, no samples, or whole numbers.
        """
        cells = frame_cells(audio, self.n_fft, self.hop_samples, self.exponent)
        summed = cells.cumsum(-1)
        mass = summed[..., -1]
        share, least = (10 ** (-db * self.exponent / 20) for db in (self.floor_db, SILENT_DB))
        floor = (mass.amax(1, keepdim=True) * share).clamp_min(least)
        noise = self._line(cells).noise
        total = (mass + floor)[..., None]
        return TransportEmbedding(
            torch.addcmul(summed, floor[..., None], noise) / total, mass, floor
        )

    def compare(self, embedded: TransportEmbedding, embedded_target: TransportEmbedding) -> Tensor:
        """Losses `(batch,)` in units of the axis (squared for `order` 2).

        Args:
            embedded: a batch of sounds.
            embedded_target: of the same batch size, or a batch of one for all.

        Raises:
            ParameterError: the sounds differ in length, dtype or device, or the target's batch is
                neither as large nor one.
        """
        own, target = embedded.cdf, embedded_target.cdf
        check_sides(own, target)
        if own.shape[1:] != target.shape[1:]:
            raise ParameterError(
                f"sound and target have {own.shape[1]} and {target.shape[1]} frames of "
                f"{own.shape[2]} and {target.shape[2]} bins; they must have the same length"
            )
        cost = wasserstein_1 if self.order == 1 else wasserstein_2_squared
        carried = cost(own, target, self._line(own).positions).mean(1)
        if self.level_weight == 0:
            return carried
        floor, target_mass = embedded_target.floor, embedded_target.mass
        nepers = torch.log((embedded.mass + floor) / (target_mass + floor))
        per_neper = self.level_weight * DB_PER_NEPER * (2 / self.exponent)
        return carried + per_neper * nepers.abs().mean(1)

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Losses `(batch,)` between sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))

    def _line(self, like: Tensor) -> _Line:
        return _line(self.axis, self.n_fft, self.sample_rate, like.dtype, like.device)


def wasserstein_1(cdf: Tensor, other: Tensor, positions: Tensor) -> Tensor:
    """Mean distance that mass is carried along a line: the integral of `|F - G|`.

    Args:
        cdf: distribution function at each position, `(..., n)`, ending at 1.
        other: another one, of as many axes; axes of size 1 serve for all.
        positions: `(n,)`, not falling.

    Returns:
        `(...)`, in units of the positions.
    """
    # The last stretch is empty, but for a shorter array all would be copied.
    widths = torch.cat([positions.diff(), positions.new_zeros(1)])
    carried: Tensor = (cdf - other).abs() @ widths
    return carried


def wasserstein_2_squared(cdf: Tensor, other: Tensor, positions: Tensor) -> Tensor:
    """Mean squared distance that mass is carried along a line.

    The integral of the squared difference of the quantile functions, which are constant between
    the merged steps of the two distribution functions. Arguments as in `wasserstein_1`.

    Returns:
        `(...)`, in squared units of the positions.
    """
    cost: Tensor = _W2Squared.apply(cdf, other, positions)  # type: ignore[no-untyped-call]
    return cost


class _W2Squared(torch.autograd.Function):
    """Exact without sorting: each step is paired with the other function's quantile there.

    A piece of the merged axis ends at a step of one function or of the other. Where it ends at
    step i of F, G's quantile is `y = x_j` with `j` the first index where `G_j >= F_i`, and the
    piece starts at `max(F_(i-1), G_(j-1))`. As the cost is linear in the ends of the pieces, its
    slope by `F_i` is the cost of the piece that ends there less that of the next one,
    `(x_i - y)^2 - (x_(i+1) - y)^2`.
    """

    @staticmethod
    def forward(ctx: Any, cdf: Tensor, other: Tensor, positions: Tensor) -> Tensor:
        shape = [max(sizes) for sizes in zip(cdf.shape, other.shape, strict=True)]
        own, target = cdf.expand(shape).contiguous(), other.expand(shape).contiguous()
        ahead = torch.searchsorted(target, own)
        # Steps of F up to G_j, ties included: those that point to j or before it. Counting them
        # is far cheaper than a second search.
        n = len(positions)
        count = ahead.new_zeros((*own.shape[:-1], n + 1))
        behind = count.scatter_add_(-1, ahead, torch.ones_like(ahead)).cumsum(-1)[..., :-1]
        cost, slope = _pieces(own, target, ahead, positions)
        other_cost, other_slope = _pieces(target, own, behind, positions)
        ctx.save_for_backward(slope, other_slope)
        ctx.save_for_forward(slope, other_slope)
        ctx.shapes = cdf.shape, other.shape
        return cost + other_cost

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        by_input = [
            (gradient[..., None] * slope).sum_to_size(shape) if needed else None
            for slope, shape, needed in zip(
                ctx.saved_tensors, ctx.shapes, ctx.needs_input_grad, strict=False
            )
        ]
        return by_input[0], by_input[1], None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, other_tangent: Tensor, _: None) -> Tensor:
        slope, other_slope = ctx.saved_tensors
        moved: Tensor = (slope * tangent).sum(-1) + (other_slope * other_tangent).sum(-1)
        return moved


def _pieces(cdf: Tensor, other: Tensor, index: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cost `(...)` of the pieces that end at a step of `cdf`, and its slope `(..., n)` by it.

    Args:
        cdf: `(..., n)`.
        other: `(..., n)`.
        index: of the step of `other` after it, 0 to n, `(..., n)`.
        positions: `(n,)`.
    """
    zero = cdf.new_zeros((*cdf.shape[:-1], 1))
    start = torch.cat([zero, other], -1).gather(-1, index)
    start = torch.maximum(start, torch.cat([zero, cdf[..., :-1]], -1))
    away = positions[index.clamp_max(len(positions) - 1)]
    here = (positions - away).square()
    cost = ((cdf - start) * here).sum(-1)
    # The last step is at 1 and stays there.
    following = torch.cat([positions[1:], positions[-1:]])
    slope = here.sub_((following - away).square_())
    slope[..., -1] = 0
    return cost, slope


@dataclass(frozen=True)
class _Line:
    """Positions `(n_bins,)` of the bins, and the noise floor's distribution function there."""

    positions: Tensor
    noise: Tensor


LOWEST_HZ = 20.0


@lru_cache(maxsize=64)
def _line(
    axis: Axis, n_fft: int, sample_rate: int, dtype: torch.dtype, device: torch.device
) -> _Line:
    with torch.inference_mode(False):  # kept, and used outside of inference mode too
        hz = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft
        if axis == "linear":
            positions = hz / 1000
        elif axis == "mel":
            positions = 2.595 * torch.log10(1 + hz / 700)
        else:
            positions = torch.log2(hz.clamp_min(LOWEST_HZ) / LOWEST_HZ)
        # A bin's share of the floor is the stretch of the axis that is nearest to it.
        reach = torch.cat([positions[:-1] + positions[1:], 2 * positions[-1:]]) / 2
        noise = reach / reach[-1]
        return _Line(positions.to(device, dtype), noise.to(device, dtype))
