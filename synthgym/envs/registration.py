"""The environment ids: one for every task of the suite, under the task's own id.

```python
gym.make("DiffMoog-FM-v0")                       # one environment
gym.make_vec("DiffMoog-FM-v0", num_envs=64)      # 64 members rendered in one call
gym.make("DiffMoog-FM-v0", one_guess=True)       # one guess per target
```
"""

from __future__ import annotations

import gymnasium as gym

from synthgym.tasks.catalogue import SUITE

__all__ = ["MAX_EPISODE_STEPS", "register_all"]

MAX_EPISODE_STEPS = 16
"""Guesses per episode under `gym.make` and `gym.make_vec`, unless told otherwise."""


def register_all() -> None:
    """Register every task with Gymnasium. Calling it again changes nothing.

    The entry points are strings: the environments are imported when the first one is made.
    """
    for task_id in SUITE:
        if task_id in gym.registry:
            continue
        gym.register(
            id=task_id,
            entry_point="synthgym.envs.env:SoundMatchEnv",
            vector_entry_point="synthgym.envs.vector:SoundMatchVectorEnv",
            max_episode_steps=MAX_EPISODE_STEPS,
            kwargs={"task": task_id},
        )
