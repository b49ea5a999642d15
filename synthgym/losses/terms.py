"""What is compared of two spectrograms, `(batch, n_frames, n_bins)` each, to `(batch,)`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from synthgym.errors import ParameterError, unknown_name

Norm = Literal[1, 2]

_SCALES = ("linear", "log", "log1p")

NORMALIZING_SIZE = 300.0
"""The FFT size at which `size_exponent` changes nothing; DiffMoog's choice."""


class Term(Protocol):
    """One summand of a spectral loss.

    `view` is what is kept of a target; `distance` compares two views. The weight may depend on the
    size of the FFT.
    """

    def view(self, spectrum: Tensor) -> Tensor:
        """What the term looks at, of magnitudes or powers `(batch, n_frames, n_bins)`."""

    def distance(self, view: Tensor, target_view: Tensor) -> Tensor:
        """Unweighted distances `(batch,)`; the target's batch may be one."""

    def weight_at(self, n_fft: int) -> float:
        """The factor of the distance at a size of the FFT."""


@runtime_checkable
class ClosedTerm(Term, Protocol):
    """A term that knows its derivative, and so spares the passes that autograd would make."""

    def distance_and_slope(self, spectrum: Tensor, target_view: Tensor) -> tuple[Tensor, Tensor]:
        """`distance` of the view, and its derivative by the cells of the spectrum."""


@dataclass(frozen=True)
class Difference:
    """Mean over cells of the absolute or squared difference.

    Args:
        scale: `"linear"`; `"log"`, the natural logarithm of `max(x, floor)` (DDSP, auraloss); or
            `"log1p"`, of `1 + x` (DiffMoog, Schwär and Müller).
        norm: 1 for absolute differences, 2 for squared ones (no root is taken).
        weight: factor.
        floor: for `"log"`, under which everything counts as silence.
        size_exponent: the weight is multiplied by `(300 / n_fft) ** size_exponent`.

    Raises:
        UnknownNameError: there is no such scale.
        ParameterError: `norm` is not 1 or 2, or `floor` not above 0.
    """

    scale: Literal["linear", "log", "log1p"] = "linear"
    norm: Norm = 1
    weight: float = 1.0
    floor: float = 1e-5
    size_exponent: float = 0.0

    def __post_init__(self) -> None:
        check_norm(self.norm)
        check_floor(self.floor)
        if self.scale not in _SCALES:
            raise unknown_name("scale", self.scale, _SCALES)

    def view(self, spectrum: Tensor) -> Tensor:
        """The cells on their scale."""
        if self.scale == "linear":
            return spectrum
        if self.scale == "log":
            return spectrum.clamp_min(self.floor).log()
        return spectrum.log1p()

    def distance(self, view: Tensor, target_view: Tensor) -> Tensor:
        """Mean difference `(batch,)`."""
        return mean_difference(view, target_view, self.norm)

    def distance_and_slope(self, spectrum: Tensor, target_view: Tensor) -> tuple[Tensor, Tensor]:
        """Mean difference `(batch,)`, and its derivative by the cells."""
        error = self.view(spectrum) - target_view
        n_cells = error[0].numel()
        if self.norm == 1:
            distance: Tensor = torch.linalg.vector_norm(error, 1, dim=(1, 2)) / n_cells
            slope = error.sign_().mul_(1 / n_cells)
        else:
            distance = error.square().mean((1, 2))
            slope = error.mul_(2 / n_cells)
        if self.scale == "log":
            slope.div_(spectrum.clamp_min(self.floor)).mul_(spectrum >= self.floor)
        elif self.scale == "log1p":
            slope.div_(spectrum + 1)
        return distance, slope

    def weight_at(self, n_fft: int) -> float:
        """The factor at a size of the FFT."""
        return self.weight * math.pow(NORMALIZING_SIZE / n_fft, self.size_exponent)


@dataclass(frozen=True)
class Convergence:
    """Spectral convergence, `|S - T| / |T|` with Frobenius norms (Arik et al., arXiv 1808.06719).

    Args:
        weight: factor.
        floor: least value of the divisor, for a silent target.

    Raises:
        ParameterError: `floor` is not above 0.
    """

    weight: float = 1.0
    floor: float = 1e-4

    def __post_init__(self) -> None:
        check_floor(self.floor)

    def view(self, spectrum: Tensor) -> Tensor:
        """The cells as they are."""
        return spectrum

    def distance(self, view: Tensor, target_view: Tensor) -> Tensor:
        """Relative error `(batch,)`, 1 for silence."""
        error: Tensor = torch.linalg.vector_norm(view - target_view, dim=(1, 2))
        size: Tensor = torch.linalg.vector_norm(target_view, dim=(1, 2))
        return error / size.clamp_min(self.floor)

    def weight_at(self, n_fft: int) -> float:
        """The factor, the same at each size."""
        return self.weight


@dataclass(frozen=True)
class ScaleInvariant:
    """Mean squared error after the best gain, `min over g of mean((g S - T)^2)`: SIMSE.

    Barron and Malik's measure for images (2015), as dm_pix has it, on spectrograms as in arXiv
    2506.22628. Not symmetric: the gain is the sound's, so its level does not matter.

    Args:
        weight: factor.
        floor: least energy by which is divided: a silent sound gets no gain.

    Raises:
        ParameterError: `floor` is not above 0.
    """

    weight: float = 1.0
    floor: float = 1e-12

    def __post_init__(self) -> None:
        check_floor(self.floor)

    def view(self, spectrum: Tensor) -> Tensor:
        """The cells as they are."""
        return spectrum

    def distance(self, view: Tensor, target_view: Tensor) -> Tensor:
        """Error that no gain takes away, `(batch,)`."""
        energy = view.square().sum((1, 2), keepdim=True).clamp_min(self.floor)
        gain = (view * target_view).sum((1, 2), keepdim=True) / energy
        return (gain * view - target_view).square().mean((1, 2))

    def weight_at(self, n_fft: int) -> float:
        """The factor, the same at each size."""
        return self.weight


def mean_difference(view: Tensor, target_view: Tensor, norm: Norm) -> Tensor:
    """Mean over all but the first axis of the absolute or squared difference, `(batch,)`."""
    error = view - target_view
    return (error.abs() if norm == 1 else error.square()).mean((1, 2))


def check_norm(norm: int) -> None:
    """Raise `ParameterError` if the norm is not 1 or 2."""
    if norm not in (1, 2):
        raise ParameterError(f"norm is {norm!r}; it must be 1 (absolute) or 2 (squared)")


def check_floor(floor: float) -> None:
    """Raise `ParameterError` if the floor is not above 0."""
    if not floor > 0:
        raise ParameterError(f"floor is {floor}; it must be above 0")
