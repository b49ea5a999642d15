"""Pictures of what was found; matplotlib comes with the extra `report` and is imported here only.

Figures are made without a display and without pyplot's global state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import require
from synthgym.landscapes.standing import COLUMNS
from synthgym.landscapes.sweeps import Curves, Surface

_COLOURS = {"sine": "#4c72b0", "square": "#c44e52", "saw": "#55a868"}
_MARKS = {"sine": "o", "square": "s", "saw": "^"}
_DPI = 110

Shares = Mapping[str, Mapping[str, float]]
"""Shares of right answers by column, then by waveform."""


def direction_figure(rows: Mapping[str, Shares], path: Path, title: str) -> None:
    """Shares of right answers: a panel for each column, a line for each loss.

    Args:
        rows: shares by the name of the loss, from the top.
        path: of the PNG or SVG file.
        title: above the panels.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    shown = [column for column in COLUMNS if any(column in shares for shares in rows.values())]
    figure, panels = _panels(1, len(shown), 3.2 * len(shown) + 2.4, 0.21 * len(rows) + 1.3)
    names = list(rows)
    for panel, column in zip(panels[0], shown, strict=True):
        panel.axvline(0.5, color="0.8", lw=1)
        panel.axvline(0.99, color="0.8", lw=1, ls=":")
        for shape, colour in _COLOURS.items():
            points = [
                (rows[name][column][shape], k)
                for k, name in enumerate(names)
                if column in rows[name]
            ]
            x, y = zip(*points, strict=True)
            panel.plot(x, y, _MARKS[shape], color=colour, ms=4, alpha=0.85, label=shape)
        panel.set(xlim=(0.25, 1.02), ylim=(len(names) - 0.5, -0.5), title=column)
        panel.set_xlabel("share of trials")
        panel.grid(axis="y", color="0.93")
        panel.set_yticks(range(len(names)), names if panel is panels[0][0] else [""] * len(names))
        panel.tick_params(labelsize=7)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, loc="outside right upper")
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=_DPI)


def curves_figure(
    curves: Mapping[str, tuple[Curves, Curves]], path: Path, title: str, target: int = 0
) -> None:
    """Losses of one target over frequency and over modulation index, as in the paper's Figure 7.

    Args:
        curves: by the name of the loss, over frequency and over the modulation index.
        path: of the PNG or SVG file.
        title: above all.
        target: which target is drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    n_columns = 4
    n_rows = -(-len(curves) // n_columns)
    figure, panels = _panels(2 * n_rows, n_columns, 3.1 * n_columns, 3.0 * n_rows)
    for k, (name, pair) in enumerate(curves.items()):
        row, column = divmod(k, n_columns)
        labels = ("cents from the true frequency", "modulation index")
        for part, (curve, label) in enumerate(zip(pair, labels, strict=True)):
            panel = panels[2 * row + part][column]
            panel.plot(curve.points, curve.values[target], color="#333333", lw=0.8)
            panel.axvline(curve.points[curve.truth[target]], color="#c44e52", lw=0.8)
            minima = int(curve.n_minima[target])
            panel.set_title(f"{name}: {minima} minima" if part == 0 else f"{minima} minima")
            panel.title.set_fontsize(7)
            panel.set_xlabel(label, fontsize=6)
            panel.tick_params(labelsize=5)
    _hide_unused(panels, len(curves), n_columns, parts=2)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=_DPI)


def surfaces_figure(surfaces: Mapping[str, Surface], path: Path, title: str) -> None:
    """The loss of one target over both settings, a panel for each loss.

    Args:
        surfaces: by the name of the loss.
        path: of the PNG or SVG file.
        title: above all.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    n_columns = 5
    n_rows = -(-len(surfaces) // n_columns)
    figure, panels = _panels(n_rows, n_columns, 2.6 * n_columns, 2.3 * n_rows + 0.4)
    for k, (name, found) in enumerate(surfaces.items()):
        panel = panels[k // n_columns][k % n_columns]
        # Ranks: the scale of a loss means nothing, and its valleys are to be seen.
        ranks = found.values.ravel().argsort().argsort().reshape(found.values.shape)
        extent = (found.cents[0], found.cents[-1], found.indices[0], found.indices[-1])
        panel.imshow(ranks.T, origin="lower", aspect="auto", extent=extent, cmap="viridis")
        row, column = found.truth
        panel.plot(found.cents[row], found.indices[column], "x", color="#ff4040", ms=5)
        panel.set_title(
            f"{name}\n{found.n_minima} minima, {found.attracted:.0%} attracted", fontsize=6
        )
        panel.tick_params(labelsize=5)
    _hide_unused(panels, len(surfaces), n_columns, parts=1)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=_DPI)


def _panels(n_rows: int, n_columns: int, width_in: float, height_in: float) -> tuple[Any, Any]:
    made = require("matplotlib.figure", "report").Figure(
        figsize=(width_in, height_in), layout="constrained"
    )
    return made, made.subplots(n_rows, n_columns, squeeze=False)


def _hide_unused(panels: Sequence[Any], n_used: int, n_columns: int, parts: int) -> None:
    for row, line in enumerate(np.asarray(panels)):
        for column, panel in enumerate(line):
            if (row // parts) * n_columns + column >= n_used:
                panel.set_axis_off()
