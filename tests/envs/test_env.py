"""The single environment: actions, options, control, parts, pictures."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import pytest
import soundfile
from gymnasium.error import ResetNeeded
from gymnasium.wrappers import RecordEpisodeStatistics

import synthgym
from synthgym.envs import FlatObserver, NegativeDistanceReward, SoundMatchEnv, StepScore
from synthgym.errors import AudioError, ParameterError, SynthgymError, UnknownNameError

OSC = "DiffMoog-Osc-v0"
FM = "DiffMoog-FM-v0"


@pytest.fixture
def env() -> SoundMatchEnv:
    return SoundMatchEnv(OSC)


def test_the_seed_is_the_only_chance(env: SoundMatchEnv, same) -> None:
    other = SoundMatchEnv(OSC)
    first = [env.reset(seed=8)[1]["target_index"], *(env.reset()[1]["target_index"] for _ in "ab")]
    again = [
        other.reset(seed=8)[1]["target_index"],
        *(other.reset()[1]["target_index"] for _ in "ab"),
    ]
    assert first == again
    assert len(set(first)) == 3
    assert env.reset(seed=9)[1]["target_index"] != first[0]
    assert same(env.reset(seed=8)[0], other.reset(seed=8)[0], 0.0)


def test_a_reset_draws_from_the_split(env: SoundMatchEnv) -> None:
    test_env = SoundMatchEnv(OSC, split="test")
    indices = {test_env.reset(seed=i)[1]["target_index"] for i in range(12)}
    assert indices <= set(range(15))
    assert len(indices) > 4
    info = env.reset(seed=0, options={"split": "dev"})[1]
    assert info["target_index"] < 15
    np.testing.assert_array_equal(
        env.target_audio(), synthgym.get_task(OSC).target("dev", info["target_index"]).audio
    )


def test_choosing_the_target_draws_nothing(env: SoundMatchEnv) -> None:
    env.reset(seed=3)
    drawn = env.reset()[1]["target_index"]
    env.reset(seed=3)
    env.reset(options={"index": 4})
    assert env.reset()[1]["target_index"] == drawn


def test_a_recording_is_a_target(env: SoundMatchEnv, tmp_path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16384) / 16000)
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone, 16000)
    for target in (path, str(path)):
        info = env.reset(options={"target": target})[1]
        assert info["target_index"] == -1
    by_file = info["distance_db"]
    assert env.target_audio().shape == (16384,)
    by_array = env.reset(options={"target": tone})[1]["distance_db"]
    assert by_file == pytest.approx(by_array, abs=1.5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"indx": 3}, UnknownNameError, "index"),
        ({"index": 3, "target": np.zeros(16384)}, ParameterError, "both choose the target"),
        ({"split": "dev", "target": np.zeros(16384)}, ParameterError, "both choose the target"),
        ({"index": -1}, ParameterError, "-1"),
        ({"index": 1.5}, ParameterError, "1.5"),
        ({"index": 15, "split": "test"}, ParameterError, "0 to 14"),
        ({"split": "tset"}, UnknownNameError, "test"),
        ({"target": np.zeros(100)}, ParameterError, "16384"),
        ({"target": np.full(16384, np.nan)}, ParameterError, "finite"),
        ({"target": np.zeros(16384, dtype=complex)}, ParameterError, "real numbers"),
        ({"target": np.full(16384, 1e30)}, ParameterError, "up to 1e.30"),
        ({"target": np.full(16384, 1e39)}, ParameterError, "finite samples"),
        ({"index": 2**63}, ParameterError, "target index is 9223372036854775808"),
        ({"target": 7}, ParameterError, "path"),
        ({"target": "no/such/file.wav"}, AudioError, "file.wav"),
        ({"x": [0.5] * 4}, ParameterError, r"\(5,\)"),
        ({"x": [0.5, 0.5, 0.5, 0.5, 1.5]}, ParameterError, "index 4"),
        ({"x": [0.5, np.nan, 0.5, 0.5, 0.5]}, ParameterError, "index 1"),
        ({"x": "middle"}, ParameterError, "numbers"),
    ],
)
def test_bad_options_are_told(env, options, error, message) -> None:
    with pytest.raises(error, match=message) as caught:
        env.reset(seed=0, options=options)
    assert isinstance(caught.value, SynthgymError)


def test_x_is_where_the_episode_begins(env: SoundMatchEnv) -> None:
    x = np.linspace(0.1, 0.9, 5)
    observation, info = env.reset(options={"index": 0, "x": x})
    np.testing.assert_allclose(observation[:5], 2 * x - 1, atol=1e-6)
    problem = synthgym.make_problem(OSC, split="train", index=0)
    assert info["distance_db"] == pytest.approx(problem(x), abs=1e-5)
    centre = env.reset(options={"index": 0, "x": np.full(5, 0.5)})[1]["distance_db"]
    assert centre == pytest.approx(env.reset(options={"index": 0})[1]["distance_db"], abs=1e-6)


def test_an_episode_that_begins_on_the_target_ends_at_once(env: SoundMatchEnv) -> None:
    env.reset(seed=0)
    centre = env.audio()
    _, info = env.reset(options={"target": centre})
    assert info["solved"]
    _, reward, terminated, _, _ = env.step(np.full(5, 0.7))
    assert terminated
    assert 0.0 <= reward <= 1.0


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.zeros(4), r"\(4,\).*\(5,\)"),
        (np.zeros((1, 5)), r"\(1, 5\)"),
        (np.array([0, np.nan, 0, 0, 0]), "nan at index 1"),
        (np.array([0, 0, np.inf, 0, 0]), "inf at index 2"),
        (["a"] * 5, "numbers"),
        (None, r"shape \(\)"),
    ],
)
def test_bad_actions_are_told_and_change_nothing(env, action, message) -> None:
    env.reset(seed=0)
    before = env.step(np.zeros(5))[4]
    with pytest.raises(ParameterError, match=message):
        env.step(action)
    assert env.step(np.zeros(5))[4]["n_evaluations"] == before["n_evaluations"] + 1


def test_actions_out_of_the_box_are_clipped(env: SoundMatchEnv, same) -> None:
    env.reset(seed=0)
    outside = env.step(np.array([3.0, -7.0, 0.2, 1.0, -1.0]))
    env.reset(seed=0)
    inside = env.step(np.array([1.0, -1.0, 0.2, 1.0, -1.0]))
    assert same(list(outside), list(inside), 0.0)


def test_delta_control_moves_the_last_patch() -> None:
    env = SoundMatchEnv(OSC, control="delta", delta_size=0.25)
    env.reset(seed=0)
    patch = env.step(np.array([1.0, -1.0, 0.0, 0.5, 2.0]))[0][:5]
    np.testing.assert_allclose(patch, [0.5, -0.5, 0.0, 0.25, 0.5], atol=1e-6)
    for _ in range(4):
        patch = env.step(np.array([1.0, -1.0, 0.0, 0.5, 2.0]))[0][:5]
    np.testing.assert_allclose(patch, [1.0, -1.0, 0.0, 1.0, 1.0], atol=1e-6)


def test_one_guess_is_terminated_after_a_step() -> None:
    env = gym.make(OSC, one_guess=True)
    env.reset(seed=0)
    _, _, terminated, truncated, info = env.step(np.zeros(5, dtype=np.float32))
    assert (terminated, truncated) == (True, False)
    assert not info["solved"]
    assert info["n_evaluations"] == 2


def test_the_time_limit_truncates() -> None:
    env = RecordEpisodeStatistics(gym.make(OSC, max_episode_steps=3))
    env.reset(seed=0)
    flags, total = [], 0.0
    for _ in range(3):
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        flags.append((terminated, truncated))
        total += reward
    assert flags == [(False, False), (False, False), (False, True)]
    assert info["episode"]["r"] == pytest.approx(total)
    assert info["episode"]["l"] == 3


def test_nothing_works_before_the_first_reset(env: SoundMatchEnv) -> None:
    for call in (lambda: env.step(np.zeros(5)), env.audio, env.target_audio):
        with pytest.raises(ResetNeeded):
            call()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"task": "DiffMoog-Ocs-v0"}, UnknownNameError, "DiffMoog-Osc-v0"),
        ({"observation": "flt"}, UnknownNameError, "flat"),
        ({"observation": object()}, ParameterError, "features"),
        ({"control": "absolut"}, UnknownNameError, "absolute"),
        ({"split": "training"}, UnknownNameError, "train"),
        ({"delta_size": 0.0}, ParameterError, "delta_size"),
        ({"delta_size": float("nan")}, ParameterError, "delta_size"),
        ({"reward": 3}, ParameterError, "reward"),
        ({"render_mode": "rgb"}, UnknownNameError, "rgb_array"),
    ],
)
def test_bad_settings_are_told(settings, error, message) -> None:
    with pytest.raises(error, match=message):
        SoundMatchEnv(**{"task": OSC, **settings})


def test_another_reward_is_a_part() -> None:
    env = gym.make(OSC, reward=NegativeDistanceReward(scale_db=10.0))
    env.reset(seed=0)
    _, reward, _, _, info = env.step(env.action_space.sample())
    assert reward == pytest.approx(-info["distance_db"] / 10.0)


def test_a_reward_of_ones_own() -> None:
    def step_cost(score: StepScore) -> np.ndarray:
        return np.where(score.best_db < score.previous_best_db, 0.0, -1.0)

    env = SoundMatchEnv(OSC, reward=step_cost)
    env.reset(seed=0)
    env.step(np.full(5, 0.9))
    assert env.step(np.full(5, 0.9))[1] == -1.0


@dataclass(frozen=True)
class PatchOnly(FlatObserver):
    """An observer of one's own: the patch and the score alone."""

    def space(self, dimension, features):
        return gym.spaces.Box(-1.0, 1.0, (dimension + 2,), np.float32)

    def observe(self, situation):
        return np.concatenate([situation.patch, situation.score], axis=1)


def test_another_observer_is_a_part() -> None:
    env = SoundMatchEnv(OSC, observation=PatchOnly())
    observation, _ = env.reset(seed=0)
    assert observation.shape == (7,)
    assert observation in env.observation_space
    assert env.step(env.action_space.sample())[0] in env.observation_space


def test_a_task_object_serves_as_well_as_its_id(same) -> None:
    by_id, by_task = SoundMatchEnv(OSC), SoundMatchEnv(synthgym.get_task(OSC))
    assert same(by_id.reset(seed=1)[0], by_task.reset(seed=1)[0], 0.0)


def test_pictures_show_target_and_sound() -> None:
    env = gym.make(FM, render_mode="rgb_array")
    env.reset(seed=0)
    centre = env.render()
    height, width, channels = centre.shape
    assert centre.dtype == np.uint8
    assert channels == 3
    action = np.random.default_rng(0).uniform(-1, 1, env.unwrapped.task.dimension)
    env.step(action.astype(np.float32))
    after = env.render()
    spectrogram = slice(0, 64 * 3)
    half = (width - 6) // 2
    # The target stays; the sound changes.
    np.testing.assert_array_equal(centre[spectrogram, :half], after[spectrogram, :half])
    assert (centre[spectrogram, half:] != after[spectrogram, half:]).any()
    # A match looks like its target.
    env.reset(options={"target": env.unwrapped.audio()})
    env.step(action.astype(np.float32))
    matched = env.render()
    difference = matched[spectrogram, :half].astype(int) - matched[spectrogram, -half:]
    assert np.abs(difference).mean() < 0.5
    assert height > 64 * 3


def test_no_picture_without_a_render_mode(env: SoundMatchEnv) -> None:
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="rgb_array"):
        assert env.render() is None


def test_returned_sounds_are_the_callers_own(env: SoundMatchEnv) -> None:
    env.reset(seed=0)
    distance_db = env.step(np.zeros(5))[4]["distance_db"]
    env.audio()[:] = 0
    env.target_audio()[:] = 0
    assert env.audio().any()
    assert env.step(np.zeros(5))[4]["distance_db"] == distance_db
