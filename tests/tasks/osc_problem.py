"""A problem of one oscillator, and points of it, for tests of what is counted."""

from __future__ import annotations

import numpy as np
import torch

from synthgym.losses import MelDistance
from synthgym.losses.mel import Resolution
from synthgym.synth import Clock, Node, Patch
from synthgym.synth.modules import Oscillator
from synthgym.tasks import Problem

CLOCK = Clock(8000, 512)
PATCH = Patch((Node("osc", Oscillator()),))
D = PATCH.space.dimension
OTHER_LOSS = MelDistance(8000, resolutions=(Resolution(0.02, 8),))


def make(budget: int | None = None, stop_at_db: float | None = None) -> Problem:
    unit = torch.tensor([[0.0, 0.0, 1.0, 0.6, 0.8]])
    target = PATCH.render(unit, CLOCK)[0].numpy()
    return Problem(PATCH, CLOCK, target, MelDistance(8000), budget=budget, stop_at_db=stop_at_db)


def points(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, D))


def tensor(n: int, dtype: torch.dtype = torch.float32, grad: bool = False) -> torch.Tensor:
    return torch.tensor(points(n), dtype=dtype, requires_grad=grad)


def counts(problem: Problem) -> tuple[int, int, int]:
    return problem.n_evaluations, problem.n_gradients, problem.cost
