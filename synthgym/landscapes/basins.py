"""Minima and basins of attraction of sampled losses: pure functions of arrays.

A dip counts if both sides rise by more than `NOISE` of the range of the values: the rounding of
float32 makes a dip of every other point of a plain.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

NOISE = 1e-6

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


def minima(values: Floats) -> Bools:
    """Which points of curves are local minima: lower than both neighbours.

    Args:
        values: `(n_curves, n_points)`.

    Returns:
        `(n_curves, n_points)`; ends are none, as for `scipy.signal.argrelmin`, which the paper's
        notebooks count with.
    """
    rise = np.diff(values, axis=1)
    noise = NOISE * _range(values)[:, None]
    found = np.zeros(values.shape, dtype=np.bool_)
    found[:, 1:-1] = (rise[:, :-1] < -noise) & (rise[:, 1:] > noise)
    return found


def basins(values: Floats, truth: Ints) -> Ints:
    """How far the loss falls all the way to the truth, from either side.

    Args:
        values: `(n_curves, n_points)`.
        truth: index of the true setting, `(n_curves,)`.

    Returns:
        First and last index of each basin, `(n_curves, 2)`; both are the truth's own if the loss
        does not rise from it.
    """
    rise = np.diff(values, axis=1)
    noise = NOISE * _range(values)[:, None]
    at = np.arange(values.shape[1])
    # The nearest step on either side that does not go down towards the truth ends the basin.
    no_fall = (rise >= -noise) & (at[:-1] < truth[:, None])
    no_rise = (rise <= noise) & (at[:-1] >= truth[:, None])
    first = np.where(no_fall, at[1:], 0).max(1)
    last = np.where(no_rise, at[:-1], len(at) - 1).min(1)
    return np.stack([first, last], 1)


def surface_minima(values: Floats) -> Bools:
    """Which points of a surface `(n_rows, n_columns)` are lower than all eight around them.

    Points of the edge are none.
    """
    noise = NOISE * float(values.max() - values.min())
    inner = values[1:-1, 1:-1]
    found = np.zeros(values.shape, dtype=np.bool_)
    found[1:-1, 1:-1] = np.all([part > inner + noise for part in _around(values)], axis=0)
    return found


def attracted(values: Floats, truth: tuple[int, int]) -> Bools:
    """From which points of a surface steepest descent ends at the truth.

    Each point goes to the neighbour, of eight, with the lowest value, while that is lower.

    Args:
        values: `(n_rows, n_columns)`.
        truth: row and column of the true settings.
    """
    n_rows, n_columns = values.shape
    padded = np.pad(values, 1, constant_values=np.inf)
    index = np.pad(np.arange(values.size).reshape(values.shape), 1)
    # The point itself stands first: of equal values, it is kept.
    choices = np.stack([values, *_around(padded)])
    places = np.stack([index[1:-1, 1:-1], *_around(index)])
    lowest = choices.argmin(0)[None]
    goes_to = np.take_along_axis(places, lowest, 0).reshape(-1)
    # Two steps in one, then four: no path is longer than there are points.
    for _ in range(int(np.ceil(np.log2(values.size))) + 1):
        goes_to = goes_to[goes_to]
    ends = goes_to == truth[0] * n_columns + truth[1]
    return np.asarray(ends.reshape(n_rows, n_columns))


def _around(values: NDArray[Scalar]) -> list[NDArray[Scalar]]:
    """The eight neighbours of all points but those of the edge."""
    n_rows, n_columns = values.shape
    return [
        values[1 + i : n_rows - 1 + i, 1 + j : n_columns - 1 + j]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    ]


def _range(values: Floats) -> Floats:
    return np.asarray(values.max(1) - values.min(1))
