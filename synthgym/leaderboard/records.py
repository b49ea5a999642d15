"""What a run leaves behind: a header, its improvements, its end.

A record is one JSONL file at `<folder>/<task>/<solver>/<split>-<index>/seed-<seed>.jsonl`. Its
lines are JSON objects: one of kind `"run"` (what was run, with what), one of kind `"improvement"`
for each new best, one of kind `"final"` (how it ended, with the best unit vector). While the run
goes on the file has the suffix `.jsonl.part`; it is renamed when the last line is safely on disk.
So a file named `.jsonl` is a whole run, whatever happened to the process that wrote it.

JSON has no infinity: a run that evaluated nothing has `x` and `distance_db` null in the file,
None and `inf` in Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from synthgym.errors import RecordError
from synthgym.leaderboard.jsonl import JsonLine
from synthgym.leaderboard.run_id import RECORD_SUFFIX, RunId
from synthgym.solvers import OutcomeStatus, Track
from synthgym.tasks import Improvement

__all__ = [
    "Final",
    "Improvement",
    "Record",
    "RunHeader",
    "RunId",
    "Status",
    "Track",
    "read_record",
    "read_records",
    "record_paths",
]

Status = OutcomeStatus | Literal["error"]
"""How a run ended; `"error"` when the solver raised or broke the protocol."""

_STATUSES = (*get_args(OutcomeStatus), "error")

SCHEMA = 1
"""Version of the file format."""


@dataclass(frozen=True)
class RunHeader:
    """What was run, written before the run starts.

    Args:
        run_id: names the run.
        solver_spec: what `load_solver` was given.
        track: `"search"` or `"amortized"`.
        budget: cost units allowed, or None for endless.
        stop_at_db: distance at which the run ends, or None to spend the whole budget.
        suite_version: version of the suite of tasks.
        dimension: entries of the unit vector.
        solved_db: distance at which the task counts as solved.
        settings: what the solver says of its own settings, as JSON values.
        versions: of synthgym, torch, numpy, python, a digest of the solver's source file, and
            whether the compiled kernels were used, which round otherwise.
        started_at: ISO 8601 time in UTC.
    """

    run_id: RunId
    solver_spec: str
    track: Track
    budget: int | None
    stop_at_db: float | None
    suite_version: str
    dimension: int
    solved_db: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    started_at: str = ""

    @property
    def task(self) -> str:
        """Id of the task."""
        return self.run_id.task

    @property
    def solver(self) -> str:
        """Name of the solver."""
        return self.run_id.solver

    @property
    def split(self) -> str:
        """Split of the target."""
        return self.run_id.split

    @property
    def index(self) -> int:
        """Index of the target in its split."""
        return self.run_id.index

    @property
    def seed(self) -> int:
        """Which repetition of the run this is."""
        return self.run_id.seed


@dataclass(frozen=True)
class Final:
    """How a run ended.

    Args:
        status: why it ended.
        x: the best unit vector, or None when nothing was evaluated.
        distance_db: its distance, `inf` when nothing was evaluated.
        n_evaluations: evaluations in all.
        n_gradients: gradient evaluations in all.
        wall_s: seconds that the run took.
        message: what went wrong for status `"error"`, else a remark or empty.
    """

    status: Status
    x: tuple[float, ...] | None
    distance_db: float
    n_evaluations: int
    n_gradients: int
    wall_s: float
    message: str = ""


@dataclass(frozen=True)
class Record:
    """A complete run: header, improvements in order, end."""

    header: RunHeader
    improvements: tuple[Improvement, ...]
    final: Final

    @property
    def run_id(self) -> RunId:
        """Names the run."""
        return self.header.run_id

    def timeless(self) -> Record:
        """The same record without what depends on when and how fast it was made.

        Two undisturbed runs of one id with the same software are equal after this.
        """
        return Record(
            replace(self.header, started_at=""),
            tuple(replace(one, wall_s=0.0) for one in self.improvements),
            replace(self.final, wall_s=0.0),
        )


def read_record(path: Path) -> Record:
    """Read one complete record.

    Args:
        path: a `.jsonl` file.

    Raises:
        RecordError: the file cannot be read, is cut off, or a line is not what it should be; the
            message starts with file and line. Whether the numbers are *true* is not asked here:
            that is `verify_records`.
    """
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read ({error})") from error
    header: RunHeader | None = None
    improvements: list[Improvement] = []
    final: Final | None = None
    for number, text in enumerate(texts, start=1):
        line = JsonLine(text, f"{path}:{number}")
        if final is not None:
            raise line.fail("there is a line after the final one")
        if (header is None) != (line.kind == "run"):
            raise line.fail(f"the first line, and only it, must be of kind 'run'; got {line.kind}")
        if line.kind == "run":
            header = _parse_header(line)
        elif line.kind == "improvement":
            improvements.append(_parse_improvement(line))
        elif line.kind == "final":
            final = _parse_final(line)
        else:
            raise line.fail(f"unknown kind {line.kind!r}")
        line.done()
    if header is None or final is None:
        raise RecordError(f"{path}:{len(texts)}: ends without its final line; the file is cut off")
    return Record(header, tuple(improvements), final)


def read_records(
    folder: Path, on_bad: Callable[[Path, RecordError], None] | None = None
) -> list[Record]:
    """Read every complete record under a folder, sorted by run id; `.part` files are not records.

    Args:
        folder: where the runs were written.
        on_bad: called with path and error of a damaged record, which is then left out.

    Raises:
        RecordError: `folder` is not there, or a record is damaged and `on_bad` is None.
    """
    records = []
    for path in record_paths(folder):
        try:
            records.append(read_record(path))
        except RecordError as error:
            if on_bad is None:
                raise
            on_bad(path, error)
    return sorted(records, key=lambda record: record.run_id)


def record_paths(folder: Path) -> list[Path]:
    """The files of the complete records under `folder`, sorted.

    Raises:
        RecordError: there is no such folder.
    """
    if not folder.is_dir():
        raise RecordError(f"{folder} is not a folder; give the one that `bench run` wrote to")
    return sorted(folder.rglob(f"*{RECORD_SUFFIX}"))


def _parse_header(line: JsonLine) -> RunHeader:
    schema = line.count("schema")
    if schema != SCHEMA:
        raise line.fail(f"schema {schema} is not {SCHEMA}, the one that this version reads")
    written_id = line.text("id")
    run_id = RunId(
        line.text("task"),
        line.text("solver"),
        line.text("split"),
        line.whole("index"),
        line.whole("seed"),
    )
    if str(run_id) != written_id:
        raise line.fail(f"id {written_id!r} contradicts the other fields, which say {run_id}")
    versions = line.mapping("versions")
    if not all(isinstance(value, str) for value in versions.values()):
        raise line.fail(f"versions must be texts, not {versions!r}")
    solved_db = line.number("solved_db")
    if solved_db <= 0:
        raise line.fail(f"solved_db must be above 0, not {solved_db!r}")
    return RunHeader(
        run_id=run_id,
        solver_spec=line.text("solver_spec"),
        track=cast(Track, line.text("track", get_args(Track))),
        budget=line.optional_count("budget", least=1),
        stop_at_db=line.optional_number("stop_at_db"),
        suite_version=line.text("suite_version"),
        dimension=line.count("dimension", least=1),
        solved_db=solved_db,
        settings=line.mapping("settings"),
        versions=versions,
        started_at=line.text("started_at"),
    )


def _parse_improvement(line: JsonLine) -> Improvement:
    return Improvement(
        n_evaluations=line.count("n_evaluations"),
        n_gradients=line.count("n_gradients"),
        wall_s=line.number("wall_s"),
        distance_db=line.number("distance_db"),
    )


def _parse_final(line: JsonLine) -> Final:
    x = line.optional_numbers("x")
    distance_db = line.optional_number("distance_db")
    if (x is None) != (distance_db is None):
        raise line.fail("x and distance_db must both be null or both be given")
    return Final(
        status=cast(Status, line.text("status", _STATUSES)),
        x=x,
        distance_db=math.inf if distance_db is None else distance_db,
        n_evaluations=line.count("n_evaluations"),
        n_gradients=line.count("n_gradients"),
        wall_s=line.number("wall_s"),
        message=line.text("message"),
    )
