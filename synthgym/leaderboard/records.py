"""Records as files: one for each run, or many in a pack.

A record is one JSONL file at `<folder>/<task>/<solver>/<split>-<index>/seed-<seed>.jsonl`. Its
lines are JSON objects: one of kind `"run"` (what was run, with what), one of kind `"improvement"`
for each new best, one of kind `"final"` (how it ended, with the best unit vector). While the run
goes on the file has the suffix `.jsonl.part`; it is renamed when the last line is safely on disk.
So a file named `.jsonl` is a whole run, whatever happened to the process that wrote it.

Many records of one solver fit into one file, a *pack*, for git and for sending: a line of kind
`"pack"` that says how many there are, then one line of kind `"record"` for each, in the order of
their ids. `synthgym.leaderboard.packs` writes them; whatever reads records reads both.

JSON has no infinity: a run that evaluated nothing has `x` and `distance_db` null in the file,
None and `inf` in Python. A record that was cut at a smaller budget may know its distance without
its `x`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from synthgym.errors import RecordError
from synthgym.leaderboard.jsonl import JsonLine
from synthgym.leaderboard.parsing import PACK, parse_file, parse_pack_head, parse_packed
from synthgym.leaderboard.record import Final, Record, RunHeader, Status
from synthgym.leaderboard.run_id import RECORD_SUFFIX, RunId
from synthgym.solvers import Track
from synthgym.tasks import Improvement

__all__ = [
    "Final",
    "Found",
    "Improvement",
    "Record",
    "RunHeader",
    "RunId",
    "Status",
    "Track",
    "count_records",
    "find_records",
    "read_pack",
    "read_record",
    "read_records",
    "record_paths",
]


@dataclass(frozen=True)
class Found:
    """A record, or what should be one, and where it lies.

    Args:
        path: the file.
        line: its line in a pack, None for a file of its own.
        record: the record, None where it is damaged.
        error: the damage, None where there is none; its message starts with file and line.
    """

    path: Path
    line: int | None
    record: Record | None
    error: RecordError | None = None


def read_record(path: Path) -> Record:
    """Read one complete record from a file of its own.

    Args:
        path: a `.jsonl` file.

    Raises:
        RecordError: the file cannot be read, is cut off, or a line is not what it should be; the
            message starts with file and line. Whether the numbers are *true* is not asked here:
            that is `verify_records`.
    """
    return parse_file(path, _lines(path))


def read_pack(path: Path) -> list[Record]:
    """Read all records of a pack, or the one record of a file of its own.

    Raises:
        RecordError: as `read_record`.
    """
    return list(_undamaged(_find_in(path), None))


def find_records(folder: Path) -> list[Found]:
    """Look at every record under a folder, packed or not, in the order of path and line.

    Damage in a pack concerns its own line only; a pack that has lost lines is told as one more
    find, at the line where it ends.

    Raises:
        RecordError: `folder` is not there.
    """
    return [found for path in record_paths(folder) for found in _find_in(path)]


def read_records(
    folder: Path, on_bad: Callable[[Path, RecordError], None] | None = None
) -> list[Record]:
    """Read every complete record under a folder, sorted by run id; `.part` files are not records.

    Args:
        folder: where the runs were written, or packs of them, or both.
        on_bad: called with path and error of a damaged record, which is then left out.

    Raises:
        RecordError: `folder` is not there, or a record is damaged and `on_bad` is None.
    """
    return sorted(_undamaged(find_records(folder), on_bad), key=lambda record: record.run_id)


def count_records(folder: Path) -> int:
    """How many records there should be under a folder, by the first line of each file.

    Raises:
        RecordError: `folder` is not there.
    """
    n_records = 0
    for path in record_paths(folder):
        try:
            with path.open(encoding="utf-8") as stream:
                n_records += parse_pack_head(JsonLine(stream.readline(), str(path)))[1]
        except (OSError, UnicodeDecodeError, RecordError):
            n_records += 1  # a file of its own, or one that is damaged: a find in either case
    return n_records


def record_paths(folder: Path) -> list[Path]:
    """The files of the complete records under `folder`, sorted.

    Raises:
        RecordError: there is no such folder.
    """
    if not folder.is_dir():
        raise RecordError(f"{folder} is not a folder; give the one that `bench run` wrote to")
    return sorted(folder.rglob(f"*{RECORD_SUFFIX}"))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read ({error})") from error


def _undamaged(
    finds: Iterable[Found], on_bad: Callable[[Path, RecordError], None] | None
) -> Iterator[Record]:
    for found in finds:
        if found.record is not None:
            yield found.record
        elif found.error is not None:
            if on_bad is None:
                raise found.error
            on_bad(found.path, found.error)


def _find_in(path: Path) -> Iterator[Found]:
    try:
        texts = _lines(path)
        head = JsonLine(texts[0], f"{path}:1") if texts else None
        if head is None or head.kind != PACK:
            yield Found(path, None, parse_file(path, texts))
            return
        solver, n_records = parse_pack_head(head)
    except RecordError as error:
        yield Found(path, None, None, error)
        return
    last: RunId | None = None
    for number, text in enumerate(texts[1:], start=2):
        try:
            record = parse_packed(JsonLine(text, f"{path}:{number}"), solver, last)
        except RecordError as error:
            yield Found(path, number, None, error)
        else:
            last = record.run_id
            yield Found(path, number, record)
    if len(texts) - 1 != n_records:
        lost = RecordError(
            f"{path}:{len(texts)}: the pack ends after {len(texts) - 1} records, its first line "
            f"promises {n_records}; it was cut off or edited"
        )
        yield Found(path, len(texts), None, lost)
