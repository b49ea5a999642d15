"""CMA-ES with BIPOP restarts: a Gaussian that learns the shape of the landscape.

The evolution strategy itself is the one of its authors, the package `cma`. This file adds the
restarts: `cma` offers them only in `cma.fmin2`, which draws from NumPy's global random state, so
that two solvers in one process would disturb each other.

Sources: Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772; Hansen, "Benchmarking
a BI-Population CMA-ES on the BBOB-2009 Function Testbed", GECCO 2009.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import require


class CmaEs:
    """Restarted CMA-ES, alternating between large and small populations.

    After the first run, two regimes share the budget evenly. The large one doubles its population
    each time and starts wide, for landscapes with many optima. The small one draws its population
    between the default and half the last large one, and starts with a step that may be 100 times
    smaller, for optima with a narrow basin.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "cma-es"
    needs = "baselines"
    settings: Mapping[str, Any] = {
        "restarts": "bipop",
        "population": "4 + 3 ln d, times 2",
        "sigma0": 0.3,
        "x0": "uniform",
        "tolfun_db": 1e-3,
        "tolx": 1e-5,
        "tuned_on": "dev-0 to dev-5",
        "tuning_cost": 1_000_000,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._cma = require("cma", "baselines")
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)
        self._default_size = 2 * (4 + int(3 * np.log(dimension)))
        self._large_size = self._default_size
        self._cost_large = 0
        self._cost_small = 0
        self._is_large = True
        self._run = self._start(self._default_size, sigma0=0.3)

    def ask(self) -> NDArray[np.float64]:
        """The next generation, shape (population, d)."""
        return np.clip(np.asarray(self._run.ask(), dtype=np.float64), 0.0, 1.0)

    def tell(self, points: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Learn from the values (n,) at the points (n, d) of the last `ask`."""
        self._run.tell(list(points), values.tolist())
        if self._is_large:
            self._cost_large += len(values)
        else:
            self._cost_small += len(values)
        if self._run.stop():
            self._restart()

    def _restart(self) -> None:
        """Start the regime that has spent less (Hansen 2009, section 2)."""
        self._is_large = self._cost_large <= self._cost_small
        if self._is_large:
            self._large_size *= 2
            self._run = self._start(self._large_size, sigma0=0.3)
            return
        ratio = self._large_size / (2 * self._default_size)
        size = int(self._default_size * max(1.0, ratio) ** (self._rng.random() ** 2))
        self._run = self._start(size, sigma0=0.3 * 10 ** (-2 * self._rng.random()))

    def _start(self, size: int, sigma0: float) -> Any:
        options = {
            "bounds": [0.0, 1.0],
            "popsize": size,
            "tolfun": self.settings["tolfun_db"],
            "tolx": self.settings["tolx"],
            "randn": lambda *shape: self._rng.standard_normal(shape),
            "verbose": -10,  # silent, and deaf to a file `cma_signals.in` in the working folder
        }
        x0 = self._rng.random(self._dimension)
        return self._cma.CMAEvolutionStrategy(x0, sigma0, options)
