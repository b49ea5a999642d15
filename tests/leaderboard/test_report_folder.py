"""The folder of a report: what a new one replaces and leaves alone, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from made_records import record, write
from parsed_pages import check_links, parsed_report

from synthgym.errors import MissingExtraError, ParameterError, RecordError
from synthgym.leaderboard import sounds
from synthgym.leaderboard.report import write_report, write_summary, write_task_table
from synthgym.leaderboard.score import score_records

OSC = "DiffMoog-Osc-v0"


def small(folder: Path) -> Path:
    """A folder with one run of `random` on the Osc task."""
    write([record("random", [(1, 0, 9.0), (40, 0, 0.8)], task=OSC, dimension=5)], folder)
    return folder


# Replacing


def test_a_new_report_replaces_the_old_one_and_removes_its_sounds_only(folder, tmp_path):
    out = write_report(small(tmp_path / "r"), tmp_path / "out").parent
    old = {p.name for p in (out / sounds.SOUNDS_FOLDER).iterdir()}
    (out / sounds.SOUNDS_FOLDER / "mine.wav").write_bytes(b"mine")
    (out / "notes.txt").write_text("mine")
    (out / "pages" / "board-9-level-9.html").write_text("of an earlier report")
    (out / "pages" / "mine.html").write_text("mine")
    pages = check_links(write_report(folder, out))
    kept = {p.name for p in (out / sounds.SOUNDS_FOLDER).iterdir()}
    used = {a["src"].split("/")[-1] for p in pages.values() for a in p.named("img", "audio")}
    assert kept == used | {"mine.wav"}
    assert old - used and not (old - used) & kept
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "pages" / "mine.html").read_text() == "mine"
    assert not (out / "pages" / "board-9-level-9.html").exists()


def test_a_report_that_fails_leaves_the_old_one_whole(folder, tmp_path, monkeypatch):
    out = write_report(small(tmp_path / "r"), tmp_path / "out").parent
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr("synthgym.leaderboard.report.render", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(folder, out)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert not list(out.rglob("*.part"))


def test_another_page_is_not_overwritten(folder, tmp_path):
    (tmp_path / "index.html").write_text("<h1>my homepage</h1>")
    with pytest.raises(ParameterError, match="not a report"):
        write_report(folder, tmp_path)
    assert (tmp_path / "index.html").read_text() == "<h1>my homepage</h1>"
    assert not (tmp_path / sounds.SOUNDS_FOLDER).exists()


def test_a_file_is_no_place_for_a_report(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match="not a folder"):
        write_report(folder, tmp_path / "file")


# Faults


def test_without_records_there_is_no_report(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match=r"no complete records.*bench run"):
        write_report(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(RecordError, match="not a folder"):
        write_report(tmp_path / "missing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_damaged_records_are_none(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "x.jsonl").write_text("{}")
    with pytest.raises(RecordError, match=r"only 1 damaged.*x\.jsonl"):
        write_report(tmp_path / "r", tmp_path / "out")


def test_what_the_tests_over_tasks_say_agrees(tmp_path):
    """One order on three tasks is no chance, and three tasks tell no two solvers apart."""
    for name, n_tasks in (("few", 3), ("one", 1)):
        costs = {"first": 4, "second": 40, "third": 400}
        tasks = (("DiffMoog-Osc-v0", 5), ("DiffMoog-SawSquare-v0", 4), ("DiffMoog-OscFilter-v0", 6))
        write(
            [
                record(solver, [(1, 0, 9.0), (cost, 0, 0.1)], task=task, dimension=dimension)
                for solver, cost in costs.items()
                for task, dimension in tasks[:n_tasks]
            ],
            tmp_path / name,
        )
        page = write_report(tmp_path / name, tmp_path / f"{name}-page", sounds="none")
        text = " ".join(parsed_report(page)["index.html"].text.split())
        assert ("so not all rank alike" in text) == (n_tasks == 3)
        assert ("3 tasks are too few to say" in text) == (n_tasks == 3)
        assert "no ranks are shown to differ" not in text


def test_matched_recordings_are_linked(folder, tmp_path):
    out, matches = tmp_path / "report", tmp_path / "my notes"
    matches.mkdir()
    made = {"task": OSC, "solver": "random", "distance_db": 3.25, "recording": "a b.flac"}
    (matches / "a b.patch.json").write_text(json.dumps({"match": made}))
    for name in ("a b.match.wav", "a b.flac"):
        (matches / name).touch()
    pages = parsed_report(write_report(folder, out, sounds="none", matches=matches))
    parsed = pages["index.html"]
    links = [tag.get("src") or tag.get("href") for tag in parsed.named("audio", "a", "img")]
    outside = {link for link in links if link.startswith("..")}
    assert outside == {f"../my%20notes/a%20b{s}" for s in (".flac", ".match.wav", ".patch.json")}
    assert "3.25 dB away" in parsed.text and f"{OSC}, random" in parsed.text
    assert "--sounds none --matches 'my notes'" in parsed.text
    again = f"synthgym match 'my notes/a b.flac' --task {OSC} --solver random --out 'my notes'"
    assert again in parsed.text


@pytest.mark.parametrize("content", ["{", "{}", '{"match": {"task": 1}}', None])
def test_what_is_no_matched_recording(folder, tmp_path, content):
    if content is not None:
        (tmp_path / "x.patch.json").write_text(content)
    with pytest.raises(RecordError, match="synthgym match"):
        write_report(folder, tmp_path / "report", sounds="none", matches=tmp_path)
    assert not (tmp_path / "report" / "index.html").exists()


def test_an_unknown_selection_of_sounds(folder, tmp_path):
    with pytest.raises(ParameterError, match=r"'loud'.*'best', 'all', 'none'"):
        write_report(folder, tmp_path / "out", sounds="loud")


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_a_missing_extra_is_named(folder, tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"synthgym\[report\]"):
        write_report(folder, tmp_path / "out")


# Summary


def test_the_summary_is_a_markdown_table(suite, folder):
    (board,) = score_records(suite)
    lines = write_summary(folder).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert lines[0] == "**Search track, dev split, 2 tasks, suite version 0**"
    assert len(rows) == 2 + len(board.standings)
    assert len({row.count("|") for row in rows}) == 1
    first = board.standings[0]
    assert rows[2].startswith(f"| 1 | {first.solver} | {first.score.value:.3f} (")
    assert any(line.startswith("- Few runs") for line in lines)


def test_the_table_by_task_has_solved_runs_and_expected_costs(suite, folder):
    (board,) = score_records(suite)
    head, _, *rows = write_task_table(folder).splitlines()
    solvers = [cell.strip() for cell in head.strip("|").split("|")][1:]
    assert solvers == [standing.solver for standing in board.standings]
    assert len(rows) == len(board.tasks)
    for row in rows:
        task, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        for solver, cell in zip(solvers, cells, strict=True):
            runs = [r for r in suite if (r.run_id.task, r.run_id.solver) == (task, solver)]
            solved = [r for r in runs if r.final.distance_db <= 1.0]
            assert cell.startswith(f"{len(solved)}/{len(runs)} (")
            assert ("∞" in cell) == (not solved)
