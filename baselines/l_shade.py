"""L-SHADE: differential evolution that learns its own settings and shrinks its population.

Each trial draws its step weight F and crossover rate CR from a memory of what lately led to
improvements. Steps go towards one of the best, and along differences to points that were given up
not long ago. The population shrinks in a straight line, from wide to four, as a run goes on. A run
ends after the number of evaluations it was planned for; this file adds that it also ends once it
has converged, or has stalled for long, and that a new one of twice the length follows.

Sources: Tanabe and Fukunaga, "Improving the Search Performance of SHADE Using Linear Population
Size Reduction", CEC 2014; the same, "Success-History Based Parameter Adaptation for Differential
Evolution", CEC 2013; Zhang and Sanderson, "JADE: Adaptive Differential Evolution with Optional
External Archive", IEEE Transactions on Evolutionary Computation 13 (2009), for steps and bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.tasks import Problem

Array = NDArray[np.float64]


class LShade:
    """L-SHADE with restarts.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "l-shade"
    runs_by_default = False
    settings: Mapping[str, Any] = {
        "population_per_dimension": 18,
        "population_end": 4,
        "generations_min": 20,
        "archive_per_member": 2.6,
        "best_share": 0.11,
        "memory_size": 6,
        "restart_spread_db": 0.02,
        "restart_stall_generations": 40,
        "first_run_per_dimension": 200,
        "tuned_on": "dev-0 to dev-3 of Osc and FM",
        "tuning_cost": 100_000,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Search, run after run, until the problem ends it."""
        n_planned = self.settings["first_run_per_dimension"] * self._dimension
        while True:
            left = n_planned if problem.remaining is None else problem.remaining
            self._search(problem, min(n_planned, left))
            n_planned *= 2

    def _search(self, problem: Problem, n_max: int) -> None:
        """One run, planned for `n_max` evaluations."""
        own, rng = self.settings, self._rng
        smallest = own["population_end"]
        largest = own["population_per_dimension"] * self._dimension
        largest = max(2 * smallest, min(largest, n_max // own["generations_min"]))
        memory = Memory(own["memory_size"])
        x = rng.random((largest, self._dimension))
        values = problem.batch(x)
        archive = np.empty((0, self._dimension))
        n_spent, n_stalled = len(x), 0
        while n_spent < n_max and n_stalled < own["restart_stall_generations"]:
            if np.ptp(values) <= own["restart_spread_db"]:
                return
            weights, rates = memory.draw(len(x), rng)
            n_best = max(2, round(own["best_share"] * len(x)))
            trials = propose(x, values, archive, weights, rates, n_best, rng)
            tried = problem.batch(trials)
            n_spent += len(trials)
            n_stalled = 0 if tried.min() < values.min() else n_stalled + 1
            better = tried < values
            memory.learn(weights[better], rates[better], (values - tried)[better])
            archive = np.concatenate([archive, x[better]])
            kept = tried <= values
            x, values = np.where(kept[:, None], trials, x), np.where(kept, tried, values)
            # Equation 10 of the paper of 2014: a straight line from largest to smallest.
            size = max(smallest, round(largest + (smallest - largest) * n_spent / n_max))
            if size < len(x):
                order = np.argsort(values, kind="stable")[:size]
                x, values = x[order], values[order]
            room = round(own["archive_per_member"] * len(x))
            archive = archive[rng.permutation(len(archive))[:room]]


class Memory:
    """The last successful settings, in `size` slots that are overwritten in turn.

    Args:
        size: number of slots, each with a weight F and a rate CR of 0.5 at first. A rate of NaN
            stands for the paper's terminal value: from then on the slot gives 0.
    """

    def __init__(self, size: int) -> None:
        self.weights = np.full(size, 0.5)
        self.rates = np.full(size, 0.5)
        self._next = 0

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Weights (n,) in (0, 1] and rates (n,) in [0, 1], each around a random slot."""
        slots = rng.integers(len(self.weights), size=n)
        rates = np.clip(rng.normal(self.rates[slots], 0.1), 0.0, 1.0)
        weights = np.zeros(n)
        while (bad := weights <= 0).any():
            weights[bad] = self.weights[slots[bad]] + 0.1 * rng.standard_cauchy(bad.sum())
        return np.minimum(weights, 1.0), np.nan_to_num(rates, nan=0.0)

    def learn(self, weights: Array, rates: Array, gains: Array) -> None:
        """Overwrite the next slot with what gained (k,); nothing is learned from no success."""
        if len(gains) == 0:
            return
        # Algorithm 1 of the paper of 2014: a slot that has become terminal stays so.
        ended = np.isnan(self.rates[self._next]) or rates.max() == 0
        self.rates[self._next] = np.nan if ended else lehmer_mean(rates, gains)
        self.weights[self._next] = lehmer_mean(weights, gains)
        self._next = (self._next + 1) % len(self.weights)


def lehmer_mean(values: Array, gains: Array) -> float:
    """The mean of squares over the mean, weighted by gains; it leans to the larger values."""
    return float((gains * values**2).sum() / (gains * values).sum())


def propose(
    x: Array,
    values: Array,
    archive: Array,
    weights: Array,
    rates: Array,
    n_best: int,
    rng: np.random.Generator,
) -> Array:
    """Trials (n, d) by "current-to-pbest/1/bin" from a population (n, d) with values (n,)."""
    n, dimension = x.shape
    own = np.arange(n)
    best = np.argsort(values, kind="stable")[rng.integers(n_best, size=n)]
    # Three different ones: a draw from fewer, moved past those that are taken.
    first = rng.integers(n - 1, size=n)
    first += first >= own
    second = rng.integers(n + len(archive) - 2, size=n)
    second += second >= np.minimum(own, first)
    second += second >= np.maximum(own, first)
    difference = x[first] - np.concatenate([x, archive])[second]
    mutants = x + weights[:, None] * (x[best] - x + difference)
    # Beyond a bound: half way from the parent to it.
    mutants = np.where(mutants < 0, x / 2, np.where(mutants > 1, (1 + x) / 2, mutants))
    crossed = rng.random((n, dimension)) < rates[:, None]
    crossed[own, rng.integers(dimension, size=n)] = True
    return np.where(crossed, mutants, x)
