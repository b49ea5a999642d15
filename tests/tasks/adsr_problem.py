"""A problem of an oscillator under an envelope, and points of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from synthgym.losses import MelDistance
from synthgym.synth import Clock, chains
from synthgym.tasks import (
    Problem,
)

CLOCK = Clock(8000, 1024)
PATCH = chains.build("OscADSR", CLOCK.duration_s)
D = PATCH.space.dimension
TRUE = np.array([0.2, 0.9, 0.1, 0.55, 0.7, 0.1, 0.4, 0.6, 0.5, 0.3])


def sound(x: np.ndarray = TRUE) -> np.ndarray:
    return PATCH.render(torch.tensor(x[None], dtype=torch.float32), CLOCK)[0].numpy()


def make(**settings: Any) -> Problem:
    return Problem(PATCH, CLOCK, sound(), MelDistance(8000), **settings)


def points(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, D))
