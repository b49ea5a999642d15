"""Geometry of the report's figures: numbers in, SVG paths and ticks out.

The markup is in `templates/figure.html.j2` and its colours in `templates/style.css`, so that a
figure follows the theme of the page it stands in. Coordinates are in a view box of
`WIDTH` by `HEIGHT`; y grows downwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthgym.leaderboard.measures import best_within, hit_costs, spent
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.statistics import Floats, quartiles, runtime_distribution
from synthgym.tasks import LADDER_DB

WIDTH, HEIGHT = 520, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 14, 46
_N_POINTS = 160
_TOP_DB, _FLOOR_DB = 64.0, 0.0625

Runs = Mapping[str, Sequence[Record]]
"""The runs to draw, by solver."""


@dataclass(frozen=True)
class Tick:
    """A tick: where it stands, and its label (empty for a line without one)."""

    at: float
    label: str


@dataclass(frozen=True)
class Curve:
    """A solver's line, and the band around it as a closed path or empty."""

    solver: str
    line: str
    band: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure as its template draws it.

    Args:
        description: what a reader who cannot see it should know.
        x_label: below the horizontal axis.
        y_label: along the vertical axis.
        x_ticks: from left to right.
        y_ticks: from bottom to top.
        curves: one per solver.
        guide: a marked height with its label, or None.
    """

    description: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...]
    guide: Tick | None = None

    width, height = WIDTH, HEIGHT
    left, right, top, bottom = _LEFT, WIDTH - _RIGHT, _TOP, HEIGHT - _BOTTOM

    @property
    def solvers(self) -> tuple[str, ...]:
        """Names of the solvers that have a curve."""
        return tuple(curve.solver for curve in self.curves)


@dataclass(frozen=True)
class _LogAxis:
    """Maps positive numbers to view-box coordinates, evenly per ratio."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: Floats | float) -> Floats:
        clipped = np.clip(np.asarray(values, dtype=np.float64), self.low, self.high)
        share = np.log(clipped / self.low) / math.log(self.high / self.low)
        return np.asarray(self.start + share * (self.end - self.start))

    def ticks(self, base: int) -> list[float]:
        """The powers of `base` on the axis."""
        first = math.ceil(round(math.log(self.low, base), 9))
        last = math.floor(round(math.log(self.high, base), 9))
        return [float(base) ** power for power in range(first, last + 1)]


def anytime_figure(task: str, runs: Runs, solved_db: float) -> Figure:
    """Best distance against cost: the median over runs, with a band between the quartiles.

    Args:
        task: id of the task, for the description.
        runs: runs of that task by solver.
        solved_db: distance to mark as solved.
    """
    ends = {solver: max(map(spent, cell)) for solver, cell in runs.items()}
    x_axis = _x_axis(1.0, max(ends.values()))
    costs = np.unique([*np.geomspace(1.0, x_axis.high, _N_POINTS), *ends.values()])
    bands = {
        solver: quartiles([best_within(record, costs) for record in cell])
        for solver, cell in runs.items()
    }
    y_axis = _distance_axis(bands, solved_db)
    curves = []
    for solver, (low, middle, high) in bands.items():
        shown = np.isfinite(middle) & (costs <= ends[solver])
        if not shown.any():
            continue
        x = x_axis(costs[shown])
        band = ""
        if len(runs[solver]) > 1:
            forth, back = _stairs(x, y_axis(low[shown])), _stairs(x, y_axis(high[shown]))
            band = f"{_path(*forth)}L{_path(*(axis[::-1] for axis in back))[1:]}Z"
        curves.append(Curve(solver, _path(*_stairs(x, y_axis(middle[shown]))), band))
    return Figure(
        description=f"Best distance in dB against cost on {task}, both on logarithmic axes: the "
        "median over runs with a band between the quartiles, one curve per solver. The table "
        "below holds the numbers.",
        x_label="cost (evaluations; a gradient counts 3)",
        y_label="best distance (dB)",
        x_ticks=_decades(x_axis),
        y_ticks=tuple(Tick(float(y_axis(at)), f"{at:g}") for at in y_axis.ticks(2)),
        curves=tuple(curves),
        guide=Tick(float(y_axis(solved_db)), "solved"),
    )


def runtime_figure(scope: str, strata: Sequence[Runs]) -> Figure:
    """Share of (run, rung) pairs reached against cost per dimension, one curve per solver.

    Args:
        scope: what the runs are of, for the description.
        strata: runs by solver, one mapping per task; each task weighs the same.
    """
    solvers = dict.fromkeys(solver for runs in strata for solver in runs)
    hits = {
        solver: _hits_per_dimension([runs[solver] for runs in strata if solver in runs])
        for solver in solvers
    }
    ends = [
        spent(r) / r.header.dimension for runs in strata for cell in runs.values() for r in cell
    ]
    x_axis = _x_axis(_first_decade(hits), max(ends))
    bottom, top = _y_span()
    points = np.geomspace(x_axis.low, x_axis.high, 2 * _N_POINTS)
    curves = []
    for solver, (costs, weights) in hits.items():
        heights = bottom + (top - bottom) * runtime_distribution(costs, points, weights)
        curves.append(Curve(solver, _path(*_stairs(x_axis(points), heights))))
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    return Figure(
        description=f"Runtime distribution on {scope}: the share of run and rung pairs reached "
        "within a cost per dimension, on a logarithmic cost axis, one curve per solver. Higher "
        "and further left is better.",
        x_label="cost / dimension",
        y_label="run × rung pairs reached",
        x_ticks=_decades(x_axis),
        y_ticks=tuple(Tick(bottom + (top - bottom) * share, f"{share:.0%}") for share in shares),
        curves=tuple(curves),
    )


def _hits_per_dimension(cells: Sequence[Sequence[Record]]) -> tuple[Floats, Floats]:
    """Cost per dimension of every (run, rung) pair, and the weight of each."""
    costs = [np.concatenate([hit_costs(r) / r.header.dimension for r in cell]) for cell in cells]
    return np.concatenate(costs), np.concatenate([np.full(c.size, 1 / c.size) for c in costs])


def _first_decade(hits: Mapping[str, tuple[Floats, Floats]]) -> float:
    """The decade in which the first pair of all is reached; 1 where none is."""
    first = min(float(costs.min()) for costs, _ in hits.values())
    return float(10.0 ** math.floor(math.log10(first))) if 0 < first < math.inf else 1.0


def _x_axis(low: float, high: float) -> _LogAxis:
    # A little room at the end: a budget of 10 000 must not end on the frame.
    return _LogAxis(low, max(high, low * 10) * 1.06, _LEFT, WIDTH - _RIGHT)


def _y_span() -> tuple[float, float]:
    return HEIGHT - _BOTTOM, _TOP


def _distance_axis(bands: Mapping[str, Floats], solved_db: float) -> _LogAxis:
    """From the lowest to the highest distance drawn, out to whole powers of two."""
    drawn = np.concatenate([curves[np.isfinite(curves)] for curves in bands.values()])
    drawn = np.append(np.clip(drawn, _FLOOR_DB, _TOP_DB), [solved_db / 2, max(LADDER_DB)])
    low = 2.0 ** math.floor(math.log2(drawn.min()))
    high = 2.0 ** math.ceil(math.log2(drawn.max()))
    return _LogAxis(low, high, *_y_span())


def _decades(axis: _LogAxis) -> tuple[Tick, ...]:
    labels = {0.01: "0.01", 0.1: "0.1", 1.0: "1", 10.0: "10", 100.0: "100"}
    return tuple(Tick(float(axis(at)), labels.get(at) or _thousands(at)) for at in axis.ticks(10))


def _thousands(value: float) -> str:
    for size, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


def _stairs(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The corners of a staircase: level until the next point, then straight up or down."""
    return np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]


def _path(x: Floats, y: Floats) -> str:
    """A path through the points, without those between two others on a level or upright line."""
    x, y = np.round(x, 1), np.round(y, 1)
    moves = np.concatenate([[True], (np.diff(x) != 0) | (np.diff(y) != 0)])
    x, y = x[moves], y[moves]
    if x.size == 1:
        return f"M{x[0]:.1f} {y[0]:.1f}h4"
    level, upright = np.diff(y) == 0, np.diff(x) == 0
    between = (level[:-1] & level[1:]) | (upright[:-1] & upright[1:])
    keep = np.concatenate([[True], ~between, [True]])
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x[keep], y[keep], strict=True))
