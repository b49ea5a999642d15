"""Gymnasium environments over the tasks: match a target sound, guess by guess.

The names below are imported on first use, so that registering the environment ids
(`synthgym.envs.registration`, which `import synthgym` does) stays light.
`synthgym.envs.sb3` bridges to Stable-Baselines3 and is imported by its own name.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthgym.envs.env import SoundMatchEnv
    from synthgym.envs.observations import FlatObserver, MelObserver, Observer
    from synthgym.envs.rewards import (
        ImprovementReward,
        NegativeDistanceReward,
        Reward,
        StepScore,
    )
    from synthgym.envs.vector import SoundMatchVectorEnv

__all__ = [
    "FlatObserver",
    "ImprovementReward",
    "MelObserver",
    "NegativeDistanceReward",
    "Observer",
    "Reward",
    "SoundMatchEnv",
    "SoundMatchVectorEnv",
    "StepScore",
]

_HOMES = {
    "FlatObserver": "observations",
    "ImprovementReward": "rewards",
    "MelObserver": "observations",
    "NegativeDistanceReward": "rewards",
    "Observer": "observations",
    "Reward": "rewards",
    "SoundMatchEnv": "env",
    "SoundMatchVectorEnv": "vector",
    "StepScore": "rewards",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
