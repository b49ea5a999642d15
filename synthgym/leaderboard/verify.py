"""Checking records: consistent with themselves, and true when rendered again.

A record claims a distance and holds the unit vector that reached it, so anyone can render it
again. The costs at which it improved are held against each other, against the final counts, the
budget and the way the run ended. What that cannot show is whether an improvement was found as early
as it says: `rerun=True` carries out the whole run anew, which needs the solver.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from synthgym.errors import RecordError, SynthgymError
from synthgym.leaderboard.job import Job, repeatable, run_job, source_digests_of
from synthgym.leaderboard.outside import folder_of, task_of
from synthgym.leaderboard.records import Found, Record, find_records
from synthgym.leaderboard.run_id import RunId
from synthgym.solvers import load_solver
from synthgym.tasks import GRADIENT_COST, SPLITS, SUITE_VERSION, Task, make_problem, task_ids
from synthgym.tasks.catalogue import RECORDINGS

TOLERANCE_DB = 1e-3
"""A sound that is rendered again, on another machine, with or without the compiled kernels, may
differ by rounding. A thousandth of the just noticeable difference is far more than that near the
target; far from it quiet cells add up, and the allowance is a thousandth of the distance."""


@dataclass(frozen=True)
class Verdict:
    """What the verification of one record came to.

    Args:
        run_id: what its header says, or path (and line, in a pack) where it cannot be read.
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
    recordings: Path | None = None,
    progress: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Verify every record under a folder, in the order of their paths, on one torch thread.

    Args:
        folder: where the records are, packed or not.
        tolerance_db: how far the claimed distance may be from the rendered one, up to 1 dB; above,
            for each dB of it.
        rerun: carry out each run again too, and compare the records. Needs the solvers, the
            same versions of the libraries, and the time of the runs.
        recordings: folder of the recordings that were the targets of runs out of domain; the notes
            that come with synthgym are found without.
        progress: called with each verdict.

    Raises:
        RecordError: there is no such folder.
        AudioError: `recordings` holds no sound files.
    """
    finds = find_records(folder)
    ids = Counter(found.record.run_id for found in finds if found.record is not None)
    verdicts = []
    for found in finds:
        verdict = _verify(found, folder, ids, tolerance_db, rerun, recordings)
        if progress is not None:
            progress(verdict)
        verdicts.append(verdict)
    return verdicts


def _verify(
    found: Found,
    folder: Path,
    ids: Counter[RunId],
    tolerance_db: float,
    rerun: bool,
    recordings: Path | None,
) -> Verdict:
    record, path = found.record, found.path
    if record is None:
        line = "" if found.line is None else f":{found.line}"
        place = f"{path.relative_to(folder).as_posix()}{line}"
        return Verdict(place, path, False, str(found.error))
    try:
        task = _check_identity(record, ids, recordings)
        if found.line is None:
            _check_place(record, path, folder)
        _check_trace(record)
        _check_end(record)
        rendered_db = _check_distance(record, task, tolerance_db)
        if rerun:
            _check_rerun(record, recordings)
    except _NotBelieved as error:
        return Verdict(str(record.run_id), path, False, str(error))
    return Verdict(str(record.run_id), path, True, "", tuple(_notes(record, task)), rendered_db)


def _check_place(record: Record, path: Path, folder: Path) -> None:
    """A record in a file of its own lies where its id says."""
    if record.run_id.path(folder) != path:
        raise _NotBelieved(
            f"misplaced: the header says {record.run_id}, the path "
            f"{path.relative_to(folder).as_posix()}"
        )


def _check_identity(record: Record, ids: Counter[RunId], recordings: Path | None) -> Task:
    """The record is of this suite, the only one of its run, and about a target that there is."""
    header = record.header
    if header.suite_version != SUITE_VERSION:
        raise _NotBelieved(
            f"not verifiable: other suite version, {header.suite_version!r}; this is "
            f"{SUITE_VERSION!r}"
        )
    if ids[record.run_id] > 1:
        raise _NotBelieved(f"duplicate id: {ids[record.run_id]} records are of this run")
    if header.task not in (*task_ids(), *task_ids(RECORDINGS)):
        raise _NotBelieved(f"unknown task {header.task!r}")
    if header.split not in SPLITS:
        raise _NotBelieved(f"unknown split {header.split!r}")
    try:
        task = task_of(header, recordings)
    except RecordError as error:
        raise _NotBelieved(f"not verifiable: {error}") from error
    n_targets = task.n_targets(header.split)
    if n_targets is not None and header.index >= n_targets:
        raise _NotBelieved(f"unknown target: {header.split} has {n_targets}, not {header.index}")
    for name, claimed, true in (
        ("dimension", header.dimension, task.dimension),
        ("solved_db", header.solved_db, task.solved_db),
    ):
        if claimed != true:
            raise _NotBelieved(f"{name} is {claimed}, that of the task is {true}")
    return task


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
    cost = record.cost
    if header.budget is not None and cost > header.budget:
        raise _NotBelieved(f"over budget: cost {cost} of {header.budget}")
    reached = header.stop_at_db is not None and final.distance_db <= header.stop_at_db
    if (final.status == "target" and not reached) or (final.status == "finished" and reached):
        raise _NotBelieved(
            f"status is {final.status!r} at {final.distance_db} dB, but the run was to stop at "
            f"{header.stop_at_db} dB"
        )
    if final.status == "budget" and header.budget is None:
        raise _NotBelieved("status is 'budget', but the run had none")
    if final.status == "finished" and cost == header.budget:
        raise _NotBelieved(f"status is 'finished' at a cost of {cost}, which is the whole budget")


def _check_distance(record: Record, task: Task, tolerance_db: float) -> float | None:
    """Render the final vector alone, on one thread, and compare."""
    final = record.final
    if final.x is None:
        return None
    header = record.header
    problem = make_problem(task, split=header.split, index=header.index, budget=1)
    with repeatable(0):
        rendered_db = problem(final.x)
    allowed_db = tolerance_db * max(1.0, rendered_db)
    if not abs(rendered_db - final.distance_db) <= allowed_db:
        raise _NotBelieved(
            f"claims {final.distance_db:.6f} dB; its x renders to {rendered_db:.6f} dB"
        )
    return rendered_db


def _check_rerun(record: Record, recordings: Path | None) -> None:
    header = record.header
    if header.budget is None:
        raise _NotBelieved("cannot be run again: it has no budget")
    if header.cut_from is not None:
        raise _NotBelieved("cannot be run again: it was cut; verify the run that it was cut from")
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
                digests=factory.digests,
                budget=header.budget,
                stop_at_db=header.stop_at_db,
                recordings=folder_of(header, recordings),
                recording=header.recording,
            )
            again = run_job(job).record
        except SynthgymError as error:
            raise _NotBelieved(f"cannot be run again: {error}") from error
    if again is None or _outcome(again) != _outcome(record):
        what = "nothing" if again is None else f"{again.final.distance_db:.6f} dB"
        sources = source_digests_of(header, factory.digests)
        changed = [name for name, (was, now) in sources.items() if was != now]
        raise _NotBelieved(
            f"run again it came to {what} with another trace; it claims "
            f"{record.final.distance_db:.6f} dB"
            + (f"; the {' and the '.join(changed)} has changed since" if changed else "")
        )


def _outcome(record: Record) -> Record:
    """A record without what may differ when a run is repeated elsewhere."""
    timeless = record.timeless()
    return replace(timeless, header=replace(timeless.header, versions={}))


def _notes(record: Record, task: Task) -> Iterator[str]:
    header, final = record.header, record.final
    if header.budget != task.budget:
        yield f"custom budget: {header.budget or 'none'} in place of {task.budget}"
    if header.cut_from is not None:
        yield f"cut from a run with a budget of {header.cut_from}"
        if final.x is None:
            yield "its distance is not verifiable: the point at the cut is not recorded"
    if final.status == "error":
        yield f"the solver failed: {final.message}"
    if final.status == "time":
        yield "ended by a time limit: another run of it may end elsewhere"
    # Both happen to honest runs (a large batch that does not fit, a sound that is not finite), and
    # both are what a trace looks like from which something was taken away.
    left = 0 if header.budget is None else header.budget - record.cost
    if final.status == "budget" and left >= GRADIENT_COST:
        yield f"ended by its budget with more than {GRADIENT_COST - 1} cost units left"
    first = record.improvements[0] if record.improvements else None
    if first is not None and first.n_evaluations + first.n_gradients > 1:
        yield "its first improvement is not its first evaluation"
