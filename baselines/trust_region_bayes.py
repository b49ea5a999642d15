"""Bayesian optimization in a trust region, after TuRBO: a Gaussian process near the best point.

A Gaussian process over the whole cube is soon wrong about a sound, and slow. Here it learns only
the points nearest to the best one, and proposes within a box around that: wider after successes,
narrower after failures, and somewhere new once it is tiny. The process is scikit-learn's; the rest
is small enough to be read here.

Sources: Eriksson, Pearce, Gardner, Turner and Poloczek, "Scalable Global Optimization via Local
Bayesian Optimization", NeurIPS 2019 (TuRBO-1, with Thompson sampling); Rasmussen and Williams,
"Gaussian Processes for Machine Learning", MIT Press 2006 (chapter 5).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from synthgym.errors import require

Array = NDArray[np.float64]


class TrustRegionBayes:
    """Thompson sampling in one trust region, with restarts.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "trust-region-bayes"
    needs = "baselines"
    runs_by_default = False
    settings: Mapping[str, Any] = {
        "n_first_per_dimension": 2,
        "n_first_min": 16,
        "batch_size": 16,
        "n_learned": 128,
        "n_candidates": 300,
        "n_changed_entries": 20,
        "n_batches_per_fit": 4,
        "n_fit_iterations": 10,
        "length_first": 0.8,
        "length_max": 1.6,
        "length_min": 0.5**7,
        "n_successes": 3,
        "improvement_share": 1e-3,
        "tuned_on": "none",
        "tuning_cost": 0,
    }

    _points: Array
    _values: Array
    _length: float
    _n_gains: int
    _n_failures: int
    _n_fits: int

    def __init__(self, dimension: int, seed: int) -> None:
        require("sklearn", "baselines")
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)
        self._begin()

    def ask(self) -> Array:
        """The next points: (n, d), random ones at the start of a region."""
        own = self.settings
        if len(self._values) == 0:
            n_first = max(own["n_first_min"], own["n_first_per_dimension"] * self._dimension)
            return self._rng.random((n_first, self._dimension))
        centre = self._points[self._values.argmin()]
        distances = np.abs(self._points - centre).max(axis=1)
        near = np.argsort(distances, kind="stable")[: own["n_learned"]]
        x, values = self._points[near], self._values[near]
        process = self._fit(x, (values - values.mean()) / (values.std() + 1e-9))
        candidates = self._candidates(centre, process.kernel_)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mean, covariance = process.predict(candidates, return_cov=True)
        root = np.linalg.cholesky(covariance + 1e-5 * np.eye(len(candidates)))
        draws = mean[:, None] + root @ self._rng.standard_normal((len(mean), own["batch_size"]))
        return candidates[self._best_of_each(draws)]

    def tell(self, points: Array, values: Array) -> None:
        """Learn from the values (n,) at the points (n, d) of the last `ask`."""
        own = self.settings
        if len(self._values):
            best = self._values.min()
            if values.min() < best - own["improvement_share"] * abs(best):
                self._n_gains, self._n_failures = self._n_gains + 1, 0
            else:
                self._n_gains, self._n_failures = 0, self._n_failures + 1
        self._points = np.concatenate([self._points, points])
        self._values = np.concatenate([self._values, values])
        if self._n_gains == own["n_successes"]:
            self._length, self._n_gains = min(2 * self._length, own["length_max"]), 0
        elif self._n_failures == np.ceil(max(4, self._dimension) / own["batch_size"]) + 1:
            self._length, self._n_failures = self._length / 2, 0
        if self._length < own["length_min"]:
            self._begin()

    def _begin(self) -> None:
        """A new region, which knows nothing of the last."""
        self._points = np.empty((0, self._dimension))
        self._values = np.empty(0)
        self._length = self.settings["length_first"]
        self._n_gains = 0
        self._n_failures = 0
        self._n_fits = 0
        self._kernel: Any = None

    def _fit(self, x: Array, values: Array) -> Any:
        """A Gaussian process; its lengths are learned at every fourth fit, from the last ones."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import Matern, WhiteKernel

        own = self.settings
        if self._kernel is None:
            lengths = np.full(self._dimension, 0.5)
            matern = Matern(lengths, length_scale_bounds=(0.005, 2.0), nu=2.5)
            self._kernel = matern + WhiteKernel(1e-3, noise_level_bounds=(5e-4, 0.2))

        def learn(function: Any, theta: Array, bounds: Array) -> tuple[Array, float]:
            options = {"maxiter": own["n_fit_iterations"]}
            found = minimize(
                function, theta, jac=True, method="L-BFGS-B", bounds=bounds, options=options
            )
            return found.x, found.fun

        learns = self._n_fits % own["n_batches_per_fit"] == 0
        process = GaussianProcessRegressor(self._kernel, optimizer=learn if learns else None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a length at its bound is no news
            process.fit(x, values)
        self._kernel, self._n_fits = process.kernel_, self._n_fits + 1
        return process

    def _candidates(self, centre: Array, kernel: Any) -> Array:
        """Points (n, d) in a box around the centre, longer where the process is smooth."""
        own, rng = self.settings, self._rng
        lengths = np.broadcast_to(kernel.k1.length_scale, self._dimension)
        half = self._length * lengths / np.exp(np.log(lengths).mean()) / 2
        low, high = np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)
        shape = (own["n_candidates"], self._dimension)
        moved = rng.random(shape) < min(1.0, own["n_changed_entries"] / self._dimension)
        moved[np.arange(shape[0]), rng.integers(self._dimension, size=shape[0])] = True
        return np.where(moved, low + (high - low) * rng.random(shape), centre)

    @staticmethod
    def _best_of_each(draws: Array) -> NDArray[np.intp]:
        """For each column of draws (n, k) where it is least, none of them twice."""
        chosen: list[int] = []
        for column in draws.T:
            order = np.argsort(column)
            chosen.append(next(int(i) for i in order if i not in chosen))
        return np.array(chosen)
