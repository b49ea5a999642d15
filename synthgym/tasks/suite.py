"""Tasks, and the suite of them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cache

import numpy.typing as npt

from synthgym.audio import sample_notes
from synthgym.errors import ParameterError, unknown_name
from synthgym.losses import MelDistance
from synthgym.synth import Clock, Patch, chains, graph
from synthgym.tasks.catalogue import CATALOGUE, FAMILIES, RECORDING_TASKS, RECORDINGS
from synthgym.tasks.problem import Problem
from synthgym.tasks.targets import (
    RecordedTargets,
    SampledTargets,
    Target,
    TargetSource,
    recorded_target,
)

SUITE_VERSION = "1"
LADDER_DB = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25)
BUDGET_PER_DIMENSION = 1000
CUSTOM_LEVEL = 9
# No rung of the ladder waits at the end of it: what is compared is how near a solver comes.
RECORDING_BUDGET_PER_DIMENSION = 200


@dataclass(frozen=True)
class Task:
    """What is to be solved: a synthesizer, targets, a distance and a budget.

    Args:
        id: such as `"DiffMoog-FM-v0"`; also the id of its environment.
        chain: name of the chain that the patch comes from; None for a custom patch.
        level: 1 for the simplest.
        summary: one line for listings.
        patch: the synthesizer.
        clock: time base.
        targets: what is to be matched.
        distance: what is returned, rewarded and scored.
        budget: cost units for each target.
        solved_db: the distance from which a target counts as solved: 1 dB, the just noticeable
            difference in level.
    """

    id: str
    chain: str | None
    level: int
    summary: str
    patch: Patch
    clock: Clock
    targets: TargetSource
    distance: MelDistance
    budget: int
    solved_db: float = 1.0

    @property
    def dimension(self) -> int:
        """Number of entries of the unit vector."""
        return self.patch.space.dimension

    def target(self, split: str, index: int) -> Target:
        """The target of a split and index. Raises `ParameterError` where there is none."""
        return self.targets.target(split, index)

    def n_targets(self, split: str) -> int | None:
        """How many targets a split has; None where it is endless."""
        return self.targets.n_targets(split)


def sampled_task(id: str, chain: str, level: int, summary: str, clock: Clock | None = None) -> Task:
    """A task whose targets are sounds of its own chain, with the suite's distance and budget.

    Args:
        id: of the task; the seeds of its targets derive from it.
        chain: one of `synthgym.synth.chains.names()`.
        level: 1 for the simplest.
        summary: one line.
        clock: time base; by default 16384 samples at 16 kHz.
    """
    clock = clock or Clock()
    patch = chains.build(chain, clock.duration_s)
    targets = SampledTargets(patch, clock, f"suite {SUITE_VERSION}/{id}")
    return _task(id, chain, level, summary, targets, patch)


def custom_task(
    patch: Patch | str | os.PathLike[str], *, clock: Clock | None = None, id: str = "custom"
) -> Task:
    """A task of a patch of your own, with targets sampled from it and the suite's distance.

    Args:
        patch: a patch, or the path of its TOML or JSON document (see `synthgym.synth.graph`).
        clock: time base; by default 16384 samples at 16 kHz.
        id: of the task; the seeds of its targets derive from it.

    Raises:
        PatchError: the document cannot be read.
        ParameterError: the patch has no parameters to search, or is no patch.
    """
    built = graph.load(patch) if isinstance(patch, str | os.PathLike) else patch
    if not isinstance(built, Patch):
        raise ParameterError(
            f"patch is {patch!r}; it must be a Patch, or the path of its .toml or .json file"
        )
    if built.space.dimension == 0:
        raise ParameterError(
            "the patch has no parameters to search: all of them are constants; give one a range"
        )
    targets = SampledTargets(built, clock or Clock(), f"custom/{id}")
    return _task(id, None, CUSTOM_LEVEL, "a custom patch", targets, built)


def recording_task(id: str, folder: str | os.PathLike[str] | None = None) -> Task:
    """A task out of domain: a chain of the suite against recordings.

    Args:
        id: one of `task_ids("recordings")`.
        folder: of sound files, which are the targets in the order of their names; None for the
            notes that come with synthgym (`synthgym.audio.sample_notes`).

    Raises:
        UnknownNameError: there is no such task.
        AudioError: the folder holds no sound files.
    """
    if id not in RECORDING_TASKS:
        raise unknown_name("task on recordings", id, RECORDING_TASKS)
    entry = RECORDING_TASKS[id]
    clock = Clock(entry.sample_rate, entry.n_samples)
    patch = chains.build(entry.chain, clock.duration_s)
    if folder is None:
        targets = RecordedTargets(tuple(sample_notes().values()), clock)
    else:
        targets = RecordedTargets.in_folder(os.fspath(folder), clock)
    return _task(
        id,
        entry.chain,
        entry.level,
        entry.summary,
        targets,
        patch,
        RECORDING_BUDGET_PER_DIMENSION,
    )


def _task(
    id: str,
    chain: str | None,
    level: int,
    summary: str,
    targets: SampledTargets | RecordedTargets,
    patch: Patch,
    budget_per_dimension: int = BUDGET_PER_DIMENSION,
) -> Task:
    return Task(
        id=id,
        chain=chain,
        level=level,
        summary=summary,
        patch=patch,
        clock=targets.clock,
        targets=targets,
        distance=MelDistance(targets.clock.sample_rate),
        budget=budget_per_dimension * patch.space.dimension,
    )


def task_ids(family: str | None = None) -> list[str]:
    """Ids of the tasks, simplest first within each family.

    Args:
        family: `"diffmoog"`, the suite; `"published"`, the tasks of a published comparison of
            optimizers; or `"recordings"`, those out of domain, which are in no other list. None for
            all whose targets are sounds of their own synthesizer.

    Raises:
        UnknownNameError: there is no such family.
    """
    if family is None:
        return list(CATALOGUE)
    if family == RECORDINGS:
        return list(RECORDING_TASKS)
    if family not in FAMILIES:
        raise unknown_name("family of tasks", family, [*FAMILIES, RECORDINGS])
    return [id for id, entry in CATALOGUE.items() if entry.family == family]


@cache
def get_task(id: str) -> Task:
    """The task of an id; one on recordings has the notes that come with synthgym.

    Raises:
        UnknownNameError: there is none; the message suggests the nearest.
    """
    if id in RECORDING_TASKS:
        return recording_task(id)
    if id not in CATALOGUE:
        raise unknown_name("task", id, [*CATALOGUE, *RECORDING_TASKS])
    entry = CATALOGUE[id]
    clock = Clock(entry.sample_rate, entry.n_samples)
    return sampled_task(id, entry.chain, entry.level, entry.summary, clock)


def task_for_clock(task: Task, clock: Clock) -> Task:
    """The same chain or custom patch at another clock, for recordings of another length or rate.

    Its targets are other sounds than the task's, so it is not part of the suite.
    """
    if clock == task.clock:
        return task
    name = f"{task.id}@{clock.sample_rate}x{clock.n_samples}"
    if task.chain is None:
        return custom_task(task.patch, clock=clock, id=name)
    return sampled_task(name, task.chain, task.level, task.summary, clock)


def make_problem(
    task: str | Task,
    *,
    split: str = "dev",
    index: int = 0,
    target: str | os.PathLike[str] | npt.ArrayLike | None = None,
    budget: int | float | None = None,
    stop_at_db: float | None = None,
) -> Problem:
    """One target of a task, to be solved, with its cost counted.

    Args:
        task: an id such as `"DiffMoog-FM-v0"`, or a task.
        split: `"train"`, `"dev"` or `"test"`. Tuning is on dev only.
        index: of the target within the split; 0 to 14 for dev and test.
        target: in place of a split's target: the path of a recording, which is resampled and fitted
            to the task's clock, or an array `(n_samples,)` at the clock's rate.
        budget: cost units; by default the task's. Pass `float("inf")` for no limit.
        stop_at_db: raise `TargetReached` at this distance; by default never.

    Raises:
        UnknownNameError: no such task or split.
        ParameterError: no such target, or it does not fit.
        AudioError: a recording cannot be used.
    """
    chosen = task if isinstance(task, Task) else get_task(str(task))
    audio: npt.ArrayLike
    if target is None or isinstance(target, str | os.PathLike):
        found = (
            chosen.target(split, index)
            if target is None
            else recorded_target(os.fspath(target), chosen.clock)
        )
        audio, name = found.audio, found.name
    else:
        audio, name = target, "array"
    limit = chosen.budget if budget is None else budget
    return Problem(
        chosen.patch,
        chosen.clock,
        audio,
        chosen.distance,
        task_id=chosen.id,
        target_name=name,
        budget=None if limit == math.inf else limit,
        solved_db=chosen.solved_db,
        stop_at_db=stop_at_db,
    )
