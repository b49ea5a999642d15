"""Tasks: what is to be matched, with which synthesizer, at what cost."""

from synthgym.tasks.problem import GRADIENT_COST, Improvement, Problem
from synthgym.tasks.suite import (
    LADDER_DB,
    SUITE_VERSION,
    Task,
    get_task,
    make_problem,
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
    "get_task",
    "make_problem",
    "sampled_task",
    "stable_seed",
    "task_for_clock",
    "task_ids",
]
