"""Linear algebra of `gauss_newton`: guesses, Jacobians, damped steps and what they promise.

Sources: Levenberg, "A Method for the Solution of Certain Non-Linear Problems in Least Squares",
Quarterly of Applied Mathematics 2 (1944); Marquardt, SIAM Journal 11 (1963), for damping by the
diagonal; Broyden, Mathematics of Computation 19 (1965), for the update of a Jacobian.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

Array = NDArray[np.float64]


@dataclass
class Guess:
    """A point that was heard, and where a descent from it stands.

    Args:
        x: unit vector `(d,)`.
        residuals: by view, `(k,)`.
        damping: by view, of Levenberg and Marquardt.
        radius: longest step of an entry.
        powers: of its sound, as `SoundResiduals.powers` has them for one sound.
        step: the last step `(n_smooth,)`.
        jacobian: of the smooth entries, if it is known here.
    """

    x: Array
    residuals: Mapping[str, Array]
    damping: dict[str, float]
    radius: float
    powers: Sequence[NDArray[np.float32]] = ()
    step: Array | None = None
    jacobian: Jacobian | None = None
    norms: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.norms = {view: float(np.sqrt(r @ r)) for view, r in self.residuals.items()}


@dataclass
class Jacobian:
    """Derivatives by view, `(k, n_smooth)`; `age` counts the updates since it was measured."""

    by_view: Mapping[str, Array]
    age: int = 0

    def __post_init__(self) -> None:
        self.squares = {view: j.T @ j for view, j in self.by_view.items()}

    def updated(self, step: Array, old: Guess, new: Guess) -> Jacobian:
        """Broyden's: agrees with what the step did, and is unchanged across it."""
        length = max(float(step @ step), 1e-12)
        by_view = {}
        for view, j in self.by_view.items():
            missed = new.residuals[view] - old.residuals[view] - j @ step
            by_view[view] = j + np.outer(missed, step) / length
        return Jacobian(by_view, self.age + 1)

    def without(self, columns: Iterable[int]) -> Jacobian:
        """The same for entries that stay where they are: their columns are zero."""
        by_view = {}
        for view, j in self.by_view.items():
            by_view[view] = j.copy()
            by_view[view][:, list(columns)] = 0.0
        return Jacobian(by_view, self.age)


def worth(guess: Guess) -> float:
    """What the search is after, and other views only lead to: the residuals of the distance."""
    return guess.norms["mel"]


def damped_step(
    jacobian: Jacobian, view: str, residuals: Array, damping: float, low: Array, high: Array
) -> Array:
    """The step `(n_smooth,)` that makes residuals smallest, as far as they are linear.

    Args:
        jacobian: their derivatives.
        view: which residuals.
        residuals: `(k,)`.
        damping: weight of the step itself, as a share of the diagonal of the squared Jacobian.
        low: least step of each entry, `(n_smooth,)`.
        high: greatest step.
    """
    square = jacobian.squares[view]
    scale = np.sqrt(np.diag(square))
    scale = scale + 1e-3 * scale.max() + 1e-9
    root = np.linalg.cholesky(square + np.diag(damping * scale**2 + 1e-9))
    right = -np.linalg.solve(root, jacobian.by_view[view].T @ residuals)
    # The solver wants room between the bounds.
    bounds = (low - 1e-9, high + 1e-9)
    step: Array = lsq_linear(root.T, right, bounds=bounds, method="bvls", max_iter=100).x
    return step


def norms_after_step(jacobian: Jacobian, view: str, residuals: Array, radius: float) -> Array:
    """Norms `(n,)` that rows of residuals `(n, k)` would have after a linear step.

    Args:
        jacobian: their derivatives.
        view: which residuals.
        residuals: of n guesses near each other.
        radius: longest step of an entry.
    """
    square = jacobian.squares[view]
    slopes = residuals @ jacobian.by_view[view]
    diagonal = np.diag(square)
    damping = 0.1 * (diagonal + 1e-3 * diagonal.max() + 1e-9) + 1e-9
    steps = -np.linalg.solve(square + np.diag(damping), slopes.T).T
    steps = np.clip(steps, -radius, radius)
    left = (residuals**2).sum(1) + 2 * (slopes * steps).sum(1)
    left += np.einsum("ni,ij,nj->n", steps, square, steps)
    return np.asarray(np.sqrt(np.maximum(left, 0)))


def next_damping(damping: float, ratio: float) -> float:
    """Less where the norm fell to this share of itself, more where it rose."""
    factor = 0.1 if ratio < 0.7 else 0.3 if ratio < 0.9 else 1.0 if ratio < 1 else 10.0
    return float(np.clip(damping * factor, 1e-5, 1e2))
