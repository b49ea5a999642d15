"""Files that are whole or not there: written aside, then moved into place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

Writer = Callable[[Path], None]
"""Writes one whole file at the path it is given."""


def make_folder(folder: Path) -> Path:
    """Make the folder and check that files can be written there, before any long work.

    Raises:
        OSError: it cannot be made, or nothing can be written in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _named(folder), tempfile.NamedTemporaryFile(dir=folder, prefix=".synthgym-"):
        pass
    return folder


def write_whole(files: Mapping[Path, Writer]) -> None:
    """Write several files so that each is either complete or untouched.

    All are written beside their place under a hidden name first and moved only when the last one
    is complete, so a fault or a kill while writing leaves the former files as they were.

    Args:
        files: for each final path, the function that writes the content at the path it is given
            (which has the same suffix).

    Raises:
        OSError: a file could not be written; it names the final path.
    """
    with contextlib.ExitStack() as stack:
        drafts: dict[Path, Path] = {}
        for path, write in files.items():
            with _named(path):
                drafts[path] = stack.enter_context(_draft(path))
                write(drafts[path])
                _flush_to_disk(drafts[path])
        for path, draft in drafts.items():
            with _named(path):
                os.replace(draft, path)


def write_text(path: Path, text: str) -> None:
    """Write one UTF-8 text file, whole or not at all."""

    def write(draft: Path) -> None:
        draft.write_text(text, encoding="utf-8")

    write_whole({path: write})


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A hidden path beside `path`, with its suffix; gone afterwards unless moved away."""
    if path.is_dir():
        raise IsADirectoryError(None, "is a folder; name a file", str(path))
    draft = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Make an `OSError` raised inside speak of `path`, not of a hidden file or of no file."""
    try:
        yield
    except OSError as error:
        if error.errno is None and not error.strerror:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _flush_to_disk(path: Path) -> None:
    """Wait until the file's content has reached the disk (a full one may say so only then)."""
    with path.open("rb+") as file:  # Windows flushes only what may be written
        os.fsync(file.fileno())
