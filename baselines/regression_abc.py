"""Approximate Bayesian computation by regression: patches drawn by what earlier sounds were like.

Sounds that were rendered are examples of which entries make what sound. Regressions on them are
evaluated at the target, and the next points are drawn about what they say, as widely as they err
(`learned_inverse`). The more of the examples lie near the target, the less the regressions err
there. No derivative is taken and no step is made: what a sound is like is all that this knows
beyond a distance. It is the part of `gauss_newton` that reads entries off the target, by itself,
and tells what that alone is worth.

Sources: Beaumont, Zhang and Balding, "Approximate Bayesian Computation in Population Genetics",
Genetics 162 (2002), for draws adjusted by regression; Beaumont, Cornuet, Marin and Robert,
"Adaptive approximate Bayesian computation", Biometrika 96 (2009), for drawing in rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import qmc

from synthgym.baselines.learned_inverse import LearnedInverse
from synthgym.baselines.patch_layout import Layout, read_layout
from synthgym.losses import MelDistance, MelEmbedding
from synthgym.tasks import Problem

Array = NDArray[np.float64]
# Rendered at once: bounds memory.
CHUNK = 64


class RegressionABC:
    """Rounds of draws from regressions on all sounds so far, with restarts.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "regression-abc"
    runs_by_default = False
    settings: Mapping[str, Any] = {
        "learns_from": "sounds rendered in the run",
        "n_first": 12,
        "n_first_per_entry": 1.0,
        "n_round": 2,
        "n_round_per_entry": 0.5,
        "n_round_per_pair": 0.1,
        "even_share": 0.1,
        "jitter": 0.3,
        "n_near": 16,
        "n_most": 250,
        "stall_gain": 0.03,
        "stall_rounds": 20,
        "tuned_on": "train-16 to train-39 of Osc, FM, DX7, OscADSR, Subtractive and TwoLFO",
        "tuning_cost": 500_000,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Search, run after run, until the problem ends it."""
        distance = MelDistance(problem.clock.sample_rate)
        target = distance.embed(torch.tensor(np.array(problem.target, dtype=np.float32))[None])
        layout = read_layout(problem.names)
        while True:
            self._run(problem, distance, target, layout)

    def _run(
        self, problem: Problem, distance: MelDistance, target: MelEmbedding, layout: Layout
    ) -> None:
        """Draw until nothing nearer comes any more."""
        own = self.settings
        learned = LearnedInverse(
            [power[0].numpy() for power in target.powers],
            problem.clock,
            own["jitter"],
            own["n_near"],
            own["n_most"],
        )
        points = self._spread(int(own["n_first"] + own["n_first_per_entry"] * self._dimension))
        nearest_db, n_stalled = np.inf, 0
        while n_stalled < own["stall_rounds"]:
            round_db = np.inf
            for at in range(0, len(points), CHUNK):
                some = layout.settled(points[at : at + CHUNK])
                if problem.remaining is not None and len(some) > problem.remaining:
                    problem.batch(some)  # evaluates what still fits, and ends the run
                heard = distance.embed(torch.as_tensor(problem.render(some)))
                for i, point in enumerate(some):
                    learned.add(point, [power[i].numpy() for power in heard.powers])
                round_db = min(round_db, float(distance.compare(heard, target).min()))
            n_stalled += 1
            if round_db < (1 - own["stall_gain"]) * nearest_db:
                nearest_db, n_stalled = round_db, 0
            points = self._drawn(learned)

    def _drawn(self, learned: LearnedInverse) -> Array:
        """The points of a round; some are drawn evenly, for what the regressions do not know."""
        own, d = self.settings, self._dimension
        # Many entries take many sounds, and regressions on these a while.
        n = int(max(own["n_round"] + own["n_round_per_entry"] * d, own["n_round_per_pair"] * d**2))
        even, drawn = self._spread(n), learned.draw(n, self._rng)
        if drawn is None:
            return even
        is_even = self._rng.random(n) < own["even_share"]
        return np.where(is_even[:, None], even, drawn)

    def _spread(self, n: int) -> Array:
        """A Latin hypercube, `(n, d)`."""
        return np.asarray(qmc.LatinHypercube(self._dimension, rng=self._rng).random(n))
