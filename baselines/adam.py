"""Adam from several starts, through the synthesizer.

The plain gradient method, given what helps it without changing what it is: the starts are the best
of many random points, all of them descend side by side in one batch, and on the way the worse half
gives up, three times. Then everything starts anew, for as long as there is budget. Discrete entries
move by their straight-through gradients.

Sources: Kingma and Ba, "Adam: A Method for Stochastic Optimization", arXiv 1412.6980; the halving
is that of Jamieson and Talwalkar, "Non-stochastic Best Arm Identification", arXiv 1502.07943.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgym.tasks import Problem

Floats = NDArray[np.float64]


class Adam:
    """Projected Adam on the suite's distance, in the unit cube, from several starts at once.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "adam"
    settings: ClassVar[dict[str, Any]] = {
        "n_starts": 16,
        "n_screened": 512,
        "n_steps": 100,
        "learning_rate": 0.02,
        "learning_rate_end": 0.0004,
        "betas": [0.9, 0.9],
        "halvings_at": [0.125, 0.25, 0.5],
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Descend until the problem ends the run."""
        while True:
            self._descend(problem, self._screen(problem))

    def _screen(self, problem: Problem) -> Floats:
        """The best of many random points; of fewer, where the budget is short."""
        own = self.settings
        n_screened = own["n_screened"]
        if problem.remaining is not None:
            n_screened = min(n_screened, max(problem.remaining // 8, own["n_starts"]))
        points = self._rng.random((n_screened, self._dimension))
        order = np.argsort(problem.batch(points), kind="stable")
        return points[order[: own["n_starts"]]]

    def _descend(self, problem: Problem, points: Floats) -> None:
        own = self.settings
        n_steps, (beta_1, beta_2) = own["n_steps"], own["betas"]
        halvings = {int(share * n_steps) for share in own["halvings_at"]}
        mean, square = np.zeros_like(points), np.zeros_like(points)
        best = np.full(len(points), np.inf)
        for step in range(1, n_steps + 1):
            values, gradients = problem.value_and_grad(points)
            best = np.minimum(best, values)
            gradients = np.nan_to_num(gradients)
            mean = beta_1 * mean + (1 - beta_1) * gradients
            square = beta_2 * square + (1 - beta_2) * gradients**2
            move = (mean / (1 - beta_1**step)) / (np.sqrt(square / (1 - beta_2**step)) + 1e-8)
            points = np.clip(points - self._learning_rate(step) * move, 0.0, 1.0)
            if step in halvings and len(points) > 1:
                kept = np.argsort(best, kind="stable")[: (len(points) + 1) // 2]
                points, mean, square, best = (a[kept] for a in (points, mean, square, best))

    def _learning_rate(self, step: int) -> float:
        """Half a cosine, from first to last."""
        own = self.settings
        first, last = own["learning_rate"], own["learning_rate_end"]
        return last + (first - last) * 0.5 * (1 + np.cos(np.pi * step / own["n_steps"]))
