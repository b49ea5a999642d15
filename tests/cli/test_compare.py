"""`synthgym bench pack` and `bench compare`: a newcomer beside runs that are not made again."""

from __future__ import annotations

import html
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthgym.cli import comparing
from synthgym.leaderboard import Plan, read_records, run_plan
from synthgym.leaderboard import compare as comparison
from synthgym.leaderboard import run as running
from synthgym.leaderboard.packs import pack_records
from synthgym.leaderboard.score import score_records

Call = Callable[..., Any]

TASKS = ("DiffMoog-Osc-v0", "DiffMoog-SawSquare-v0")
WHOLE, SMALL = 90, 40

SOLVERS = '''
import numpy as np


class Near:
    """Steps around the best point."""

    name = "near"

    def __init__(self, dimension, seed):
        self.rng, self.best, self.value = np.random.default_rng(seed), None, np.inf
        self.dimension = dimension

    def ask(self):
        if self.best is None:
            return self.rng.random((6, self.dimension))
        return np.clip(self.best + 0.1 * self.rng.normal(size=(6, self.dimension)), 0, 1)

    def tell(self, points, values):
        if values.min() < self.value:
            self.best, self.value = points[values.argmin()], values.min()


class Nearer(Near):
    name = "nearer"


class Thrifty(Near):
    """Spends a half of its budget."""

    name = "thrifty"

    def solve(self, problem):
        problem.batch(self.rng.random((problem.budget // 2, self.dimension)))


class Namesake(Near):
    name = "random"


class Trained(Near):
    name = "trained"
    track = "amortized"
'''


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed runs of three solvers on two targets of two tasks."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "mine.py").write_text(SOLVERS, encoding="utf-8")
    specs = ["random", "cma-es", f"{folder / 'mine.py'}:Thrifty"]
    run_plan(Plan(TASKS, specs, folder / "records", indices=(0, 1), budget=WHOLE, n_jobs=1))
    pack_records(folder / "records", folder / "packs")
    return folder / "packs"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SOLVERS, encoding="utf-8")
    return path


@pytest.fixture
def compared(reference: Path, tmp_path: Path, call: Call) -> Callable[..., Any]:
    """Calls `bench compare` with that reference, into `tmp_path / "out"`."""

    def compare(*args: object, reference: Path = reference) -> Any:
        folders = ("--reference", reference, "--out", tmp_path / "out")
        return call("bench", "compare", *args, *folders, "--sounds", "none", "--jobs", 1)

    return compare


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_the_ranking_is_that_of_runs_made_with_the_smaller_budget(
    tmp_path: Path, mine: Path, compared: Call
) -> None:
    """The others are not run: their records are cut, and rank as if they had been."""
    ended = compared(f"{mine}:Near", "--budget", SMALL)
    assert ended.code == 0, ended.err
    assert [line.split()[1].split("/")[1] for line in ended.err.splitlines()] == ["near"] * 4
    specs = [f"{mine}:Near", "random", "cma-es"]
    run_plan(Plan(TASKS, specs, tmp_path / "made", indices=(0, 1), budget=SMALL, n_jobs=1))
    found = read_records(tmp_path / "out" / "records")
    (board,) = score_records(read_records(tmp_path / "made"))
    (ours,) = score_records([r for r in found if r.header.solver != "thrifty"])
    for standing, made in zip(ours.standings, board.standings, strict=True):
        assert (standing.solver, standing.score, standing.score_at, standing.solved) == (
            made.solver,
            made.score,
            made.score_at,
            made.solved,
        )
    assert ours.improvement == board.improvement
    assert {key: result.ert for key, result in ours.results.items()} == {
        key: result.ert for key, result in board.results.items()
    }


def test_what_is_printed_and_written(tmp_path: Path, mine: Path, compared: Call) -> None:
    ended = compared(f"{mine}:Near", "--budget", SMALL)
    (board,) = score_records(read_records(tmp_path / "out" / "records"))
    standing = {one.solver: one for one in board.standings}
    marked = [row for row in rows(ended.out) if row[:1] == [">"]]
    assert [row[1:3] for row in marked] == [[str(standing["near"].rank), "near"]]
    (other,) = [row for row in rows(ended.out) if row[1:2] == ["random"]]
    chance = board.improvement["near", "random"]
    assert other[0] == str(standing["random"].rank)
    assert other[-2:] == [f"{chance.value:.0%}", f"({chance.low:.0%}–{chance.high:.0%})"]
    for task in TASKS:
        (row,) = [row for row in rows(ended.out) if row[:2] == [task, "near"]]
        result = board.results[task, "near"]
        assert row[2:5] == [str(result.n_solved), "of", "2"]
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    for where in (ended.out, page):
        assert "went on to a larger one, and count with what they had found by then" in where
        assert "might have gone otherwise with this one: thrifty." in where
    assert "near: 4 runs, " in ended.out and "4 runs done now in " in ended.out
    assert (tmp_path / "out" / "index.html").is_file()
    packs = sorted((tmp_path / "out" / "records" / "reference").iterdir())
    assert [pack.name for pack in packs] == ["cma-es.jsonl", "random.jsonl", "thrifty.jsonl"]


def test_the_same_command_goes_on_where_it_was(tmp_path: Path, mine: Path, compared: Call) -> None:
    first = compared(f"{mine}:Near", "--budget", SMALL)
    records = sorted((tmp_path / "out" / "records").rglob("*.jsonl"))
    before = {path: path.read_bytes() for path in records}
    again = compared(f"{mine}:Near", "--budget", SMALL)
    assert (again.code, again.err) == (0, "")
    assert "0 done now, 4 were complete" in again.out
    assert {path: path.read_bytes() for path in before} == before
    tables = [text.split("near: 4 runs")[0].split("\n", 1)[1] for text in (first.out, again.out)]
    assert tables[0] == tables[1]


def test_the_page_says_whose_cut_runs_cannot_be_heard(
    tmp_path: Path, mine: Path, reference: Path, call: Call
) -> None:
    options = ("--reference", reference, "--out", tmp_path / "out", "--jobs", 1)
    assert call("bench", "compare", f"{mine}:Near", "--budget", SMALL, *options).code == 0
    (page,) = (tmp_path / "out" / "pages").glob(f"*-sounds-{TASKS[0]}.html")
    text = page.read_text(encoding="utf-8")
    heard = set(re.findall(r'<figure class="clip" data-solver="([^"]*)"', text))
    (unheard,) = re.findall(r"Some runs of ([^<]*) cannot be heard", text)
    cut = {
        record.header.solver
        for record in read_records(tmp_path / "out" / "records")
        if record.final.x is None and record.header.task == TASKS[0]
    }
    assert "near" in heard and set(unheard.split(", ")) == cut != set()


def test_several_at_once_and_one_after_another(tmp_path: Path, mine: Path, compared: Call) -> None:
    options = ("--budget", SMALL, "--tasks", TASKS[0], "--targets", 1)
    both = compared(f"{mine}:Near,{mine}:Nearer", *options)
    assert both.code == 0, both.err
    assert sorted(row[2] for row in rows(both.out) if row[:1] == [">"]) == ["near", "nearer"]
    assert "near is better" in both.out and "nearer is better" in both.out
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'class="solver marked" data-solver="([^"]*)"', page)) == {
        "near",
        "nearer",
    }
    alone = compared(f"{mine}:Near", *options)
    assert [row[2] for row in rows(alone.out) if row[:1] == [">"]] == ["near"]
    assert any(row[1:2] == ["nearer"] for row in rows(alone.out)), "what was compared stays"


def test_the_page_names_the_command_that_makes_it_again(
    tmp_path: Path, mine: Path, compared: Call, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for solvers, budget in (
        (f"{mine}:Near,{mine}:Nearer", SMALL),
        (f"{mine}:Namesake", SMALL - 10),
    ):
        options = ("--tasks", TASKS[0], "--targets", "1-1", "--budget", budget, "--replace")
        assert compared(solvers, *options).code == 0
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    lines = [html.unescape(line) for line in re.findall(r'class="command">([^<]*)<', page)]
    assert len(lines) == 3, lines
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    for line in lines:
        assert call(*shlex.split(line)[1:]).code == 0, line
    made, again = (
        {r.run_id: (r.header.budget, r.cost, r.final.distance_db) for r in read_records(folder)}
        for folder in (tmp_path / "out" / "records", tmp_path / "again" / "out" / "records")
    )
    assert again == made and len(made) == 5


def test_without_a_word_it_is_the_whole_reference(
    mine: Path, tmp_path: Path, compared: Call
) -> None:
    ended = compared(f"{mine}:Near")
    assert ended.code == 0, ended.err
    found = read_records(tmp_path / "out" / "records")
    assert {record.header.budget for record in found} == {WHOLE}
    assert len(found) == 16
    assert "cut there" not in ended.out and "gone otherwise" not in ended.out


def test_a_name_that_is_taken_is_refused_or_takes_the_place(
    tmp_path: Path, mine: Path, compared: Call, one_line: Callable[..., None]
) -> None:
    one_line(compared(f"{mine}:Namesake"), "named 'random'", "--replace")
    assert not (tmp_path / "out").exists(), "before anything is run"
    ended = compared(f"{mine}:Namesake", "--replace", "--budget", SMALL)
    assert ended.code == 0, ended.err
    assert [row[2] for row in rows(ended.out) if row[:1] == [">"]] == ["random"]
    packs = sorted((tmp_path / "out" / "records" / "reference").iterdir())
    assert [pack.name for pack in packs] == ["cma-es.jsonl", "thrifty.jsonl"]


@pytest.mark.parametrize(
    ("solver", "options", "words"),
    [
        ("Thrify", (), ("unknown solver class", "Did you mean 'Thrifty'")),
        ("Trained", (), ("is of the track 'amortized'", "never merged")),
        ("Near", ("--tasks", "DiffMoog-FN-v0"), ("unknown task", "DiffMoog-FM-v0")),
        ("Near", ("--tasks", "DiffMoog-FM-v0"), ("DiffMoog-FM-v0 is not in the reference",)),
        ("Near", ("--targets", "1,4"), ("target 4 is not in the reference, which has 0, 1",)),
        ("Near", ("--budget", 91), ("budget is 91", "had 90", "give at most that")),
    ],
)
def test_what_cannot_be_compared_is_said_at_once(
    tmp_path: Path,
    mine: Path,
    compared: Call,
    one_line: Callable[..., None],
    solver: str,
    options: tuple[object, ...],
    words: tuple[str, ...],
) -> None:
    one_line(compared(f"{mine}:{solver}", *options), *words)
    assert not (tmp_path / "out").exists()


def test_a_reference_that_is_damaged_or_not_there(
    tmp_path: Path, reference: Path, mine: Path, compared: Call, one_line: Callable[..., None]
) -> None:
    broken = Path(shutil.copytree(reference, tmp_path / "broken"))
    pack = broken / "random.jsonl"
    pack.write_bytes(pack.read_bytes()[:-40])
    one_line(compared(f"{mine}:Near", reference=broken), f"{pack}:5: not JSON")
    one_line(compared(f"{mine}:Near", reference=tmp_path / "none"), "none is not a folder")
    (tmp_path / "empty").mkdir()
    one_line(compared(f"{mine}:Near", reference=tmp_path / "empty"), "holds no search runs")


def test_records_of_another_budget_are_refused(
    mine: Path, compared: Call, one_line: Callable[..., None]
) -> None:
    assert compared(f"{mine}:Near", "--budget", SMALL).code == 0
    one_line(compared(f"{mine}:Near"), "budget 40 where the plan has 90", "--on-stale")


def test_without_the_extra_of_the_report_there_are_tables(
    mine: Path, compared: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours of runs do not end in an error for want of a page."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    ended = compared(f"{mine}:Near", "--budget", SMALL)
    assert ended.code == 0, ended.err
    assert [row[2] for row in rows(ended.out) if row[:1] == [">"]] == ["near"]
    assert "no page: " in ended.out and 'pip install "synthgym[report]"' in ended.out


def test_ctrl_c_says_how_to_go_on(
    mine: Path, compared: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise running.Interrupted("stopped: 1 of 4 runs are complete")

    monkeypatch.setattr(running, "run_plan", stop)
    ended = compared(f"{mine}:Near")
    assert (ended.code, ended.err) == (130, "stopped: 1 of 4 runs are complete\n")


def test_a_disk_that_is_full_costs_no_run(
    tmp_path: Path,
    mine: Path,
    compared: Call,
    one_line: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    assert compared(f"{mine}:Near", "--tasks", TASKS[0]).code == 0
    with monkeypatch.context() as patched:
        patched.setattr("synthgym.leaderboard.packs.write_bytes", full)
        ended = compared(f"{mine}:Near")
    lines = ended.err.splitlines()
    assert (ended.code, len(lines)) == (2, 3), "two runs, then the fault"
    assert "cma-es.jsonl: No space left on device" in lines[-1]
    again = compared(f"{mine}:Near")
    assert (again.code, "0 done now, 4 were complete" in again.out) == (0, True)
    assert len(read_records(tmp_path / "out" / "records")) == 16


def test_quick_is_a_part_of_what_is_shipped(
    tmp_path: Path, mine: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    seen: list[Plan] = []

    def take(chosen: Plan, _progress: Any) -> None:
        seen.append(chosen)
        raise running.Interrupted("enough")

    monkeypatch.setattr(running, "run_plan", take)
    start = ("bench", "compare", f"{mine}:Near", "--out", tmp_path / "out")
    for options in ((), ("--quick",), ("--quick", "--targets", 1, "--budget", 7)):
        assert call(*start, *options).code == 130
    shipped = comparison.read_reference(comparison.reference_folder())
    assert set(seen[0].tasks) == {record.header.task for record in shipped}
    assert [(one.tasks, one.indices, one.budget) for one in seen[1:]] == [
        (tuple(t for t in seen[0].tasks if t in comparing.QUICK_TASKS), (0, 1, 2), 1500),
        (tuple(t for t in seen[0].tasks if t in comparing.QUICK_TASKS), (0,), 7),
    ]


def test_the_shipped_reference_takes_a_newcomer(tmp_path: Path, mine: Path, call: Call) -> None:
    few = ("--tasks", TASKS[0], "--targets", 2, "--budget", 30, "--jobs", 1, "--sounds", "none")
    ended = call("bench", "compare", f"{mine}:Near", *few, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert any(row[1:2] == ["gauss-newton"] for row in rows(ended.out))
    assert call("bench", "verify", tmp_path / "out" / "records").code == 0


# pack


def test_packs_are_listed_and_read_by_the_other_commands(
    tmp_path: Path, reference: Path, call: Call, one_line: Callable[..., None]
) -> None:
    records = reference.parent / "records"
    ended = call("bench", "pack", records, "--out", tmp_path / "packs")
    assert ended.code == 0, ended.err
    assert [row[1:3] for row in rows(ended.out) if row and row[0].endswith(".jsonl")] == [
        ["4", "0"]
    ] * 3
    assert "12 records, " in ended.out
    for name in ("cma-es", "random", "thrifty"):
        made = (tmp_path / "packs" / f"{name}.jsonl").read_bytes()
        assert made == (reference / f"{name}.jsonl").read_bytes()
    assert call("bench", "table", tmp_path / "packs").out == call("bench", "table", records).out
    verified = call("bench", "verify", tmp_path / "packs")
    assert "all 12 records hold" in verified.out
    page = call(
        "bench", "report", tmp_path / "packs", "--out", tmp_path / "page", "--sounds", "none"
    )
    assert page.code == 0, page.err
    pack = tmp_path / "packs" / "random.jsonl"
    pack.write_text("".join(pack.read_text().splitlines(keepends=True)[:-1]))
    one_line(
        call("bench", "pack", tmp_path / "packs", "--out", tmp_path / "x"), f"{pack}:4: the pack"
    )
    fallen = call("bench", "verify", tmp_path / "packs")
    assert (fallen.code, "promises 4" in fallen.out) == (1, True)
