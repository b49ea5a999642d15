"""Solvers to try runs with: some are well-behaved, the others fail, each in its own way."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgym.tasks import Problem


class Calm:
    """Random points in small batches, from the global generator as well as its own."""

    name = "calm"
    settings: ClassVar[dict[str, Any]] = {"shape": (5, 2)}

    def __init__(self, dimension: int, seed: int) -> None:
        self.dimension, self.rng = dimension, np.random.default_rng(seed)

    def ask(self) -> NDArray[np.float64]:
        return 0.5 * self.rng.random((5, self.dimension)) + 0.5 * np.random.rand(5, self.dimension)

    def tell(self, points: Any, values: Any) -> None:
        pass


class Slow(Calm):
    """Takes its time, and waits while there is a file `wait` beside it."""

    name = "slow"

    def ask(self) -> NDArray[np.float64]:
        time.sleep(0.02)
        while Path(__file__).with_name("wait").exists():
            time.sleep(0.02)
        return super().ask()


class Moody(Calm):
    """Fails at its third batch, until there is a file `mended` beside it."""

    name = "moody"

    def __init__(self, dimension: int, seed: int) -> None:
        super().__init__(dimension, seed)
        self.n_asked = 0

    def ask(self) -> NDArray[np.float64]:
        self.n_asked += 1
        if self.n_asked == 3 and not Path(__file__).with_name("mended").exists():
            raise RuntimeError("lost interest")
        return super().ask()


class NotANumber(Calm):
    name = "not-a-number"

    def ask(self) -> NDArray[np.float64]:
        return np.full((2, self.dimension), np.nan)


class Unborn(Calm):
    name = "unborn"

    def __init__(self, dimension: int, seed: int) -> None:
        raise ValueError("wrong dimension")


class Unsayable(Calm):
    name = "unsayable"
    settings: ClassVar[dict[str, Any]] = {"function": print}


class Poor(Calm):
    name = "poor"
    needs = "baselines"

    def __init__(self, dimension: int, seed: int) -> None:
        importlib.import_module("no_such_module")


class Deaf(Calm):
    """Hears of nothing that goes wrong."""

    name = "deaf"

    def solve(self, problem: Problem) -> None:
        try:
            while True:
                problem(self.rng.random(self.dimension))
        except Exception:
            pass


class Deadly(Calm):
    name = "deadly"

    def ask(self) -> NDArray[np.float64]:
        os._exit(11)


class OnNode(Slow):
    """Leaves a file beside this one that says in which process and node of a cluster it began."""

    name = "on-node"

    def __init__(self, dimension: int, seed: int) -> None:
        super().__init__(dimension, seed)
        ray = sys.modules.get("ray")
        on_cluster = ray is not None and ray.is_initialized()
        node = ray.get_runtime_context().get_node_id() if on_cluster else "here"
        place = Path(__file__).with_name(f"began-{os.getpid()}-{time.monotonic_ns()}-{node}")
        place.touch()


class Mixed(Calm):
    """Gradients and plain evaluations in turn, whatever the budget."""

    name = "mixed"

    def solve(self, problem: Problem) -> None:
        while True:
            problem.value_and_grad(self.rng.random((2, self.dimension)))
            problem.batch(self.rng.random((3, self.dimension)))


class Steep(Calm):
    """Gradients only."""

    name = "steep"

    def solve(self, problem: Problem) -> None:
        while True:
            problem.value_and_grad(self.rng.random((4, self.dimension)))


class Thrifty(Calm):
    """Looks at its budget, and spends a half of it."""

    name = "thrifty"

    def solve(self, problem: Problem) -> None:
        assert problem.budget is not None
        problem.batch(self.rng.random((problem.budget // 2, self.dimension)))
