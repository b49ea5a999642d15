"""A problem with a known optimum: the real `Problem`, around a patch that plays its own knobs."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from synthgym.synth import Clock
from synthgym.tasks import Problem


class Echo:
    """A patch whose sound is its unit vector."""

    def __init__(self, dimension: int) -> None:
        names = [f"knob.{i}" for i in range(dimension)]
        self.space = SimpleNamespace(dimension=dimension, names=names)

    def render(self, unit: Tensor, clock: Clock) -> Tensor:
        return unit


class Square:
    """100 times the mean square: 0 at the target, 100 at the far end of every knob."""

    def embed(self, audio: Tensor) -> Tensor:
        return audio

    def compare(self, embedded: Tensor, target: Tensor) -> Tensor:
        return 100 * (embedded - target).square().mean(dim=-1)


class Bowl(Problem):
    """A quadratic bowl; `asked` keeps every point as the solver gave it."""

    def __init__(self, optimum: Any, budget: int | None) -> None:
        patch: Any = Echo(len(optimum))
        distance: Any = Square()
        clock = Clock(n_samples=len(optimum))
        super().__init__(patch, clock, optimum, distance, budget=budget)
        self.asked: list[Any] = []

    def batch(self, X: Any) -> Any:
        self.asked.extend(np.array(X))
        return super().batch(X)

    def value_and_grad(self, X: Any) -> Any:
        self.asked.extend(np.array(X))
        return super().value_and_grad(X)

    def loss(self, unit: Tensor, loss: Any = None, surrogate: bool = False) -> Tensor:
        self.asked.extend(unit.detach().double().numpy())
        return super().loss(unit, loss, surrogate)


@pytest.fixture
def bowl() -> Callable[..., Bowl]:
    """`bowl(dimension, budget)`: a bowl whose optimum is inside, at an edge and in a corner."""

    def make(dimension: int, budget: int | None) -> Bowl:
        optimum = np.random.default_rng(5).uniform(0.1, 0.9, dimension)
        optimum[0] = 1.0
        optimum[-1] = 0.0
        return Bowl(optimum, budget)

    return make
