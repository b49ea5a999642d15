"""Packs: the records of a solver in one file, small enough for git and for the package.

The first line of a pack says whose records it holds and how many; each line after it is a whole
record, the improvements by columns. The lines are in the order of the run ids, and the bytes follow
from the records alone, so that a result that did not change is no change in git. Reading, which is
exact, is the business of `synthgym.leaderboard.records`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import RecordError
from synthgym.files import write_bytes
from synthgym.leaderboard.parsing import PACK
from synthgym.leaderboard.record import SCHEMA, Record
from synthgym.leaderboard.records import read_pack, read_records
from synthgym.leaderboard.run_id import RECORD_SUFFIX
from synthgym.leaderboard.writer import final_line, header_line


@dataclass(frozen=True)
class Pack:
    """A pack that was written.

    Args:
        path: the file.
        solver: whose records it holds.
        n_records: how many.
        n_errors: how many of them ended in an error.
        n_bytes: size of the file.
    """

    path: Path
    solver: str
    n_records: int
    n_errors: int
    n_bytes: int


def pack_records(folder: Path, out: Path, *, replace: bool = False) -> list[Pack]:
    """Pack the records under a folder, one file `<solver>.jsonl` for each solver.

    Packs of other solvers that lie in `out` stay.

    Args:
        folder: records of `bench run`, or packs, or both.
        out: folder for the packs; made if need be.
        replace: write over a pack that holds runs which `folder` does not.

    Raises:
        RecordError: there are no records, one is damaged, given twice or cut at a smaller budget,
            or a pack would lose runs and `replace` is not set. Nothing is written then.
        OSError: a file cannot be written; each pack is whole, the new one or the old.
    """
    records = read_records(folder)
    if not records:
        raise RecordError(f"{folder} holds no complete records; make some with synthgym bench run")
    for record in records:
        if record.header.cut_from is not None:
            raise RecordError(
                f"{record.run_id} was cut from a run with a budget of {record.header.cut_from}; "
                "pack the runs themselves"
            )
    if not replace:
        _check_none_lost(records, out)
    return write_packs(records, out)


def write_packs(records: Iterable[Record], out: Path) -> list[Pack]:
    """Write records into packs, whatever lies in their place.

    Raises:
        RecordError: a run is given twice.
        OSError: a file cannot be written.
    """
    by_solver: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_solver[record.header.solver].append(record)
    contents = {solver: pack_bytes(by_solver[solver]) for solver in sorted(by_solver)}
    out.mkdir(parents=True, exist_ok=True)
    return [
        Pack(
            path=write_bytes(pack_path(out, solver), content),
            solver=solver,
            n_records=len(by_solver[solver]),
            n_errors=sum(record.final.status == "error" for record in by_solver[solver]),
            n_bytes=len(content),
        )
        for solver, content in contents.items()
    ]


def pack_path(out: Path, solver: str) -> Path:
    """Where the pack of a solver lies."""
    return out / f"{solver}{RECORD_SUFFIX}"


def pack_bytes(records: Sequence[Record]) -> bytes:
    """The content of the pack of one solver's records, in any order.

    Raises:
        RecordError: a run is given twice, or the runs are of several solvers.
    """
    ordered = sorted(records, key=lambda record: record.run_id)
    solvers = sorted({record.header.solver for record in ordered})
    if len(solvers) != 1:
        raise RecordError(f"a pack holds the records of one solver, not of {', '.join(solvers)}")
    twice = [run_id for run_id, n in Counter(r.run_id for r in ordered).items() if n > 1]
    if twice:
        raise RecordError(f"run {str(twice[0])!r} is given twice: give each run once")
    head = {"kind": PACK, "schema": SCHEMA, "solver": solvers[0], "n_records": len(ordered)}
    return "".join(map(_line, [head, *map(_record_fields, ordered)])).encode("ascii")


def _line(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, allow_nan=False, separators=(",", ":")) + "\n"


def _record_fields(record: Record) -> dict[str, Any]:
    steps = record.improvements
    distances_db, are_short = _shortened([one.distance_db for one in steps])
    return {
        "kind": "record",
        "run": _without_kind(header_line(record.header)),
        "improvements": {
            "n_evaluations": [one.n_evaluations for one in steps],
            "n_gradients": [one.n_gradients for one in steps],
            "wall_s": [one.wall_s for one in steps],
            "distance_db": distances_db,
            "single_precision": are_short,
        },
        "final": _without_kind(final_line(record.final)),
    }


def _shortened(values: Sequence[float]) -> tuple[list[float], bool]:
    """The values with as many digits as single precision needs, if it holds each of them exactly.

    Distances are computed in single precision; written as doubles, half of their digits say nothing
    and do not compress.
    """
    with np.errstate(over="ignore"):  # what is too large for single precision stays as it is
        short = [float(str(np.float32(value))) for value in values]
        exact = all(float(np.float32(s)) == value for s, value in zip(short, values, strict=True))
    return (short, True) if exact else (list(values), False)


def _without_kind(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "kind"}


def _check_none_lost(records: Sequence[Record], out: Path) -> None:
    """No pack in `out` holds runs that the new one would not."""
    found = {record.run_id for record in records}
    for solver in sorted({record.header.solver for record in records}):
        path = pack_path(out, solver)
        if not path.exists():
            continue
        try:
            old = {record.run_id for record in read_pack(path)}
        except RecordError as error:
            raise RecordError(f"{error}. --replace writes over it") from error
        lost = sorted(old - found)
        if lost:
            raise RecordError(
                f"{path} holds {len(lost)} runs that the new pack would not, such as {lost[0]}; "
                "pack them too, or give --replace to drop them"
            )
