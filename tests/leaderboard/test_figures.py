"""Figures: curves stay inside and go where the numbers go."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from made_records import CROWD, record

from synthgym.leaderboard.critical import critical_differences
from synthgym.leaderboard.figures import (
    HEIGHT,
    WIDTH,
    anytime_figure,
    anytime_per_dimension_figure,
    profile_figure,
    running_time_figure,
    runtime_figure,
)
from synthgym.leaderboard.rows import critical_figure, finals_figure
from synthgym.leaderboard.score import score_records
from synthgym.leaderboard.site import line_style
from synthgym.tasks import LADDER_DB

OSC, FM = "DiffMoog-Osc-v0", "DiffMoog-FM-v0"
INF = math.inf


def points(path: str) -> np.ndarray:
    assert re.fullmatch(r"M[\d. L]+(h4)?Z?", path), path
    return np.array([list(map(float, p.split())) for p in re.sub("[MZ]|h4", "", path).split("L")])


@pytest.mark.parametrize("task", [OSC, FM])
def test_curves_stay_in_the_figure_and_fall_or_rise(suite, task):
    (board,) = score_records(suite, n_resamples=10)
    runs = {solver: board.runs(task, solver) for solver in board.solvers}
    anytime, runtime = anytime_figure(task, runs, 1.0), runtime_figure(task, [runs])
    for figure, direction in ((anytime, 1), (runtime, -1)):
        assert figure.solvers == board.solvers
        for curve in figure.curves:
            line = points(curve.line)
            assert (np.diff(line[:, 0]) >= 0).all()
            assert (direction * np.diff(line[:, 1]) >= 0).all()
            # A staircase: each part is level or upright.
            assert (np.diff(line, axis=0) == 0).any(axis=1).all()
            for path in (curve.line, curve.band):
                if path:
                    assert (points(path) >= [figure.left, figure.top]).all()
                    assert (points(path) <= [figure.right, figure.bottom]).all()
        assert figure.right < WIDTH and figure.bottom < HEIGHT


def test_a_curve_ends_where_its_runs_end():
    runs = {
        "long": [record("long", [(1, 0, 9.0)], spent=(1000, 0))],
        "short": [record("short", [(1, 0, 9.0)], spent=(100, 0))],
    }
    figure = anytime_figure(FM, runs, 1.0)
    long, short = (points(curve.line)[-1, 0] for curve in figure.curves)
    at = {tick.label: tick.at for tick in figure.x_ticks}
    assert (long, short) == (pytest.approx(at["1 k"], abs=0.1), pytest.approx(at["100"], abs=0.1))


def test_a_run_of_one_evaluation_is_drawn():
    figure = anytime_figure(FM, {"one": [record("one", [(1, 0, 3.0)])]}, 1.0)
    assert figure.curves[0].line.endswith("h4")


def test_lines_of_many_solvers_differ():
    styles = [line_style(position) for position in range(64)]
    assert len(set(styles)) == 64


def test_a_profile_by_hand():
    # a is best on the first two problems, twice the best on the third, never on the fourth; the
    # fifth is reached by none and left out.
    times = {"a": [10, 10, 20, INF, INF], "b": [20, 10, 10, 5, INF]}
    figure = profile_figure("here", times)
    heights = {
        curve.solver: (HEIGHT - 46 - points(curve.line)[[0, -1], 1]) / (HEIGHT - 60)
        for curve in figure.curves
    }
    assert heights["a"] == pytest.approx([0.5, 0.75], abs=1e-3)
    assert heights["b"] == pytest.approx([0.75, 1.0], abs=1e-3)


def test_a_profile_of_nothing_reached_has_no_curves():
    assert profile_figure("here", {"a": [INF], "b": [INF]}).curves == ()


def test_lines_of_running_times_end_where_no_run_got_further():
    times = {"a": [10, 100, 1000, INF, INF, INF], "b": [INF] * 6, "c": [5] * 6}
    figure = running_time_figure("here", times, "cost", 3)
    assert figure.solvers == ("a", "c")
    a, c = figure.curves
    assert (len(a.marks), len(c.marks)) == (3, 6)
    # A decade is as high wherever it is.
    y = [mark[1] for mark in a.marks]
    assert y[0] - y[1] == pytest.approx(y[1] - y[2])
    assert figure.x_ticks[3].label == "1 solved"
    for curve in figure.curves:
        at = np.array(curve.marks)
        assert (at >= [figure.left, figure.top]).all()
        assert (at <= [figure.right, figure.bottom]).all()


def test_best_distance_per_dimension_puts_dimensions_on_one_axis():
    runs = {
        "small": [record("small", [(20, 0, 4.0)], dimension=2, spent=(200, 0))],
        "large": [record("large", [(100, 0, 4.0)], dimension=10, spent=(1000, 0))],
    }
    small, large = anytime_per_dimension_figure("here", runs, 1.0).curves
    assert points(small.line) == pytest.approx(points(large.line), abs=0.11)


def test_final_distances_stand_in_rows_best_solver_first():
    finals = {"near": [0.5, 1.0, 2.0], "far": [8.0, 16.0, INF]}
    figure = finals_figure("here", finals, 1.0)
    near, far = figure.rows
    assert [row.solver for row in figure.rows] == ["near", "far"] and near.y < far.y
    assert len(near.dots) == len(far.dots) == 3
    assert near.middle == pytest.approx(figure.guide.at)
    assert near.reach[0] < near.middle < near.reach[1] < far.middle
    # One beyond the axis stands at its end.
    assert far.dots[-1] == figure.right
    assert all(figure.left <= x <= figure.right for row in figure.rows for x in row.dots)


def test_critical_differences_are_drawn_by_rank_with_bars_beside():
    rng = np.random.default_rng(0)
    a, b = rng.normal(5, 1, 14), rng.normal(5, 1, 14)
    found = critical_differences({"a": a, "c": rng.normal(0, 1, 14), "b": b})
    figure = critical_figure(found)
    at = {row.solver: row for row in figure.rows}
    assert [row.solver for row in figure.rows] == list(found.mean_ranks)
    assert at["c"].middle == pytest.approx(figure.right)
    (clique,) = figure.cliques
    assert set(clique.solvers) == {"a", "b"}
    assert clique.top < min(at["a"].y, at["b"].y) and max(at["a"].y, at["b"].y) < clique.bottom
    assert clique.bottom < at["c"].y
    assert figure.right < clique.x < WIDTH
    for solver, rank in found.mean_ranks.items():
        assert f"{solver} {rank:.2f}" in figure.description


def test_names_of_rows_fit_beside_the_axis():
    long = "a" * 21 + "b" * 40
    figure = finals_figure("here", {long: [1.0], "short": [2.0]}, 1.0)
    labels = {row.solver: row.label for row in figure.rows}
    assert labels == {long: "a" * 21 + "…", "short": "short"}
    assert figure.left < WIDTH / 2


@pytest.mark.parametrize("largest", [10, 2**53])
def test_labels_of_an_axis_are_few(largest):
    runs = {"a": [record("a", [(1, 0, 3.0)], spent=(largest, 0))]}
    labels = [tick.label for tick in anytime_figure(FM, runs, 1.0).x_ticks if tick.label]
    assert 2 <= len(labels) <= 8


def test_a_marked_distance_beyond_the_axis_stands_at_its_end():
    runs = {"a": [record("a", [(1, 0, 3.0)])]}
    for solved_db in (1e-300, 1e300):
        figure = anytime_figure(FM, runs, solved_db)
        assert figure.top <= figure.guide.at <= figure.bottom
        assert len(figure.y_ticks) <= 11
        assert len(finals_figure(FM, {"a": [3.0]}, solved_db).x_ticks) <= 11


def test_solvers_of_a_crowd_are_drawn_each_in_its_style():
    styles = {solver: line_style(n) for n, solver in enumerate(sorted(CROWD))}
    assert len(set(styles.values())) == len(CROWD) == 14


def test_every_rung_of_the_ladder_is_on_the_axis_of_running_times():
    figure = running_time_figure("here", {"a": [1.0] * len(LADDER_DB)}, "cost", None)
    assert [float(tick.label) for tick in figure.x_ticks] == list(LADDER_DB)
