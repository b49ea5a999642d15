"""The environment ids: that of each task, and one for any patch.

```python
gym.make("DiffMoog-FM-v0")                       # one environment
gym.make_vec("DiffMoog-FM-v0", num_envs=64)      # 64 members rendered in one call
gym.make("DiffMoog-FM-v0", one_guess=True)       # one guess per target
gym.make("SoundMatch-v0", patch="mine.toml")     # a patch of your own
```
"""

from __future__ import annotations

import gymnasium as gym

from synthgym.tasks.catalogue import CATALOGUE

__all__ = ["CUSTOM_ID", "MAX_EPISODE_STEPS", "register_all"]

CUSTOM_ID = "SoundMatch-v0"
"""The environment of any patch: `gym.make(CUSTOM_ID, patch=...)`."""

MAX_EPISODE_STEPS = 16
"""Guesses per episode under `gym.make` and `gym.make_vec`, unless told otherwise."""


def register_all() -> None:
    """Register all ids with Gymnasium. Calling it again changes nothing.

    The entry points are strings: the environments are imported when the first one is made.
    """
    settings: dict[str, dict[str, str]] = {task_id: {"task": task_id} for task_id in CATALOGUE}
    settings[CUSTOM_ID] = {}
    for env_id, kwargs in settings.items():
        if env_id in gym.registry:
            continue
        gym.register(
            id=env_id,
            entry_point="synthgym.envs.env:SoundMatchEnv",
            vector_entry_point="synthgym.envs.vector:SoundMatchVectorEnv",
            max_episode_steps=MAX_EPISODE_STEPS,
            kwargs=kwargs,
        )
