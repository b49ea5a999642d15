"""Differential evolution: a population that steps along its own differences.

The method is SciPy's, with the whole population evaluated at once. This file adds where
it starts and that it restarts. A sound whose pitch must be found exactly has a narrow basin that
few random points hit, so a population is the best tenth of many points. A small population is
quick and may converge to a wrong sound, so one that has converged, or has stalled for long, makes
room for a new one for as long as there is budget.

Source: Storn and Price, "Differential Evolution: A Simple and Efficient Heuristic for Global
Optimization over Continuous Spaces", Journal of Global Optimization 11 (1997). The variant is
best/1/bin with the weight F drawn anew for each generation ("dither").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, differential_evolution

from synthgym.tasks import Problem


class DifferentialEvolution:
    """SciPy's differential evolution with restarts.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "differential-evolution"
    settings: Mapping[str, Any] = {
        "strategy": "best1bin",
        "population_per_dimension": 3,
        "population_min": 20,
        "n_drawn_per_member": 10,
        "mutation": [0.5, 1.0],
        "recombination": 0.9,
        "restart_spread_db": 0.02,
        "restart_stall_generations": 40,
        "tuned_on": "dev-0 to dev-5",
        "tuning_cost": 2_000_000,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Search until the problem ends the run."""
        own = self.settings

        def values(columns: NDArray[np.float64]) -> NDArray[np.float64]:
            return problem.batch(columns.T)  # SciPy hands over points as columns (d, n)

        while True:
            differential_evolution(
                values,
                bounds=[(0.0, 1.0)] * self._dimension,
                strategy=own["strategy"],
                init=self._population(problem),
                mutation=tuple(own["mutation"]),
                recombination=own["recombination"],
                tol=0.0,
                atol=own["restart_spread_db"],
                maxiter=2**31,
                polish=False,
                vectorized=True,
                updating="deferred",
                callback=_Stall(own["restart_stall_generations"]),
                rng=self._rng,
            )

    def _population(self, problem: Problem) -> NDArray[np.float64]:
        """The best tenth of random points, shape (population, d)."""
        own = self.settings
        size = max(own["population_min"], own["population_per_dimension"] * self._dimension)
        n_drawn = size * own["n_drawn_per_member"]
        if problem.remaining is not None:
            # Of a small budget, at most a quarter goes into the start.
            n_drawn = max(size, min(n_drawn, problem.remaining // 4))
        drawn = self._rng.random((n_drawn, self._dimension))
        return drawn[np.argsort(problem.batch(drawn), kind="stable")[:size]]


class _Stall:
    """A callback that ends a run once `patience` generations have not improved its best value."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._best = np.inf
        self._n_stalled = 0

    def __call__(self, intermediate_result: OptimizeResult) -> bool:
        if intermediate_result.fun < self._best:
            self._best = intermediate_result.fun
            self._n_stalled = 0
        else:
            self._n_stalled += 1
        return self._n_stalled >= self._patience
