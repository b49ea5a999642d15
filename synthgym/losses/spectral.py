"""Losses on spectrograms: any sizes, any terms, bands or bins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.errors import ParameterError
from synthgym.losses import one_pass
from synthgym.losses.bands import Bands, kept_weights
from synthgym.losses.base import check_sides
from synthgym.losses.frames import Padding, check_audio, magnitude, power, window
from synthgym.losses.terms import Term


@dataclass(frozen=True)
class Scale:
    """One spectrogram.

    Args:
        n_fft: length of a frame in samples.
        hop: samples from frame to frame.
        window_size: where the window is shorter than the frame, in whose middle it lies.

    Raises:
        ParameterError: a number below 1, or a window longer than the frame.
    """

    n_fft: int
    hop: int
    window_size: int | None = None

    def __post_init__(self) -> None:
        if self.n_fft < 1 or self.hop < 1:
            raise ParameterError(
                f"n_fft is {self.n_fft} and hop {self.hop}; both must be 1 or more"
            )
        if self.window_size is not None and not 1 <= self.window_size <= self.n_fft:
            raise ParameterError(
                f"window_size is {self.window_size}; it must be from 1 to n_fft, {self.n_fft}"
            )


def overlapping(sizes: tuple[int, ...], overlap: float = 0.75) -> tuple[Scale, ...]:
    """A scale for each size of the FFT, with the same overlap of frames.

    Args:
        sizes: of the FFT in samples.
        overlap: share of a frame that the next one covers too, from 0 to below 1.

    Raises:
        ParameterError: a size below 1, or `overlap` out of its range.
    """
    if not 0 <= overlap < 1:
        raise ParameterError(f"overlap is {overlap}; it must be from 0 to below 1")
    return tuple(Scale(n, max(1, int(n * (1 - overlap)))) for n in sizes)


@dataclass(frozen=True)
class SpectralEmbedding:
    """What a `SpectralLoss` keeps of sounds: the sounds, and once asked for, their spectrograms.

    A sound that is compared once never has its spectrograms written out; a target's are kept.

    Args:
        audio: `(batch, n_samples)`.
        make_views: what `views` computes.
    """

    audio: Tensor
    make_views: Callable[[Tensor], one_pass.Views]

    @property
    def views(self) -> one_pass.Views:
        """For each scale and term what is compared, `(batch, ...)`."""
        kept: one_pass.Views | None = self.kept_views
        if kept is not None:
            return kept
        if _in_graph(self.audio):
            return self.make_views(self.audio)  # a graph serves one backward pass
        with torch.inference_mode(False), torch.no_grad():
            made = self.make_views(self.audio)
        self.__dict__["_views"] = made
        return made

    @property
    def kept_views(self) -> one_pass.Views | None:
        """The views if they are there already."""
        return self.__dict__.get("_views")

    def row(self, index: int) -> SpectralEmbedding:
        """The embedding of one sound of the batch, as a batch of one."""
        one = SpectralEmbedding(self.audio[index : index + 1], self.make_views)
        if self.kept_views is not None:
            cut = tuple(tuple(v[index : index + 1] for v in views) for views in self.kept_views)
            one.__dict__["_views"] = cut
        return one


@dataclass(frozen=True)
class SpectralLoss:
    """Weighted sum of terms over spectrograms of several sizes.

    Args:
        scales: the spectrograms.
        terms: what is compared, at each scale.
        window: one of `frames.WINDOWS`.
        padding: what lies beyond the sound, see `frames.stft`.
        exponent: 1 for magnitudes, 2 for powers.
        bands: a linear map of the bins, such as `MelBands`; none by default.
        name: for reports.

    Raises:
        ParameterError: no scale, no term, or another exponent.
    """

    scales: tuple[Scale, ...]
    terms: tuple[Term, ...]
    window: str = "hann"
    padding: Padding = "reflect"
    exponent: Literal[1, 2] = 1
    bands: Bands | None = None
    name: str = field(default="spectral", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scales", tuple(self.scales))
        object.__setattr__(self, "terms", tuple(self.terms))
        if not self.scales or not self.terms:
            raise ParameterError("a spectral loss needs at least one scale and one term")
        if self.exponent not in (1, 2):
            raise ParameterError(f"exponent is {self.exponent!r}; it must be 1 or 2")

    def embed(self, audio: Tensor) -> SpectralEmbedding:
        """Keep sounds `(batch, n_samples)`, float32 or float64.

        Raises:
            ParameterError: another shape or dtype, or no samples.
        """
        check_audio(audio)
        if _in_graph(audio):
            return SpectralEmbedding(audio, self._views)
        with torch.inference_mode(False):  # a copy, as the caller may write to the sound
            return SpectralEmbedding(audio.clone(), self._views)

    def compare(self, embedded: SpectralEmbedding, embedded_target: SpectralEmbedding) -> Tensor:
        """Losses `(batch,)` of embedded sounds and their targets.

        Args:
            embedded: a batch of sounds.
            embedded_target: of the same batch size, or a batch of one for all.

        Raises:
            ParameterError: the sounds differ in length, dtype or device, or the target's batch is
                neither as large nor one.
        """
        audio, target = embedded.audio, embedded_target.audio
        check_sides(audio, target)
        if audio.shape[1] != target.shape[1]:
            raise ParameterError(
                f"sound and target have {audio.shape[1]} and {target.shape[1]} samples; "
                "they must have the same length"
            )
        target_views = embedded_target.views
        written = embedded.kept_views is not None or kernels.has_tangent(audio)
        if written or any(_in_graph(view) for views in target_views for view in views):
            return self._compared(embedded.views, target_views)
        return one_pass.losses(audio, self._plans(audio), self.terms, target_views)

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Losses `(batch,)` of sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))

    def _plans(self, audio: Tensor) -> tuple[one_pass.Plan, ...]:
        """Each scale with its tensors, for sounds of this precision on this device."""
        kind = audio.dtype, audio.device
        return tuple(
            one_pass.Plan(
                window(self.window, scale.window_size or scale.n_fft, *kind, scale.n_fft),
                scale.hop,
                self.padding,
                self.exponent,
                None if self.bands is None else kept_weights(self.bands, scale.n_fft, *kind),
                tuple(term.weight_at(scale.n_fft) for term in self.terms),
            )
            for scale in self.scales
        )

    def _views(self, audio: Tensor) -> one_pass.Views:
        if not _in_graph(audio):
            return one_pass.views(audio, self._plans(audio), self.terms)
        views = []
        for plan in self._plans(audio):
            spectrum = plan.spectrum(audio)
            cells = magnitude(spectrum) if plan.exponent == 1 else power(spectrum)
            banded = cells if plan.bands is None else cells @ plan.bands
            views.append(tuple(term.view(banded) for term in self.terms))
        return tuple(views)

    def _compared(self, views: one_pass.Views, target_views: one_pass.Views) -> Tensor:
        parts = [
            term.distance(a, b) * term.weight_at(scale.n_fft)
            for scale, own, of_target in zip(self.scales, views, target_views, strict=True)
            for term, a, b in zip(self.terms, own, of_target, strict=True)
        ]
        return torch.stack(parts).sum(0)


def _in_graph(view: Tensor) -> bool:
    """Whether derivatives of either mode are to flow through a view."""
    return view.requires_grad or kernels.has_tangent(view)
