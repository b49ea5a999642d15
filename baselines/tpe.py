"""TPE: Optuna's estimator of where good points are dense and others are not.

What a proposal takes grows with the number of points that it learns from, so that the method as it
is would spend hours on one sound. This file keeps a window: once it is full, only its best and its
latest points stay. A window whose best point has long been the same is given up for an empty one.

Sources: Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization", NeurIPS
2011; Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD 2019.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import require

Array = NDArray[np.float64]


class Tpe:
    """Optuna's multivariate TPE in a window of points.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "tpe"
    needs = "baselines"
    runs_by_default = False
    settings: Mapping[str, Any] = {
        "multivariate": True,
        "constant_liar": True,
        "batch_size": 8,
        "window": 160,
        "kept_best": 20,
        "kept_latest": 60,
        "restart_stall": 400,
        "restart_gain_db": 0.01,
        "tuned_on": "none",
        "tuning_cost": 0,
    }

    _points: Array
    _values: Array
    _best: float
    _n_stalled: int

    def __init__(self, dimension: int, seed: int) -> None:
        self._optuna = require("optuna", "baselines")
        self._rng = np.random.default_rng(seed)
        uniform = self._optuna.distributions.FloatDistribution(0.0, 1.0)
        self._space = {f"{i}": uniform for i in range(dimension)}
        self._begin()

    def ask(self) -> Array:
        """The next points, shape (8, d)."""
        if len(self._values) >= self.settings["window"]:
            self._forget()
        # The study looks at a trial that is not told yet as a bad one ("constant liar"), so that
        # the points of a batch keep apart.
        self._trials = [self._study.ask(self._space) for _ in range(self.settings["batch_size"])]
        return np.array([[trial.params[name] for name in self._space] for trial in self._trials])

    def tell(self, points: Array, values: Array) -> None:
        """Learn from the values (n,) at the points (n, d) of the last `ask`."""
        own = self.settings
        for trial, value in zip(self._trials, values, strict=True):
            self._study.tell(trial, float(value))
        self._points = np.concatenate([self._points, points])
        self._values = np.concatenate([self._values, values])
        gained = values.min() < self._best - own["restart_gain_db"]
        self._best = min(self._best, float(values.min())) if gained else self._best
        self._n_stalled = 0 if gained else self._n_stalled + len(values)
        if self._n_stalled >= own["restart_stall"]:
            self._begin()

    def _begin(self) -> None:
        """An empty window."""
        self._points = np.empty((0, len(self._space)))
        self._values = np.empty(0)
        self._best = np.inf
        self._n_stalled = 0
        self._study = self._new_study()

    def _forget(self) -> None:
        """Keep the best points and, of the others, the latest."""
        own = self.settings
        order = np.argsort(self._values, kind="stable")
        best, others = order[: own["kept_best"]], np.sort(order[own["kept_best"] :])
        kept = np.sort(np.concatenate([best, others[-own["kept_latest"] :]]))
        self._points, self._values = self._points[kept], self._values[kept]
        self._study = self._new_study()
        for point, value in zip(self._points, self._values, strict=True):
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    params=dict(zip(self._space, point.tolist(), strict=True)),
                    distributions=self._space,
                    value=float(value),
                )
            )

    def _new_study(self) -> Any:
        """A study with a seed of its own, made without a line in the log."""
        own, log = self.settings, self._optuna.logging
        before = log.get_verbosity()
        log.set_verbosity(log.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # multivariate sampling is called experimental
                sampler = self._optuna.samplers.TPESampler(
                    multivariate=own["multivariate"],
                    constant_liar=own["constant_liar"],
                    seed=int(self._rng.integers(2**31)),
                )
                return self._optuna.create_study(sampler=sampler)
        finally:
            log.set_verbosity(before)
