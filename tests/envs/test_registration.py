from __future__ import annotations

import subprocess
import sys

import gymnasium as gym
import pytest

import synthgym.envs
from synthgym.envs.registration import CUSTOM_ID


def test_registering_imports_neither_environments_nor_extras() -> None:
    code = (
        "import sys, synthgym\n"
        "loaded = {'synthgym.envs.env', 'stable_baselines3', 'matplotlib'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there() -> None:
    for name in synthgym.envs.__all__:
        assert getattr(synthgym.envs, name).__name__ == name
        assert name in dir(synthgym.envs)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Nothing"):
        synthgym.envs.Nothing  # noqa: B018


def test_ids_are_those_of_the_tasks() -> None:
    entry_point = "synthgym.envs.env:SoundMatchEnv"
    registered = [name for name, spec in gym.registry.items() if spec.entry_point == entry_point]
    assert sorted(registered) == sorted([*synthgym.task_ids(), CUSTOM_ID])
