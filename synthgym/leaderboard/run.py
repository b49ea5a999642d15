"""Carrying out a plan: in parallel, resumable, shared between processes.

Whatever happens to a runner, what lies under the plan's folder afterwards is whole records and
`.part` files; running the same plan again completes the set. Several runners, also on several
machines that share the folder, may carry out one plan together.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from synthgym.errors import ParameterError, RecordError, SolverError
from synthgym.leaderboard.cluster import run_on_ray
from synthgym.leaderboard.job import Existing, Job, JobResult, existing_record, locked, run_job
from synthgym.leaderboard.plan import Plan
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.run_id import RunId

Progress = Callable[[int, int, Record], None]
"""Called in the runner's process after each run with (runs complete, runs in all, record)."""

_POLL_S = 0.2
_WATCH_S = 0.5
_WATCHER = "synthgym-runner-watch"


class Interrupted(KeyboardInterrupt):
    """The plan was stopped by Ctrl-C; the message says how to go on."""


@dataclass(frozen=True)
class Failure:
    """A run whose solver raised, and its message."""

    run_id: RunId
    message: str


@dataclass(frozen=True)
class Damage:
    """A file that was no readable record, and was done again."""

    path: Path
    message: str


@dataclass(frozen=True)
class Summary:
    """What carrying out a plan came to.

    Args:
        folder: where the records are.
        n_total: runs of the plan.
        n_done: carried out now.
        n_kept: complete before.
        n_elsewhere: carried out meanwhile by another runner.
        failures: all runs of the plan whose solver raised, now or before.
        damaged: records that could not be read and were done again.
        n_stale: records kept although they were made under other conditions.
        wall_s: seconds it took.
    """

    folder: Path
    n_total: int
    n_done: int
    n_kept: int
    n_elsewhere: int
    failures: tuple[Failure, ...]
    damaged: tuple[Damage, ...]
    n_stale: int
    wall_s: float


def run_plan(plan: Plan, progress: Progress | None = None) -> Summary:
    """Carry out the runs of a plan that are not complete yet.

    A run whose solver raises is recorded with status `"error"` and stops no other run.

    Args:
        plan: what to run.
        progress: told of every run that completes, here or in another runner.

    Raises:
        RecordError: a record cannot be written, or records were made under other conditions and
            `plan.on_stale` is `"error"`.
        SolverError, UnknownNameError, MissingExtraError: a solver cannot be loaded, or took its
            worker process down.
        Interrupted: Ctrl-C.
    """
    started_s = time.perf_counter()
    jobs = plan.jobs()
    existing = {job.run_id: existing_record(job) for job in jobs}
    if plan.on_stale == "error":
        _refuse_stale(jobs, existing)
    kept = [job for job in jobs if not existing[job.run_id].wanted]
    pending = [job for job in jobs if existing[job.run_id].wanted]
    results: list[JobResult] = []
    try:
        for result in _until_all_done(pending, plan):
            results.append(result)
            if progress is not None and result.record is not None:
                progress(len(kept) + len(results), len(jobs), result.record)
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"stopped: {len(kept) + len(results)} of {len(jobs)} runs are complete in "
            f"{plan.folder}; run the same plan again to go on"
        ) from error
    finally:
        _remove_free_locks(jobs)
    records = [existing[job.run_id].record for job in kept] + [one.record for one in results]
    return Summary(
        folder=Path(plan.folder),
        n_total=len(jobs),
        n_done=sum(one.state == "done" for one in results),
        n_kept=len(kept),
        n_elsewhere=sum(one.state == "kept" for one in results),
        failures=_failures(records),
        damaged=tuple(
            Damage(job.run_id.path(job.folder), existing[job.run_id].damage)
            for job in jobs
            if existing[job.run_id].damage
        ),
        n_stale=sum(bool(existing[job.run_id].stale) for job in kept),
        wall_s=time.perf_counter() - started_s,
    )


def _failures(records: Sequence[Record | None]) -> tuple[Failure, ...]:
    failed = [r for r in records if r is not None and r.final.status == "error"]
    failed.sort(key=lambda record: record.run_id)
    return tuple(Failure(record.run_id, record.final.message) for record in failed)


def _refuse_stale(jobs: Sequence[Job], existing: dict[RunId, Existing]) -> None:
    stale = [job for job in jobs if existing[job.run_id].stale]
    if stale:
        first = stale[0]
        raise RecordError(
            f"{len(stale)} of {len(jobs)} runs have a record that was made under other "
            f"conditions; {first.run_id}: {existing[first.run_id].stale}. Use another folder than "
            f"{first.folder}, or ask to make them anew (--on-stale redo; in Python "
            f"on_stale='redo') or to take them as they are (keep)"
        )


def _until_all_done(pending: Sequence[Job], plan: Plan) -> Iterator[JobResult]:
    """Results of all jobs; those that another runner is at are tried again at the end."""
    left = list(pending)
    while left:
        busy = []
        with closing(_carry_out(left, plan)) as results:
            for result in results:
                if result.state == "locked":
                    busy.append(result.job)
                else:
                    yield result
        left = busy
        if left:
            _wait_for_any(left)


def _wait_for_any(busy: Sequence[Job]) -> None:
    """Wait until the lock of a job is free: its runner has finished it, or is dead."""
    while True:
        for job in busy:
            with locked(job) as is_free:
                if is_free:
                    return
        time.sleep(_POLL_S)


def _remove_free_locks(jobs: Sequence[Job]) -> None:
    """Remove the lock files of processes that were killed."""
    for job in jobs:
        if job.run_id.lock_path(job.folder).exists():
            with locked(job):
                pass


def _carry_out(jobs: Sequence[Job], plan: Plan) -> Generator[JobResult, None, None]:
    """Results of jobs as they come; closing the iterator stops the workers."""
    if plan.backend == "ray":
        yield from run_on_ray(jobs, plan.n_jobs)
        return
    if plan.n_jobs == 1:
        yield from map(run_job, jobs)
        return
    runner_pid = os.getpid()
    calls = (joblib.delayed(_run_in_worker)(job, runner_pid) for job in jobs)
    try:
        yield from _parallel(plan)(calls)
    except TerminatedWorkerError as error:
        raise SolverError(
            "a worker process died: out of memory, or the solver crashed the interpreter. Runs "
            "that are complete are kept; n_jobs=1 shows which run it is"
        ) from error


def _parallel(plan: Plan) -> joblib.Parallel:
    # The thread limits of BLAS can only be set while a worker starts, and only loky does that.
    n_threads = 1 if plan.backend == "loky" else None
    try:
        with joblib.parallel_config(backend=plan.backend, inner_max_num_threads=n_threads):
            return joblib.Parallel(
                n_jobs=plan.n_jobs,
                return_as="generator_unordered",
                batch_size=1,
                # No worker is handed a run ahead of time, which another runner could do.
                pre_dispatch="n_jobs",
            )
    except (ValueError, ImportError) as error:
        raise ParameterError(f"backend {plan.backend!r} cannot be used: {error}") from error


def _run_in_worker(job: Job, runner_pid: int) -> JobResult:
    # Only a child of the runner is bound to it; with threads there is none.
    if os.getpid() != runner_pid and os.getppid() == runner_pid:
        _follow_runner(runner_pid)
    return run_job(job)


def _follow_runner(runner_pid: int) -> None:
    """Let a worker live and die with its runner, not with the terminal.

    Ctrl-C reaches the whole process group; the runner alone answers it, and stops its workers. A
    runner that is killed cannot do that, so each worker watches for it.
    """
    if any(thread.name == _WATCHER for thread in threading.enumerate()):
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == runner_pid:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, name=_WATCHER, daemon=True).start()
