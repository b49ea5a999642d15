"""DiffMoog's Figure 7 for every loss: minima and basins over frequency and modulation index.

    python benchmarks/paper_fig7.py [--targets 8] [--freqs 193] [--indices 101] [--losses mel,...]

A sine of low frequency modulates the frequency of a saw; all settings but one, or two, are at the
truth. The paper (arXiv 2401.12570) shows two curves for one sound. Here, for each loss: the local
minima of such curves and the width of the basin around the truth, medians over targets; and for one
target the surface over both settings, with its minima and the share of its points from which
steepest descent ends at the truth. Writes paper_fig7.json, .md, -curves.png and -surfaces.png into
benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthgym import losses
from synthgym.landscapes import (
    Curves,
    Surface,
    Sweep,
    built_in,
    frequency_curves,
    index_curves,
    surface,
)
from synthgym.landscapes.figures import curves_figure, surfaces_figure

RESULTS = Path(__file__).parent / "results"
SURFACE_FREQS, SURFACE_INDICES = 61, 31

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=8)
    parser.add_argument("--freqs", type=int, default=193, help="points over frequency, odd")
    parser.add_argument("--indices", type=int, default=101, help="points over modulation index")
    parser.add_argument("--losses", default="all", help="names, or: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    names = losses.names() if options.losses == "all" else options.losses.split(",")
    sweep = Sweep(
        n_targets=options.targets,
        n_freqs=options.freqs,
        n_indices=options.indices,
        seed=options.seed,
    )
    coarse = Sweep(
        n_targets=options.targets,
        n_freqs=SURFACE_FREQS,
        n_indices=SURFACE_INDICES,
        seed=options.seed,
    )
    curves: dict[str, tuple[Curves, Curves]] = {}
    surfaces: dict[str, Surface] = {}
    options.out.mkdir(parents=True, exist_ok=True)
    built, left_out = built_in(names, sweep.clock.sample_rate)
    for line in left_out:
        print(line, file=sys.stderr)
    for k, (name, loss) in enumerate(built.items(), 1):
        curves[name] = frequency_curves(loss, sweep), index_curves(loss, sweep)
        surfaces[name] = surface(loss, coarse)
        print(f"[{k}/{len(built)}] {name}", file=sys.stderr)
        # After each loss, so that a run cut short leaves what it found.
        write(curves, surfaces, sweep, options.out / "paper_fig7.json")
    where = f"one target of {sweep.n_targets}; the true settings in red"
    curves_figure(curves, options.out / "paper_fig7-curves.png", f"Loss over one setting, {where}")
    surfaces_figure(
        surfaces,
        options.out / "paper_fig7-surfaces.png",
        f"Rank of the loss over frequency (cents) and modulation index, {where}",
    )
    print((options.out / "paper_fig7.md").read_text())


def write(
    curves: dict[str, tuple[Curves, Curves]], surfaces: dict[str, Surface], sweep: Sweep, path: Path
) -> None:
    rows = [row(name, *curves[name], surfaces[name]) for name in curves]
    document = {
        "command": "python benchmarks/paper_fig7.py",
        "source": "arXiv 2401.12570, Figure 7",
        "shape": sweep.shape,
        "n_targets": sweep.n_targets,
        "n_freqs": sweep.n_freqs,
        "n_indices": sweep.n_indices,
        "surface": [SURFACE_FREQS, SURFACE_INDICES],
        "seed": sweep.seed,
        "torch": torch.__version__,
        "rows": rows,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    path.with_suffix(".md").write_text(report(rows, sweep))


def row(name: str, over_freq: Curves, over_index: Curves, over_both: Surface) -> Row:
    return {
        "loss": name,
        "freq_minima": over_freq.n_minima.tolist(),
        "freq_basin_cents": over_freq.widths.tolist(),
        "index_minima": over_index.n_minima.tolist(),
        "index_basin": (over_index.widths / over_index.span).tolist(),
        "surface_minima": over_both.n_minima,
        "surface_attracted": over_both.attracted,
    }


def report(rows: list[Row], sweep: Sweep) -> str:
    lines = [
        "# DiffMoog's Figure 7",
        "",
        f"`python benchmarks/paper_fig7.py`: medians over {sweep.n_targets} targets, in brackets "
        f"the smallest and the largest; {sweep.n_freqs} points over four octaves, "
        f"{sweep.n_indices} over modulation indices from 0 to 0.1; widest basin over frequency "
        "first. The surface is that of one target.",
        "",
        "| loss | minima over frequency | basin, cents | minima over index | basin, share of range "
        "| minima of the surface | attracted |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for found in sorted(rows, key=lambda r: -float(np.median(r["freq_basin_cents"]))):
        lines.append(
            f"| {found['loss']} | {spread(found['freq_minima'], '.0f')} "
            f"| {spread(found['freq_basin_cents'], ',.0f')} "
            f"| {spread(found['index_minima'], '.0f')} "
            f"| {spread(found['index_basin'], '.0%')} "
            f"| {found['surface_minima']} | {found['surface_attracted']:.0%} |"
        )
    return "\n".join(lines) + "\n"


def spread(values: list[float], form: str) -> str:
    """Median, and the smallest and largest in brackets."""
    return f"{np.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    torch.set_num_threads(1)  # the same figures however many cores there are
    main()
