"""The bridge to Stable-Baselines3, against its own vector of single environments."""

from __future__ import annotations

import warnings

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from stable_baselines3 import PPO, SAC
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from synthgym.envs.sb3 import SynthVecEnv
from synthgym.errors import ParameterError

OSC = "DiffMoog-Osc-v0"


@pytest.mark.parametrize("observation", ["flat", "mel"])
def test_it_is_a_dummy_vec_env_in_one_call(observation, same) -> None:
    settings = {"max_episode_steps": 3, "observation": observation}
    ours = SynthVecEnv(OSC, n_envs=2, seed=5, env_kwargs=settings)
    theirs = DummyVecEnv([lambda: gym.make(OSC, **settings)] * 2)
    theirs.seed(5)
    assert same(ours.reset(), theirs.reset())
    assert ours.reset_infos == theirs.reset_infos
    rng = np.random.default_rng(0)
    for _ in range(7):
        actions = rng.uniform(-1, 1, (2, 5)).astype(np.float32)
        mine, other = ours.step(actions), theirs.step(actions)
        assert same(mine[0], other[0])
        assert mine[1].dtype == other[1].dtype
        np.testing.assert_allclose(mine[1], other[1], atol=1e-6)
        assert mine[2].tolist() == other[2].tolist()
        for info, expected in zip(mine[3], other[3], strict=True):
            assert same(info, expected)
            assert {k: type(v) for k, v in info.items()} == {
                k: type(v) for k, v in expected.items()
            }
        assert ours.reset_infos == theirs.reset_infos


def test_a_time_limit_is_told_from_a_solution() -> None:
    env = SynthVecEnv(OSC, n_envs=2, env_kwargs={"max_episode_steps": 2})
    perfect = np.array([0.3, -0.2, 0.1, 0.5, 0.8], dtype=np.float32)
    env.reset()
    env.step(np.stack([perfect, perfect]))
    env.set_options({"target": env.env_method("audio", indices=0)[0]})
    env.reset()
    actions = np.stack([-perfect, -perfect])
    dones, infos = env.step(actions)[2:]
    assert not dones.any()
    actions[1] = perfect
    _, _, dones, infos = env.step(actions)
    assert dones.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [True, False]
    assert [info["solved"] for info in infos] == [False, True]
    np.testing.assert_allclose(infos[1]["terminal_observation"][:5], perfect, atol=1e-6)


def test_seeds_and_options_are_used_once() -> None:
    env = SynthVecEnv(OSC, n_envs=2)
    assert env.seed(3) == [3, 4]
    env.reset()
    first = [info["target_index"] for info in env.reset_infos]
    env.reset()
    assert [info["target_index"] for info in env.reset_infos] != first
    env.seed(3)
    env.reset()
    assert [info["target_index"] for info in env.reset_infos] == first
    env.set_options([{"index": 1}, {"index": 2, "split": "dev"}])
    env.reset()
    assert [info["target_index"] for info in env.reset_infos] == [1, 2]
    env.reset()
    assert [info["target_index"] for info in env.reset_infos] != [1, 2]


def test_members_answer_one_by_one() -> None:
    env = SynthVecEnv(OSC, n_envs=3, env_kwargs={"render_mode": "rgb_array"})
    env.seed(0)
    env.reset()
    assert env.get_attr("render_mode") == ["rgb_array"] * 3
    assert env.get_attr("np_random_seed", indices=[0, 2]) == [0, 2]
    assert [task.id for task in env.get_attr("task", indices=1)] == [OSC]
    sounds = env.env_method("target_audio")
    np.testing.assert_array_equal(sounds[2], env.env.target_audio()[2])
    env.set_attr("note", "kept", indices=[1])
    assert env.get_attr("note", indices=1) == ["kept"]
    assert not env.has_attr("note")
    assert env.has_attr("unwrapped")
    with pytest.raises(AttributeError):
        env.set_attr("task", None)
    assert env.env_is_wrapped(Monitor) == [False] * 3
    height, width, _ = env.env_method("render", indices=0)[0].shape
    assert env.render().shape == (2 * height, 2 * width, 3)
    assert env.spec.id == OSC
    env.close()


def test_an_environment_made_before_is_taken_as_it_is() -> None:
    made = gym.make_vec(OSC, num_envs=2, autoreset_mode="SameStep", split="dev")
    env = SynthVecEnv(made)
    assert env.num_envs == 2
    env.reset()
    assert all(info["target_index"] < 15 for info in env.reset_infos)
    assert env.get_images() == [None, None]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SynthVecEnv(gym.make_vec(OSC, num_envs=1)), "SameStep"),
        (lambda: SynthVecEnv("CartPole-v1", n_envs=1), "make_vec_env"),
        (lambda: SynthVecEnv(gym.make(OSC)), "SoundMatchVectorEnv"),
        (
            lambda: SynthVecEnv(gym.make_vec(OSC, num_envs=1, autoreset_mode="SameStep"), n_envs=2),
            "made already",
        ),
        (lambda: SynthVecEnv(OSC).step_wait(), "step_async"),
    ],
)
def test_misuse_is_told(make, message) -> None:
    with pytest.raises(ParameterError, match=message):
        make()


@pytest.mark.parametrize("observation", ["flat", "mel"])
def test_ppo_learns_on_the_batch(observation) -> None:
    policy = "MlpPolicy" if observation == "flat" else "MultiInputPolicy"
    env = VecMonitor(
        SynthVecEnv(OSC, n_envs=8, env_kwargs={"observation": observation, "max_episode_steps": 4})
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = PPO(policy, env, n_steps=8, batch_size=32, n_epochs=1, seed=0, device="cpu")
        model.learn(128)
    assert model.num_timesteps == 128
    returns = [episode["r"] for episode in model.ep_info_buffer]
    assert len(returns) == 32
    assert all(0.0 <= r <= 1.0 for r in returns)


def test_sac_learns_on_the_batch() -> None:
    env = VecNormalize(SynthVecEnv(OSC, n_envs=4, env_kwargs={"control": "delta"}))
    model = SAC(
        "MlpPolicy",
        env,
        buffer_size=500,
        learning_starts=40,
        batch_size=16,
        train_freq=8,
        gradient_steps=2,
        policy_kwargs={"net_arch": [32]},
        seed=0,
        device="cpu",
    )
    model.learn(200)
    assert model.num_timesteps >= 200
    mean, _ = evaluate_policy(
        model, VecMonitor(SynthVecEnv(OSC, n_envs=2, seed=0)), n_eval_episodes=2
    )
    assert 0.0 <= mean <= 1.0


def test_single_environments_work_with_its_helpers() -> None:
    env = make_vec_env(OSC, n_envs=2, env_kwargs={"max_episode_steps": 2}, seed=0)
    env.reset()
    for _ in range(2):
        _, _, dones, infos = env.step(np.zeros((2, 5), dtype=np.float32))
    assert dones.all()
    assert infos[0]["TimeLimit.truncated"]
    assert 0.0 <= infos[0]["episode"]["r"] <= 1.0
