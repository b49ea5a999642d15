"""What a running search shows."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from synthgym.cli import progress
from synthgym.cli.benching import BenchView
from synthgym.leaderboard import Final, Record, RunHeader, RunId
from synthgym.tasks import Improvement, Problem, make_problem


@pytest.fixture
def problem() -> Problem:
    """A problem with a made-up history: 8 dB at once, 4 dB at half of the cost, 0 dB at the end."""
    made = make_problem("DiffMoog-Osc-v0", budget=400)
    for n, distance_db in ((1, 8.0), (50, 4.0), (100, 0.0)):
        made.history.append(Improvement(n, 0, 0.0, distance_db))
    made._n_evaluations, made._best_distance = 100, 0.0
    return made


def screen() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_sparkline_falls_as_the_distance_did(problem: Problem) -> None:
    assert progress.sparkline(problem, width=4) == "█▅▅▁"
    assert progress.sparkline(make_problem("DiffMoog-Osc-v0"), width=4) == ""


def test_a_distance_before_the_first_sound_is_a_dash() -> None:
    assert progress.decibels(float("inf")) == "-"
    assert progress.decibels(2.345) == "2.35 dB"


def test_clock_time_counts_minutes() -> None:
    assert [progress.clock_time(s) for s in (0.4, 65.9, 600.0)] == ["0:00", "1:05", "10:00"]


def test_a_terminal_gets_one_live_line(problem: Problem) -> None:
    console = screen()
    with progress.watch(problem, "cello: cma-es", console):
        pass
    assert "cello: cma-es" in shown(console)
    assert "25%" in shown(console)
    assert "0.00 dB" in shown(console)
    assert "renders/s" in shown(console)
    assert "▁" in shown(console)


def test_anything_else_gets_plain_lines_of_which_the_last_is_the_end(problem: Problem) -> None:
    console = Console(file=io.StringIO())
    with progress.watch(problem, "[note]: cma-es", console):
        problem._n_evaluations = 400
    (line,) = shown(console).splitlines()
    assert line.startswith("[note]: cma-es: 0.00 dB after 400 of 400 (")


def test_the_line_is_stopped_when_the_search_fails(problem: Problem) -> None:
    console = Console(file=io.StringIO())
    with pytest.raises(ZeroDivisionError), progress.watch(problem, "x", console):
        _ = 1 // 0
    assert len(shown(console).splitlines()) == 1


def made_record(solver: str, index: int, distance_db: float) -> Record:
    header = RunHeader(
        run_id=RunId("DiffMoog-Osc-v0", solver, "dev", index, 0),
        solver_spec=solver,
        track="search",
        budget=10,
        stop_at_db=None,
        suite_version="0",
        dimension=5,
        solved_db=1.0,
    )
    return Record(header, (), Final("budget", (0.5,) * 5, distance_db, 10, 0, 1.0))


def test_a_benchmark_shows_who_leads_each_task() -> None:
    view = BenchView(4)
    runs = [("a", 0, 3.0), ("b", 0, 2.0), ("a", 1, 1.0), ("b", 1, 2.5)]
    for n, (solver, index, distance_db) in enumerate(runs, start=1):
        view.add(n, made_record(solver, index, distance_db))
    assert view.leaders() == [("DiffMoog-Osc-v0", "a", "2.00 dB")]
    console = screen()
    console.print(view)
    assert "4/4" in shown(console)
    assert "DiffMoog-Osc-v0" in shown(console)


def test_the_line_reads_a_search_that_goes_on() -> None:
    made = make_problem("DiffMoog-Osc-v0", budget=8)
    console = screen()
    with progress.watch(made, "x", console):
        made.batch(np.full((8, made.dimension), 0.5))
    assert "100%" in shown(console)
