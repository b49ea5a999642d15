"""DiffMoog's Table 1 for every loss: does it point towards the right pitch?

    python benchmarks/paper_table1.py [--trials 1000] [--other-trials 200] [--losses mel] [--keep]

The published cells (arXiv 2401.12570, Table 1; the sine's rows are in the authors' repository,
misc_notebooks/wasserstein_research.ipynb) with closed-form waveforms and `--trials` trials, each
with its distance from the paper in standard errors. Then every built-in loss with `--other-trials`:
closed-form and band-limited, and the true local gradient, which the paper's notebook takes of the
frequency and not of the loss. Writes paper_table1.json, .md and .png into benchmarks/results/.
`--keep` does only what the JSON there lacks; what was drawn by another seed, or with band-limited
waveforms of another version of the suite, is dropped. `--other-trials 0` leaves out all but the
published cells.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch

from synthgym import losses
from synthgym.landscapes import (
    COLUMNS,
    SHAPES,
    PitchTrials,
    Share,
    built_in,
    direction,
    gradient_direction,
)
from synthgym.landscapes.figures import direction_figure
from synthgym.losses import Loss
from synthgym.tasks import SUITE_VERSION

RESULTS = Path(__file__).parent / "results"
CENTS = COLUMNS[:2]
PAPER_TRIALS = 1000
# Accuracy at 300 and at 600 cents, for the sine, the square and the saw.
PAPER = {
    "mss_magnitude": ((0.855, 0.870), (0.676, 0.700), (0.642, 0.701)),
    "mss_mel_spectrogram_magnitude": ((0.535, 0.526), (0.498, 0.475), (0.506, 0.463)),
    "mss_cumsum_time": ((0.848, 0.863), (0.733, 0.748), (0.712, 0.715)),
    "mss_cumsum_freq": ((0.687, 0.735), (0.605, 0.623), (0.571, 0.543)),
    "mss_mel_spectrogram_cumsum_time": ((0.521, 0.519), (0.466, 0.452), (0.487, 0.467)),
    "mss_mel_spectrogram_cumsum_freq": ((0.689, 0.710), (0.696, 0.645), (0.624, 0.619)),
}
NAIVE, BAND_LIMITED = "naive", "band-limited"

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000, help="for the published cells")
    parser.add_argument("--other-trials", type=int, default=200, help="for all other cells")
    parser.add_argument("--losses", default="all", help="names, or: all, paper")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="do only what the results lack")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    names = {"all": losses.names(), "paper": list(PAPER)}.get(
        options.losses, options.losses.split(",")
    )
    built, left_out = built_in(names)
    for line in left_out:
        print(line, file=sys.stderr)
    path = options.out / "paper_table1.json"
    rows = kept_rows(path, options.seed) if options.keep else []
    cells = [(name, NAIVE, options.trials) for name in built if name in PAPER]
    cells += [(name, NAIVE, options.other_trials) for name in built if name not in PAPER]
    cells += [(name, BAND_LIMITED, options.other_trials) for name in built]
    cells = [cell for cell in cells if cell[2] > 0]
    for shape in SHAPES:
        for waves in (NAIVE, BAND_LIMITED):
            rows += measured(built, rows, shape, waves, cells, options.seed)
            # After each part, so that a run cut short leaves what it found.
            write(rows, path, options.seed)
    print(path.with_suffix(".md").read_text())


def version(waves: str) -> str:
    """Of the waveforms: closed forms have none, band-limited ones the suite's."""
    return SUITE_VERSION if waves == BAND_LIMITED else ""


def kept_rows(path: Path, seed: int) -> list[Row]:
    """What was found before with the same draws and the same waveforms."""
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    return [r for r in rows if r["seed"] == seed and r.get("suite", "") == version(r["waves"])]


def measured(
    built: dict[str, Loss],
    rows: list[Row],
    shape: str,
    waves: str,
    cells: list[tuple[str, str, int]],
    seed: int,
) -> list[Row]:
    """The rows of one waveform that are not among `rows`."""
    known = {(r["loss"], r["shape"], r["waves"], r["n_trials"], r["seed"]) for r in rows}
    missing = [c for c in cells if c[1] == waves and (c[0], shape, waves, c[2], seed) not in known]
    sounds = {
        n_trials: PitchTrials(shape, waves == NAIVE, n_trials, seed=seed).rendered()
        for n_trials in {n_trials for _, _, n_trials in missing}
    }
    found = []
    for name, _, n_trials in missing:
        on = sounds[n_trials]
        shares = dict(zip(CENTS, direction(built[name], on), strict=True))
        if waves == BAND_LIMITED:
            shares[COLUMNS[2]] = gradient_direction(built[name], on)
        found.append(
            {
                "loss": name,
                "shape": shape,
                "waves": waves,
                "suite": version(waves),
                "seed": seed,
                "n_trials": n_trials,
                "n_right": {column: share.n_right for column, share in shares.items()},
            }
        )
        print(f"{shape} {waves} {name}: {found[-1]['n_right']} of {n_trials}", file=sys.stderr)
    return found


def deviation(share: Share, published: float) -> float:
    """Distance from the paper in standard errors of the difference of two shares."""
    pooled = (share.n_right + published * PAPER_TRIALS) / (share.n_trials + PAPER_TRIALS)
    error = math.sqrt(pooled * (1 - pooled) * (1 / share.n_trials + 1 / PAPER_TRIALS))
    return (share.value - published) / error


def write(rows: list[Row], path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "command": "python benchmarks/paper_table1.py",
        "source": "arXiv 2401.12570, Table 1",
        "protocol": {"sample_rate": 16000, "n_samples": 16000, "seed": seed},
        "torch": torch.__version__,
        "rows": rows,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    tables = {waves: table_of(rows, waves) for waves in (NAIVE, BAND_LIMITED)}
    path.with_suffix(".md").write_text(report(tables))
    whole = {
        name: {
            column: {shape: share.value for shape, share in by_shape.items()}
            for column, by_shape in columns.items()
        }
        for name, columns in ranked(tables[BAND_LIMITED]).items()
    }
    if whole:
        title = "Which losses point towards the right pitch? (band-limited waveforms)"
        direction_figure(whole, path.with_suffix(".png"), title)


Table = dict[str, dict[str, dict[str, Share]]]
"""Shares by loss, column and waveform."""


def table_of(rows: list[Row], waves: str) -> Table:
    table: Table = {}
    for row in rows:
        if row["waves"] != waves:
            continue
        for column, n_right in row["n_right"].items():
            cells = table.setdefault(row["loss"], {}).setdefault(column, {})
            share = Share(n_right, row["n_trials"])
            if row["shape"] not in cells or cells[row["shape"]].n_trials < share.n_trials:
                cells[row["shape"]] = share
    return table


def ranked(table: Table) -> Table:
    """Losses that have all waveforms, best first."""
    whole = {
        name: columns
        for name, columns in table.items()
        if all(len(by_shape) == len(SHAPES) for by_shape in columns.values())
    }

    def score(name: str) -> float:
        shares = [s.value for by_shape in whole[name].values() for s in by_shape.values()]
        return sum(shares) / len(shares)

    return {name: whole[name] for name in sorted(whole, key=score, reverse=True)}


def report(tables: dict[str, Table]) -> str:
    lines = [
        "# DiffMoog's Table 1",
        "",
        "`python benchmarks/paper_table1.py`; those with more trials than the rest by "
        "`--losses NAMES --trials N --other-trials N`, with `--keep` or apart.",
        "",
    ]
    lines += paper_lines(tables[NAIVE])
    for waves, table in tables.items():
        if not table:
            continue
        lines += ["", *table_lines(ranked(table), waves)]
    return "\n".join(lines) + "\n"


def paper_lines(table: Table) -> list[str]:
    """The published cells beside ours."""
    lines = [
        "Published cells, closed-form waveforms: ours, (the paper's), distance in standard errors.",
        "",
        "| loss | " + " | ".join(f"{shape}, {c}" for shape in SHAPES for c in CENTS) + " |",
        "|---|" + "--:|" * (len(SHAPES) * len(CENTS)),
    ]
    distances = []
    for name, published in PAPER.items():
        cells = []
        for shape, pair in zip(SHAPES, published, strict=True):
            for column, value in zip(CENTS, pair, strict=True):
                share = table.get(name, {}).get(column, {}).get(shape)
                if share is None:
                    cells.append("")
                    continue
                distances.append(deviation(share, value))
                cells.append(f"{share.value:.3f} ({value:.3f}) {distances[-1]:+.1f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    if distances:
        n_near = sum(abs(d) <= 3 for d in distances)
        rms = math.sqrt(sum(d * d for d in distances) / len(distances))
        lines += [
            "",
            f"{n_near} of {len(distances)} cells within 3 standard errors of the difference; "
            f"root mean square {rms:.2f} (1 if only chance differs).",
        ]
    return lines


def table_lines(table: Table, waves: str) -> list[str]:
    columns = [c for c in COLUMNS if any(c in found for found in table.values())]
    header = [f"{column}, {shape}" for column in columns for shape in SHAPES]
    lines = [
        f"All losses, {waves} waveforms: share of trials, best first.",
        "",
        "| loss | trials | " + " | ".join(header) + " |",
        "|---|--:|" + "--:|" * len(header),
    ]
    for name, found in table.items():
        shares = [found[column][shape] for column in columns for shape in SHAPES]
        cells = " | ".join(f"{share.value:.3f}" for share in shares)
        lines.append(f"| {name} | {shares[0].n_trials} | {cells} |")
    return lines


if __name__ == "__main__":
    torch.set_num_threads(1)  # the same figures however many cores there are
    main()
