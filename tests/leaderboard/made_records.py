"""Records made up for tests: no solver runs, every number is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.leaderboard.records import Final, Improvement, Record, RunHeader, Status, Track
from synthgym.leaderboard.run_id import RunId
from synthgym.leaderboard.writer import RecordWriter

Step = tuple[int, int, float]
"""`(n_evaluations, n_gradients, distance_db)`"""

VERSIONS = {"synthgym": "0.1.0", "torch": "2.6.0", "numpy": "2.2.0", "python": "3.11.9"}


def record(
    solver: str,
    steps: Sequence[Step],
    *,
    task: str = "DiffMoog-FM-v0",
    split: str = "dev",
    index: int = 0,
    seed: int = 0,
    track: Track = "search",
    budget: int | None = 10_000,
    spent: tuple[int, int] | None = None,
    dimension: int = 10,
    stop_at_db: float | None = None,
    status: Status = "budget",
    message: str = "",
    settings: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] = VERSIONS,
    suite_version: str = "0",
    x: tuple[float, ...] | None = None,
) -> Record:
    """A record whose trace is `steps`; `spent` is evaluations and gradients at its end."""
    improvements = tuple(Improvement(e, g, 0.01 * (e + 3 * g), db) for e, g, db in steps)
    evaluations, gradients = spent or (steps[-1][:2] if steps else (0, 0))
    best_db = steps[-1][2] if steps else math.inf
    if x is None and steps:
        x = (0.5,) * dimension
    return Record(
        RunHeader(
            run_id=RunId(task, solver, split, index, seed),
            solver_spec=solver,
            track=track,
            budget=budget,
            stop_at_db=stop_at_db,
            suite_version=suite_version,
            dimension=dimension,
            solved_db=1.0,
            settings=settings or {},
            versions=dict(versions),
            started_at=f"2026-03-{index + 1:02d}T12:{seed:02d}:00+00:00",
        ),
        improvements,
        Final(
            status,
            x,
            best_db,
            evaluations,
            gradients,
            0.01 * (evaluations + 3 * gradients),
            message,
        ),
    )


def write(records: Sequence[Record], folder: Path) -> None:
    """Write records under `folder`, as the runner does."""
    for one in records:
        with RecordWriter(folder, one.header) as writer:
            for improvement in one.improvements:
                writer.improvement(improvement)
            writer.finish(one.final)


def descent(
    rng: np.random.Generator, *, speed: float, floor_db: float, budget: int, per_gradient: bool
) -> list[Step]:
    """The improvements of a run that descends as a power law of its cost down to a floor."""
    costs = np.unique(np.geomspace(3 if per_gradient else 1, budget, 60).astype(int))
    start_db = rng.uniform(14, 30)
    rate = speed * rng.lognormal(sigma=0.25)
    floor = floor_db * rng.lognormal(sigma=0.5)
    steps: list[Step] = []
    for cost in costs:
        db = floor + (start_db - floor) * (1 + cost / 40) ** -rate * rng.lognormal(sigma=0.08)
        if not steps or db < steps[-1][2]:
            count = int(cost) // 3
            steps.append((0, count, float(db)) if per_gradient else (int(cost), 0, float(db)))
    return steps


PROFILES = {
    "adam": (0.95, 0.35, True),
    "cma-es": (1.1, 0.12, False),
    "differential-evolution": (0.75, 0.3, False),
    "random": (0.32, 1.2, False),
}
"""Speed, floor in dB and use of gradients of the solvers that `comparison` makes up."""

CROWD = {
    **PROFILES,
    **{
        f"solver-{chr(97 + i)}": (0.4 + 0.07 * i, 0.1 + 0.13 * (7 * i % 10), i % 3 == 0)
        for i in range(10)
    },
}
"""As many solvers as a large leaderboard has: 14."""


def comparison(
    tasks: Mapping[str, int],
    *,
    n_targets: int = 5,
    n_seeds: int = 1,
    solvers: Sequence[str] = tuple(PROFILES),
    budget_per_dimension: int = 1000,
    split: str = "dev",
) -> list[Record]:
    """Plausible runs of several solvers on several tasks, given with their dimensions."""
    made = []
    for difficulty, (task, dimension) in enumerate(tasks.items()):
        for solver in solvers:
            speed, floor_db, per_gradient = CROWD[solver]
            for index in range(n_targets):
                for seed in range(n_seeds):
                    rng = np.random.default_rng(
                        [difficulty, sorted(CROWD).index(solver), index, seed]
                    )
                    budget = budget_per_dimension * dimension
                    steps = descent(
                        rng,
                        speed=speed * max(1 - 0.17 * difficulty, 0.4),
                        floor_db=floor_db * min(1 + difficulty, 4),
                        budget=budget,
                        per_gradient=per_gradient,
                    )
                    made.append(
                        record(
                            solver,
                            steps,
                            task=task,
                            split=split,
                            index=index,
                            seed=seed,
                            budget=budget,
                            dimension=dimension,
                            spent=(0, budget // 3) if per_gradient else (budget, 0),
                            settings={"population": 12},
                            x=tuple(rng.random(dimension).tolist()),
                        )
                    )
    return made
