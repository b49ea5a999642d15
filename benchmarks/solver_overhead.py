"""What each search baseline itself costs, beside the sounds.

    python benchmarks/solver_overhead.py

The problem is the real one around a patch whose sound is its unit vector, so that an evaluation
costs next to nothing, and even that is taken off. The distance has many local minima, as that of a
sound does, and cannot be solved. Times are of the processor, so that other load does not count.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import click
import torch
from torch import Tensor

from synthgym.solvers import load_solver, run_solver, solver_names
from synthgym.synth import Clock
from synthgym.tasks import Problem

N_SAMPLES = 256


class Loudspeaker:
    """A patch that is as good as free: a constant sound for each entry of the unit vector."""

    def __init__(self, dimension: int) -> None:
        names = [f"knob.{i}" for i in range(dimension)]
        self.space = SimpleNamespace(dimension=dimension, names=names)

    def render(self, unit: Tensor, clock: Clock) -> Tensor:
        """Sounds (n, n_samples): the entries, repeated."""
        repeats = math.ceil(clock.n_samples / unit.shape[1])
        return unit.repeat(1, repeats)[:, : clock.n_samples]


class Rugged:
    """A bowl with ripples, 2 dB at its bottom: nobody solves it."""

    def embed(self, audio: Tensor) -> Tensor:
        """The sound itself."""
        return audio

    def compare(self, embedded: Tensor, target: Tensor) -> Tensor:
        """Distances (n,)."""
        gap = embedded - target
        ripple = 1 - torch.cos(20 * gap)
        return 2 + (90 * gap.square() + 4 * ripple).mean(dim=-1)


class Timed(Problem):
    """A problem that knows how long its own evaluations took."""

    own_s = 0.0

    def _in_chunks(self, points: Any, gradients: bool) -> Any:
        start = time.process_time()
        try:
            return super()._in_chunks(points, gradients)
        finally:
            self.own_s += time.process_time() - start

    def loss(self, unit: Tensor, loss: Any = None) -> Tensor:
        """As the base's; only the rendering and scoring is timed, losses are the solver's own."""
        start = time.process_time()
        try:
            return super().loss(unit, loss)
        finally:
            self.own_s += time.process_time() - start


@dataclass(frozen=True)
class Overhead:
    """What one run took beside its evaluations."""

    solver: str
    dimension: int
    n_evaluations: int
    n_gradients: int
    own_s: float

    @property
    def ms_per_cost_unit(self) -> float:
        """Processor time of the solver, over what the run cost."""
        return 1000 * self.own_s / max(1, self.n_evaluations + 3 * self.n_gradients)


def measure(solver: str, dimension: int, budget: int) -> Overhead:
    """Run a solver on the free problem."""
    patch: Any = Loudspeaker(dimension)
    distance: Any = Rugged()
    clock = Clock(n_samples=N_SAMPLES)
    target = patch.render(torch.full((1, dimension), 0.37), clock)[0].numpy()
    load_solver(solver)(2, 1)  # what has to be imported is imported
    problem = Timed(patch, clock, target, distance, budget=budget)
    instance = load_solver(solver)(dimension, 1)
    start = time.process_time()
    run_solver(instance, problem)
    own_s = time.process_time() - start - problem.own_s
    return Overhead(solver, dimension, problem.n_evaluations, problem.n_gradients, own_s)


@click.command()
@click.option("--solvers", help="Names, separated by commas.  [default: all search solvers]")
@click.option("--dimensions", default="4,16,36", show_default=True)
@click.option("--per-dimension", default=100, show_default=True, help="Cost units for each.")
def main(solvers: str | None, dimensions: str, per_dimension: int) -> None:
    """Print what each solver adds to a cost unit, in milliseconds."""
    torch.set_num_threads(1)
    names = (
        solvers.split(",")
        if solvers
        else [name for name in solver_names() if load_solver(name).track == "search"]
    )
    columns = [int(d) for d in dimensions.split(",")]
    click.echo("| ms per cost unit | " + " | ".join(f"d = {d}" for d in columns) + " |")
    click.echo("| --- |" + " --- |" * len(columns))
    for name in names:
        found = [measure(name, d, per_dimension * d).ms_per_cost_unit for d in columns]
        click.echo(f"| `{name}` | " + " | ".join(f"{ms:.2g}" for ms in found) + " |")


if __name__ == "__main__":
    main()
