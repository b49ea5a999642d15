"""From the lines of a record file to what they say; see `synthgym.leaderboard.records`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import numpy as np

from synthgym.errors import RecordError
from synthgym.leaderboard.jsonl import Fields, JsonLine
from synthgym.leaderboard.record import SCHEMA, Final, Record, RunHeader, Status
from synthgym.leaderboard.run_id import RunId
from synthgym.solvers import OutcomeStatus, Track
from synthgym.tasks import Improvement

PACK = "pack"
"""Kind of the first line of a pack."""

_STATUSES = (*get_args(OutcomeStatus), "error")


def parse_file(path: Path, texts: Sequence[str]) -> Record:
    """The record in a file of its own, from all lines of the file.

    Raises:
        RecordError: a line is not what it should be, or there is none at the end.
    """
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
            final = _parse_final(line, header)
        else:
            raise line.fail(f"unknown kind {line.kind!r}")
        line.done()
    if header is None or final is None:
        raise RecordError(f"{path}:{len(texts)}: ends without its final line; the file is cut off")
    return Record(header, tuple(improvements), final)


def parse_pack_head(line: JsonLine) -> tuple[str, int]:
    """Whose records a pack holds, and how many, from its first line.

    Raises:
        RecordError: it is no such line.
    """
    if line.kind != PACK:
        raise line.fail(f"not the first line of a pack but of kind {line.kind!r}")
    _check_schema(line)
    solver, n_records = line.text("solver"), line.count("n_records")
    line.done()
    return solver, n_records


def parse_packed(line: JsonLine, solver: str, last: RunId | None) -> Record:
    """One record of a pack, from its line.

    Args:
        line: the line.
        solver: whose records the pack holds.
        last: id of the record before it, None for the first.

    Raises:
        RecordError: the line is damaged, of another solver, or not in its place.
    """
    if line.kind != "record":
        raise line.fail(f"a pack holds lines of kind 'record' only; got {line.kind!r}")
    run, steps, end = line.section("run"), line.section("improvements"), line.section("final")
    header = _parse_header(run)
    final = _parse_final(end, header)
    distances_db = steps.numbers("distance_db")
    if steps.flag("single_precision"):
        distances_db = tuple(float(np.float32(value)) for value in distances_db)
    columns = (
        steps.counts("n_evaluations"),
        steps.counts("n_gradients"),
        steps.numbers("wall_s"),
        distances_db,
    )
    for part in (run, steps, end, line):
        part.done()
    if len({len(column) for column in columns}) != 1:
        raise steps.fail("the columns have different lengths")
    if header.solver != solver:
        raise line.fail(f"a record of {header.solver!r} in the pack of {solver!r}")
    if last is not None and header.run_id <= last:
        raise line.fail(f"{header.run_id} does not come after {last}; the pack is damaged")
    improvements = tuple(Improvement(*row) for row in zip(*columns, strict=True))
    return Record(header, improvements, final)


def _check_schema(line: Fields) -> None:
    schema = line.count("schema")
    if schema != SCHEMA:
        raise line.fail(f"schema {schema} is not {SCHEMA}, the one that this version reads")


def _parse_header(line: Fields) -> RunHeader:
    _check_schema(line)
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
        cut_from=line.optional_count("cut_from", least=1) if line.has("cut_from") else None,
        recording=line.text("recording") if line.has("recording") else "",
    )


def _parse_improvement(line: Fields) -> Improvement:
    return Improvement(
        n_evaluations=line.count("n_evaluations"),
        n_gradients=line.count("n_gradients"),
        wall_s=line.number("wall_s"),
        distance_db=line.number("distance_db"),
    )


def _parse_final(line: Fields, header: RunHeader | None) -> Final:
    x = line.optional_numbers("x")
    distance_db = line.optional_number("distance_db")
    is_cut = header is not None and header.cut_from is not None
    if (x is None) != (distance_db is None) and not (is_cut and x is None):
        raise line.fail("x and distance_db must both be null or both be given")
    return Final(
        status=cast(Status, line.text("status", _STATUSES)),
        x=x,
        distance_db=math.inf if distance_db is None else distance_db,
        n_evaluations=line.count("n_evaluations"),
        n_gradients=line.count("n_gradients"),
        wall_s=line.number("wall_s"),
        message=line.text("message"),
        budget_seen=line.flag("budget_seen"),
    )
