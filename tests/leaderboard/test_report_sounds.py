"""Sounds of a report: which there are, and that they are what they say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from made_records import record, write
from parsed_pages import Parsed, parsed_report

from synthgym import metrics
from synthgym.leaderboard import formatting, sounds
from synthgym.leaderboard.hardest import hardest_first
from synthgym.leaderboard.report import report_size, write_report
from synthgym.leaderboard.score import score_records
from synthgym.tasks import get_task

OSC, FM = "DiffMoog-Osc-v0", "DiffMoog-FM-v0"


def one_run(folder: Path, **changes) -> Path:
    """A folder with one run of `random` on the Osc task."""
    steps = [(1, 0, 9.0), (40, 0, 0.8)]
    write([record("random", steps, task=OSC, dimension=5, **changes)], folder)
    return folder


def test_players_play_targets_and_matches(index):
    task = get_task(OSC)
    target = task.target("dev", 0).audio
    (path,) = (index.parent / sounds.SOUNDS_FOLDER).glob(f"{OSC}-dev-0-target-*.flac")
    samples, rate = soundfile.read(path)
    assert soundfile.info(path).subtype == "PCM_16"
    assert (rate, samples.shape) == (task.clock.sample_rate, target.shape)
    gain = np.vdot(samples, target) / np.vdot(target, target)
    assert np.abs(samples - gain * target).max() < 1e-4


def test_a_match_is_the_sound_of_the_records_final_parameters(tmp_path):
    x = (0.3, 0.9, 0.1, 0.4, 0.7)
    folder = one_run(tmp_path / "r", x=x)
    out = write_report(folder, tmp_path / "out").parent
    task = get_task(OSC)
    found = task.patch.render(torch.tensor([x]), task.clock)[0].numpy()
    (path,) = (out / sounds.SOUNDS_FOLDER).glob(f"{OSC}-dev-0-random-*.flac")
    samples, _ = soundfile.read(path)
    (target_path,) = (out / sounds.SOUNDS_FOLDER).glob(f"{OSC}-dev-0-target-*.flac")
    target, _ = soundfile.read(target_path)
    # One gain for both, the louder of them at -1 dB under full scale.
    gain = np.vdot(target, task.target("dev", 0).audio) / np.vdot(
        *[task.target("dev", 0).audio] * 2
    )
    assert np.abs(samples - gain * found).max() < 1e-3
    assert max(np.abs(samples).max(), np.abs(target).max()) == pytest.approx(10 ** (-1 / 20), 1e-3)


def test_metrics_are_those_of_the_sounds_and_not_of_the_page_gain(tmp_path):
    x = (0.3, 0.9, 0.1, 0.4, 0.7)
    index = write_report(one_run(tmp_path / "r", x=x), tmp_path / "out")
    task = get_task(OSC)
    found = task.patch.render(torch.tensor([x]), task.clock)
    target = task.target("dev", 0).audio[None]
    pages = parsed_report(index)
    text = pages[f"pages/board-1-sounds-{OSC}.html"].text
    values = metrics.evaluate(found, target, task.clock.sample_rate, metrics.REPORTED)
    row = " ".join(formatting.significant(float(value[0])) for value in values.values())
    assert f"0.80 {row}" in text  # after the record's distance
    for name in metrics.REPORTED:
        card = metrics.build(name).card
        assert f"{name}{f' {card.unit}' if card.unit else ''} " in text
        assert card.definition in pages["index.html"].text


def test_a_metric_that_is_undefined_is_a_dash(tmp_path, monkeypatch):
    monkeypatch.setattr(sounds._Shelf, "_render", lambda *_: np.zeros(16384, np.float32))
    index = write_report(one_run(tmp_path / "r"), tmp_path / "out")
    source = (index.parent / f"pages/board-1-sounds-{OSC}.html").read_text("utf-8")
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
    pages = parsed_report(out)
    players = [a for page in pages.values() for a in page.named("audio")]
    assert len(players) == len({player["aria-label"] for player in players}) == n_players
    assert len(list(out.parent.rglob("*.flac"))) == n_players
    assert bool(n_players) == any("sounds" in name for name in pages)
    linked = any("-sounds-" in address for _, address in pages["index.html"].references)
    assert bool(n_players) == linked


def test_targets_stand_hardest_first_and_the_hardest_has_every_match(suite, pages):
    (board,) = score_records(suite, n_resamples=10)
    order = [f"target-{target.index}" for target in hardest_first(board, FM)]
    page = pages[f"pages/board-1-sounds-{FM}.html"]
    groups = page.source.split('<details class="target-group"')[1:]
    assert [re.search('id="([^"]+)"', group)[1] for group in groups] == order
    assert ["open>" in group.split("<summary")[0] for group in groups] == [True, False, False]
    assert [group.count("<audio") for group in groups] == [5, 2, 2]
    # Sounds that are folded away load when they are played.
    assert [group.count('preload="metadata"') for group in groups] == [5, 0, 0]


def test_matches_of_a_target_stand_nearest_first(tmp_path, folder):
    out = write_report(folder, tmp_path / "out", sounds="all")
    for task in (OSC, FM):
        source = (out.parent / f"pages/board-1-sounds-{task}.html").read_text("utf-8")
        for group in source.split('<details class="target-group"')[1:]:
            away = [float(db) for db in re.findall(r">([\d.]+) dB away<", group)]
            assert len(away) == 4 and away == sorted(away)


def test_the_size_of_a_report_is_that_of_its_files(index):
    pages_bytes, sounds_bytes = report_size(index.parent)
    assert sounds_bytes == sum(p.stat().st_size for p in (index.parent / "sounds").iterdir())
    every = sum(p.stat().st_size for p in index.parent.rglob("*") if p.is_file())
    assert pages_bytes + sounds_bytes == every
    # What is said of the size beforehand: 10 to 20 KB a sound, with its picture.
    n_sounds = len(list(index.parent.rglob("*.flac")))
    assert 10_000 < sounds_bytes / n_sounds < 20_500


@pytest.mark.parametrize(
    ("task", "dimension", "fault"), [("DiffMoog-Gone-v0", 5, "unknown task"), (FM, 7, "has 10 dim")]
)
def test_a_task_that_cannot_be_rendered_says_why(tmp_path, task, dimension, fault):
    other = record("random", [(1, 0, 3.0)], task=task, dimension=dimension)
    write([other], tmp_path / "r")
    pages = parsed_report(write_report(tmp_path / "r", tmp_path / "out"))
    assert set(pages) >= {"index.html", f"pages/board-1-task-{task}.html"}
    text = pages[f"pages/board-1-task-{task}.html"].text
    assert "No sounds: " in text and fault in text
