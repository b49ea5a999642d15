"""A spectral loss and its derivative in one pass, a few sounds at a time.

A spectrogram of a batch is many times larger than the caches, and a chain of differentiable
functions writes and fetches it a dozen times over: that costs more than the FFT. Here a few sounds
go all the way, from samples to losses and, where a derivative is wanted, back to the gradient of
the samples, before the next ones follow. As losses of a batch are independent, the backward pass
then only scales what is already there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from synthgym.derivatives import first_order
from synthgym.losses.frames import Padding, frames, unframed
from synthgym.losses.terms import ClosedTerm, Term

CACHE_SAMPLES = 1 << 16

Views = tuple[tuple[Tensor, ...], ...]
"""For each scale and term, what is kept of sounds."""


@dataclass(frozen=True)
class Plan:
    """One scale with its tensors.

    Args:
        window: `(n_fft,)`.
        hop: samples from frame to frame.
        padding: see `frames.stft`.
        exponent: 1 for magnitudes, 2 for powers.
        bands: `(n_bins, n_bands)`, or none.
        weights: of the terms.
    """

    window: Tensor
    hop: int
    padding: Padding
    exponent: Literal[1, 2]
    bands: Tensor | None
    weights: tuple[float, ...]

    def spectrum(self, audio: Tensor) -> Tensor:
        """Complex `(batch, n_frames, n_bins)`."""
        pieces = frames(audio, len(self.window), self.hop, self.padding)
        spectrum: Tensor = torch.fft.rfft(pieces * self.window)
        return spectrum


def losses(
    audio: Tensor, plans: Sequence[Plan], terms: Sequence[Term], target_views: Views
) -> Tensor:
    """Weighted sums `(batch,)` of terms over scales; differentiable once, by the sound.

    Args:
        audio: `(batch, n_samples)`.
        plans: the scales, of the sound's precision and device.
        terms: what is compared.
        target_views: for each scale and term, of a batch of the same size or of one.
    """
    # Under no_grad, autograd still says that a gradient is needed.
    wanted = audio.requires_grad and torch.is_grad_enabled()
    values: Tensor = _OnePass.apply(audio, plans, terms, target_views, wanted)  # type: ignore[no-untyped-call]
    return values


class _OnePass(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        audio: Tensor,
        plans: Sequence[Plan],
        terms: Sequence[Term],
        target_views: Views,
        wanted: bool,
    ) -> Tensor:
        values = audio.new_zeros(len(audio))
        gradient = torch.zeros_like(audio) if wanted else None
        for rows in _pieces(audio):
            into = None if gradient is None else gradient[rows]
            for plan, views in zip(plans, target_views, strict=True):
                own = [view if len(view) == 1 else view[rows] for view in views]
                values[rows] += _step(audio[rows], plan, terms, own, into)
        ctx.save_for_backward(gradient)
        return values

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        (by_sample,) = ctx.saved_tensors
        return by_sample * gradient[:, None], None, None, None, None


def views(audio: Tensor, plans: Sequence[Plan], terms: Sequence[Term]) -> Views:
    """What is kept of sounds that are in no graph, to the last bit as `losses` computes it."""
    pieces = []
    for rows in _pieces(audio):
        of_rows = []
        for plan in plans:
            cells = _cells(plan.spectrum(audio[rows]), plan)
            banded = cells if plan.bands is None else cells @ plan.bands
            of_rows.append([term.view(banded) for term in terms])
        pieces.append(of_rows)
    return tuple(
        tuple(torch.cat([piece[scale][term] for piece in pieces]) for term in range(len(terms)))
        for scale in range(len(plans))
    )


def _cells(spectrum: Tensor, plan: Plan) -> Tensor:
    """Magnitudes or powers of a spectrum that is in no graph."""
    cells = torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)
    return cells.sqrt_() if plan.exponent == 1 else cells


def _pieces(audio: Tensor) -> Iterator[slice]:
    """A few sounds at a time on the CPU, all at once where there is no cache to stay in."""
    step = len(audio)
    if audio.device.type == "cpu":
        step = max(1, CACHE_SAMPLES // audio.shape[1])
    for at in range(0, len(audio), max(step, 1)):
        yield slice(at, at + step)


def _step(
    audio: Tensor,
    plan: Plan,
    terms: Sequence[Term],
    target_views: Sequence[Tensor],
    gradient: Tensor | None,
) -> Tensor:
    """Losses `(rows,)` of a few sounds at one scale; their derivative is added to `gradient`."""
    spectrum = plan.spectrum(audio)
    cells = _cells(spectrum, plan)
    banded = cells if plan.bands is None else cells @ plan.bands
    if gradient is None:
        return _summed(banded, plan, terms, target_views)
    values, slope = _with_slope(banded, plan, terms, target_views)
    if plan.bands is not None:
        slope = slope @ plan.bands.T
    gradient += _to_samples(slope, cells, spectrum, plan, audio.shape[1])
    return values


def _with_slope(
    banded: Tensor, plan: Plan, terms: Sequence[Term], target_views: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Weighted sum `(rows,)` of the terms, and its derivative by the cells."""
    total = banded.new_zeros(len(banded))
    slopes: list[Tensor] = []
    for term, weight, target in zip(terms, plan.weights, target_views, strict=True):
        if isinstance(term, ClosedTerm):
            value, slope = term.distance_and_slope(banded, target)
        else:
            with torch.enable_grad():
                leaf = banded.detach().requires_grad_()
                value = term.distance(term.view(leaf), target)
                (slope,) = torch.autograd.grad(value.sum(), leaf)
            slope = slope.contiguous()  # a constant one is one number seen many times over
        total += weight * value.detach()
        slopes.append(slope if weight == 1 else slope.mul(weight))
    whole = slopes[0]
    for slope in slopes[1:]:
        whole = whole + slope
    return total, whole


def _summed(
    banded: Tensor, plan: Plan, terms: Sequence[Term], target_views: Sequence[Tensor]
) -> Tensor:
    total = banded.new_zeros(len(banded))
    for term, weight, target in zip(terms, plan.weights, target_views, strict=True):
        total = total + weight * term.distance(term.view(banded), target)
    return total


def _to_samples(
    slope: Tensor, cells: Tensor, spectrum: Tensor, plan: Plan, n_samples: int
) -> Tensor:
    """Gradient by samples `(rows, n_samples)` from that by cells; `spectrum` is overwritten.

    With `S` a bin, `d|S| = Re(conj(S) dS) / |S|` and `d|S|^2 = 2 Re(conj(S) dS)`. The inverse FFT
    counts every bin twice but the first and, for an even size, the last.
    """
    n_fft, window = len(plan.window), plan.window
    if plan.exponent == 1:
        # Below, the square of a part may have been rounded to zero: no slope from there.
        slope = slope.div_(cells.clamp_min(1e-18))
        window = 0.5 * window
    slope[..., 0] *= 2
    if n_fft % 2 == 0:
        slope[..., -1] *= 2
    spectrum.real.mul_(slope)
    spectrum.imag.mul_(slope)
    pieces = torch.fft.irfft(spectrum, n_fft, norm="forward").mul_(window)
    return unframed(pieces, n_samples, plan.hop, plan.padding)
