"""Writing a record so that it survives: appended while the run goes on, renamed when whole."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from synthgym.errors import RecordError
from synthgym.leaderboard.record import SCHEMA, Final, Record, RunHeader
from synthgym.tasks import Improvement

_WALL_DIGITS = 6
"""Microseconds: what lies below is noise, and the bulk of a packed record if it is kept."""


class RecordWriter:
    """Writes the record of one run; a context manager.

    The header is written when the context is entered, each improvement reaches the operating
    system as it happens, `finish` puts the whole file on disk and gives it its final name. A
    process that dies before that leaves a `.part` file, which `run_plan` does not believe.

    Args:
        folder: root of the records; the folders of the run are made under it.
        header: what is being run.

    Raises:
        RecordError: a line cannot be written (disk full, no permission). The same error is kept
            in `failure`, because a solver could swallow it when it is raised through its call.
    """

    def __init__(self, folder: Path, header: RunHeader) -> None:
        self.header = header
        self.failure: RecordError | None = None
        self._path = header.run_id.path(folder)
        self._part_path = header.run_id.part_path(folder)
        self._stream: TextIO | None = None
        self._improvements: list[Improvement] = []

    def __enter__(self) -> RecordWriter:
        try:
            self._part_path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._part_path.open("w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._append(header_line(self.header))
        except RecordError:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            # What could not be written has been said already; nothing complete is at stake.
            with suppress(OSError):
                stream.close()

    def improvement(self, one: Improvement) -> None:
        """Append an improvement."""
        one = replace(one, wall_s=round(one.wall_s, _WALL_DIGITS))
        self._append(improvement_line(one))
        self._improvements.append(one)

    def finish(self, final: Final) -> Record:
        """Append the end, put the file on disk and give it its final name."""
        final = replace(final, wall_s=round(final.wall_s, _WALL_DIGITS))
        self._append(final_line(final))
        stream = self._open_stream()
        try:
            os.fsync(stream.fileno())
            # Windows renames no file that is open.
            self._stream = None
            stream.close()
            os.replace(self._part_path, self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise self._failed(error) from error
        return Record(self.header, tuple(self._improvements), final)

    def _append(self, fields: Mapping[str, Any]) -> None:
        if self.failure is not None:
            raise self.failure
        stream = self._open_stream()
        text = json.dumps(fields, allow_nan=False)
        try:
            stream.write(text + "\n")
            stream.flush()
        except OSError as error:
            raise self._failed(error) from error

    def _open_stream(self) -> TextIO:
        if self._stream is None:
            raise RecordError(f"{self._part_path}: not open; use the writer as a context manager")
        return self._stream

    def _failed(self, error: OSError) -> RecordError:
        reason = error.strerror or str(error)
        self.failure = RecordError(
            f"cannot write {self._part_path}: {reason}. Runs that are complete are kept; put "
            "that right and run the same plan again to go on"
        )
        return self.failure


def header_line(header: RunHeader) -> dict[str, Any]:
    """The JSON object of a header."""
    run_id = header.run_id
    cut = {} if header.cut_from is None else {"cut_from": header.cut_from}
    recording = {"recording": header.recording} if header.recording else {}
    return {
        "kind": "run",
        "schema": SCHEMA,
        "id": str(run_id),
        "task": run_id.task,
        "solver": run_id.solver,
        "solver_spec": header.solver_spec,
        "track": header.track,
        "split": run_id.split,
        "index": run_id.index,
        "seed": run_id.seed,
        "budget": header.budget,
        "stop_at_db": header.stop_at_db,
        "suite_version": header.suite_version,
        "dimension": header.dimension,
        "solved_db": header.solved_db,
        "settings": dict(header.settings),
        "versions": dict(header.versions),
        "started_at": header.started_at,
        **cut,
        **recording,
    }


def improvement_line(one: Improvement) -> dict[str, Any]:
    """The JSON object of an improvement."""
    return {
        "kind": "improvement",
        "n_evaluations": one.n_evaluations,
        "n_gradients": one.n_gradients,
        "wall_s": one.wall_s,
        "distance_db": one.distance_db,
    }


def final_line(final: Final) -> dict[str, Any]:
    """The JSON object of the end of a run."""
    return {
        "kind": "final",
        "status": final.status,
        "x": None if final.x is None else list(final.x),
        "distance_db": final.distance_db if math.isfinite(final.distance_db) else None,
        "n_evaluations": final.n_evaluations,
        "n_gradients": final.n_gradients,
        "wall_s": final.wall_s,
        "message": final.message,
        "budget_seen": final.budget_seen,
    }


def _sync_folder(folder: Path) -> None:
    """Put a rename on disk; only POSIX can open a folder for that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
