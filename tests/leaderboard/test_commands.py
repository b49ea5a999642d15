"""The commands that a report names, and the numbers as it writes them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import comparison, record

from synthgym.cli.bench import report as bench_report
from synthgym.cli.bench import run as bench_run
from synthgym.cli.options import Indices
from synthgym.leaderboard import commands, formatting
from synthgym.leaderboard.score import score_records
from synthgym.tasks import get_task

OSC, FM = "DiffMoog-Osc-v0", "DiffMoog-FM-v0"


def test_the_commands_are_ones_that_the_command_line_takes():
    tasks = {task: get_task(task).dimension for task in (OSC, FM)}
    (board,) = score_records(comparison(tasks, n_targets=3), n_resamples=10)
    (command,) = commands.run_commands(board, "my records")
    words = shlex.split(command)
    assert words[:3] == ["synthgym", "bench", "run"]
    params = bench_run.make_context("run", words[3:]).params
    assert params["out"] == Path("my records")
    assert params["split"] == "dev"
    assert (params["targets"], params["seeds"], params["budget"]) == ((0, 1, 2), (0,), None)


def test_a_budget_of_its_own_is_part_of_the_command():
    runs = [record("a", [(1, 0, 9.0)], task=OSC, dimension=5, budget=b) for b in (200,)]
    runs += [record("b", [(1, 0, 9.0)], task=OSC, dimension=5, budget=get_task(OSC).budget)]
    made = commands.run_commands(score_records(runs, n_resamples=10)[0], "r")
    assert [("--budget 200" in c, "--solvers a" in c) for c in made] == [
        (False, False),
        (True, True),
    ]


@given(st.sets(st.integers(0, 40), min_size=1))
def test_indices_are_written_as_the_command_line_reads_them(chosen):
    assert Indices().convert(commands.indices(chosen), None, None) == tuple(sorted(chosen))


def test_the_command_of_the_page_says_what_is_not_as_by_default():
    plain = shlex.split(commands.report_command("my records", "out"))
    assert plain == ["synthgym", "bench", "report", "my records", "--out", "out"]
    every = shlex.split(
        commands.report_command(
            "my records",
            "out",
            title="Mine & yours",
            sounds="all",
            matches_name="my matches",
            recordings_name="my notes",
        )
    )
    params = bench_report.make_context("report", every[3:]).params
    assert params == {
        "folder": Path("my records"),
        "out": Path("out"),
        "sounds": "all",
        "matches": Path("my matches"),
        "title": "Mine & yours",
        "recordings": Path("my notes"),
    }


# Numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formatting.count(1234.4), "1,234"),
        (formatting.count(2.5e6), "2.50 M"),
        (formatting.count(float("inf")), "∞"),
        (formatting.decibels(0.756), "0.76"),
        (formatting.decibels(12.34), "12.3"),
        (formatting.decibels(float("inf")), "∞"),
        (formatting.share(0), "0%"),
        (formatting.share(0.001), "1%"),
        (formatting.share(0.999), "99%"),
        (formatting.share(1), "100%"),
        (formatting.duration(0.0123), "12 ms"),
        (formatting.duration(3.21), "3.2 s"),
        (formatting.duration(59), "59 s"),
        (formatting.duration(90), "1.5 min"),
        (formatting.duration(7300), "2.0 h"),
        (formatting.count(3e200), "3.00e+200"),
        (formatting.decibels(2e7), "2.00e+07"),
        (formatting.decibels(-3.0), "-3.00"),
        (formatting.duration(float("inf")), "∞"),
        (formatting.duration(1e300), "∞"),
        (formatting.ratio(64.56), "64.6"),
        (formatting.ratio(1234.5), "1,234"),
        (formatting.ratio(float("inf")), "∞"),
        (formatting.probability(0.0321), "= 0.032"),
        (formatting.probability(1e-9), "< 0.0001"),
        (formatting.significant(1.0), "1.00"),
        (formatting.significant(0.10049), "0.100"),
        (formatting.significant(17.0), "17.0"),
        (formatting.significant(1745.6), "1,746"),
        (formatting.significant(None), "–"),
        (formatting.counted(1, "run"), "1 run"),
        (formatting.counted(1200, "run"), "1,200 runs"),
    ],
)
def test_numbers_are_written_for_people(text, expected):
    assert text == expected
