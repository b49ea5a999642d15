"""Runs on a Ray cluster: one task of Ray for each run.

Plain tasks and not joblib's backend for Ray, which keeps a fixed pool of actors: when a node dies,
Ray gives a task to another node by itself, while a pool loses the actor and stops. A run that was
cut short leaves its lock free and a `.part` file that nobody believes, so doing it again is safe.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from synthgym.errors import SolverError, require
from synthgym.leaderboard.job import Job, JobResult, run_job

_RETRIES = 3
"""How often a run is done again whose node or worker died. A solver that takes its worker down
does so every time, and is told after that."""

_WAIT_S = 1.0
"""How long to wait for a result before the cluster is asked again how large it is."""


def run_on_ray(jobs: Sequence[Job], n_jobs: int) -> Generator[JobResult, None, None]:
    """Results of jobs as they come; closing the generator stops the runs that are going on.

    Uses the cluster that this process is connected to, else the one of `RAY_ADDRESS`, else the one
    that runs on this machine, else starts one on this machine for as long as it takes.

    Args:
        jobs: what to do; each takes one CPU of the cluster.
        n_jobs: runs at a time, -1 for as many as the cluster has CPUs, also when nodes join.

    Raises:
        MissingExtraError: Ray is not installed.
        SolverError: a run took its worker down each time.
        SynthgymError: as `run_job`.
    """
    ray = require("ray", "distributed")
    connected_before = ray.is_initialized()
    if not connected_before:
        ray.init(log_to_driver=False, configure_logging=False)
    remote = ray.remote(run_job).options(num_cpus=1, max_retries=_RETRIES)
    going: dict[Any, Job] = {}
    left = list(reversed(jobs))
    try:
        while left or going:
            n_most = n_jobs if n_jobs > 0 else max(1, int(ray.cluster_resources().get("CPU", 1)))
            while left and len(going) < n_most:
                job = left.pop()
                going[remote.remote(job)] = job
            ready, _ = ray.wait(list(going), num_returns=1, timeout=_WAIT_S)
            for reference in ready:
                yield _result(ray, reference, going.pop(reference))
    finally:
        for reference in going:
            ray.cancel(reference, force=True)
        if not connected_before:
            ray.shutdown()


def _result(ray: Any, reference: Any, job: Job) -> JobResult:
    try:
        result: JobResult = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # What the run raised, as it would have been raised here.
        raise (error.cause or error) from error
    except ray.exceptions.RayError as error:
        raise SolverError(
            f"{job.run_id}: its worker or node died {_RETRIES + 1} times: out of memory, or the "
            "solver crashed the interpreter. Runs that are complete are kept; run the same plan "
            f"again to go on ({type(error).__name__})"
        ) from error
    return result
