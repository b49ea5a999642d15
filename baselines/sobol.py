"""Sobol points: random search with fewer gaps.

A low-discrepancy sequence spreads its points more evenly over the cube than independent draws do;
the scrambling is what the seed decides.

Sources: Sobol, "On the distribution of points in a cube and the approximate evaluation of
integrals", USSR Computational Mathematics and Mathematical Physics 7 (1967); Owen, "Scrambling
Sobol and Niederreiter-Xing points", Journal of Complexity 14 (1998).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc


class Sobol:
    """SciPy's scrambled Sobol sequence, in batches.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of the scrambling.
    """

    name = "sobol"
    runs_by_default = False
    settings: Mapping[str, Any] = {"batch_size": 64, "scramble": True}

    def __init__(self, dimension: int, seed: int) -> None:
        self._sequence = qmc.Sobol(
            dimension, scramble=self.settings["scramble"], rng=np.random.default_rng(seed)
        )

    def ask(self) -> NDArray[np.float64]:
        """The next points, shape (64, d)."""
        # A power of two at a time keeps the balance of the sequence.
        return np.asarray(self._sequence.random(self.settings["batch_size"]), dtype=np.float64)

    def tell(self, points: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Nothing is learned from the values (n,) at the points (n, d)."""
