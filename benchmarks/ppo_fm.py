"""The trained PPO policy beside random proposals at 1, 10 and 100 guesses, on DiffMoog-FM-v0.

    python benchmarks/ppo_fm.py

Two sets of targets, none of which the policy was trained on: the 15 of the test split, and 200 of
the train split with indices from 2^31 on, which lie above all that an environment draws from.
Writes `results.json`, with the best distance of every run, and the table as `table.md` to
`benchmarks/results/ppo-fm/`.

Intervals are 95 % percentile bootstrap intervals with two levels: targets are drawn with
replacement, then the seeds of each solver within each target. So they hold for other targets of the
task, not only for other seeds. Sources: Agarwal et al., "Deep Reinforcement Learning at the Edge of
the Statistical Precipice", arXiv 2108.13264; Davison and Hinkley, "Bootstrap Methods and their
Application", 1997, section 3.8 (hierarchical data).
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import synthgym
from synthgym.solvers import SolverFactory, load_solver, run_solver, solver_seed
from synthgym.tasks import SUITE_VERSION, Improvement

HERE = Path(__file__).resolve().parent
TASK = "DiffMoog-FM-v0"
GUESSES = (1, 10, 100)
FIRST_HELD_OUT = 2**31
N_RESAMPLES = 5000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TargetSet:
    """Targets to be matched, each with several seeds."""

    name: str
    split: str
    first: int
    n_targets: int
    n_seeds: int


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--solver", default="ppo", help="the policy, as for `synthgym bench run`")
    parser.add_argument("--seeds", type=int, default=10, help="for each test target")
    parser.add_argument("--held-out", type=int, default=200, help="further targets, two seeds each")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "ppo-fm")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    started_s = time.perf_counter()
    sets = [TargetSet("test", "test", 0, 15, options.seeds)]
    if options.held_out:
        sets.append(TargetSet("held-out", "train", FIRST_HELD_OUT, options.held_out, 2))
    solvers = [load_solver(options.solver), load_solver("random")]

    results, lines = [], [HEADER]
    for targets in sets:
        policy, chance = (best_distances(solver, targets) for solver in solvers)
        rng = np.random.default_rng(0)
        compared = {n: compare(policy[..., k], chance[..., k], rng) for k, n in enumerate(GUESSES)}
        lines += [row(targets, n, estimates) for n, estimates in compared.items()]
        results.append(
            {
                "targets": asdict(targets),
                "guesses": GUESSES,
                "compared": {
                    n: {name: asdict(estimate) for name, estimate in estimates.items()}
                    for n, estimates in compared.items()
                },
                "axes": ["target", "seed", "guesses"],
                "policy_db": policy.round(4).tolist(),
                "random_db": chance.round(4).tolist(),
            }
        )
    document = {
        "command": shlex.join(["python", "benchmarks/ppo_fm.py", *sys.argv[1:]]),
        "task": TASK,
        "suite_version": SUITE_VERSION,
        "solver": options.solver,
        "settings": dict(solvers[0].settings),
        "n_resamples": N_RESAMPLES,
        "versions": {
            "synthgym": synthgym.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "wall_s": round(time.perf_counter() - started_s, 1),
        "results": results,
    }
    table = "\n".join(lines)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(json.dumps(document) + "\n")
    (options.out / "table.md").write_text(table + "\n")
    print(table)


HEADER = """\
| targets | guesses | ppo, dB | random, dB | random - ppo, dB | P(ppo is better) |
|---|--:|--:|--:|--:|--:|"""


def row(targets: TargetSet, n_guesses: int, estimates: dict[str, Estimate]) -> str:
    """A row of the table."""
    cells = [estimates[name] for name in ("policy_db", "random_db", "difference_db", "improvement")]
    label = f"{targets.n_targets} {targets.name} x {targets.n_seeds} seeds"
    return f"| {label} | {n_guesses} | " + " | ".join(map(str, cells)) + " |"


def best_distances(solver: SolverFactory, targets: TargetSet) -> Floats:
    """Best distances in dB after 1, 10 and 100 guesses, (n_targets, n_seeds, 3)."""
    best = np.empty((targets.n_targets, targets.n_seeds, len(GUESSES)))
    for i in range(targets.n_targets):
        index = targets.first + i
        for seed in range(targets.n_seeds):
            problem = synthgym.make_problem(
                TASK, split=targets.split, index=index, budget=max(GUESSES)
            )
            made = solver(
                dimension=problem.dimension,
                seed=solver_seed(TASK, solver.name, targets.split, index, seed),
            )
            run_solver(made, problem)
            best[i, seed] = [best_at(problem.history, n) for n in GUESSES]
    return best


def best_at(history: list[Improvement], n_guesses: int) -> float:
    """The best distance in dB after a number of guesses."""
    return min(step.distance_db for step in history if step.n_evaluations <= n_guesses)


def compare(policy: Floats, chance: Floats, rng: np.random.Generator) -> dict[str, Estimate]:
    """Means, their difference, and how often a run of the policy beats a random one.

    Args:
        policy: distances in dB, (n_targets, n_seeds).
        chance: likewise.
        rng: draws the resamples.
    """
    n_targets, n_seeds = policy.shape
    wins = (policy[:, :, None] < chance[:, None]) + 0.5 * (policy[:, :, None] == chance[:, None])
    resampled: dict[str, list[float]] = {
        "policy_db": [],
        "random_db": [],
        "difference_db": [],
        "improvement": [],
    }
    for _ in range(N_RESAMPLES):
        i = rng.integers(n_targets, size=n_targets)[:, None]
        a, b = rng.integers(n_seeds, size=(2, n_targets, n_seeds))
        means = policy[i, a].mean(), chance[i, b].mean()
        improvement = wins[i[:, :, None], a[:, :, None], b[:, None]].mean()
        drawn = (*means, means[1] - means[0], improvement)
        for values, value in zip(resampled.values(), drawn, strict=True):
            values.append(float(value))
    whole = (policy.mean(), chance.mean(), chance.mean() - policy.mean(), wins.mean())
    return {
        name: Estimate(float(value), *map(float, np.quantile(values, [0.025, 0.975])))
        for (name, values), value in zip(resampled.items(), whole, strict=True)
    }


if __name__ == "__main__":
    main()
