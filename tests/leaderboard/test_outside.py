"""Runs on recordings from plan to report: the shipped notes, and a folder of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parsed_pages import parsed_report

from synthgym import audio
from synthgym.errors import AudioError, ParameterError, RecordError
from synthgym.leaderboard import Plan, read_records, run_plan, verify_records
from synthgym.leaderboard.packs import pack_records
from synthgym.leaderboard.report import write_report, write_summary, write_task_table
from synthgym.tasks import make_problem

TASK = "Recordings-Subtractive-v0"


def plan(folder: Path, **settings: Any) -> Plan:
    fields: dict[str, Any] = {"indices": [0, 1], "budget": 30, "n_jobs": 1}
    return Plan([TASK], ["random"], folder, **{**fields, **settings})


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of two recordings."""
    folder = tmp_path / "mine"
    folder.mkdir()
    time_s = np.arange(8000) / 16000
    for name, freq_hz in (("low", 110.0), ("high", 440.0)):
        audio.write(folder / f"{name}.wav", 0.5 * np.sin(2 * np.pi * freq_hz * time_s), 16000)
    return folder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records on the shipped notes."""
    folder = tmp_path_factory.mktemp("shipped")
    run_plan(plan(folder))
    return folder


def test_shipped_notes_are_the_targets(shipped: Path) -> None:
    first, second = read_records(shipped)
    names = list(audio.sample_notes())
    assert [r.header.recording.split("-")[0] for r in (first, second)] == names[:2]
    note = audio.sample_notes()[names[1]]
    problem = make_problem("DiffMoog-Subtractive-v0", target=note)
    assert second.final.x is not None
    assert problem(np.array(second.final.x)) == pytest.approx(second.final.distance_db, abs=1e-6)


def test_all_of_the_notes_run_where_no_index_is_named(tmp_path: Path) -> None:
    assert len(plan(tmp_path, indices=None).jobs()) == len(audio.sample_notes())


def test_records_hold_and_can_be_run_again(shipped: Path) -> None:
    verdicts = verify_records(shipped, rerun=True)
    assert [(verdict.ok, verdict.reason) for verdict in verdicts] == [(True, "")] * 2


def test_packs_keep_what_the_target_was(shipped: Path, tmp_path: Path) -> None:
    pack_records(shipped, tmp_path)
    assert read_records(tmp_path) == read_records(shipped)
    assert all(verdict.ok for verdict in verify_records(tmp_path))


def test_recordings_of_ones_own(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    run_plan(plan(folder, recordings=own, indices=None))
    first, second = read_records(folder)
    assert [r.header.recording.split(" ")[0] for r in (first, second)] == ["high", "low"]
    assert all(v.ok for v in verify_records(folder, recordings=own, rerun=True))
    without = verify_records(folder)
    assert not any(verdict.ok for verdict in without)
    assert all("--recordings" in verdict.reason for verdict in without)


def test_another_recording_in_the_same_place_is_not_taken_for_the_first(
    own: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "records"
    run_plan(plan(folder, recordings=own))
    shutil.copy(own / "low.wav", own / "high.wav")
    high, low = verify_records(folder, recordings=own)
    assert (high.ok, low.ok) == (False, True)
    with pytest.raises(RecordError, match="recording high"):
        run_plan(plan(folder, recordings=own))


def test_plans_on_recordings_that_make_no_sense_are_refused(own: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"'dev'.*only report on recordings"):
        plan(tmp_path, split="dev")
    with pytest.raises(ParameterError, match=r"mine.*no task has recordings"):
        Plan(["DiffMoog-Osc-v0"], ["random"], tmp_path, recordings=own)
    with pytest.raises(AudioError, match="not a folder"):
        plan(tmp_path, recordings=tmp_path / "missing")
    with pytest.raises(ParameterError, match="index 2"):
        plan(tmp_path, recordings=own, indices=[2])


def test_tables_and_pages(shipped: Path, tmp_path: Path) -> None:
    assert write_summary(shipped).startswith("**Recordings (out of domain), search track, 1 chain")
    assert f"| {TASK} | clean_guitar-72-75 |" in write_task_table(shipped)
    index = write_report(shipped, tmp_path / "page", sounds="best")
    pages = parsed_report(index)
    page = pages["index.html"]
    assert "Recordings (out of domain), search track" in page.text
    assert "Nearer than random" in page.text
    sounds = [attributes["src"] for tag, attributes in page.tags if tag == "audio"]
    assert len(sounds) == 4
    assert all((index.parent / sound).is_file() for sound in sounds)
    # No page of the suite's is made of these runs.
    assert list(pages) == ["index.html"]


def test_a_mixed_folder_has_both_and_mixes_nothing(shipped: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shipped, tmp_path / "records"))
    alone = tmp_path / "alone"
    for out in (folder, alone):
        run_plan(Plan(["DiffMoog-Osc-v0"], ["random"], out, indices=[0, 1], budget=30, n_jobs=1))
    table, of_suite = write_summary(folder), write_summary(alone)
    assert table.startswith(of_suite)
    assert "Recordings (out of domain)" in table[len(of_suite) :]
    index = write_report(folder, tmp_path / "page", sounds="none")
    page = parsed_report(index)["index.html"]
    commands = page.text[page.text.index("Make it again") :]
    assert f"--tasks {TASK} " in commands
    assert "--tasks DiffMoog-Osc-v0 " in commands


def test_the_report_says_that_a_recording_is_not_there(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    run_plan(plan(folder, recordings=own))
    page = parsed_report(write_report(folder, tmp_path / "a", sounds="best"))["index.html"]
    assert f"No sounds of {TASK}" in page.text
    heard = write_report(folder, tmp_path / "b", sounds="best", recordings=own)
    page = parsed_report(heard)["index.html"]
    assert "No sounds of" not in page.text
    assert "--recordings mine" in page.text
