"""The report as files: what its pages say and refer to, how it replaces an older one."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_records import record, write
from parsed_pages import check_links, parsed_report

from synthgym.leaderboard import formatting
from synthgym.leaderboard.report import write_report
from synthgym.leaderboard.score import level_boards, score_records
from synthgym.tasks import get_task

OSC, FM = "DiffMoog-Osc-v0", "DiffMoog-FM-v0"


def small(folder: Path, *others, **changes) -> Path:
    """A folder with one run of `random` on the Osc task, and others."""
    steps = [(1, 0, 9.0), (40, 0, 0.8)]
    write([record("random", steps, task=OSC, dimension=5, **changes), *others], folder)
    return folder


# The page


def test_the_pages_refer_to_each_other_and_to_nothing_else(index):
    pages = check_links(index)
    assert set(pages) == {
        "index.html",
        "pages/board-1-level-1.html",
        "pages/board-1-level-4.html",
        *(f"pages/board-1-{kind}-{task}.html" for kind in ("task", "sounds") for task in (OSC, FM)),
    }


def test_every_page_is_reached_from_the_index(index):
    pages = parsed_report(index)
    linked = {address.partition("#")[0] for _, address in pages["index.html"].references}
    assert set(pages) - {"index.html"} <= linked


def test_what_is_seen_is_also_said(pages):
    for name, page in pages.items():
        assert all(a.get("alt") for a in page.named("img")), name
        assert all(a.get("aria-label") for a in page.named("audio")), name
        assert all(a.get("scope") for a in page.named("th")), name
        for figure in page.named("svg"):
            assert figure.get("aria-hidden") == "true" or (
                figure["role"] == "img" and figure["aria-label"]
            )
        assert page.named("html") == [{"lang": "en"}]
        assert len(page.named("h1")) == 1


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("index.html", ["Runtime dist", "Performance prof", "Best distance", "Mean ranks"]),
        (
            "pages/board-1-level-4.html",
            ["Best distance", "Runtime dist", "Expected running", "Performance", "Final distance"],
        ),
        (
            f"pages/board-1-task-{FM}.html",
            ["Best distance", "Runtime dist", "Expected running", "Final distance"],
        ),
    ],
)
def test_each_page_has_its_figures_with_every_solver_in_them(pages, name, figures):
    page = pages[name]
    labels = [svg["aria-label"] for svg in page.named("svg") if "plot" in svg["class"]]
    assert len(labels) == len(figures)
    for label, start in zip(labels, figures, strict=True):
        assert label.startswith(start)
    for drawn in page.source.split('<svg class="plot')[1:]:
        # One that never comes within 8 dB has no running time to draw.
        solvers = {"adam", "cma-es", "differential-evolution", "random"}
        if "Expected running time" in drawn[:300]:
            solvers -= {"random"}
        assert all(f'data-solver="{s}"' in drawn.split("</svg>")[0] for s in solvers)


def test_the_header_states_what_was_compared(pages):
    text = pages["index.html"].text
    assert "suite version 0" in text
    assert "Solvers 4 Tasks 2 Targets 6 Runs 24 Split dev" in text
    assert "2026-03-01 to 2026-03-03" in text
    assert "Few runs" in text
    assert "torch 2.6.0" in text


def test_the_tables_hold_the_scores(suite, pages):
    (board,) = score_records(suite)
    index = pages["index.html"].text
    for s in board.standings:
        row = f"{s.rank} {s.solver} {s.score.value:.3f} {s.score.low:.3f}–{s.score.high:.3f}"
        assert row in index
        cost = [s.n_runs, s.n_evaluations, s.n_gradients, s.n_evaluations + 3 * s.n_gradients]
        assert f"{s.solver} {' '.join(map(formatting.count, cost))}" in index
    for (first, second), estimate in board.improvement.items():
        low, high = (formatting.share(end) for end in (estimate.low, estimate.high))
        assert f"{formatting.share(estimate.value)} {low[:-1]}–{high}" in index, (first, second)
    for result in board.results.values():
        text = pages[f"pages/board-1-task-{result.task}.html"].text
        for cost, n_hits in zip(result.ert, result.n_hits, strict=True):
            assert f"{formatting.count(cost)} {n_hits}/{result.n_runs}" in text
        assert formatting.decibels(result.final_db[1]) in text
        per_run = (result.n_runs, result.n_evaluations, result.n_gradients)
        row = f"{result.solver} {' '.join(map(formatting.count, per_run))}"
        assert f"{row} {formatting.duration(result.wall_s)}" in text


def test_the_pages_of_levels_hold_the_scores_of_their_tasks(suite, pages):
    (board,) = score_records(suite)
    for level, own in level_boards(board):
        text = pages[f"pages/board-1-level-{level}.html"].text
        (task,) = own.tasks
        for s in own.standings:
            score = f"{s.score.value:.3f} {s.score.low:.3f}–{s.score.high:.3f}"
            assert f"{s.rank} {s.solver} {score}" in text
            assert f"{s.score.value:.3f} {formatting.share(s.solved)} solved" in text
            assert (
                f"{s.score.value:.3f} {formatting.share(s.solved)} solved"
                in pages["index.html"].text
            )
            # Of one task the geometric mean over tasks is its running time per dimension.
            for cost, n_hits in zip(
                board.results[task, s.solver].ert, board.results[task, s.solver].n_hits, strict=True
            ):
                per_dimension = formatting.ratio(cost / get_task(task).dimension)
                assert f"{per_dimension} {min(n_hits, 1)}/1" in text


def test_times_of_a_level_are_geometric_means_over_its_tasks(tmp_path):
    # 5 dimensions at a cost of 50, 4 dimensions at 360: 10 and 90 per dimension, 30 on the mean.
    other = "DiffMoog-SawSquare-v0"
    write(
        [
            record("a", [(50, 0, 7.0)], task=OSC, dimension=5),
            record("a", [(360, 0, 3.0)], task=other, dimension=4),
        ],
        tmp_path / "r",
    )
    index = write_report(tmp_path / "r", tmp_path / "out", sounds="none")
    text = parsed_report(index)["pages/board-1-level-1.html"].text
    assert "a 30.0 2/2 ∞ 1/2 ∞ 0/2" in text


def test_reports_of_the_same_records_are_the_same_bytes(folder, index, tmp_path):
    again = write_report(folder, tmp_path / "report")
    made, other = (
        {p.relative_to(i.parent): p.read_bytes() for p in i.parent.rglob("*") if p.is_file()}
        for i in (index, again)
    )
    assert made == other


def test_what_users_write_is_escaped(tmp_path):
    evil = '<script>alert("1")</script>'
    bad = record("evil", [(1, 0, 9.0)], task=OSC, dimension=5, status="error", message=evil)
    folder = small(tmp_path / "r", bad)
    pages = check_links(write_report(folder, tmp_path / "out", title=evil))
    assert all(evil not in page.source for page in pages.values())
    # Title, heading, flag, error and the command that makes it again.
    assert pages["index.html"].text.count(evil) == 5
    assert pages[f"pages/board-1-task-{OSC}.html"].text.count(evil) == 2


def test_runs_that_failed_and_files_that_are_no_records_are_listed(tmp_path):
    failed = record("evil", [], task=OSC, dimension=5, status="error", message="boom")
    folder = small(tmp_path / "r", failed)
    broken = folder / OSC / "random" / "dev-7" / "seed-0.jsonl"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"kind":"run"')
    text = parsed_report(write_report(folder, tmp_path / "out"))["index.html"].text
    assert f"{OSC}/evil/dev-0/seed-0" in text and "boom" in text
    assert f"{OSC}/random/dev-7/seed-0.jsonl" in text and "not JSON" in text
    assert str(tmp_path) not in text


def test_boards_stand_apart(tmp_path):
    others = [
        record("ppo", [(1, 0, 3.0)], task=OSC, dimension=5, track="amortized", budget=100),
        record("random", [(1, 0, 3.0)], task=OSC, dimension=5, split="test"),
    ]
    pages = check_links(write_report(small(tmp_path / "r", *others), tmp_path / "o"))
    text = pages["index.html"].text
    headings = ["Search track, test split", "Search track, dev split", "Amortized track, dev split"]
    assert sorted(headings, key=text.index) == headings
    assert "not stated" in text
    amortized = pages[f"pages/board-3-task-{OSC}.html"].text
    assert "Median distance (dB) after Solver Score Solved Median final (dB) 1 10 100" in amortized
    assert "Expected running time" not in amortized
    assert "Expected running time" in pages[f"pages/board-1-task-{OSC}.html"].text


def test_families_of_tasks_have_boards_and_pages_of_their_own(tmp_path):
    name = "Chirplet-v0"
    other = record("random", [(1, 0, 3.0)], task=name, dimension=get_task(name).dimension)
    pages = check_links(write_report(small(tmp_path / "r", other), tmp_path / "o", sounds="none"))
    text = pages["index.html"].text
    assert "The suite: search track, dev split" in text
    assert "Published tasks: search track, dev split" in text
    assert {f"pages/board-1-task-{OSC}.html", f"pages/board-2-task-{name}.html"} <= set(pages)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([record("idle", [], task=OSC, dimension=5)], id="nothing evaluated"),
        pytest.param([record("a", [(1, 0, 3.0)], task=OSC, dimension=5)], id="one run"),
        pytest.param(
            [record("a", [(1, 0, 3.0)], task=t, dimension=d) for t, d in ((OSC, 5), (FM, 10))],
            id="one solver",
        ),
        pytest.param(
            [
                record(s, [(1, 0, 3.0)], task=OSC, dimension=5, index=i)
                for s in "ab"
                for i in (0, 1)
            ],
            id="one task",
        ),
        pytest.param(
            [
                record(s, [(9, 0, 3.0)], task=t, dimension=d, track="amortized")
                for s in "ab"
                for t, d in ((OSC, 5), (FM, 10))
            ],
            id="amortized",
        ),
        pytest.param(
            [
                record("a.b+c_d-" + "e" * 60, [(1, 0, 3.0)], task="Gone.v0+_", dimension=5),
                record("b", [(1, 0, 3.0)], task="level-1", dimension=5),
            ],
            id="odd names",
        ),
        pytest.param(
            [
                record("a", [(2**53, 2**53, 1e308)], task=OSC, dimension=5, budget=2**53),
                record("b", [(0, 0, -1e308)], task=OSC, dimension=5, index=1, budget=None),
                record("b", [], task=OSC, dimension=5, index=10**9, status="error"),
                record("c", [(5, 0, 3.0), (4, 0, 7.0)], task=OSC, dimension=5, x=(9.0,) * 5),
            ],
            id="hostile numbers",
        ),
        pytest.param(
            [record("a", [(1, 0, 3.0)], suite_version="../<b>&", task=OSC, dimension=5)],
            id="hostile version",
        ),
    ],
)
def test_every_set_of_records_has_a_report(tmp_path, records):
    write(records, tmp_path / "r")
    pages = check_links(write_report(tmp_path / "r", tmp_path / "out"))
    for name, page in pages.items():
        assert "nan" not in page.text.split() and "NaN" not in page.source, name
    text = pages["index.html"].text
    assert all(r.header.solver in text and r.header.task in text for r in records)


def test_a_run_that_evaluated_nothing_reaches_nothing(tmp_path):
    write([record("idle", [], task=OSC, dimension=5)], tmp_path / "r")
    pages = parsed_report(write_report(tmp_path / "r", tmp_path / "out"))
    assert "∞ 0/1" in pages[f"pages/board-1-task-{OSC}.html"].text
    assert f"{OSC} dev-0" in pages["index.html"].text


def test_the_hardest_targets_of_all_tasks_come_first(tmp_path):
    def run(solver, task, index, db):
        dimension = get_task(task).dimension
        return record(solver, [(1, 0, db)], task=task, dimension=dimension, index=index)

    write(
        [
            *(run("a", OSC, 0, 0.5), run("b", OSC, 0, 0.4)),
            *(run("a", OSC, 1, 2.5), run("b", OSC, 1, 7.0)),
            *(run("a", FM, 0, 0.9), run("b", FM, 0, 9.0)),
            *(run("a", FM, 1, 3.5), run("b", FM, 1, 3.25)),
        ],
        tmp_path / "r",
    )
    page = parsed_report(write_report(tmp_path / "r", tmp_path / "out"))["index.html"]
    text = page.text.split("Sounds")[-1]
    rows = [
        f"{FM} dev-1 0 of 2 solvers 3.25 b 3.38",
        f"{OSC} dev-1 0 of 2 solvers 2.50 a 4.75",
        f"{FM} dev-0 1 of 2 solvers 0.90 a 4.95",
        f"{OSC} dev-0 2 of 2 solvers 0.40 b 0.45",
    ]
    assert all(row in text for row in rows)
    assert sorted(rows, key=text.index) == rows
