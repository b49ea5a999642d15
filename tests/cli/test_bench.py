"""`synthgym bench`: run, resume, verify, table, report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthgym.cli import bench, benching
from synthgym.cli.solver_list import AVAILABLE, ListedSolver
from synthgym.errors import MissingExtraError
from synthgym.leaderboard import plan, run
from synthgym.leaderboard.records import read_records
from synthgym.tasks import task_ids

Call = Callable[..., Any]

FEW = ("--tasks", "DiffMoog-Osc-v0", "--budget", 40, "--split", "dev", "--jobs", 1)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, call: Call) -> Path:
    """Records of two solvers on two targets with two seeds."""
    folder = tmp_path_factory.mktemp("bench") / "records"
    solvers = ("--solvers", "random,cma-es", "--targets", 2, "--seeds", 2)
    ended = call("bench", "run", *FEW, *solvers, "--out", folder)
    assert ended.code == 0, ended.err
    return folder


@pytest.fixture
def copied(records: Path, tmp_path: Path) -> Path:
    """The records, to be damaged."""
    return Path(shutil.copytree(records, tmp_path / "records"))


def change_final(path: Path, **fields: Any) -> None:
    *lines, last = path.read_text("utf-8").splitlines()
    lines.append(json.dumps({**json.loads(last), **fields}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_every_run_leaves_a_record_with_what_was_asked_for(records: Path) -> None:
    found = read_records(records)
    assert {(r.header.solver, r.header.index, r.header.seed) for r in found} == {
        (solver, index, seed)
        for solver in ("random", "cma-es")
        for index in (0, 1)
        for seed in (0, 1)
    }
    assert {(r.header.task, r.header.split, r.header.budget) for r in found} == {
        ("DiffMoog-Osc-v0", "dev", 40)
    }


def test_the_same_command_goes_on_where_it_was(copied: Path, call: Call) -> None:
    paths = sorted(copied.rglob("*.jsonl"))
    kept = {path: path.read_bytes() for path in paths[1:]}
    paths[0].unlink()
    solvers = ("--solvers", "random", "--solvers", "cma-es")
    ended = call("bench", "run", *FEW, *solvers, "--targets", "0,1", "--seeds", 2, "--out", copied)
    assert ended.code == 0, ended.err
    assert "8 runs" in ended.out
    assert "1 done now, 7 were complete" in ended.out
    assert f"synthgym bench report {copied}" in ended.out
    assert len(ended.err.splitlines()) == 1  # a line for the one run
    assert "[8/8] DiffMoog-Osc-v0/" in ended.err
    assert {path: path.read_bytes() for path in kept} == kept


def test_records_of_another_budget_are_refused_unless_told_otherwise(
    copied: Path, call: Call, one_line: Callable[..., None]
) -> None:
    options = ("--solvers", "random", "--targets", 1, "--out", copied)
    other = ("bench", "run", *FEW, "--budget", 20, *options)
    one_line(call(*other), "budget 40 where the plan has 20")
    kept = call(*other, "--on-stale", "keep")
    assert (kept.code, "made under other conditions" in kept.out) == (0, True)
    redone = call(*other, "--on-stale", "redo")
    assert (redone.code, "1 done now" in redone.out) == (0, True)


def test_verify_says_that_all_hold(records: Path, call: Call) -> None:
    ended = call("bench", "verify", records)
    assert ended.code == 0, ended.out
    assert "all 8 records hold" in ended.out
    row = ["DiffMoog-Osc-v0", "random", "4"]
    assert row in [line.split()[:3] for line in ended.out.splitlines()]
    assert "custom budget" in ended.out


def test_verify_tells_a_forged_distance_and_a_damaged_file(copied: Path, call: Call) -> None:
    forged, damaged, *_ = sorted(copied.rglob("*.jsonl"))
    x = json.loads(forged.read_text("utf-8").splitlines()[-1])["x"]
    change_final(forged, x=[1.0 - entry for entry in x])
    damaged.write_text("{}", encoding="utf-8")
    ended = call("bench", "verify", copied)
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("does not hold: DiffMoog-Osc-v0/") for line in lines[:2])
    assert "renders to" in lines[0]
    assert lines[2] == "2 of 8 records do not hold"


def test_table_is_markdown_with_every_solver(records: Path, call: Call) -> None:
    ended = call("bench", "table", records)
    assert ended.code == 0
    rows = [line for line in ended.out.splitlines() if line.startswith("|")]
    for solver in ("random", "cma-es"):
        assert any(solver in row for row in rows)


def test_report_is_a_page(records: Path, tmp_path: Path, call: Call) -> None:
    options = ("--out", tmp_path / "deep" / "report", "--sounds", "none", "--title", "Mine & yours")
    ended = call("bench", "report", records, *options)
    assert ended.code == 0, ended.err
    page = tmp_path / "deep" / "report" / "index.html"
    assert str(page) in ended.out
    assert "Mine &amp; yours" in page.read_text("utf-8")


def test_a_failing_solver_stops_no_other_and_is_told(tmp_path: Path, call: Call) -> None:
    solver = tmp_path / "mine.py"
    solver.write_text(
        "class Mine:\n"
        "    name = 'mine'\n"
        "    def __init__(self, dimension, seed): ...\n"
        "    def solve(self, problem): raise ValueError('no\\nidea')\n",
        encoding="utf-8",
    )
    solvers = ("--solvers", f"{solver}:Mine,random", "--targets", 1)
    ended = call("bench", "run", *FEW, *solvers, "--out", tmp_path / "records")
    assert ended.code == 1
    (failed,) = [line for line in ended.out.splitlines() if line.startswith("failed: ")]
    assert "mine/dev-0/seed-0" in failed
    assert "no idea" in failed


def test_quick_is_a_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    seen: list[plan.Plan] = []

    def take(chosen: plan.Plan, _progress: Any) -> run.Summary:
        seen.append(chosen)
        return run.Summary(tmp_path, 0, 0, 0, 0, (), (), 0, 0.0)

    monkeypatch.setattr(run, "run_plan", take)
    both = ("bench", "run", "--solvers", "random", "--out", tmp_path)
    assert call(*both, "--quick").code == 0
    assert call(*both, "--quick", "--targets", "3-4", "--budget", 7).code == 0
    assert call(*both).code == 0
    assert [(one.indices, one.budget) for one in seen] == [
        (bench.QUICK_TARGETS, bench.QUICK_BUDGET),
        ((3, 4), 7),
        (None, None),
    ]
    assert {one.split for one in seen} == {"test"}


def test_tasks_are_named_one_by_one_or_by_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    """Without a word it is the suite, which others' tasks do not slow down."""
    seen: list[tuple[str, ...]] = []

    def take(chosen: plan.Plan, _progress: Any) -> run.Summary:
        seen.append(tuple(chosen.tasks))
        return run.Summary(tmp_path, 0, 0, 0, 0, (), (), 0, 0.0)

    monkeypatch.setattr(run, "run_plan", take)
    start = ("bench", "run", "--solvers", "random", "--out", tmp_path)
    assert call(*start).code == 0
    assert call(*start, "--tasks", "published").code == 0
    assert call(*start, "--tasks", "DiffMoog-FM-v0,published").code == 0
    assert call(*start, "--tasks", "recordings").code == 0
    published, recordings = tuple(task_ids("published")), tuple(task_ids("recordings"))
    assert seen == [
        tuple(task_ids("diffmoog")),
        published,
        ("DiffMoog-FM-v0", *published),
        recordings,
    ]


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    def stop(*_: Any) -> None:
        raise run.Interrupted("stopped: 1 of 8 runs are complete")

    monkeypatch.setattr(run, "run_plan", stop)
    ended = call("bench", "run", "--solvers", "random", "--out", tmp_path)
    assert ended.code == 130
    assert ended.err == "stopped: 1 of 8 runs are complete\n"


def test_by_default_all_search_solvers_run_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [
        ListedSolver("a", "search", "x:A", AVAILABLE),
        ListedSolver("b", "amortized", "x:B", AVAILABLE),
        ListedSolver("c", "?", "x:C", "it needs 'c'"),
        ListedSolver("d", "search", "x:D", AVAILABLE, runs_by_default=False),
    ]
    monkeypatch.setattr(benching, "list_solvers", lambda: listed)
    assert benching.search_solvers() == (("a",), ("c is left out: it needs 'c'",))
    monkeypatch.setattr(benching, "list_solvers", lambda: listed[1:])
    with pytest.raises(MissingExtraError, match="it needs 'c'"):
        benching.search_solvers()


CRASH = """
class Crash:
    name = "crash"

    def __init__(self, dimension, seed):
        self.dimension, self.seed = dimension, seed

    def solve(self, problem):
        problem([0.5] * self.dimension)
        raise KeyError("lost")


class Moody(Crash):
    name = "moody"

    def solve(self, problem):
        problem([0.5] * self.dimension)
        if problem.target[100] > 0:
            raise KeyError("lost")
"""


def test_a_solver_of_which_no_run_succeeds_is_told_at_the_end(tmp_path: Path, call: Call) -> None:
    """All runs are done first; the table does not rank it."""
    (tmp_path / "mine.py").write_text(CRASH, encoding="utf-8")
    solvers = ("--solvers", f"{tmp_path / 'mine.py'}:Crash,random", "--targets", 2)
    ended = call("bench", "run", *FEW, *solvers, "--out", tmp_path / "records")
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith("error: every run of crash failed")
    assert "--redo-errors" in ended.err
    assert "KeyError: 'lost' (mine.py:10, in solve)" in ended.out
    assert len(read_records(tmp_path / "records")) == 4
    table = call("bench", "table", tmp_path / "records")
    assert "| 1 | random |" in table.out and "| – | crash |" in table.out
    assert "crash has no rank: every run of it ended in an error" in table.out
    again = call("bench", "run", *FEW, *solvers, "--out", tmp_path / "records")
    assert (again.code, "0 done now, 4 were complete" in again.out) == (1, True)


def test_a_solver_that_fails_now_and_then_is_no_fault(tmp_path: Path, call: Call) -> None:
    (tmp_path / "mine.py").write_text(CRASH, encoding="utf-8")
    solvers = ("--solvers", f"{tmp_path / 'mine.py'}:Moody", "--targets", 6)
    ended = call("bench", "run", *FEW, *solvers, "--out", tmp_path / "records")
    failed = [r.final.status == "error" for r in read_records(tmp_path / "records")]
    assert set(failed) == {True, False}, "this test needs targets of both kinds"
    assert ended.code == 0 and "every run" not in ended.err
