"""Adam through the synthesizer: descends the exact gradient of the distance from several starts.

A sound's distance has many local minima over pitch, and descent finds the nearest one. What makes
the method work at all is where it starts: each round keeps the best of many random points, whose
evaluations cost a third of a gradient, and stops following the starts that fall behind.

Sources: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980
(Algorithm 1; the cosine schedule is Loshchilov and Hutter's, arXiv 1608.03983); Jamieson and
Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016
(successive halving).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.tasks import Problem

Array = NDArray[np.float64]


class Adam:
    """Adam in the unit cube, in rounds of many starts that are halved three times.

    Entries that choose between options get the straight-through gradients of the synthesizer, and
    start at random like all others.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "adam"
    settings: Mapping[str, Any] = {
        "n_starts": 32,
        "n_drawn_per_start": 64,
        "n_steps": 100,
        "halve_after": [12, 25, 50],
        "learning_rate": 0.01,
        "learning_rate_end": 0.0002,
        "betas": [0.9, 0.9],
        "epsilon": 1e-8,
        "tuned_on": "dev-0 to dev-5",
        "tuning_cost": 2_000_000,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Descend from new starts, round after round, until the problem ends the run."""
        while True:
            self._descend(problem, self._starts(problem))

    def _starts(self, problem: Problem) -> Array:
        """The best of many random points, shape (n_starts, d)."""
        n_starts = self.settings["n_starts"]
        n_drawn = n_starts * self.settings["n_drawn_per_start"]
        if problem.remaining is not None:
            # Of a small budget, at least half is for the descent.
            n_drawn = max(1, min(n_drawn, problem.remaining // 2))
        drawn = self._rng.random((n_drawn, self._dimension))
        return drawn[np.argsort(problem.batch(drawn), kind="stable")[:n_starts]]

    def _descend(self, problem: Problem, x: Array) -> None:
        """Follow starts (n, d) down; the worse half is dropped at each halving."""
        own = self.settings
        beta1, beta2 = own["betas"]
        mean, square = np.zeros_like(x), np.zeros_like(x)
        best = np.full(len(x), np.inf)
        for step in range(1, own["n_steps"] + 1):
            values, gradients = problem.value_and_grad(x)
            best = np.fmin(best, values)
            gradients = np.nan_to_num(gradients)
            mean = beta1 * mean + (1 - beta1) * gradients
            square = beta2 * square + (1 - beta2) * gradients**2
            unbiased = np.sqrt(square / (1 - beta2**step)) + own["epsilon"]
            move = mean / (1 - beta1**step) / unbiased
            x = np.clip(x - self._learning_rate(step) * move, 0.0, 1.0)
            if step in own["halve_after"]:
                kept = np.argsort(best, kind="stable")[: max(1, len(x) // 2)]
                x, mean, square, best = x[kept], mean[kept], square[kept], best[kept]

    def _learning_rate(self, step: int) -> float:
        """A half cosine from the first learning rate to the last."""
        first, last = self.settings["learning_rate"], self.settings["learning_rate_end"]
        share = (step - 1) / (self.settings["n_steps"] - 1)
        return float(last + (first - last) * (1 + np.cos(np.pi * share)) / 2)
