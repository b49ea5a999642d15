"""What is to be run: tasks times solvers times targets times seeds."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from synthgym.errors import ParameterError, SolverError
from synthgym.leaderboard.job import Job
from synthgym.leaderboard.jsonl import LARGEST_COUNT
from synthgym.leaderboard.outside import recording_label
from synthgym.leaderboard.run_id import RunId
from synthgym.solvers import SolverFactory, load_solver
from synthgym.tasks import LADDER_DB, Task, get_task, recording_task
from synthgym.tasks.catalogue import RECORDING_TASKS


@dataclass(frozen=True)
class Plan:
    """A set of runs and how to carry them out.

    Args:
        tasks: ids of tasks.
        solvers: what `load_solver` takes: registered names, `path/file.py:Name`, `module:Name`.
        folder: where the records go.
        split: `"test"` for results, `"dev"` for tuning.
        indices: targets of the split; None for all there are.
        seeds: repetitions.
        budget: cost units for every run; None for each task's own. Results of another budget than
            the task's cannot be compared with those of the suite.
        stop_at_db: distance at which a run ends early, or None. By default the lowest rung of the
            ladder: what lies below is not scored.
        n_jobs: runs at a time; -1 for one on each core, 1 to run in this process (with `"ray"`:
            on one of the cluster's).
        backend: `"loky"`, or another of joblib's, for processes of this machine; `"ray"` for a
            cluster whose nodes share `folder`.
        redo_errors: do runs again whose solver raised.
        on_stale: what to do with records made under other conditions (budget, `stop_at_db`, suite
            version, source of the solver or of what it imports): `"error"` refuses, `"keep"` keeps
            them, `"redo"` does them again.
        recordings: folder of sound files, the targets of the tasks out of domain
            (`task_ids("recordings")`); None for the notes that come with synthgym.

    Raises:
        UnknownNameError: no such task.
        AudioError: `recordings` holds no sound files.
        ParameterError: a setting is not valid.
    """

    tasks: Sequence[str]
    solvers: Sequence[str]
    folder: Path
    split: str = "test"
    indices: Sequence[int] | None = None
    seeds: Sequence[int] = (0,)
    budget: int | None = None
    stop_at_db: float | None = LADDER_DB[-1]
    n_jobs: int = -1
    backend: str = "loky"
    redo_errors: bool = False
    on_stale: Literal["error", "keep", "redo"] = "error"
    recordings: Path | None = None

    def __post_init__(self) -> None:
        for name in ("tasks", "solvers", "seeds", "indices"):
            values = getattr(self, name)
            if isinstance(values, str | int):
                raise ParameterError(f"{name} is {values!r}; give a list: [{values!r}]")
            if values is not None and len(values) == 0:
                raise ParameterError(f"{name} is empty; give at least one")
        if not all(_is_whole(seed) and seed >= 0 for seed in self.seeds):
            raise ParameterError(
                f"seeds are {list(self.seeds)}; they must be whole numbers of at least 0"
            )
        if self.budget is not None and not (
            _is_whole(self.budget) and 1 <= self.budget <= LARGEST_COUNT
        ):
            raise ParameterError(
                f"budget is {self.budget!r:.40}; it must be a whole number of at least 1 and at "
                f"most {LARGEST_COUNT}, or None"
            )
        if self.stop_at_db is not None and not math.isfinite(self.stop_at_db):
            raise ParameterError(f"stop_at_db is {self.stop_at_db}; it must be finite, or None")
        if self.n_jobs == 0:
            raise ParameterError("n_jobs is 0; give a number of processes, or -1 for all cores")
        outside = [task for task in self.tasks if task in RECORDING_TASKS]
        if outside and self.split != "test":
            raise ParameterError(
                f"split is {self.split!r}; {outside[0]} has no other than 'test': tune on the "
                "tasks whose targets are drawn, and only report on recordings"
            )
        if self.recordings is not None and not outside:
            raise ParameterError(
                f"recordings is {self.recordings}, and no task has recordings as targets; there "
                f"are {', '.join(RECORDING_TASKS)}"
            )
        for task in self.tasks:
            self._indices_of(self._task(task))

    def jobs(self) -> list[Job]:
        """The runs of the plan, each once, in the order of the arguments.

        Raises:
            UnknownNameError, MissingExtraError, SolverError: from `load_solver`.
            SolverError: two solvers have the same name.
        """
        factories = self._factories()
        tasks = [self._task(id) for id in self.tasks]
        labels = {
            (task.id, int(index)): recording_label(task, int(index))
            for task in tasks
            for index in self._indices_of(task)
        }
        jobs = [
            Job(
                run_id=RunId(task.id, factory.name, self.split, int(index), int(seed)),
                # Absolute: a worker may have been started in another folder.
                folder=Path(self.folder).absolute(),
                solver_spec=spec,
                load_spec=factory.spec,
                digests=factory.digests,
                budget=task.budget if self.budget is None else int(self.budget),
                stop_at_db=self.stop_at_db,
                redo_errors=self.redo_errors,
                redo_stale=self.on_stale == "redo",
                recordings=None if self.recordings is None else Path(self.recordings).absolute(),
                recording=labels[task.id, int(index)],
            )
            for task in tasks
            for spec, factory in factories.items()
            for index in self._indices_of(task)
            for seed in self.seeds
        ]
        return list({job.run_id: job for job in jobs}.values())

    def _task(self, id: str) -> Task:
        return recording_task(id, self.recordings) if id in RECORDING_TASKS else get_task(id)

    def _factories(self) -> dict[str, SolverFactory]:
        factories = {spec: load_solver(spec) for spec in self.solvers}
        spec_of: dict[str, str] = {}
        for spec, factory in factories.items():
            other = spec_of.setdefault(factory.name, spec)
            if other != spec:
                raise SolverError(
                    f"solvers {other!r} and {spec!r} are both named {factory.name!r}; records "
                    "are filed by name, so give one of them another"
                )
        return factories

    def _indices_of(self, task: Task) -> Sequence[int]:
        n_targets = task.n_targets(self.split)
        if self.indices is None:
            if n_targets is None:
                raise ParameterError(
                    f"split {self.split!r} of {task.id} has no end; say which indices to run"
                )
            return range(n_targets)
        for index in self.indices:
            if not _is_whole(index) or index < 0 or (n_targets is not None and index >= n_targets):
                limit = "" if n_targets is None else f" and less than {n_targets}"
                raise ParameterError(
                    f"index {index!r} of split {self.split!r} of {task.id}: must be a whole number "
                    f"of at least 0{limit}"
                )
        return self.indices


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
