"""`gym.make("SoundMatch-v0", patch=...)`: an environment of any patch."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import synthgym
from synthgym.envs.registration import CUSTOM_ID, MAX_EPISODE_STEPS
from synthgym.errors import ParameterError, PatchError
from synthgym.synth import Clock, Linear, Node, Patch, Switched, graph
from synthgym.synth.modules import ADSR, Mix, Oscillator

CLOCK = {"duration_s": 0.1, "sample_rate": 8000}


def drone() -> Patch:
    return Patch(
        (
            Node("low", Oscillator(shape="saw", freq=110.0)),
            Node("high", Oscillator(freq=Linear("freq", 200.0, 900.0, "Hz"), amp=0.5)),
            Node("mix", Mix(), {"audio": ("low", Switched("high"))}),
            Node("env", ADSR(), {"audio": "mix"}),
        )
    )


@pytest.fixture(params=["patch", "file"])
def patch(request: pytest.FixtureRequest, tmp_path: Path) -> Patch | Path:
    return drone() if request.param == "patch" else graph.save(tmp_path / "drone.toml", drone())


def test_gymnasium_finds_no_fault(patch: Patch | Path) -> None:
    env = gym.make(CUSTOM_ID, patch=patch, **CLOCK, disable_env_checker=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    assert env.spec.max_episode_steps == MAX_EPISODE_STEPS
    assert env.action_space.shape == (drone().space.dimension,)
    assert env.unwrapped.task.clock == Clock(8000, 800)
    assert env.unwrapped.task.patch == drone()


def test_settings_work_as_for_a_task() -> None:
    env = gym.make(CUSTOM_ID, patch=drone(), **CLOCK, control="delta", observation="mel")
    observation, _ = env.reset(seed=1, options={"index": 3})
    assert set(observation) == {"patch", "score", "mel", "spectrum"}
    target = env.unwrapped.task.target("train", 3)
    assert np.array_equal(env.unwrapped.target_audio(), target.audio)


def test_a_member_plays_as_a_single_one(same: Callable[..., bool], patch: Patch | Path) -> None:
    envs = gym.make_vec(CUSTOM_ID, num_envs=2, patch=patch, **CLOCK)
    env = gym.make(CUSTOM_ID, patch=patch, **CLOCK)
    many, _ = envs.reset(seed=4)
    one, _ = env.reset(seed=5)
    assert same(many[1], one)
    actions = envs.action_space.sample()
    assert same(envs.step(actions)[0][1], env.step(actions[1])[0])


def test_a_file_makes_a_spec_that_makes_it_again(tmp_path: Path) -> None:
    path = graph.save(tmp_path / "drone.json", drone())
    env = gym.make(CUSTOM_ID, patch=str(path), **CLOCK)
    again = gym.envs.registration.EnvSpec.from_json(env.spec.to_json()).make()
    assert again.unwrapped.task.patch == drone()
    assert pickle.loads(pickle.dumps(env)).unwrapped.task.patch == drone()


@pytest.mark.parametrize("make", [gym.make, lambda id, **given: gym.make_vec(id, 2, **given)])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ["patch="]),
        ({"patch": 3}, ["patch is 3", ".toml"]),
        ({"patch": Patch((Node("a", Oscillator("sine", 1.0, 1.0)),))}, ["no parameters"]),
        ({"patch": drone(), "task": "DiffMoog-FM-v0"}, ["task", "patch", "one of them"]),
        ({"patch": drone(), "duration_s": -1.0}, ["duration_s is -1.0"]),
        ({"patch": drone(), "duration_s": float("inf")}, ["duration_s is inf"]),
        ({"patch": drone(), "duration_s": "1"}, ["duration_s is '1'"]),
        ({"patch": drone(), "sample_rate": 16000.5}, ["sample_rate is 16000.5"]),
        ({"task": "DiffMoog-FM-v0", "sample_rate": 8000}, ["sample_rate", "task_for_clock"]),
    ],
)
def test_what_does_not_go_together_is_said(
    make: Callable[..., Any], given: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ParameterError) as caught:
        make(CUSTOM_ID, **given)
    for word in words:
        assert word in str(caught.value)


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('format = "x"')
    with pytest.raises(PatchError, match=r"mine\.toml: format is 'x'"):
        gym.make(CUSTOM_ID, patch=path)


def test_targets_depend_on_the_id_alone() -> None:
    clock = Clock(8000, 800)
    first = synthgym.tasks.custom_task(drone(), clock=clock, id="a")
    again = synthgym.tasks.custom_task(drone(), clock=clock, id="a")
    other = synthgym.tasks.custom_task(drone(), clock=clock, id="b")
    assert (first.id, first.chain, first.budget) == ("a", None, 1000 * first.dimension)
    assert np.array_equal(first.target("dev", 1).audio, again.target("dev", 1).audio)
    assert not np.array_equal(first.target("dev", 1).audio, other.target("dev", 1).audio)
    longer = synthgym.tasks.task_for_clock(first, Clock(8000, 900))
    assert longer.patch is first.patch
    problem = synthgym.make_problem(longer, split="dev", index=2)
    assert problem(np.full(first.dimension, 0.5)) > 0
