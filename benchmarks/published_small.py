"""Small published tasks, by their own protocol: how near do solvers come to the true parameters?

    python benchmarks/published_small.py [--solvers random,cma-es,mine.py:Mine] [--trials 300]

A follow-up of arXiv 2506.22628 (imilas/realtime_soundmatching, 2026-07) compares gradient descent,
random search, CMA-ES and a learned evolution strategy on five synthesizers of two parameters and
on three algorithms of the DX7, of eight. In each of 300 trials the target is a sound of the
synthesizer itself, one second at 44.1 kHz. A start, which is evaluated first, and 199 evaluations
follow; a gradient step counts as one. What is compared is the P-loss, the Euclidean distance of the
returned parameters to the true ones in the unit cube, by its median over trials.

Here solvers minimise the suite's distance, and what they return is their best point by it. The
column "cost" counts as the suite does: 3 for a gradient. Draws, ranges and formulas are the
publication's; saws are band-limited and the noise is another. Rows:

- bandpass_noise_v1: the narrow ranges that were published.
- chirplet: the closed form, most of which folds back at the Nyquist frequency at high speeds;
  chirplet_faded: the task Chirplet-v0, which fades out there, beside the same published row.
- dx7_*, "last evaluation": where a run ended, published beside the next and comparable with what is
  returned here.
- dx7_*, "best visited, by the true parameters": of all 200 points the one nearest to the truth,
  which only who knows the truth can pick ("oracle best (optimistic)" in their STATS_SUMMARY.md), so
  that no returned point is its like. Random search has the same 0.492 in all three: the sound plays
  no part in it. Below the table: what 200 uniform points have.
- dx7_alg3: its three modulators sound the same in any order, which the P-loss does not know. Below
  the table: what a perfect sound scores in a random order, and P-losses in the best order.

Results go to benchmarks/results/published-small/: for each solver a line of JSON for each trial
(its final x, so that anyone can render it again), table.json and table.md. The same command goes on
where it was stopped, and more solvers or trials join what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

# Before torch and NumPy are imported: workers run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
import torch
from joblib import Parallel, delayed
from scipy.stats import binom

from synthgym import Clock, MelDistance, Patch
from synthgym.metrics.parameters import PLoss
from synthgym.solvers import load_solver, run_solver
from synthgym.synth import chains
from synthgym.synth.chains import published
from synthgym.tasks import GRADIENT_COST, Problem

RESULTS = Path(__file__).parent / "results" / "published-small"
CLOCK = Clock(44100, 44100)
N_TRIALS, BUDGET = 300, 200
# Trials of a job: long enough to be worth a process's while, short enough to lose.
CHUNK = 5
FORMAT = "published-small-1"
# Trials at least for an interval of a median: all of five lie on one side of it in 1 of 16 cases.
FEWEST = 6

Floats = npt.NDArray[np.float64]
Line = dict[str, Any]
METHODS = ("GD", "RandomSearch", "CMA-ES", "LES")
DX7 = ("pitch.freq", *(f"op{n}.ratio" for n in (2, 3, 4)), *(f"op{n}.level" for n in (1, 2, 3, 4)))


@dataclass(frozen=True)
class Row:
    """One synthesizer and what was published for it.

    Args:
        patch: makes it, for a duration in seconds.
        order: our names of its parameters in the publication's order, which the draws follow.
        medians: published median P-losses by kind, in the order of `METHODS`.
        alike: nodes that sound the same when their parameters are exchanged.
    """

    patch: Callable[[float], Patch]
    order: tuple[str, ...]
    medians: dict[str, tuple[float, ...]]
    alike: tuple[str, ...] = ()

    def orders(self) -> list[list[int]]:
        """For each order of the nodes that are alike, which entry goes where; as it is first."""
        names = self.patch(CLOCK.duration_s).space.names
        found = []
        for nodes in permutations(self.alike):
            other = dict(zip(self.alike, nodes, strict=True))
            parts = [name.partition(".") for name in names]
            found.append([names.index(f"{other.get(n, n)}.{entry}") for n, _, entry in parts])
        return found


def _dx7(number: int, last: tuple[float, ...], visited: tuple[float, ...]) -> Row:
    medians = {"last evaluation": last, "best visited, by the true parameters": visited}
    alike = ("op2", "op3", "op4") if number == 3 else ()
    return Row(partial(chains.build, f"DX7Alg{number}"), DX7, medians, alike)


def _returned(*medians: float) -> dict[str, tuple[float, ...]]:
    return {"returned, by the best of their losses": medians}


_CHIRP = ("chirp.speed", "chirp.pitch"), _returned(0.472, 0.0292, 0.0110, 0.0103)
ROWS = {
    "bandpass_noise_v1": Row(
        partial(published.bandpass_noise, lowpass=(50.0, 1000.0), highpass=(1.0, 120.0)),
        ("lowpass.cutoff", "highpass.cutoff"),
        _returned(0.0134, 0.0226, 0.0000, 0.0002),
    ),
    "add_sinesaw": Row(
        published.add_sine_saw,
        ("saw.freq", "sine.freq"),
        _returned(0.683, 0.0431, 0.180, 0.081),
    ),
    "am_noise": Row(
        published.am_noise,
        ("noise.amp", "carrier.freq"),
        _returned(0.495, 0.0277, 0.0000, 0.0009),
    ),
    "sine_mod_saw": Row(
        published.sine_mod_saw,
        ("saw.freq", "modulator.freq"),
        _returned(0.446, 0.0431, 0.0170, 0.0154),
    ),
    "chirplet": Row(partial(published.chirplet, naive=True), *_CHIRP),
    "chirplet_faded": Row(published.chirplet, *_CHIRP),
    "dx7_alg1": _dx7(1, (1.504, 1.193, 1.110, 1.194), (1.111, 0.492, 0.568, 0.640)),
    "dx7_alg2": _dx7(2, (1.618, 1.193, 1.177, 1.201), (1.163, 0.492, 0.604, 0.625)),
    "dx7_alg3": _dx7(3, (1.592, 1.193, 1.105, 1.194), (1.127, 0.492, 0.583, 0.618)),
}


def draws(row: Row, trial: int) -> tuple[Floats, Floats, int]:
    """The true parameters and the start of a trial, in our order, and the seed of the solver."""
    state = np.random.SeedSequence(trial).generate_state(2)
    rng = np.random.default_rng(state[0])
    dimension = len(row.order)
    true, start = (rng.uniform(0.0, 1.0, size=dimension) for _ in range(2))
    ours = [row.order.index(name) for name in row.patch(CLOCK.duration_s).space.names]
    return true[ours], start[ours], 1 + int(state[1]) % (2**31 - 1)


def run_trials(solver: str, name: str, trials: Sequence[int]) -> list[Line]:
    """The lines of some trials; in a process of its own."""
    torch.set_num_threads(1)
    return [run_trial(solver, name, trial) for trial in trials]


def run_trial(solver: str, name: str, trial: int) -> Line:
    """One trial: the start is evaluated, then the solver spends what is left."""
    row, factory = ROWS[name], load_solver(solver)
    patch = row.patch(CLOCK.duration_s)
    true, start, seed = draws(row, trial)
    with torch.no_grad():
        target = patch.render(torch.tensor(true, dtype=torch.float32)[None], CLOCK)[0].numpy()
    problem = Problem(
        patch,
        CLOCK,
        target,
        MelDistance(CLOCK.sample_rate),
        task_id=name,
        target_name=f"trial-{trial}",
        budget=BUDGET,
        gradient_cost=1,
    )
    began = time.perf_counter()
    problem(start)
    outcome = run_solver(factory(problem.dimension, seed), problem)
    assert outcome.x is not None
    return {
        "row": name,
        "trial": trial,
        "x": outcome.x.tolist(),
        "distance_db": outcome.distance_db,
        "n_evaluations": outcome.n_evaluations,
        "n_gradients": outcome.n_gradients,
        "wall_s": round(time.perf_counter() - began, 3),
    }


def head_of(solver: str) -> Line:
    """What the lines of a solver were made with; other lines do not join them."""
    factory = load_solver(solver)
    return {
        "format": FORMAT,
        "solver": factory.name,
        "settings": dict(factory.settings),
        "source_digest": factory.digests.own,
        "imports_digest": factory.digests.imports,
        "evaluations": BUDGET,
    }


def read(path: Path) -> tuple[Line | None, list[Line]]:
    """The first line of a solver's file and its trials; a last line cut short is left out."""
    if not path.exists():
        return None, []
    texts = path.read_text("utf-8").split("\n")[:-1]
    head, *lines = (json.loads(text) for text in texts)
    return head, lines


def complete(solver: str, rows: Sequence[str], n_trials: int, n_jobs: int, out: Path) -> None:
    """Run the trials of a solver that its file lacks, and append them as they end."""
    head = head_of(solver)
    path = out / f"{head['solver']}.jsonl"
    found, lines = read(path)
    done = {(line["row"], line["trial"]) for line in lines}
    jobs = [
        (name, part)
        for name in rows
        if (missing := [t for t in range(n_trials) if (name, t) not in done])
        for part in (missing[at : at + CHUNK] for at in range(0, len(missing), CHUNK))
    ]
    # Older files do not say what the solver imported, and take no more lines if it imports any.
    unsaid = {} if jobs else {"imports_digest": head["imports_digest"]}
    if found is not None and {"imports_digest": "", **unsaid, **found} != head:
        sys.exit(f"{path} was made by another version of {head['solver']}; move it away")
    if found is not None and not jobs:
        return
    out.mkdir(parents=True, exist_ok=True)
    # Written whole: what follows a line cut short would be lost too.
    path.write_text("".join(json.dumps(line) + "\n" for line in (found or head, *lines)), "utf-8")
    parts: Iterator[list[Line]] = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(run_trials)(solver, name, part) for name, part in jobs
    )
    began, n_left = time.perf_counter(), sum(len(part) for _, part in jobs)
    print(f"{head['solver']}: {n_left} trials", file=sys.stderr)
    with path.open("a", encoding="utf-8") as file:
        for part in parts:
            file.writelines(json.dumps(line) + "\n" for line in part)
            file.flush()
    print(f"{head['solver']}: {time.perf_counter() - began:.0f} s", file=sys.stderr)


def median_interval(values: Floats) -> tuple[float, float]:
    """The 95 % interval of a median, of any distribution, by order statistics."""
    ordered, n = np.sort(values), len(values)
    below = int(binom.ppf(0.025, n, 0.5))
    return float(ordered[max(below - 1, 0)]), float(ordered[min(n - below, n - 1)])


def summary_of(name: str, lines: Sequence[Line]) -> Line:
    """What a solver reached on a row: P-losses computed anew from what it returned."""
    row, metric = ROWS[name], PLoss()
    true = np.stack([draws(row, line["trial"])[0] for line in lines])
    found = np.array([line["x"] for line in lines])
    losses = metric(found, true)
    median = float(np.median(losses))
    exchanged = np.min([metric(found[:, order], true) for order in row.orders()], axis=0)
    evaluations, gradients = (
        np.array([line[kind] for line in lines]) for kind in ("n_evaluations", "n_gradients")
    )
    lowest = {kind: min(medians) for kind, medians in row.medians.items()}
    interval = median_interval(losses)
    return {
        "n_trials": len(lines),
        "median_p_loss": median,
        "interval_95": interval,
        "median_p_loss_in_the_best_order": float(np.median(exchanged)),
        "below_every_published": {kind: beats(median, least) for kind, least in lowest.items()},
        "beyond_chance": {
            kind: len(lines) >= FEWEST and interval[1] < least for kind, least in lowest.items()
        },
        "share_under_0.05": float(np.mean(losses <= 0.05)),
        "median_distance_db": float(np.median([line["distance_db"] for line in lines])),
        "share_solved": float(np.mean([line["distance_db"] <= 1.0 for line in lines])),
        "median_cost_as_they_count": float(np.median(evaluations + gradients)),
        "median_cost": float(np.median(evaluations + GRADIENT_COST * gradients)),
        "median_wall_s": float(np.median([line["wall_s"] for line in lines])),
    }


def any_order(row: Row) -> float:
    """The median P-loss of perfect sounds whose nodes that are alike stand in a random order."""
    true = np.stack([draws(row, trial)[0] for trial in range(N_TRIALS)])
    return float(np.median([PLoss()(true[:, order], true) for order in row.orders()]))


def nearest_of_uniform(row: Row, seed: int = 0) -> float:
    """The median distance of the truth to the nearest of as many uniform points as evaluations."""
    nearest = []
    for trial in range(N_TRIALS):
        true, start, _ = draws(row, trial)
        points = np.random.default_rng([seed, trial]).random((BUDGET - 1, len(true)))
        nearest.append(PLoss()(np.vstack([start, points]), true[None]).min())
    return float(np.median(nearest))


def beats(median: float, least: float) -> bool | None:
    """Whether a median is below a published one; None where both are 0 to the digits given."""
    if least == 0 and round(median, 4) == 0:
        return None
    return median < least


def summarise(out: Path) -> dict[str, Any]:
    """All solvers of a folder, written as table.json and table.md beside the published."""
    solvers: dict[str, dict[str, Line]] = {}
    for path in sorted(out.glob("*.jsonl")):
        head, lines = read(path)
        assert head is not None
        found = {name: [line for line in lines if line["row"] == name] for name in ROWS}
        solvers[head["solver"]] = {n: summary_of(n, some) for n, some in found.items() if some}
    document = {
        "format": FORMAT,
        "protocol": {"evaluations": BUDGET, "sample_rate_hz": 44100, "duration_s": 1.0},
        "published": {
            name: {kind: dict(zip(METHODS, v, strict=True)) for kind, v in row.medians.items()}
            for name, row in ROWS.items()
        },
        "solvers": solvers,
    }
    (out / "table.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    (out / "table.md").write_text(table(solvers), "utf-8")
    return document


def table(solvers: dict[str, dict[str, Line]]) -> str:
    """Markdown: median P-losses, bold where surely below every published one of the line."""
    columns = ["task", "published as", *METHODS, *solvers]
    made = [columns, ["---"] * 2 + ["---:"] * (len(columns) - 2)]
    for name, row in ROWS.items():
        for kind, medians in row.medians.items():
            cells = [name, kind, *(f"{median:.4f}" for median in medians)]
            for found in solvers.values():
                cells.append(_cell(found.get(name), kind))
            made.append(cells)
    lines = ["| " + " | ".join(cells) + " |" for cells in made]
    notes = [f"{s}: {_costs(found)}" for s, found in solvers.items()]
    lines += [
        "",
        f"Medians of {N_TRIALS} trials, or of as many as stand in brackets. Bold: below every "
        "published one of the line with the whole 95 % interval of the median; ~: with the median "
        "alone. Tie: both 0 to the digits given.",
    ]
    lines += ["", "Cost of a trial, counting a gradient as 1 evaluation and as 3:", ""]
    lines += [f"- {note}" for note in notes]
    nearest = nearest_of_uniform(ROWS["dx7_alg1"])
    lines += ["", f"dx7, the nearest of {BUDGET} uniform points to the truth: {nearest:.4f}."]
    for name, row in ROWS.items():
        if row.alike:
            lines += ["", f"{name}, a perfect sound in a random order: {any_order(row):.4f}.", ""]
            lines += [
                f"- {solver} in the best order: {own['median_p_loss_in_the_best_order']:.4f}"
                for solver, found in solvers.items()
                if (own := found.get(name))
            ]
    return "\n".join(lines) + "\n"


def _cell(found: Line | None, kind: str) -> str:
    if found is None:
        return "-"
    below, surely = found["below_every_published"][kind], found["beyond_chance"][kind]
    median = f"{found['median_p_loss']:.4f}"
    if below is None:
        shown = f"{median} (tie)"
    else:
        shown = f"**{median}**" if surely else f"~{median}" if below else median
    return shown if found["n_trials"] == N_TRIALS else f"{shown} [{found['n_trials']}]"


def _costs(found: dict[str, Line]) -> str:
    theirs, ours = (
        sorted({round(row[kind]) for row in found.values()})
        for kind in ("median_cost_as_they_count", "median_cost")
    )
    return f"{theirs[0]} to {theirs[-1]}, {ours[0]} to {ours[-1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--solvers", default="random,cma-es,differential-evolution,adam", help="names, file.py:Name"
    )
    parser.add_argument("--rows", default=",".join(ROWS), help="some of: " + ", ".join(ROWS))
    parser.add_argument("--trials", type=int, default=N_TRIALS, help="the first so many")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    rows = options.rows.split(",")
    if unknown := [name for name in rows if name not in ROWS]:
        parser.error(f"--rows: there is no {', '.join(unknown)}; there are {', '.join(ROWS)}")
    for solver in options.solvers.split(","):
        complete(solver, rows, options.trials, options.jobs, options.out)
        summarise(options.out)
    print((options.out / "table.md").read_text("utf-8"), end="")


if __name__ == "__main__":
    main()
