"""What an environment plays: a task of the suite, or a patch of one's own."""

from __future__ import annotations

import math
import os
from typing import TypeAlias

from synthgym.errors import ParameterError
from synthgym.synth import Clock, Patch
from synthgym.tasks import Task, custom_task

__all__ = ["PatchSource", "chosen_task"]

PatchSource: TypeAlias = "Patch | str | os.PathLike[str]"
"""A patch, or the path of its TOML or JSON document."""

DEFAULT_SECONDS = 1.024
DEFAULT_RATE_HZ = 16_000


def chosen_task(
    task: str | Task | None,
    patch: PatchSource | None,
    duration_s: float | None,
    sample_rate: int | None,
) -> str | Task:
    """The task itself, or one made of a patch.

    Args:
        task: a task or its id.
        patch: in place of a task.
        duration_s: of the patch's sounds; by default 1.024 s.
        sample_rate: likewise, in Hz; by default 16 kHz.

    Raises:
        ParameterError: both or neither of the two, or a clock for a task, which has its own.
        PatchError: the document cannot be read.
    """
    if patch is None:
        if task is None:
            raise ParameterError(
                "there is nothing to play; give patch=..., a Patch or the path of its file, or "
                'make a task such as "DiffMoog-FM-v0"'
            )
        if duration_s is not None or sample_rate is not None:
            raise ParameterError(
                "duration_s and sample_rate are for a patch; a task has a clock of its own "
                "(synthgym.tasks.task_for_clock gives it another)"
            )
        return task
    if task is not None:
        raise ParameterError(
            f"task is {task!r} and there is a patch too; give one of them (for a patch make "
            '"SoundMatch-v0")'
        )
    length_s = DEFAULT_SECONDS if duration_s is None else duration_s
    rate_hz = DEFAULT_RATE_HZ if sample_rate is None else sample_rate
    if isinstance(length_s, bool) or not isinstance(length_s, int | float):
        raise ParameterError(f"duration_s is {length_s!r}; it must be a number of seconds")
    if not (math.isfinite(length_s) and length_s > 0):
        raise ParameterError(f"duration_s is {length_s}; it must be finite and above 0")
    Clock(rate_hz, 1)  # a bad rate is said as such, and not as a bad length
    return custom_task(patch, clock=Clock(rate_hz, max(round(length_s * rate_hz), 1)))
