"""Adam and RMSProp through the synthesizer: descend the exact gradient from several starts.

A sound's distance has many local minima over pitch, and descent finds the nearest one. What makes
the method work at all is where it starts: each round keeps the best of many random points, whose
evaluations cost a third of a gradient, and stops following the starts that fall behind. The
variants with one start show how much that is worth; those with another loss first, whether it
leads to where the distance itself has no slope.

Sources: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980
(Algorithm 1; the cosine schedule is Loshchilov and Hutter's, arXiv 1608.03983); Tieleman and
Hinton, "Lecture 6.5: RMSProp", Neural Networks for Machine Learning (2012); Jamieson and
Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016
(successive halving).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.baselines.descended_losses import best_of_random, build_losses, value_and_grad
from synthgym.losses import Loss
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
        "losses": ["distance"],
        "learning_rate": 0.01,
        "learning_rate_end": 0.0002,
        "betas": [0.9, 0.9],
        "bias_correction": True,
        "epsilon": 1e-8,
        "tuned_on": "dev-0 to dev-5",
        "tuning_cost": 2_000_000,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Descend from new starts, round after round, until the problem ends the run."""
        own = self.settings
        losses = build_losses(own["losses"], problem.clock.sample_rate)
        n_drawn = own["n_starts"] * own["n_drawn_per_start"]
        while True:
            x = best_of_random(problem, self._rng, own["n_starts"], n_drawn, losses[0])
            self._descend(problem, x, losses)

    def _descend(self, problem: Problem, x: Array, losses: list[Loss | None]) -> None:
        """Follow starts (n, d) down; the worse half is dropped at each halving."""
        own = self.settings
        beta1, beta2 = own["betas"]
        mean, square = np.zeros_like(x), np.zeros_like(x)
        best = np.full(len(x), np.inf)
        stage = 0
        for step in range(1, own["n_steps"] + 1):
            before, stage = stage, (step - 1) * len(losses) // own["n_steps"]
            if stage != before:
                best[:] = np.inf  # values of different losses do not compare
            values, gradients = value_and_grad(problem, x, losses[stage])
            best = np.fmin(best, values)
            mean = beta1 * mean + (1 - beta1) * gradients
            square = beta2 * square + (1 - beta2) * gradients**2
            share1, share2 = 1 - beta1**step, 1 - beta2**step
            if not own["bias_correction"]:
                share1 = share2 = 1.0
            move = mean / share1 / (np.sqrt(square / share2) + own["epsilon"])
            x = np.clip(x - self._learning_rate(step) * move, 0.0, 1.0)
            if step in own["halve_after"]:
                kept = np.argsort(best, kind="stable")[: max(1, len(x) // 2)]
                x, mean, square, best = x[kept], mean[kept], square[kept], best[kept]

    def _learning_rate(self, step: int) -> float:
        """A half cosine from the first learning rate to the last."""
        first, last = self.settings["learning_rate"], self.settings["learning_rate_end"]
        share = (step - 1) / (self.settings["n_steps"] - 1)
        return float(last + (first - last) * (1 + np.cos(np.pi * share)) / 2)


# One random start after another, each followed to its end.
_ONE_START = {"n_starts": 1, "n_drawn_per_start": 1, "n_steps": 300, "halve_after": []}
_COARSE_TO_FINE = ["blurred-1", "blurred-0.3", "distance"]


class AdamOneStart(Adam):
    """Adam from one random point at a time, as it is used without a second thought."""

    name = "adam-one-start"
    runs_by_default = False
    settings: Mapping[str, Any] = {**Adam.settings, **_ONE_START}


class AdamTransport(Adam):
    """Adam down the transport of spectra first, then down the distance."""

    name = "adam-transport"
    runs_by_default = False
    settings: Mapping[str, Any] = {**Adam.settings, "losses": ["transport", "distance"]}


class AdamCoarseToFine(Adam):
    """Adam down differences of blurred spectra first, then down the distance."""

    name = "adam-coarse-to-fine"
    runs_by_default = False
    settings: Mapping[str, Any] = {**Adam.settings, "losses": _COARSE_TO_FINE}


class RmsProp(Adam):
    """RMSProp: Adam without the running mean of gradients, and without its correction."""

    name = "rmsprop"
    runs_by_default = False
    settings: Mapping[str, Any] = {
        **Adam.settings,
        "betas": [0.0, 0.9],
        "bias_correction": False,
    }


class RmsPropOneStart(RmsProp):
    """RMSProp from one random point at a time."""

    name = "rmsprop-one-start"
    runs_by_default = False
    settings: Mapping[str, Any] = {**RmsProp.settings, **_ONE_START}


class RmsPropTransport(RmsProp):
    """RMSProp down the transport of spectra first, then down the distance."""

    name = "rmsprop-transport"
    runs_by_default = False
    settings: Mapping[str, Any] = {**RmsProp.settings, "losses": ["transport", "distance"]}
