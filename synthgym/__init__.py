"""synthgym: automatic sound matching as an open benchmark.

```python
import synthgym

problem = synthgym.make_problem("DiffMoog-FM-v0", split="dev", index=3)
problem(x)                      # distance in dB of the patch x, (dimension,) in [0, 1]
problem.batch(X)                # of many, (n,)
problem.value_and_grad(X)       # with gradients through the synthesizer

import gymnasium as gym

env = gym.make("DiffMoog-FM-v0")
```

The names below are imported on first use, so that `synthgym --help` does not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from synthgym.envs.registration import register_all

if TYPE_CHECKING:
    from synthgym.errors import SynthgymError
    from synthgym.losses import MelDistance
    from synthgym.synth import Clock, Patch, chains
    from synthgym.tasks import Problem, Task, get_task, make_problem, task_ids

__version__ = "0.1.0"

__all__ = [
    "Clock",
    "MelDistance",
    "Patch",
    "Problem",
    "SynthgymError",
    "Task",
    "chains",
    "get_task",
    "make_problem",
    "task_ids",
]

_HOMES = {
    "Clock": "synth",
    "MelDistance": "losses",
    "Patch": "synth",
    "Problem": "tasks",
    "SynthgymError": "errors",
    "Task": "tasks",
    "chains": "synth",
    "get_task": "tasks",
    "make_problem": "tasks",
    "task_ids": "tasks",
}
_PACKAGES = (
    "audio",
    "envs",
    "errors",
    "leaderboard",
    "losses",
    "metrics",
    "solvers",
    "synth",
    "tasks",
)


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})


register_all()
