"""What each part of the Gauss-Newton solver is worth, on dev targets.

    python benchmarks/ablation_gauss_newton.py [--variants as-is,no-scans] [--tasks FM,Subtractive]
        [--seeds 1,2] [--targets 15] [--budget 1000]

Each run ends at 1 dB or with its budget (given per dimension). A row counts the solved runs and the
expected running time: the cost of all runs over the number of those that succeeded. Results join
benchmarks/results/ablation-gauss-newton.json, and the table beside it is made from all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Before torch and NumPy are imported: other work may run beside this.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch

from synthgym.baselines.gauss_newton import GaussNewton
from synthgym.baselines.gauss_newton_forward import GaussNewtonForward
from synthgym.solvers import load_solver, run_solver
from synthgym.tasks import make_problem

RESULTS = Path(__file__).parent / "results"
TASKS = ("Osc", "OscADSR", "FM", "Subtractive")
COLUMNS = (*TASKS, "TwoLFO", "Modular")

Variant = tuple[Any, Mapping[str, Any]]


def _without(*views: str) -> dict[str, list[str]]:
    """The solver's lists of views, less some."""
    kinds = ("step_views", "merit_views", "scan_views")
    return {k: [v for v in GaussNewton.settings[k] if v not in views] for k in kinds}


VARIANTS: dict[str, Variant] = {
    "as-is": (GaussNewton, {}),
    "mel-only": (GaussNewton, _without("onset", "track", "wide", "narrow")),
    "no-blurred-power": (GaussNewton, _without("wide", "narrow")),
    "no-track": (GaussNewton, _without("onset", "track")),
    "no-onset": (GaussNewton, _without("onset")),
    "nothing-read-off": (GaussNewton, {"even_share": 1.0, "even_share_again": 1.0}),
    "regression-abc": ("regression-abc", {}),
    "never-forgets": (GaussNewton, {"forgets": 0.0}),
    "no-scans": (GaussNewton, {"n_scanned_entries": 0}),
    "no-early-flips": (GaussNewton, {"flip_after": []}),
    "five-starts": (GaussNewton, {"n_starts": 5}),
    "no-levels": (GaussNewton, {"gains": [1.0]}),
    "all-differences": (GaussNewton, {"sleep": 0}),
    "all-views-at-once": (GaussNewton, {"enough_gain": 1.0}),
    "fine-differences": (GaussNewton, {"difference": [0.0005, 0.0005]}),
    "forward-mode": (GaussNewtonForward, {}),
    "differential-evolution": ("differential-evolution", {}),
}


def solver_of(variant: str, dimension: int, seed: int) -> Any:
    """A new solver with the settings of a variant."""
    base, changed = VARIANTS[variant]
    if isinstance(base, str):
        return load_solver(base)(dimension, seed)
    changes = {"settings": {**base.settings, **changed}}
    return type(base.__name__, (base,), changes)(dimension, seed)


def row_of(
    variant: str, chain: str, n_targets: int, seeds: Sequence[int], budget: int
) -> dict[str, Any]:
    """The runs of a variant on a task; costs of the solved ones, ascending."""
    hits, total, missed = [], 0, []
    for seed in seeds:
        for index in range(n_targets):
            task = f"DiffMoog-{chain}-v0"
            dimension = make_problem(task, split="dev", index=index).dimension
            problem = make_problem(
                task, split="dev", index=index, budget=budget * dimension, stop_at_db=1.0
            )
            run_solver(solver_of(variant, dimension, 1000 * seed + index), problem)
            total += problem.cost
            if problem.solved:
                hits.append(problem.cost)
            else:
                missed.append([seed, index, round(problem.best_distance, 2)])
    return {
        "variant": variant,
        "task": chain,
        "n_targets": n_targets,
        "seeds": list(seeds),
        "budget_per_dimension": budget,
        "n_solved": len(hits),
        "ert": round(total / len(hits)) if hits else None,
        "costs": sorted(hits),
        "missed": missed,
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: one line for each variant and set of seeds."""
    lines = [
        "| Variant | Seeds | " + " | ".join(COLUMNS) + " |",
        "| --- " * (2 + len(COLUMNS)) + "|",
    ]
    keys = dict.fromkeys((r["variant"], tuple(r["seeds"]), r["budget_per_dimension"]) for r in rows)
    for variant, seeds, budget in keys:
        cells = []
        for chain in COLUMNS:
            found = [
                r
                for r in rows
                if (r["variant"], tuple(r["seeds"]), r["budget_per_dimension"], r["task"])
                == (variant, seeds, budget, chain)
            ]
            n_runs = found[0]["n_targets"] * len(seeds) if found else 0
            ert = found[0]["ert"] if found else None
            solved = f"{found[0]['n_solved']}/{n_runs}" if found else ""
            cells.append(f"{solved} ({ert})" if ert is not None else solved)
        name = ",".join(map(str, seeds)) + f", {budget} d"
        lines.append(f"| {variant} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", default="as-is")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--targets", type=int, default=15)
    parser.add_argument("--budget", type=int, default=1000, help="cost units per dimension")
    parser.add_argument("--out", type=Path, default=RESULTS / "ablation-gauss-newton.json")
    own = parser.parse_args(arguments)
    torch.set_num_threads(1)
    seeds = [int(seed) for seed in own.seeds.split(",")]
    for variant in own.variants.split(","):
        for chain in own.tasks.split(","):
            row = row_of(variant, chain, own.targets, seeds, own.budget)
            key = ("variant", "task", "seeds", "budget_per_dimension")
            rows = json.loads(own.out.read_text()) if own.out.exists() else []
            rows = [r for r in rows if any(r[k] != row[k] for k in key)] + [row]
            own.out.write_text(json.dumps(rows) + "\n")
            own.out.with_suffix(".md").write_text(table(rows))
            print(variant, chain, f"{row['n_solved']} solved, ERT {row['ert']}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
