"""L-BFGS-B through the synthesizer: SciPy's, from one start after another.

A quasi-Newton method learns the curvature that Adam only guesses entry by entry, and needs few
gradients where the distance is smooth. It walks alone, so each walk starts from the best of some
random points.

Sources: Byrd, Lu, Nocedal and Zhu, "A Limited Memory Algorithm for Bound Constrained
Optimization", SIAM Journal on Scientific Computing 16 (1995).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from synthgym.baselines.descended_losses import best_of_random, build_losses, value_and_grad
from synthgym.losses import Loss
from synthgym.tasks import Problem

Array = NDArray[np.float64]


class LBfgsB:
    """Restarted L-BFGS-B in the unit cube.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "l-bfgs-b"
    runs_by_default = False
    settings: Mapping[str, Any] = {
        "n_drawn_per_start": 64,
        "losses": ["distance"],
        "n_gradients_per_loss": 60,
        "relative_gain_end": 1e-4,
        "n_corrections": 10,
        "tuned_on": "none",
        "tuning_cost": 0,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Descend from new starts until the problem ends the run."""
        losses = build_losses(self.settings["losses"], problem.clock.sample_rate)
        n_drawn = self.settings["n_drawn_per_start"]
        while True:
            (x,) = best_of_random(problem, self._rng, 1, n_drawn, losses[0])
            for loss in losses:
                x = self._descend(problem, x, loss)

    def _descend(self, problem: Problem, x: Array, loss: Loss | None) -> Array:
        """Where a descent from a point (d,) ends."""
        own = self.settings

        def value_of_one(point: Array) -> tuple[float, Array]:
            values, gradients = value_and_grad(problem, point[None], loss)
            return float(values[0]), gradients[0]

        found = minimize(
            value_of_one,
            x,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, 1.0)] * self._dimension,
            options={
                "maxfun": own["n_gradients_per_loss"],
                "maxcor": own["n_corrections"],
                "ftol": own["relative_gain_end"],
            },
        )
        return np.clip(found.x, 0.0, 1.0)


class LBfgsBTransport(LBfgsB):
    """L-BFGS-B down the transport of spectra first, then down the distance."""

    name = "l-bfgs-b-transport"
    runs_by_default = False
    settings: Mapping[str, Any] = {**LBfgsB.settings, "losses": ["transport", "distance"]}
