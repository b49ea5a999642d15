"""Figures of curves: numbers in, SVG paths and ticks out.

The markup is in `templates/figure.html.j2` and its colours in `templates/style.css`, so that a
figure follows the theme of the page it stands in. Coordinates are in a view box of
`WIDTH` by `HEIGHT`; y grows downwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from synthgym.leaderboard.axes import LogAxis, Tick, cost_axis, decades, distance_axis, path, stairs
from synthgym.leaderboard.measures import best_within, hit_costs, spent
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.statistics import Floats, quartiles, runtime_distribution
from synthgym.tasks import LADDER_DB

WIDTH, HEIGHT = 520, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 14, 46
_N_POINTS = 160
_ASIDE = 12.0
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)

Runs = Mapping[str, Sequence[Record]]
"""The runs to draw, by solver."""


@dataclass(frozen=True)
class Curve:
    """A solver's line.

    Args:
        solver: name of the solver.
        line: path of the line.
        band: closed path of the band around it, or empty.
        marks: points to mark on the line.
    """

    solver: str
    line: str
    band: str = ""
    marks: tuple[tuple[float, float], ...] = ()


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


def anytime_figure(task: str, runs: Runs, solved_db: float) -> Figure:
    """Best distance against cost: the median over runs, with a band between the quartiles.

    Args:
        task: id of the task, for the description.
        runs: runs of that task by solver.
        solved_db: distance to mark as solved.
    """
    return _anytime(task, runs, solved_db, "cost (evaluations; a gradient counts 3)", lambda _: 1)


def anytime_per_dimension_figure(scope: str, runs: Runs, solved_db: float) -> Figure:
    """Best distance against cost per dimension, for runs of several tasks taken together.

    Args:
        scope: what the runs are of, for the description.
        runs: runs by solver.
        solved_db: distance to mark as solved.
    """
    return _anytime(scope, runs, solved_db, "cost / dimension", lambda r: r.header.dimension)


def _anytime(
    scope: str, runs: Runs, solved_db: float, x_label: str, unit_cost: Callable[[Record], float]
) -> Figure:
    ends = {solver: max(spent(r) / unit_cost(r) for r in cell) for solver, cell in runs.items()}
    x_axis = _x_axis(1.0, max(ends.values()))
    costs = np.unique([*np.geomspace(1.0, x_axis.high, _N_POINTS), *ends.values()])
    bands = {
        solver: quartiles([best_within(record, costs * unit_cost(record)) for record in cell])
        for solver, cell in runs.items()
    }
    y_axis = distance_axis(np.concatenate(list(bands.values())), solved_db, *_y_span())
    curves = []
    for solver, (low, middle, high) in bands.items():
        shown = np.isfinite(middle) & (costs <= ends[solver])
        if not shown.any():
            continue
        x = x_axis(costs[shown])
        band = ""
        if len(runs[solver]) > 1:
            forth, back = stairs(x, y_axis(low[shown])), stairs(x, y_axis(high[shown]))
            band = f"{path(*forth)}L{path(*(axis[::-1] for axis in back))[1:]}Z"
        curves.append(Curve(solver, path(*stairs(x, y_axis(middle[shown]))), band))
    return Figure(
        description=f"Best distance in dB against {x_label} on {scope}, both on logarithmic axes: "
        "the median over runs with a band between the quartiles, one curve per solver. The table "
        "below holds the numbers.",
        x_label=x_label,
        y_label="best distance (dB)",
        x_ticks=decades(x_axis),
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
    points = np.geomspace(x_axis.low, x_axis.high, 2 * _N_POINTS)
    curves = []
    for solver, (costs, weights) in hits.items():
        heights = _height(runtime_distribution(costs, points, weights))
        curves.append(Curve(solver, path(*stairs(x_axis(points), heights))))
    return Figure(
        description=f"Runtime distribution on {scope}: the share of run and rung pairs reached "
        "within a cost per dimension, on a logarithmic cost axis, one curve per solver. Higher "
        "and further left is better.",
        x_label="cost / dimension",
        y_label="run × rung pairs reached",
        x_ticks=decades(x_axis),
        y_ticks=_share_ticks(),
        curves=tuple(curves),
    )


def profile_figure(scope: str, running_times: Mapping[str, ArrayLike]) -> Figure:
    """Performance profile: the share of problems on which a solver is within a factor of the best.

    Dolan, Moré: "Benchmarking optimization software with performance profiles", Mathematical
    Programming 91, 2002 (arXiv cs/0102001), with the expected running time as the measure.

    Args:
        scope: what the problems are, for the description.
        running_times: by solver (n,), the expected running time to each of n problems, `inf`
            where it has none. Problems that no solver reaches are left out.
    """
    table = np.array([np.asarray(own, dtype=np.float64) for own in running_times.values()])
    table = np.maximum(table[:, np.isfinite(table).any(axis=0)], 1e-9)
    ratios = table / table.min(axis=0) if table.size else table
    finite = ratios[np.isfinite(ratios)]
    x_axis = _x_axis(1.0, float(finite.max()) if finite.size else 10.0)
    points = np.geomspace(1.0, x_axis.high, 2 * _N_POINTS)
    curves = tuple(
        Curve(solver, path(*stairs(x_axis(points), _height(runtime_distribution(own, points)))))
        for solver, own in zip(running_times, ratios, strict=True)
        if own.size
    )
    return Figure(
        description=f"Performance profile on {scope}: the share of task and rung pairs on which a "
        "solver's expected running time is within a factor of the best solver's, on a logarithmic "
        "axis, one curve per solver. Higher and further left is better.",
        x_label="factor of the best expected running time",
        y_label="task × rung pairs",
        x_ticks=decades(x_axis),
        y_ticks=_share_ticks(),
        curves=curves,
    )


def running_time_figure(
    scope: str, running_times: Mapping[str, Sequence[float]], y_label: str, solved_rung: int | None
) -> Figure:
    """Expected running time to each rung of the ladder, one line per solver.

    Args:
        scope: what it is on, for the description.
        running_times: by solver, the expected running time to each rung, `inf` where none.
        y_label: what is counted.
        solved_rung: position on the ladder of the distance that counts as solved, or None.
    """
    finite = [t for own in running_times.values() for t in own if 0 < t < math.inf]
    low = 10.0 ** math.floor(math.log10(min(finite, default=1.0)))
    y_axis = cost_axis(low, max(finite, default=10.0), *_y_span())
    # Half a step of room on both sides.
    x = np.interp(np.arange(len(LADDER_DB)), [-0.5, len(LADDER_DB) - 0.5], [_LEFT, WIDTH - _RIGHT])
    # Side by side, so that the marks of solvers that need about the same do not hide each other.
    aside = np.linspace(-_ASIDE, _ASIDE, len(running_times)) if len(running_times) > 1 else [0.0]
    curves = []
    for (solver, own), shift in zip(running_times.items(), aside, strict=True):
        times = np.asarray(own, dtype=np.float64)
        reached = np.isfinite(times)
        if not reached.any():
            continue
        at = x[reached] + shift, y_axis(times[reached])
        marks = tuple(zip(at[0].tolist(), at[1].tolist(), strict=True))
        curves.append(Curve(solver, path(*at), marks=marks))
    return Figure(
        description=f"Expected running time on {scope} to each distance of the ladder, on a "
        "logarithmic axis, one line per solver; a line ends where no run got further. The table "
        "below holds the numbers.",
        x_label="distance reached (dB)",
        y_label=y_label,
        x_ticks=tuple(
            Tick(float(at), f"{rung:g} solved" if i == solved_rung else f"{rung:g}")
            for i, (at, rung) in enumerate(zip(x, LADDER_DB, strict=True))
        ),
        y_ticks=decades(y_axis),
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


def _x_axis(low: float, high: float) -> LogAxis:
    return cost_axis(low, high, _LEFT, WIDTH - _RIGHT)


def _y_span() -> tuple[float, float]:
    return HEIGHT - _BOTTOM, _TOP


def _height(shares: Floats) -> Floats:
    bottom, top = _y_span()
    return np.asarray(bottom + (top - bottom) * shares)


def _share_ticks() -> tuple[Tick, ...]:
    at = _height(np.array(_SHARES)).tolist()
    return tuple(Tick(y, f"{share:.0%}") for y, share in zip(at, _SHARES, strict=True))
