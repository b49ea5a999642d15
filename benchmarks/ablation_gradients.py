"""What gradients give: descents by the true and the surrogate's gradient, on dev targets.

    python benchmarks/ablation_gradients.py [--variants "adam;adam, 4 starts"] [--tasks Osc,FM]
        [--budget 200] [--targets 15] [--seed 1]

Each run ends at 1 dB or with its budget (given per dimension). A row counts the solved runs and the
expected cost of solving one: that of all runs over the number of those that succeeded. It also says
which share of the cost went into derivatives, so what would be saved if these were for nothing.
Results join benchmarks/results/ablation-gradients.json, and the table beside it is made from all of
them.
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

from synthgym.solvers import load_solver, run_solver
from synthgym.tasks import make_problem

RESULTS = Path(__file__).parent / "results"
TASKS = ("Osc", "OscADSR", "FM", "Subtractive")
Row = dict[str, Any]

# The shipped settings of Adam and its kin spend 200 d on drawing starts, and on a few steps of 32
# of them; with these they have two rounds and more.
FEW_STARTS: Mapping[str, Any] = {"n_starts": 4, "n_drawn_per_start": 16}
FEW = (
    "adam",
    "adam-transport",
    "adam-coarse-to-fine",
    "adam-surrogate",
    "adam-surrogate-transport",
    "rmsprop",
)
AS_SHIPPED = (
    "adam",
    "l-bfgs-b",
    "l-bfgs-b-transport",
    "gauss-newton",
    "gauss-newton-forward",
    "differential-evolution",
)

# By name of a row: the solver, and which of its settings are others.
VARIANTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    **{name: (name, {}) for name in AS_SHIPPED},
    **{f"{name}, 4 starts": (name, FEW_STARTS) for name in FEW},
    # The loss of the surrogate's authors.
    "adam-surrogate-waveform, 4 starts": (
        "adam-surrogate",
        {**FEW_STARTS, "losses": ["surrogate-waveform", "distance"]},
    ),
    "l-bfgs-b-surrogate": ("l-bfgs-b", {"losses": ["surrogate-distance", "distance"]}),
}


def counting(solver: type[Any]) -> type[Any]:
    """The solver; where its derivatives are differences of sounds, it adds up what they cost."""
    if not hasattr(solver, "_derivatives"):
        return solver

    class Counting(solver):  # type: ignore[misc]
        derivative_cost = 0

        def _derivatives(self, descent: Any, *where: Any) -> Any:
            before = descent.problem.cost
            try:
                return super()._derivatives(descent, *where)
            finally:
                self.derivative_cost += descent.problem.cost - before

    return Counting


def row_of(variant: str, chain: str, n_targets: int, seed: int, budget: int) -> Row:
    """The runs of a variant on a task; costs of the solved ones, ascending."""
    name, changed = VARIANTS[variant]
    base = load_solver(name).solver_class
    changes = {"settings": {**base.settings, **changed}}
    solver_class = counting(type(base.__name__, (base,), changes))
    hits, total, derivatives, missed = [], 0, 0, []
    for index in range(n_targets):
        task = f"DiffMoog-{chain}-v0"
        dimension = make_problem(task, split="dev", index=index).dimension
        problem = make_problem(
            task, split="dev", index=index, budget=budget * dimension, stop_at_db=1.0
        )
        solver = solver_class(dimension, 1000 * seed + index)
        run_solver(solver, problem)
        total += problem.cost
        by_reverse_mode = problem.gradient_cost * problem.n_gradients
        derivatives += getattr(solver, "derivative_cost", by_reverse_mode)
        if problem.solved:
            hits.append(problem.cost)
        else:
            missed.append([index, round(problem.best_distance, 2)])
    return {
        "variant": variant,
        "task": chain,
        "n_targets": n_targets,
        "seed": seed,
        "budget_per_dimension": budget,
        "n_solved": len(hits),
        "ert": round(total / len(hits)) if hits else None,
        "share_of_derivatives": round(derivatives / total, 3),
        "costs": sorted(hits),
        "missed": missed,
    }


def table(rows: Sequence[Row]) -> str:
    """Markdown: one line for each variant and budget."""
    lines = [
        "Solved of the dev targets, in brackets the expected cost of solving one and the share of "
        "it that went into derivatives. `python benchmarks/ablation_gradients.py` says more.",
        "",
        "| Variant | Budget | " + " | ".join(TASKS) + " |",
        "| --- " * (2 + len(TASKS)) + "|",
    ]
    for variant, budget in dict.fromkeys((r["variant"], r["budget_per_dimension"]) for r in rows):
        own = [r for r in rows if (r["variant"], r["budget_per_dimension"]) == (variant, budget)]
        cells = [_cell(next((r for r in own if r["task"] == chain), None)) for chain in TASKS]
        lines.append(f"| {variant} | {budget} d | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    cost = "" if row["ert"] is None else f"{row['ert']}, "
    return f"{row['n_solved']}/{row['n_targets']} ({cost}{row['share_of_derivatives']:.0%})"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", default=";".join(VARIANTS))
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--targets", type=int, default=15)
    parser.add_argument("--budget", type=int, default=200, help="cost units per dimension")
    parser.add_argument("--out", type=Path, default=RESULTS / "ablation-gradients.json")
    own = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for variant in own.variants.split(";"):
        for chain in own.tasks.split(","):
            row = row_of(variant, chain, own.targets, own.seed, own.budget)
            key = ("variant", "task", "seed", "budget_per_dimension")
            rows = json.loads(own.out.read_text()) if own.out.exists() else []
            rows = [r for r in rows if any(r[k] != row[k] for k in key)] + [row]
            own.out.write_text(json.dumps(rows) + "\n")
            own.out.with_suffix(".md").write_text(table(rows))
            print(variant, chain, _cell(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
