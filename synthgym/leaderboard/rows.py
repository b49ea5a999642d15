"""Figures with a row for each solver: final distances, and mean ranks with their cliques.

Numbers in, coordinates out; the markup is in `templates/rows.html.j2`. Rows, and not the axis with
elbowed labels that critical differences are often drawn on: names stay legible on a narrow screen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthgym.leaderboard.axes import Tick, distance_axis
from synthgym.leaderboard.critical import CriticalDifferences
from synthgym.leaderboard.statistics import quartiles

WIDTH = 520
_RIGHT, _TOP, _BOTTOM = 14, 12, 46
_ROW = 22
_PER_LETTER = 7.8
_MOST_LETTERS = 22
_PER_CLIQUE = 11


@dataclass(frozen=True)
class Row:
    """One solver.

    Args:
        solver: its name.
        label: the same, cut short where it is long.
        y: height of the row.
        dots: horizontal places of its values.
        reach: both ends of the bar behind them, or None.
        middle: where its marked value stands, or None where it has none.
    """

    solver: str
    label: str
    y: float
    dots: tuple[float, ...]
    reach: tuple[float, float] | None
    middle: float | None


@dataclass(frozen=True)
class Clique:
    """An upright bar beside the rows that it joins."""

    x: float
    top: float
    bottom: float
    solvers: tuple[str, ...]


@dataclass(frozen=True)
class RowFigure:
    """A figure as its template draws it.

    Args:
        description: what a reader who cannot see it should know.
        x_label: below the axis.
        x_ticks: from left to right.
        rows: one per solver, from the top.
        left: where the axis starts, right of the names.
        right: where it ends.
        cliques: rows that belong together.
        guide: a marked place with its label, or None.
    """

    description: str
    x_label: str
    x_ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    left: float
    right: float
    cliques: tuple[Clique, ...] = ()
    guide: Tick | None = None

    width, top = WIDTH, _TOP

    @property
    def bottom(self) -> float:
        """Height of the axis."""
        return _TOP + _ROW * len(self.rows)

    @property
    def height(self) -> float:
        """Of the view box."""
        return self.bottom + _BOTTOM


def finals_figure(
    scope: str, finals_db: Mapping[str, Sequence[float]], solved_db: float
) -> RowFigure:
    """Final distances: a dot for each run, a bar between the quartiles, the median marked.

    Args:
        scope: what the runs are of, for the description.
        finals_db: distances of the runs by solver; infinite ones stand at the end of the axis.
        solved_db: distance to mark as solved.
    """
    left, right = _left(finals_db), float(WIDTH - _RIGHT)
    every = np.concatenate([np.asarray(own, dtype=np.float64) for own in finals_db.values()])
    axis = distance_axis(every, solved_db, left, right)
    rows = []
    for number, (solver, own) in enumerate(finals_db.items()):
        low, middle, high = axis(quartiles(own)).tolist()
        dots = tuple(axis(np.sort(np.asarray(own, dtype=np.float64))).tolist())
        rows.append(Row(solver, _short(solver), _y(number), dots, (low, high), middle))
    return RowFigure(
        description=f"Final distance of every run on {scope}, in dB on a logarithmic axis, one row "
        "per solver: a dot for each run, a bar between the quartiles, the median marked. The "
        "table below holds the numbers.",
        x_label="final distance (dB)",
        x_ticks=tuple(Tick(float(axis(at)), f"{at:g}") for at in axis.ticks(2)),
        rows=tuple(rows),
        left=left,
        right=right,
        guide=Tick(float(axis(solved_db)), "solved"),
    )


def critical_figure(found: CriticalDifferences) -> RowFigure:
    """Mean ranks with upright bars that join solvers of which no two differ."""
    left = _left(found.mean_ranks)
    right = float(WIDTH - _RIGHT - _PER_CLIQUE * len(found.cliques))
    n_solvers = len(found.mean_ranks)
    at = np.linspace(left, right, n_solvers).tolist()
    step = math.ceil(n_solvers / 8)
    place = {solver: number for number, solver in enumerate(found.mean_ranks)}
    said = "; ".join(f"{solver} {rank:.2f}" for solver, rank in found.mean_ranks.items())
    joined = "; ".join(", ".join(clique) for clique in found.cliques) or "none"
    return RowFigure(
        description=f"Mean ranks over {found.n_tasks} tasks, 1 is best: {said}. Groups of solvers "
        f"of which no two differ: {joined}.",
        x_label="mean rank over tasks (1 is best)",
        x_ticks=tuple(
            Tick(x, "" if number % step else str(number + 1)) for number, x in enumerate(at)
        ),
        rows=tuple(
            Row(
                solver,
                _short(solver),
                _y(number),
                (),
                None,
                float(np.interp(rank, range(1, n_solvers + 1), at)),
            )
            for number, (solver, rank) in enumerate(found.mean_ranks.items())
        ),
        left=left,
        right=right,
        cliques=tuple(
            Clique(
                right + _PER_CLIQUE * (number + 0.9),
                _y(place[clique[0]]) - 7,
                _y(place[clique[-1]]) + 7,
                clique,
            )
            for number, clique in enumerate(found.cliques)
        ),
    )


def _y(number: int) -> float:
    return _TOP + _ROW * (number + 0.5)


def _left(solvers: Mapping[str, object]) -> float:
    return 22 + _PER_LETTER * max(len(_short(solver)) for solver in solvers)


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
