"""Contracts over every registered environment."""

from __future__ import annotations

import copy
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

import synthgym
from synthgym.envs import SoundMatchEnv, SoundMatchVectorEnv
from synthgym.envs.registration import MAX_EPISODE_STEPS, register_all

pytestmark = pytest.mark.parametrize("env_id", synthgym.task_ids())


def perfect_target(env_id: str, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """A sound of the task's own chain, and the action that makes it."""
    task = synthgym.get_task(env_id)
    action = np.random.default_rng(seed).uniform(-1, 1, task.dimension).astype(np.float32)
    # A loud sound in any chain: no knob at the bottom of its range.
    action = np.clip(np.abs(action), 0.2, 0.9)
    unit = torch.tensor((0.5 * (action.astype(np.float64) + 1.0)).astype(np.float32))
    return task.patch.render(unit[None], task.clock)[0].numpy(), action


@pytest.mark.parametrize("observation", ["flat", "mel"])
def test_gymnasium_finds_no_fault(env_id: str, observation: str) -> None:
    env = gym.make(env_id, observation=observation, disable_env_checker=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("observation", ["flat", "mel"])
def test_stable_baselines_finds_no_fault(env_id: str, observation: str) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(gym.make(env_id, observation=observation), warn=True)


def test_registered_with_string_entry_points(env_id: str) -> None:
    spec = gym.spec(env_id)
    assert spec.entry_point == "synthgym.envs.env:SoundMatchEnv"
    assert spec.vector_entry_point == "synthgym.envs.vector:SoundMatchVectorEnv"
    assert spec.max_episode_steps == MAX_EPISODE_STEPS
    assert spec.nondeterministic is False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register_all()
    assert gym.spec(env_id) is spec


def test_spec_makes_the_environment_again(env_id: str) -> None:
    env = gym.make(env_id, control="delta", max_episode_steps=4)
    spec = EnvSpec.from_json(env.spec.to_json())
    again = spec.make()
    assert isinstance(again.unwrapped, SoundMatchEnv)
    assert again.spec.max_episode_steps == 4
    assert again.spec.kwargs == {"task": env_id, "control": "delta"}
    assert pickle.loads(pickle.dumps(env.spec)) == env.spec


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_a_copy_plays_on_alike(env_id: str, how: str, same) -> None:
    env = gym.make(env_id)
    env.reset(seed=3)
    actions = np.random.default_rng(0).uniform(-1, 1, (3, *env.action_space.shape))
    env.step(actions[0])
    twin = pickle.loads(pickle.dumps(env)) if how == "pickle" else copy.deepcopy(env)
    for action in actions[1:]:
        assert same(env.step(action), twin.step(action), 0.0)
    assert same(env.reset()[0], twin.reset()[0], 0.0)


def test_a_batched_copy_plays_on_alike(env_id: str, same) -> None:
    envs = gym.make_vec(env_id, num_envs=2)
    envs.reset(seed=3)
    actions = np.random.default_rng(0).uniform(-1, 1, (2, *envs.action_space.shape))
    envs.step(actions[0])
    twin = pickle.loads(pickle.dumps(envs))
    assert same(envs.step(actions[1]), twin.step(actions[1]), 0.0)
    assert same(envs.reset()[0], twin.reset()[0], 0.0)


def test_make_vec_takes_the_batched_environment(env_id: str) -> None:
    envs = gym.make_vec(env_id, num_envs=2)
    assert isinstance(envs, SoundMatchVectorEnv)
    assert envs.max_episode_steps == MAX_EPISODE_STEPS
    assert envs.num_envs == 2
    assert "mel" in gym.make_vec(env_id, num_envs=1, observation="mel").observation_space.spaces


@pytest.mark.parametrize("observation", ["flat", "mel"])
def test_observations_stay_in_their_space_at_corners_too(env_id: str, observation: str) -> None:
    env = gym.make(env_id, observation=observation).unwrapped
    rng = np.random.default_rng(1)
    observed, _ = env.reset(seed=0)
    assert observed in env.observation_space
    for _ in range(4):
        action = rng.choice([-1.0, 1.0, 0.3], size=env.task.dimension)
        observed, reward, _, _, _ = env.step(action)
        assert observed in env.observation_space
        assert np.isfinite(reward)


def test_a_perfect_guess_solves_it_for_a_return_of_one(env_id: str) -> None:
    target, action = perfect_target(env_id)
    env = gym.make(env_id)
    _, info = env.reset(options={"target": target})
    assert info["target_index"] == -1
    first_db = info["distance_db"]
    assert first_db > 1.0
    miss = env.step(-action)[1]
    _, reward, terminated, truncated, info = env.step(action)
    assert terminated
    assert not truncated
    assert info["solved"]
    # To rounding in the float32 spectrograms.
    assert info["distance_db"] < 1e-3
    assert miss + reward == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(env.unwrapped.audio(), target, atol=1e-5)


def test_the_distance_is_the_problems(env_id: str) -> None:
    problem = synthgym.make_problem(env_id, split="dev", index=2)
    env = gym.make(env_id)
    _, info = env.reset(options={"split": "dev", "index": 2})
    centre = np.full(problem.dimension, 0.5)
    assert info["distance_db"] == pytest.approx(problem(centre), abs=1e-5)
    np.testing.assert_array_equal(env.unwrapped.target_audio(), problem.target)
    action = np.random.default_rng(4).uniform(-1, 1, problem.dimension)
    info = env.step(action)[4]
    assert info["distance_db"] == pytest.approx(problem((action + 1) / 2), abs=1e-5)
    assert info["best_distance_db"] == pytest.approx(problem.best_distance, abs=1e-5)
    assert info["n_evaluations"] == problem.n_evaluations
    assert info["target_index"] == 2


def test_returns_lie_between_nothing_and_one(env_id: str) -> None:
    envs = gym.make_vec(env_id, num_envs=4, max_episode_steps=5, autoreset_mode="SameStep")
    envs.action_space.seed(0)
    _, info = envs.reset(seed=0)
    first_db = info["distance_db"]
    returns = np.zeros(4)
    for _ in range(5):
        _, rewards, _, truncations, info = envs.step(envs.action_space.sample())
        assert (rewards >= 0).all()
        returns += rewards
    assert truncations.all()
    assert (returns <= 1).all()
    assert returns.max() > 0
    best_db = info["final_info"]["best_distance_db"]
    np.testing.assert_allclose(returns, 1 - best_db / first_db, atol=1e-12)


def test_info_tells_plain_numbers_only(env_id: str) -> None:
    env = gym.make(env_id)
    _, info = env.reset(seed=0)
    kinds = {
        "distance_db": float,
        "best_distance_db": float,
        "n_evaluations": int,
        "target_index": int,
        "solved": bool,
    }
    assert {name: type(value) for name, value in info.items()} == kinds
    info = env.step(env.action_space.sample())[4]
    assert {name: type(value) for name, value in info.items()} == kinds


def test_members_play_the_single_environments_episodes(env_id: str, same) -> None:
    n, limit, seed = 3, 3, 11
    envs = gym.make_vec(env_id, num_envs=n, max_episode_steps=limit, autoreset_mode="SameStep")
    singles = [gym.make(env_id, max_episode_steps=limit) for _ in range(n)]
    observations, infos = envs.reset(seed=seed)
    for i, env in enumerate(singles):
        observed, info = env.reset(seed=seed + i)
        assert same(observed, observations[i])
        assert info == pytest.approx({name: infos[name][i] for name in info}, abs=1e-6)
    rng = np.random.default_rng(2)
    for _ in range(2 * limit + 1):
        actions = rng.uniform(-1, 1, envs.action_space.shape).astype(np.float32)
        observations, rewards, terminations, truncations, infos = envs.step(actions)
        for i, env in enumerate(singles):
            observed, reward, terminated, truncated, _ = env.step(actions[i])
            assert reward == pytest.approx(rewards[i], abs=1e-6)
            assert (terminated, truncated) == (terminations[i], truncations[i])
            if terminated or truncated:
                assert same(infos["final_obs"][i], observed)
                observed, _ = env.reset()
            assert same(observed, observations[i])
