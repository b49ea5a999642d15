"""Targets from outside the suite: which recording a record is about, and where it is."""

from __future__ import annotations

from pathlib import Path

from synthgym.errors import AudioError, RecordError
from synthgym.leaderboard.record import Record, RunHeader
from synthgym.tasks import RecordedTargets, Task, get_task, recording_task
from synthgym.tasks.catalogue import RECORDING_TASKS


def is_outside(record: Record) -> bool:
    """Whether the target of a run is a recording: such runs have a board of their own."""
    return bool(record.header.recording) or record.header.task in RECORDING_TASKS


def recording_label(task: Task, index: int) -> str:
    """Name and digest of the recording at an index; empty for a task with targets of its own.

    Raises:
        AudioError: its file cannot be read.
    """
    return task.targets.label(index) if isinstance(task.targets, RecordedTargets) else ""


def task_of(header: RunHeader, recordings: Path | None = None) -> Task:
    """The installed task that a run was about, with its target at the index that the run had.

    Args:
        header: of the run.
        recordings: folder to look for its recording in, before the notes that come with synthgym.

    Raises:
        UnknownNameError: the task is not installed.
        RecordError: the recording is not there, or is another one.
    """
    if header.task not in RECORDING_TASKS:
        return get_task(header.task)
    for folder in [None] if recordings is None else [recordings, None]:
        if _has(task := recording_task(header.task, folder), header):
            return task
    raise RecordError(
        f"its target, the recording {header.recording or 'that it does not name'}, is not at "
        f"place {header.index} of "
        + ("the notes that come with synthgym" if recordings is None else str(recordings))
        + "; give the folder that it ran on with --recordings"
    )


def folder_of(header: RunHeader, recordings: Path | None) -> Path | None:
    """The folder that `task_of` takes the recording from; None for the shipped notes."""
    if recordings is None or header.task not in RECORDING_TASKS:
        return None
    return recordings if _has(recording_task(header.task, recordings), header) else None


def _has(task: Task, header: RunHeader) -> bool:
    n_targets = task.n_targets(header.split)
    if n_targets is None or header.index >= n_targets:
        return False
    try:
        return recording_label(task, header.index) == header.recording
    except AudioError:
        return False
