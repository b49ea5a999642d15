"""Unit vectors as others hand them over, checked before anything is counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from synthgym.errors import ParameterError

Array = npt.NDArray[np.float64]

# Optimizers step over the edge by rounding; this much is clipped, more is an error.
EDGE_SLACK = 1e-6


def as_points(X: npt.ArrayLike) -> Array:
    """The numbers of an array of any shape, float64.

    Raises:
        ParameterError: they are no real numbers, or a tensor whose gradient would get lost.
    """
    if isinstance(X, Tensor) and X.requires_grad:
        raise ParameterError(
            "x is a tensor that needs a gradient; call problem.loss(x), or pass x.detach()"
        )
    try:
        points = np.asarray(X)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"x is not an array of numbers: {error}") from None
    if points.dtype.kind not in "fiub":
        raise ParameterError(f"x has dtype {points.dtype}; it must hold real numbers")
    return points.astype(np.float64)


def as_rows(X: npt.ArrayLike, names: Sequence[str]) -> Array:
    """Unit vectors `(n, dimension)`, clipped where they leave the unit cube by rounding.

    Args:
        X: as they were given.
        names: of the entries.

    Raises:
        ParameterError: wrong shape, NaN or infinity, or an entry outside [0, 1].
    """
    points = as_points(X)
    if points.ndim != 2 or points.shape[1] != len(names):
        raise ParameterError(
            f"X has shape {points.shape}; it must be (n, {len(names)}), "
            f"with one entry for each of: {', '.join(names)}"
        )
    if not np.isfinite(points).all():
        raise ParameterError("x holds NaN or infinity; every entry must be in [0, 1]")
    if len(points) and (points.min() < -EDGE_SLACK or points.max() > 1 + EDGE_SLACK):
        raise ParameterError(
            f"x has entries from {points.min():g} to {points.max():g}; every entry must be in "
            "[0, 1]: give the optimizer bounds"
        )
    return np.clip(points, 0.0, 1.0)
