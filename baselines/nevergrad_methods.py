"""Methods of the package nevergrad: particle swarm optimization, and its own choice, NGOpt.

nevergrad plans for a number of evaluations and hands out one point after another. This file gives
it a generator of its own in place of NumPy's global one, takes points in batches, and starts a new
run with what is left of the budget once the last has not gained anything for long. It also leaves
out the quadratic meta-model that NGOpt puts on top of other methods where budgets are small: in
nevergrad 1.0.12 that draws from NumPy's global state, and fails with NumPy 2.4.

Sources: Rapin and Teytaud, "Nevergrad: A gradient-free optimization platform",
github.com/facebookresearch/nevergrad; Kennedy and Eberhart, "Particle Swarm Optimization", ICNN
1995; Meunier et al., "Black-Box Optimization Revisited: Improving Algorithm Selection Wizards
through Massive Benchmarking", IEEE Transactions on Evolutionary Computation 26 (2022), for NGOpt.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from synthgym.errors import require
from synthgym.tasks import Problem


class _Nevergrad(ABC):
    """Runs of one of nevergrad's optimizers, each with what the last has left of the budget."""

    needs = "baselines"
    settings: Mapping[str, Any]

    def __init__(self, dimension: int, seed: int) -> None:
        self._nevergrad = require("nevergrad", "baselines")
        self._dimension = dimension
        self._random_state = np.random.RandomState(seed)

    def solve(self, problem: Problem) -> None:
        """Search, run after run, until the problem ends it."""
        longest = self.settings["longest_run_per_dimension"] * self._dimension
        while True:
            left = longest if problem.remaining is None else problem.remaining
            self._search(problem, max(1, min(longest, left)))

    def _search(self, problem: Problem, n_max: int) -> None:
        """One run, planned for `n_max` evaluations."""
        own = self.settings
        patience = own["restart_stall_per_dimension"] * self._dimension
        optimizer = self._optimizer(n_max)
        size = self._batch_size()
        best, n_spent, n_at_best = np.inf, 0, 0
        while n_spent < n_max and n_spent - n_at_best < patience:
            with _quietly(self._nevergrad):
                asked = [optimizer.ask() for _ in range(size)]
            points = np.clip([candidate.value for candidate in asked], 0.0, 1.0)
            values = problem.batch(points)
            n_spent += size
            if values.min() < best - own["restart_gain_db"]:
                best, n_at_best = values.min(), n_spent
            with _quietly(self._nevergrad):
                for candidate, value in zip(asked, values, strict=True):
                    optimizer.tell(candidate, float(value))

    def _space(self) -> Any:
        """The unit cube; what starts from one point starts from a random one."""
        cube = self._nevergrad.p.Array(init=self._random_state.uniform(size=self._dimension))
        cube.set_mutation(sigma=1 / 6)  # what nevergrad itself takes for a bounded range
        cube.set_bounds(0.0, 1.0, full_range_sampling=True)
        cube.random_state = np.random.RandomState(self._random_state.randint(2**31))
        return cube

    @abstractmethod
    def _batch_size(self) -> int:
        """How many points are asked for at a time."""

    @abstractmethod
    def _optimizer(self, n_max: int) -> Any:
        """An optimizer of the package, planned for `n_max` evaluations."""


@contextmanager
def _quietly(nevergrad: Any) -> Iterator[None]:
    """No warnings, and no meta-model: it reports failure, and the method under it is asked."""
    library = nevergrad.optimization.optimizerlib

    def fail(*_: Any) -> None:
        raise library.MetaModelFailure("left out")

    learn = library.learn_on_k_best
    library.learn_on_k_best = fail
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        library.learn_on_k_best = learn


class ParticleSwarm(_Nevergrad):
    """Particles that are drawn to their own best point and to the best of all.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "pso"
    runs_by_default = False
    settings: Mapping[str, Any] = {
        "method": "ConfPSO",
        "transform": "identity",
        "population": 40,
        "restart_stall_per_dimension": 100,
        "restart_gain_db": 0.01,
        "longest_run_per_dimension": 1000,
        "tuned_on": "none",
        "tuning_cost": 0,
    }

    def _batch_size(self) -> int:
        return int(self.settings["population"])

    def _optimizer(self, n_max: int) -> Any:
        method = self._nevergrad.optimizers.ConfPSO(
            transform=self.settings["transform"], popsize=self.settings["population"]
        )
        return method(self._space(), budget=n_max, num_workers=self._batch_size())


class NGOpt(_Nevergrad):
    """nevergrad's choice of method by dimension, budget and batch size.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "ngopt"
    runs_by_default = False
    settings: Mapping[str, Any] = {
        "method": "NGOpt",
        "batch": "4 + 3 ln d",
        "meta_model": False,
        "restart_stall_per_dimension": 300,
        "restart_gain_db": 0.01,
        "longest_run_per_dimension": 1000,
        "tuned_on": "none",
        "tuning_cost": 0,
    }

    def _batch_size(self) -> int:
        return 4 + int(3 * np.log(self._dimension))

    def _optimizer(self, n_max: int) -> Any:
        # A batch of CMA-ES's default size: with a larger one it chooses other methods.
        return self._nevergrad.optimizers.NGOpt(
            self._space(), budget=n_max, num_workers=self._batch_size()
        )
