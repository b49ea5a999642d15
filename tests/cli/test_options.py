"""Option types (comma lists, indices, seconds), and the options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from synthgym.cli.options import CostUnits, Indices, Names, Seconds, flatten
from synthgym.leaderboard import Plan
from synthgym.leaderboard import run as running

SOLVER = """
class Mine:
    name = "mine"

    def __init__(self, dimension, seed):
        self.dimension = dimension

    def solve(self, problem):
        problem([0.5] * self.dimension)
"""


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("1", (0,)),
        ("3", (0, 1, 2)),
        ("0,4,7", (0, 4, 7)),
        ("7, 4,4", (4, 7)),
        ("4-6", (4, 5, 6)),
        ("4-4", (4,)),
        ("5,", (5,)),
        ("0,3-4", (0, 3, 4)),
    ],
)
def test_indices(text: str, indices: tuple[int, ...]) -> None:
    assert Indices().convert(text, None, None) == indices


@pytest.mark.parametrize(
    "text", ["0", "-1", "", ",", "a", "1.5", "6-4", "1-", "-", "1-2-3", "10001"]
)
def test_no_indices(text: str) -> None:
    with pytest.raises(click.BadParameter, match="neither a count"):
        Indices().convert(text, None, None)


def test_a_huge_range_is_refused_at_once() -> None:
    with pytest.raises(click.BadParameter, match="up to 10,000"):
        Indices().convert("0-99999999999999", None, None)


def test_names() -> None:
    assert Names().convert("a, b,,c", None, None) == ("a", "b", "c")
    assert flatten((("a", "b"), ("b", "c"))) == ("a", "b", "c")
    with pytest.raises(click.BadParameter, match="names nothing"):
        Names().convert(" , ", None, None)


def test_seconds() -> None:
    assert Seconds().convert("1.5", None, None) == 1.5
    assert Seconds(auto=True).convert("auto", None, None) is None


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "61", "soon", "auto"])
def test_no_seconds(text: str) -> None:
    with pytest.raises(click.BadParameter, match="above 0 and up to 60"):
        Seconds().convert(text, None, None)


def test_cost_units() -> None:
    assert [CostUnits().convert(n, None, None) for n in ("1", "20_000", "1e3", 7)] == [
        1,
        20000,
        1000,
        7,
    ]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "nan", "inf", "much", ""])
def test_no_cost_units(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not a whole number of cost units above 0"):
        CostUnits().convert(text, None, None)


@pytest.mark.parametrize("command", ["run", "compare"])
def test_how_runs_are_carried_out_reaches_the_plan(
    command: str, tmp_path: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`bench run` and `bench compare` take the same options of carrying out runs."""
    seen: list[Plan] = []

    def take(plan: Plan, _progress: Any) -> None:
        seen.append(plan)
        raise running.Interrupted("enough")

    monkeypatch.setattr(running, "run_plan", take)
    (tmp_path / "mine.py").write_text(SOLVER, encoding="utf-8")
    mine = (f"{tmp_path / 'mine.py'}:Mine",)
    words = ("bench", command, *(("--solvers",) if command == "run" else ()), *mine)
    folder = ("--tasks", "DiffMoog-Osc-v0", "--out", tmp_path / "out")
    asked = ("--jobs", 3, "--on-stale", "redo", "--redo-errors", "--backend", "ray")
    for options in ((), asked):
        assert call(*words, *folder, *options).code == 130
    assert [(p.n_jobs, p.on_stale, p.redo_errors, p.backend) for p in seen] == [
        (-1, "error", False, "loky"),
        (3, "redo", True, "ray"),
    ]
