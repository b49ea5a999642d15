"""Random search: independent uniform points, the yardstick that every method has to beat.

Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13 (2012).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RandomSearch:
    """Uniform random points in the unit cube, in batches.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "random"
    settings: Mapping[str, Any] = {"batch_size": 64}

    def __init__(self, dimension: int, seed: int) -> None:
        self._shape = (self.settings["batch_size"], dimension)
        self._rng = np.random.default_rng(seed)

    def ask(self) -> NDArray[np.float64]:
        """The next points, shape (64, d)."""
        return self._rng.random(self._shape)

    def tell(self, points: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Nothing is learned from the values (n,) at the points (n, d)."""
