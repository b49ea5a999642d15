"""Files are whole or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from synthgym.cli import output


def text_writer(text: str) -> output.Writer:
    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return write


def test_all_files_are_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")
    output.write_whole({tmp_path / "a.txt": text_writer("A"), tmp_path / "b.txt": text_writer("B")})
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        "a.txt": "A",
        "b.txt": "B",
    }


def test_a_fault_in_one_leaves_all_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")

    def fail(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left") as caught:
        output.write_whole({tmp_path / "a.txt": text_writer("A"), tmp_path / "b.txt": fail})
    assert caught.value.filename == str(tmp_path / "b.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text("utf-8") == "old"


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match="is a folder") as caught:
        output.write_whole({tmp_path / "a.txt": text_writer("A")})
    assert caught.value.filename == str(tmp_path / "a.txt")


def test_make_folder_makes_parents_and_leaves_nothing_else(tmp_path: Path) -> None:
    folder = output.make_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_make_folder_names_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("", encoding="utf-8")
    for place in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(OSError, match=str(place)):
            output.make_folder(place)
