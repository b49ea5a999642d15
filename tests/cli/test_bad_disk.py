"""Folders that cannot be written and disks that are full: nothing is half-written."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synthgym.cli import matching

Call = Callable[..., Any]
OneLine = Callable[..., None]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where results would go; a fault must not even make it."""
    return tmp_path / "out"


def test_a_file_where_the_folder_should_be(
    matched: Path, tmp_path: Path, quick: Any, call: Call, one_line: OneLine
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    one_line(call("match", matched / "note.wav", *quick, "--out", taken), str(taken))
    one_line(call("match", matched / "note.wav", *quick, "--out", taken / "x"), str(taken))
    one_line(call("bench", "run", "--solvers", "random", "--out", taken), str(taken))
    assert taken.read_text("utf-8") == "mine"


def test_a_folder_that_cannot_be_written(
    matched: Path, quick: Any, call: Call, one_line: OneLine
) -> None:
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc, the one folder where root cannot write either")
    one_line(call("match", matched / "note.wav", *quick, "--out", "/proc/synthgym"), "/proc")


def test_no_permission_is_said_before_the_search(
    matched: Path,
    out: Path,
    quick: Any,
    call: Call,
    one_line: OneLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deny(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/somewhere/.hidden")

    def search(_job: Any) -> None:
        raise AssertionError("searched before looking at the folder")

    monkeypatch.setattr("synthgym.cli.output.tempfile.NamedTemporaryFile", deny)
    monkeypatch.setattr(matching, "run_match", search)
    ended = call("match", matched / "note.wav", *quick, "--out", out)
    one_line(ended, f"{out}: Permission denied")


def _results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("kind", ["fsync", "wav", "picture"])
def test_a_full_disk_leaves_the_former_results(
    kind: str,
    matched: Path,
    tmp_path: Path,
    quick: Any,
    call: Call,
    one_line: OneLine,
    without_progress: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert call("match", matched / "note.wav", *quick, "--out", tmp_path).code == 0
    former = _results(tmp_path)
    assert set(former) == {"note.match.wav", "note.patch.json", "note.png"}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    place = {
        "fsync": "synthgym.cli.output.os.fsync",
        "wav": "synthgym.audio.write",
        "picture": "synthgym.cli.matching.draw_match",
    }[kind]
    monkeypatch.setattr(place, full)
    ended = call("match", matched / "note.wav", *quick, "--out", tmp_path)
    one_line(without_progress(ended), str(tmp_path), "o space left")
    assert _results(tmp_path) == former


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, where that can be made."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"cannot mount a tiny file system here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(
    tiny_disk: Path,
    matched: Path,
    quick: Any,
    call: Call,
    one_line: OneLine,
    without_progress: Call,
) -> None:
    ended = call("match", matched / "note.wav", *quick, "--out", tiny_disk)
    one_line(without_progress(ended), str(tiny_disk), "o space left")
    assert list(tiny_disk.iterdir()) == []
    options = ("--out", tiny_disk / "x.wav", "--seconds", 5)
    one_line(call("render", matched / "note.patch.json", *options), "o space left")
    assert list(tiny_disk.iterdir()) == []
