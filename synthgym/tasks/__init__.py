"""Tasks: what is to be matched, with which synthesizer, at what cost.

The names below are imported on first use: `import synthgym` needs the ids of the tasks, not torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthgym.tasks.counting import GRADIENT_COST, Improvement
    from synthgym.tasks.problem import Problem
    from synthgym.tasks.suite import (
        LADDER_DB,
        SUITE_VERSION,
        Task,
        custom_task,
        get_task,
        make_problem,
        recording_task,
        sampled_task,
        task_for_clock,
        task_ids,
    )
    from synthgym.tasks.targets import (
        SPLITS,
        RecordedTargets,
        SampledTargets,
        Target,
        TargetSource,
        stable_seed,
    )

__all__ = [
    "GRADIENT_COST",
    "LADDER_DB",
    "SPLITS",
    "SUITE_VERSION",
    "Improvement",
    "Problem",
    "RecordedTargets",
    "SampledTargets",
    "Target",
    "TargetSource",
    "Task",
    "custom_task",
    "get_task",
    "make_problem",
    "recording_task",
    "sampled_task",
    "stable_seed",
    "task_for_clock",
    "task_ids",
]

_HOMES = {
    "GRADIENT_COST": "counting",
    "Improvement": "counting",
    "Problem": "problem",
    "LADDER_DB": "suite",
    "SUITE_VERSION": "suite",
    "Task": "suite",
    "custom_task": "suite",
    "get_task": "suite",
    "make_problem": "suite",
    "recording_task": "suite",
    "sampled_task": "suite",
    "task_for_clock": "suite",
    "task_ids": "suite",
    "SPLITS": "targets",
    "RecordedTargets": "targets",
    "SampledTargets": "targets",
    "Target": "targets",
    "TargetSource": "targets",
    "stable_seed": "targets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
