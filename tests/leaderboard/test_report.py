"""The report as files: what stands on the page, what it refers to, how it replaces an older one."""

from __future__ import annotations

import json
import re
import shlex
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_records import comparison, record, write

from synthgym import metrics
from synthgym.cli.bench import run as bench_run
from synthgym.cli.options import Indices
from synthgym.errors import MissingExtraError, ParameterError, RecordError
from synthgym.leaderboard import page, sounds
from synthgym.leaderboard.figures import HEIGHT, WIDTH, anytime_figure, runtime_figure
from synthgym.leaderboard.report import write_report, write_summary
from synthgym.leaderboard.score import score_records
from synthgym.tasks import get_task

OSC, FM = "DiffMoog-Osc-v0", "DiffMoog-FM-v0"
DIMENSIONS = {task: get_task(task).dimension for task in (OSC, FM)}
VOID = {"meta", "link", "img"}


class Parsed(HTMLParser):
    """Tags with their attributes and the visible text; fails on tags that do not balance."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += f" {data}"

    def named(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


@pytest.fixture(scope="module")
def suite() -> list:
    return comparison(DIMENSIONS, n_targets=3)


@pytest.fixture(scope="module")
def folder(suite, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("of") / "records"
    write(suite, root)
    return root


@pytest.fixture(scope="module")
def index(folder, tmp_path_factory) -> Path:
    return write_report(folder, tmp_path_factory.mktemp("made") / "report")


@pytest.fixture(scope="module")
def parsed(index) -> Parsed:
    return Parsed(index.read_text("utf-8"))


def small(folder: Path, *others, **changes) -> Path:
    """A folder with one run of `random` on the Osc task, and others."""
    steps = [(1, 0, 9.0), (40, 0, 0.8)]
    write([record("random", steps, task=OSC, dimension=5, **changes), *others], folder)
    return folder


# The page


def test_the_page_refers_to_nothing_but_its_own_files(index, parsed):
    for tag, attributes in parsed.tags:
        for name in ("src", "href"):
            reference = attributes.get(name, "#")
            if not reference.startswith(("#", "data:")):
                assert tag in ("img", "audio")
                assert (index.parent / reference).is_file()
    source = index.read_text("utf-8")
    assert "http:" not in source and "https:" not in source
    assert "@import" not in source and "url(" not in source


def test_links_within_the_page_have_their_targets(parsed):
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for a in parsed.named("a") if a["href"].startswith("#")]
    assert set(links) <= set(ids)
    assert {"main", "method", "reproduce", "board-1", f"board-1-{FM}"} <= set(links)
    labels = [a["aria-labelledby"] for _, a in parsed.tags if "aria-labelledby" in a]
    assert set(labels) <= set(ids)


def test_what_is_seen_is_also_said(parsed):
    assert all(a.get("alt") for a in parsed.named("img"))
    assert all(a.get("aria-label") for a in parsed.named("audio"))
    assert all(a.get("scope") for a in parsed.named("th"))
    for figure in parsed.named("svg"):
        assert figure.get("aria-hidden") == "true" or (
            figure["role"] == "img" and figure["aria-label"]
        )
    assert parsed.named("html") == [{"lang": "en"}]


def test_the_header_states_what_was_compared(parsed):
    text = " ".join(parsed.text.split())
    assert "suite version 0" in text
    assert "Solvers 4 Tasks 2 Targets 6 Runs 24 Split dev" in text
    assert "2026-03-01 to 2026-03-03" in text
    assert "Few runs" in text
    assert "torch 2.6.0" in text


def test_the_tables_hold_the_scores(suite, parsed):
    (board,) = score_records(suite)
    text = " ".join(parsed.text.split())
    for s in board.standings:
        row = f"{s.rank} {s.solver} {s.score.value:.3f} {s.score.low:.3f}–{s.score.high:.3f}"
        assert row in text
    for result in board.results.values():
        assert f"{page.count(result.ert[0])} {result.n_hits[0]}/{result.n_runs}" in text
        assert page.decibels(result.final_db[1]) in text


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
    source = write_report(small(tmp_path / "r", bad), tmp_path / "out", title=evil).read_text()
    assert evil not in source
    assert Parsed(source).text.count(evil) == 3  # title, heading, error


def test_runs_that_failed_and_files_that_are_no_records_are_listed(tmp_path):
    failed = record("evil", [], task=OSC, dimension=5, status="error", message="boom")
    folder = small(tmp_path / "r", failed)
    broken = folder / OSC / "random" / "dev-7" / "seed-0.jsonl"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"kind":"run"')
    text = Parsed(write_report(folder, tmp_path / "out").read_text()).text
    assert f"{OSC}/evil/dev-0/seed-0" in text and "boom" in text
    assert f"{OSC}/random/dev-7/seed-0.jsonl" in text and "not JSON" in text
    assert str(tmp_path) not in text


def test_boards_stand_apart(tmp_path):
    others = [
        record("ppo", [(1, 0, 3.0)], task=OSC, dimension=5, track="amortized", budget=100),
        record("random", [(1, 0, 3.0)], task=OSC, dimension=5, split="test"),
    ]
    text = Parsed(write_report(small(tmp_path / "r", *others), tmp_path / "o").read_text()).text
    headings = ["Search track, test split", "Search track, dev split", "Amortized track, dev split"]
    assert sorted(headings, key=text.index) == headings
    assert "Median distance (dB) after" in text
    assert "not stated" in text


def test_a_run_that_evaluated_nothing_has_a_report(tmp_path):
    write([record("idle", [], task=OSC, dimension=5)], tmp_path / "r")
    text = Parsed(write_report(tmp_path / "r", tmp_path / "out").read_text()).text
    assert "∞ 0/1" in " ".join(text.split())


# Sounds


def test_players_play_targets_and_matches(index, parsed):
    task = get_task(OSC)
    target = task.target("dev", 0).audio
    (path,) = (index.parent / sounds.SOUNDS_FOLDER).glob(f"{OSC}-dev-0-target-*.wav")
    samples, rate = soundfile.read(path)
    assert soundfile.info(path).subtype == "PCM_16"
    assert (rate, samples.shape) == (task.clock.sample_rate, target.shape)
    gain = np.vdot(samples, target) / np.vdot(target, target)
    assert np.abs(samples - gain * target).max() < 1e-4


def test_a_match_is_the_sound_of_the_records_final_parameters(tmp_path):
    x = (0.3, 0.9, 0.1, 0.4, 0.7)
    folder = small(tmp_path / "r", x=x)
    out = write_report(folder, tmp_path / "out").parent
    task = get_task(OSC)
    found = task.patch.render(torch.tensor([x]), task.clock)[0].numpy()
    (path,) = (out / sounds.SOUNDS_FOLDER).glob(f"{OSC}-dev-0-random-*.wav")
    samples, _ = soundfile.read(path)
    (target_path,) = (out / sounds.SOUNDS_FOLDER).glob(f"{OSC}-dev-0-target-*.wav")
    target, _ = soundfile.read(target_path)
    # One gain for both, the louder of them at -1 dB under full scale.
    gain = np.vdot(target, task.target("dev", 0).audio) / np.vdot(
        *[task.target("dev", 0).audio] * 2
    )
    assert np.abs(samples - gain * found).max() < 1e-3
    assert max(np.abs(samples).max(), np.abs(target).max()) == pytest.approx(10 ** (-1 / 20), 1e-3)


def test_metrics_are_those_of_the_sounds_and_not_of_the_page_gain(tmp_path):
    x = (0.3, 0.9, 0.1, 0.4, 0.7)
    source = write_report(small(tmp_path / "r", x=x), tmp_path / "out").read_text()
    task = get_task(OSC)
    found = task.patch.render(torch.tensor([x]), task.clock)
    target = task.target("dev", 0).audio[None]
    text = " ".join(Parsed(source).text.split())
    values = metrics.evaluate(found, target, task.clock.sample_rate, metrics.REPORTED)
    row = " ".join(page.significant(float(value[0])) for value in values.values())
    assert f"0.80 {row}" in text  # after the record's distance
    for name in metrics.REPORTED:
        card = metrics.build(name).card
        assert f"{name}{f' {card.unit}' if card.unit else ''} " in text
        assert card.definition in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.00"), (0.10049, "0.100"), (17.0, "17.0"), (123.4, "123"), (1745.6, "1,746")],
)
def test_a_metric_has_three_figures(value, text):
    assert page.significant(value) == text


def test_a_metric_that_is_undefined_is_a_dash(tmp_path, monkeypatch):
    monkeypatch.setattr(sounds._Shelf, "_render", lambda *_: np.zeros(16384, np.float32))
    source = write_report(small(tmp_path / "r"), tmp_path / "out").read_text()
    (table,) = re.findall(r'<table class="metrics.*?</table>', source, re.DOTALL)
    assert Parsed(table).text.split()[-1] == "–"
    assert "NaN" not in source and "nan" not in table


@pytest.mark.parametrize(
    ("selection", "n_players"),
    # Per task: 3 targets, of which one with the matches of all 4 solvers and two with one match.
    [("none", 0), ("best", 2 * (5 + 2 + 2)), ("all", 2 * 3 * 5)],
)
def test_the_selection_decides_what_is_played(folder, tmp_path, selection, n_players):
    out = write_report(folder, tmp_path / "out", sounds=selection)
    assert len(Parsed(out.read_text()).named("audio")) == n_players
    assert len(list(out.parent.rglob("*.wav"))) == n_players


def test_the_hardest_target_is_featured(suite):
    (board,) = score_records(suite, n_resamples=10)
    medians = {
        index: np.median(
            [
                r.final.distance_db
                for r in board.records
                if r.header.task == FM and r.header.index == index
            ]
        )
        for index in range(3)
    }
    assert sounds.hardest_target(board, FM) == max(medians, key=lambda index: medians[index])


@pytest.mark.parametrize(
    ("task", "dimension", "fault"), [("DiffMoog-Gone-v0", 5, "unknown task"), (FM, 7, "has 10 dim")]
)
def test_a_task_that_cannot_be_rendered_says_why(tmp_path, task, dimension, fault):
    other = record("random", [(1, 0, 3.0)], task=task, dimension=dimension)
    write([other], tmp_path / "r")
    text = Parsed(write_report(tmp_path / "r", tmp_path / "out").read_text()).text
    assert "No sounds: " in text and fault in text


# Replacing


def test_a_new_report_replaces_the_old_one_and_removes_its_sounds_only(folder, tmp_path):
    out = write_report(small(tmp_path / "r"), tmp_path / "out").parent
    old = {p.name for p in (out / sounds.SOUNDS_FOLDER).iterdir()}
    (out / sounds.SOUNDS_FOLDER / "mine.wav").write_bytes(b"mine")
    (out / "notes.txt").write_text("mine")
    parsed = Parsed(write_report(folder, out).read_text())
    kept = {p.name for p in (out / sounds.SOUNDS_FOLDER).iterdir()}
    used = {a["src"].split("/")[1] for a in parsed.named("img", "audio")}
    assert kept == used | {"mine.wav"}
    assert old - used and not (old - used) & kept
    assert (out / "notes.txt").read_text() == "mine"


def test_a_report_that_fails_leaves_the_old_one_whole(folder, tmp_path, monkeypatch):
    out = write_report(small(tmp_path / "r"), tmp_path / "out").parent
    before = (out / "index.html").read_bytes()

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr("synthgym.leaderboard.report._render", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(folder, out)
    assert (out / "index.html").read_bytes() == before
    for a in Parsed(before.decode()).named("img", "audio"):
        assert (out / a["src"]).is_file()
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


def test_matched_recordings_are_linked(folder, tmp_path):
    out, matches = tmp_path / "report", tmp_path / "my notes"
    matches.mkdir()
    made = {"task": OSC, "solver": "random", "distance_db": 3.25, "recording": "a b.flac"}
    (matches / "a b.patch.json").write_text(json.dumps({"match": made}))
    for name in ("a b.match.wav", "a b.flac"):
        (matches / name).touch()
    parsed = Parsed(write_report(folder, out, sounds="none", matches=matches).read_text("utf-8"))
    links = [tag.get("src") or tag.get("href") for tag in parsed.named("audio", "a", "img")]
    outside = {link for link in links if link.startswith("..")}
    assert outside == {f"../my%20notes/a%20b{s}" for s in (".flac", ".match.wav", ".patch.json")}
    assert "3.25 dB away" in parsed.text and f"{OSC}, random" in parsed.text


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


# Commands


def test_the_commands_are_ones_that_the_command_line_takes(suite, folder):
    (board,) = score_records(suite, n_resamples=10)
    (command,) = page.run_commands(board, "my records")
    words = shlex.split(command)
    assert words[:3] == ["synthgym", "bench", "run"]
    params = bench_run.make_context("run", words[3:]).params
    assert params["out"] == Path("my records")
    assert params["split"] == "dev"
    assert (params["targets"], params["seeds"], params["budget"]) == ((0, 1, 2), (0,), None)


def test_a_budget_of_its_own_is_part_of_the_command():
    runs = [record("a", [(1, 0, 9.0)], task=OSC, dimension=5, budget=b) for b in (200,)]
    runs += [record("b", [(1, 0, 9.0)], task=OSC, dimension=5, budget=get_task(OSC).budget)]
    commands = page.run_commands(score_records(runs, n_resamples=10)[0], "r")
    assert [("--budget 200" in c, "--solvers a" in c) for c in commands] == [
        (False, False),
        (True, True),
    ]


@given(st.sets(st.integers(0, 40), min_size=1))
def test_indices_are_written_as_the_command_line_reads_them(chosen):
    assert Indices().convert(page.indices(chosen), None, None) == tuple(sorted(chosen))


# Numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (page.count(1234.4), "1,234"),
        (page.count(2.5e6), "2.50 M"),
        (page.count(float("inf")), "∞"),
        (page.decibels(0.756), "0.76"),
        (page.decibels(12.34), "12.3"),
        (page.decibels(float("inf")), "∞"),
        (page.share(0), "0%"),
        (page.share(0.001), "1%"),
        (page.share(0.999), "99%"),
        (page.share(1), "100%"),
        (page.duration(0.0123), "12 ms"),
        (page.duration(3.21), "3.2 s"),
        (page.duration(59), "59 s"),
        (page.duration(90), "1.5 min"),
        (page.duration(7300), "2.0 h"),
        (page.counted(1, "run"), "1 run"),
        (page.counted(1200, "run"), "1,200 runs"),
    ],
)
def test_numbers_are_written_for_people(text, expected):
    assert text == expected


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


# Figures


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
    styles = [page.line_style(position) for position in range(64)]
    assert len(set(styles)) == 64
