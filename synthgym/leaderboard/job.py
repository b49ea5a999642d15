"""Carrying out one run: locked, repeatable, recorded."""

from __future__ import annotations

import json
import platform
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from filelock import FileLock, Timeout

from synthgym import kernels
from synthgym.errors import RecordError, SolverError
from synthgym.leaderboard.records import Final, Record, RunHeader, read_record
from synthgym.leaderboard.run_id import RunId
from synthgym.leaderboard.writer import RecordWriter
from synthgym.solvers import (
    Solver,
    SolverFactory,
    SourceDigests,
    load_solver,
    run_solver,
    solver_seed,
)
from synthgym.tasks import SUITE_VERSION, Problem, make_problem, recording_task


@dataclass(frozen=True)
class Job:
    """One run to carry out; small, so that it can travel to a worker.

    Args:
        run_id: names the run.
        folder: root of the records.
        solver_spec: as the user wrote it; goes into the record.
        load_spec: the same, loadable from any working directory.
        digests: of the solver's source when the plan was made.
        budget: cost units.
        stop_at_db: distance at which the run ends, or None.
        redo_errors: do a run again that ended with an error.
        redo_stale: do a run again whose record was made with other settings.
        recordings: folder of the recordings that are the targets of a task out of domain; None for
            those that come with synthgym.
        recording: name and digest of the one that is the target of this run; empty for other tasks.
    """

    run_id: RunId
    folder: Path
    solver_spec: str
    load_spec: str
    digests: SourceDigests
    budget: int
    stop_at_db: float | None
    redo_errors: bool = False
    redo_stale: bool = False
    recordings: Path | None = None
    recording: str = ""


@dataclass(frozen=True)
class Existing:
    """What lies where the record of a job belongs.

    Args:
        record: the record, or None where there is none that can be read.
        damage: why the file there cannot be read, or empty.
        stale: in what the record differs from what the job would make, or empty.
        wanted: whether the run has to be done.
    """

    record: Record | None
    damage: str
    stale: str
    wanted: bool


@dataclass(frozen=True)
class JobResult:
    """What became of a job: done now, kept as it was, or locked by another process."""

    job: Job
    state: Literal["done", "kept", "locked"]
    record: Record | None


def existing_record(job: Job) -> Existing:
    """Look at what an earlier or concurrent process left for a job."""
    path = job.run_id.path(job.folder)
    if not path.exists():
        return Existing(None, "", "", wanted=True)
    try:
        record = read_record(path)
        if record.run_id != job.run_id:
            raise RecordError(f"{path}: holds the record of another run, {record.run_id}")
    except RecordError as error:
        return Existing(None, str(error), "", wanted=True)
    stale = _difference(record.header, job)
    wanted = (bool(stale) and job.redo_stale) or (
        record.final.status == "error" and job.redo_errors
    )
    return Existing(record, "", stale, wanted)


def _difference(header: RunHeader, job: Job) -> str:
    """In what the conditions of a record differ from those of a job, or empty."""
    pairs = {
        "budget": (header.budget, job.budget),
        "stop_at_db": (header.stop_at_db, job.stop_at_db),
        "suite version": (header.suite_version, SUITE_VERSION),
        **source_digests_of(header, job.digests),
        "recording": (header.recording, job.recording),
    }
    return ", ".join(
        f"{name} {was or 'none'} where the plan has {now or 'none'}"
        for name, (was, now) in pairs.items()
        if was != now
    )


def source_digests_of(header: RunHeader, now: SourceDigests) -> dict[str, tuple[str, str]]:
    """Digests of a solver's source, when a record was made and now, by what they are of."""
    was = header.versions
    return {
        "source of the solver": (was.get("solver", ""), now.own),
        # Records from before this was written down say nothing of it.
        "source of what the solver imports": (was.get("imports", now.imports), now.imports),
    }


def run_job(job: Job) -> JobResult:
    """Carry out one run, unless its record is there or another process is at it.

    Raises:
        MissingExtraError: the solver needs something that is not installed.
        RecordError: the record cannot be written.
    """
    with locked(job) as is_mine:
        if not is_mine:
            return JobResult(job, "locked", None)
        existing = existing_record(job)
        if not existing.wanted:
            return JobResult(job, "kept", existing.record)
        return JobResult(job, "done", _execute(job))


@contextmanager
def locked(job: Job) -> Iterator[bool]:
    """Hold the lock of a run, without waiting; False when another process holds it.

    The operating system lets go of the lock when its holder dies, however it dies. The lock file
    is removed while it is still held, so that a contender that has it open finds out.
    """
    path = job.run_id.lock_path(job.folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise RecordError(
            f"cannot lock {path}: {error.strerror or error}. Runs that are complete are kept"
        ) from error
    try:
        yield True
    finally:
        with suppress(OSError):  # Windows: the lock removes its file itself
            path.unlink()
        lock.release()


def _execute(job: Job) -> Record:
    run_id = job.run_id
    seed = solver_seed(run_id.task, run_id.solver, run_id.split, run_id.index, run_id.seed)
    with repeatable(seed):
        factory = load_solver(job.load_spec)
        problem = make_problem(
            recording_task(run_id.task, job.recordings) if job.recording else run_id.task,
            split=run_id.split,
            index=run_id.index,
            budget=job.budget,
            stop_at_db=job.stop_at_db,
        )
        solver: Solver | None = None
        settings: dict[str, Any] = {}
        failure = ""
        try:
            solver = factory(problem.dimension, seed)
            settings = _settings(solver)
        except SolverError as error:
            failure = str(error)
        with RecordWriter(job.folder, _header(job, factory, problem, settings)) as writer:
            problem.on_improvement = writer.improvement
            if solver is None or failure:
                final = _final(problem, failure)
            else:
                final = _carry_out(solver, problem)
            if writer.failure is not None:
                raise writer.failure
            return writer.finish(final)


def _carry_out(solver: Solver, problem: Problem) -> Final:
    try:
        outcome = run_solver(solver, problem)
    except SolverError as error:
        return _final(problem, str(error))
    return Final(
        status=outcome.status,
        x=None if outcome.x is None else tuple(outcome.x.tolist()),
        distance_db=outcome.distance_db,
        n_evaluations=outcome.n_evaluations,
        n_gradients=outcome.n_gradients,
        wall_s=outcome.wall_s,
        message=outcome.message,
        budget_seen=problem.budget_seen,
    )


def _final(problem: Problem, failure: str) -> Final:
    """The end of a run that raised: what it had found by then counts."""
    return Final(
        status="error",
        x=None if problem.best_x is None else tuple(problem.best_x.tolist()),
        distance_db=problem.best_distance,
        n_evaluations=problem.n_evaluations,
        n_gradients=problem.n_gradients,
        wall_s=problem.wall_s,
        message=failure,
        budget_seen=problem.budget_seen,
    )


def _header(
    job: Job, factory: SolverFactory, problem: Problem, settings: dict[str, Any]
) -> RunHeader:
    return RunHeader(
        run_id=job.run_id,
        solver_spec=job.solver_spec,
        track=factory.track,
        budget=job.budget,
        stop_at_db=job.stop_at_db,
        suite_version=SUITE_VERSION,
        dimension=problem.dimension,
        solved_db=problem.solved_db,
        settings=settings,
        versions={
            "synthgym": version("synthgym"),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "solver": factory.digests.own,
            "imports": factory.digests.imports,
            "kernels": "compiled" if kernels.ready() else "none",
        },
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        recording=job.recording,
    )


def _settings(solver: Solver) -> dict[str, Any]:
    """What a solver says of its settings, as it will be read back."""
    settings = getattr(solver, "settings", {})
    try:
        read_back: dict[str, Any] = json.loads(json.dumps(dict(settings), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise SolverError(
            f"solver {solver.name!r}: settings must be a mapping of JSON values ({error})"
        ) from error
    return read_back


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """One torch thread and seeded global generators, put back as they were afterwards.

    Solvers get a seed of their own and should use it. The global generators are seeded for those
    that draw from them all the same. One thread, because sums depend on how work is divided.
    """
    n_threads = torch.get_num_threads()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(1)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)
            random.setstate(python_state)
            np.random.set_state(numpy_state)
