"""Checking records: consistent with themselves, and true when rendered again.

A record claims a distance and holds the unit vector that reached it, so anyone can render it
again. What rendering cannot show is at what cost the vector was found: `rerun=True` carries out
the whole run anew, which needs the solver.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from synthgym.errors import RecordError, SynthgymError
from synthgym.leaderboard.job import Job, repeatable, run_job
from synthgym.leaderboard.records import Record, read_record, record_paths
from synthgym.leaderboard.run_id import RunId
from synthgym.solvers import load_solver
from synthgym.tasks import GRADIENT_COST, SPLITS, SUITE_VERSION, get_task, make_problem, task_ids

TOLERANCE_DB = 1e-3
"""A sound that is rendered again, on another machine, with or without the compiled kernels, may
differ by rounding. A thousandth of the just noticeable difference is far more than that near the
target; far from it quiet cells add up, and the allowance is a thousandth of the distance."""


@dataclass(frozen=True)
class Verdict:
    """What the verification of one record came to.

    Args:
        run_id: what its header says, or its path where the header cannot be read.
        path: the file.
        ok: whether the record can be believed.
        reason: why not; empty when `ok`.
        notes: what is unusual without being wrong, such as a custom budget.
        rendered_db: distance of the sound rendered again, None where there was none to render.
    """

    run_id: str
    path: Path
    ok: bool
    reason: str
    notes: tuple[str, ...] = ()
    rendered_db: float | None = None


class _NotBelieved(Exception):
    """A check failed; the message says which."""


def verify_records(
    folder: Path,
    *,
    tolerance_db: float = TOLERANCE_DB,
    rerun: bool = False,
    progress: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Verify every record under a folder, in the order of their paths, on one torch thread.

    Args:
        folder: where the records are.
        tolerance_db: how far the claimed distance may be from the rendered one, up to 1 dB; above,
            for each dB of it.
        rerun: carry out each run again too, and compare the records. Needs the solvers, the
            same versions of the libraries, and the time of the runs.
        progress: called with each verdict.

    Raises:
        RecordError: there is no such folder.
    """
    found = {path: _read(path) for path in record_paths(folder)}
    ids = Counter(record.run_id for record in found.values() if isinstance(record, Record))
    verdicts = []
    for path, record in found.items():
        if isinstance(record, Record):
            verdict = _verify(record, path, folder, ids, tolerance_db, rerun)
        else:
            verdict = Verdict(path.relative_to(folder).as_posix(), path, False, str(record))
        if progress is not None:
            progress(verdict)
        verdicts.append(verdict)
    return verdicts


def _read(path: Path) -> Record | RecordError:
    try:
        return read_record(path)
    except RecordError as error:
        return error


def _verify(
    record: Record,
    path: Path,
    folder: Path,
    ids: Counter[RunId],
    tolerance_db: float,
    rerun: bool,
) -> Verdict:
    try:
        _check_identity(record, path, folder, ids)
        _check_trace(record)
        _check_end(record)
        rendered_db = _check_distance(record, tolerance_db)
        if rerun:
            _check_rerun(record)
    except _NotBelieved as error:
        return Verdict(str(record.run_id), path, False, str(error))
    return Verdict(str(record.run_id), path, True, "", tuple(_notes(record)), rendered_db)


def _check_identity(record: Record, path: Path, folder: Path, ids: Counter[RunId]) -> None:
    """The record is of this suite, about a target that there is, and where it belongs."""
    header = record.header
    if header.suite_version != SUITE_VERSION:
        raise _NotBelieved(
            f"not verifiable: other suite version, {header.suite_version!r}; this is "
            f"{SUITE_VERSION!r}"
        )
    if ids[record.run_id] > 1:
        raise _NotBelieved(f"duplicate id: {ids[record.run_id]} records are of this run")
    if record.run_id.path(folder) != path:
        raise _NotBelieved(
            f"misplaced: the header says {record.run_id}, the path "
            f"{path.relative_to(folder).as_posix()}"
        )
    if header.task not in task_ids():
        raise _NotBelieved(f"unknown task {header.task!r}")
    if header.split not in SPLITS:
        raise _NotBelieved(f"unknown split {header.split!r}")
    task = get_task(header.task)
    n_targets = task.n_targets(header.split)
    if n_targets is not None and header.index >= n_targets:
        raise _NotBelieved(f"unknown target: {header.split} has {n_targets}, not {header.index}")
    for name, claimed, true in (
        ("dimension", header.dimension, task.dimension),
        ("solved_db", header.solved_db, task.solved_db),
    ):
        if claimed != true:
            raise _NotBelieved(f"{name} is {claimed}, that of the task is {true}")


def _check_trace(record: Record) -> None:
    """Improvements improve, counters do not run backwards, the last one is the final distance."""
    final = record.final
    n_evaluations, n_gradients, wall_s, distance_db = 0, 0, 0.0, math.inf
    for number, one in enumerate(record.improvements, start=1):
        if one.distance_db >= distance_db:
            raise _NotBelieved(
                f"improvement {number} goes from {distance_db} to {one.distance_db} dB: no better"
            )
        if one.distance_db < 0:
            raise _NotBelieved(f"improvement {number} has the distance {one.distance_db} dB")
        spent = one.n_evaluations - n_evaluations + one.n_gradients - n_gradients
        if one.n_evaluations < n_evaluations or one.n_gradients < n_gradients or spent < 1:
            raise _NotBelieved(f"improvement {number} has no evaluation of its own")
        if one.wall_s < wall_s:
            raise _NotBelieved(f"improvement {number} is earlier than the one before it")
        n_evaluations, n_gradients = one.n_evaluations, one.n_gradients
        wall_s, distance_db = one.wall_s, one.distance_db
    if distance_db != final.distance_db:
        raise _NotBelieved(
            f"the last improvement is {distance_db} dB, the final distance {final.distance_db} dB"
        )
    if final.n_evaluations < n_evaluations or final.n_gradients < n_gradients:
        raise _NotBelieved("the final counts are below those of the last improvement")
    if final.wall_s < wall_s:
        raise _NotBelieved("the final time is before the last improvement")


def _check_end(record: Record) -> None:
    """The unit vector is one, the budget is kept, the status agrees with the distance."""
    header, final = record.header, record.final
    if final.x is not None:
        if len(final.x) != header.dimension:
            raise _NotBelieved(f"x has {len(final.x)} entries, the task {header.dimension}")
        for i, value in enumerate(final.x):
            if not 0.0 <= value <= 1.0:
                raise _NotBelieved(f"x[{i}] is {value}, outside [0, 1]")
    cost = final.n_evaluations + GRADIENT_COST * final.n_gradients
    if header.budget is not None and cost > header.budget:
        raise _NotBelieved(f"over budget: cost {cost} of {header.budget}")
    reached = header.stop_at_db is not None and final.distance_db <= header.stop_at_db
    if final.status == "target" and not reached:
        raise _NotBelieved(
            f"status is 'target' at {final.distance_db} dB, but the run was to stop at "
            f"{header.stop_at_db} dB"
        )


def _check_distance(record: Record, tolerance_db: float) -> float | None:
    """Render the final vector alone, on one thread, and compare."""
    final = record.final
    if final.x is None:
        return None
    header = record.header
    problem = make_problem(header.task, split=header.split, index=header.index, budget=1)
    with repeatable(0):
        rendered_db = problem(final.x)
    allowed_db = tolerance_db * max(1.0, rendered_db)
    if not abs(rendered_db - final.distance_db) <= allowed_db:
        raise _NotBelieved(
            f"claims {final.distance_db:.6f} dB; its x renders to {rendered_db:.6f} dB"
        )
    return rendered_db


def _check_rerun(record: Record) -> None:
    header = record.header
    if header.budget is None:
        raise _NotBelieved("cannot be run again: it has no budget")
    with tempfile.TemporaryDirectory() as folder:
        try:
            factory = load_solver(header.solver_spec)
            if factory.name != header.solver:
                raise _NotBelieved(f"cannot be run again: the solver is now {factory.name!r}")
            job = Job(
                run_id=record.run_id,
                folder=Path(folder),
                solver_spec=header.solver_spec,
                load_spec=factory.spec,
                source_digest=factory.source_digest,
                budget=header.budget,
                stop_at_db=header.stop_at_db,
            )
            again = run_job(job).record
        except SynthgymError as error:
            raise _NotBelieved(f"cannot be run again: {error}") from error
    if again is None or _outcome(again) != _outcome(record):
        what = "nothing" if again is None else f"{again.final.distance_db:.6f} dB"
        raise _NotBelieved(
            f"run again it came to {what} with another trace; it claims "
            f"{record.final.distance_db:.6f} dB"
        )


def _outcome(record: Record) -> Record:
    """A record without what may differ when a run is repeated elsewhere."""
    timeless = record.timeless()
    return replace(timeless, header=replace(timeless.header, versions={}))


def _notes(record: Record) -> Iterator[str]:
    header = record.header
    budget = get_task(header.task).budget
    if header.budget != budget:
        yield f"custom budget: {header.budget or 'none'} in place of {budget}"
    if record.final.status == "error":
        yield f"the solver failed: {record.final.message}"
