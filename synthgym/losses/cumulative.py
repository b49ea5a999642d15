"""DiffMoog's transport-like terms: differences of cumulative sums over time or frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.terms import NORMALIZING_SIZE, Norm, check_norm, mean_difference


@dataclass(frozen=True)
class Cumulative:
    """Mean over cells of the difference of cumulative sums along one axis.

    Along frequency and for spectra of equal sum it is the 1-Wasserstein distance of arXiv
    2401.12570 (equation 3, `F_k`), in bins; sums are not normalized there, nor here.

    Args:
        axis: along which the cells are summed up, from the first frame or the lowest bin.
        norm: 1 for absolute differences, 2 for squared ones.
        weight: factor.
        size_exponent: the weight is multiplied by `(300 / n_fft) ** size_exponent`.

    Raises:
        ParameterError: no such axis or norm.
    """

    axis: Literal["time", "frequency"]
    norm: Norm = 1
    weight: float = 1.0
    size_exponent: float = 0.0

    def __post_init__(self) -> None:
        check_norm(self.norm)
        if self.axis not in ("time", "frequency"):
            raise ParameterError(f"axis is {self.axis!r}; it must be 'time' or 'frequency'")

    def view(self, spectrum: Tensor) -> Tensor:
        """Sums up to each cell."""
        return spectrum.cumsum(1 if self.axis == "time" else 2)

    def distance(self, view: Tensor, target_view: Tensor) -> Tensor:
        """Mean difference `(batch,)`."""
        return mean_difference(view, target_view, self.norm)

    def weight_at(self, n_fft: int) -> float:
        """The factor at a size of the FFT."""
        return self.weight * math.pow(NORMALIZING_SIZE / n_fft, self.size_exponent)
