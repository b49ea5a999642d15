"""The batched environment, against Gymnasium's own vector of single environments."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from synthgym.envs import SoundMatchVectorEnv, sounds
from synthgym.errors import ParameterError, UnknownNameError

OSC = "DiffMoog-Osc-v0"
MODES = list(AutoresetMode)


def pair(mode: AutoresetMode, n: int = 3, **settings):
    """The batched environment, and Gymnasium's vector of single ones, alike."""
    ours = gym.make_vec(OSC, num_envs=n, autoreset_mode=mode, **settings)
    theirs = gym.make_vec(
        OSC,
        num_envs=n,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        **settings,
    )
    return ours, theirs


@pytest.mark.parametrize("observation", ["flat", "mel"])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_every_autoreset_mode_is_gymnasiums(mode, observation, same) -> None:
    ours, theirs = pair(mode, max_episode_steps=4, observation=observation)
    assert ours.metadata == theirs.metadata
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    rng = np.random.default_rng(0)
    perfect = np.array([0.3, -0.2, 0.1, 0.5, 0.8], dtype=np.float32)
    theirs.reset(seed=0)
    theirs.envs[0].step(perfect)
    # One target for all, so that one member can be made to end before the others.
    options = {"target": theirs.envs[0].unwrapped.audio()}
    assert same(
        list(ours.reset(seed=6, options=options)), list(theirs.reset(seed=6, options=options))
    )
    n_ended_early = 0
    for step in range(11):
        actions = rng.uniform(-1, 1, ours.action_space.shape).astype(np.float32)
        if step == 1:
            actions[1] = perfect
        mine, other = ours.step(actions), theirs.step(actions)
        assert same(list(mine), list(other))
        n_ended_early += int(mine[2].sum())
        ended = mine[2] | mine[3]
        if mode is AutoresetMode.DISABLED and ended.any():
            again = [e.reset(options={"reset_mask": ended.copy()}) for e in (ours, theirs)]
            assert same(list(again[0]), list(again[1]))
    assert n_ended_early == 1


def test_rows_do_not_depend_on_the_batch_or_its_chunks(monkeypatch, same) -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (7, 10))
    results = []
    for chunk_samples in (1, 3 * 16384, 1 << 20):
        monkeypatch.setattr(sounds, "CHUNK_SAMPLES", chunk_samples)
        envs = gym.make_vec("DiffMoog-FM-v0", num_envs=7)
        envs.reset(seed=0)
        results.append(list(envs.step(actions)))
    assert same(results[0], results[1])
    assert same(results[0], results[2])


def test_members_are_seeded_one_by_one(same) -> None:
    by_number, by_list = (gym.make_vec(OSC, num_envs=3) for _ in range(2))
    assert same(by_number.reset(seed=4)[0], by_list.reset(seed=[4, 5, 6])[0], 0.0)
    assert by_number.np_random_seed == (4, 5, 6)
    single = gym.make(OSC).unwrapped
    single.reset(seed=5)
    assert by_number.np_random[1].random() == single.np_random.random()
    with pytest.raises(ParameterError, match="2 entries"):
        by_list.reset(seed=[1, 2])


def test_unseeded_members_differ() -> None:
    envs = gym.make_vec(OSC, num_envs=3)
    assert len(set(envs.reset()[1]["target_index"])) == 3


def test_options_are_for_all_or_one_each() -> None:
    envs = gym.make_vec(OSC, num_envs=3, split="test")
    x = np.random.default_rng(0).random((3, 5))
    observations, infos = envs.reset(options={"index": [2, 0, 7], "x": x})
    assert infos["target_index"].tolist() == [2, 0, 7]
    np.testing.assert_allclose(observations[:, :5], 2 * x - 1, atol=1e-6)
    infos = envs.reset(options={"index": 3, "split": "dev"})[1]
    assert infos["target_index"].tolist() == [3, 3, 3]
    targets = envs.target_audio()
    envs.reset(options={"target": [targets[0], targets[1] / 2, targets[2]]})
    np.testing.assert_allclose(envs.target_audio()[1], targets[1] / 2)
    envs.reset(options={"target": targets / 4})
    np.testing.assert_allclose(envs.target_audio(), targets / 4)
    with pytest.raises(ParameterError, match="2 entries"):
        envs.reset(options={"index": [1, 2]})


def test_a_failing_reset_leaves_the_episodes_alone(same) -> None:
    envs, twin = (gym.make_vec(OSC, num_envs=2) for _ in range(2))
    actions = np.zeros((2, 5))
    for each in (envs, twin):
        each.reset(seed=0)
    with pytest.raises(ParameterError):
        envs.reset(options={"index": [3, -1]})
    assert same(list(envs.step(actions)), list(twin.step(actions)), 0.0)


def test_a_masked_reset_touches_the_mask_only(same) -> None:
    envs = gym.make_vec(OSC, num_envs=3)
    before, infos = envs.reset(seed=0)
    options = {"reset_mask": np.array([False, True, False]), "index": 9}
    after, infos = envs.reset(options=options)
    assert "reset_mask" in options  # the caller's dictionary is left as it was
    assert same(before[[0, 2]], after[[0, 2]], 0.0)
    assert infos["target_index"].tolist() == [0, 9, 0]
    assert infos["_target_index"].tolist() == [False, True, False]


@pytest.mark.parametrize(
    "mask", [[True, False], np.zeros(3, dtype=bool), np.ones(3), np.ones(2, dtype=bool)]
)
def test_bad_masks_are_told(mask) -> None:
    envs = gym.make_vec(OSC, num_envs=3)
    envs.reset(seed=0)
    with pytest.raises(ParameterError, match="reset_mask"):
        envs.reset(options={"reset_mask": mask})


def test_steps_need_episodes() -> None:
    envs = gym.make_vec(OSC, num_envs=2, max_episode_steps=1, autoreset_mode="Disabled")
    actions = np.zeros((2, 5))
    for call in (lambda: envs.step(actions), envs.audio, envs.target_audio):
        with pytest.raises(ResetNeeded):
            call()
    with pytest.raises(ResetNeeded, match="without a mask"):
        envs.reset(options={"reset_mask": np.array([True, False])})
    envs.reset(seed=0)
    envs.step(actions)
    with pytest.raises(ResetNeeded, match=r"\[0, 1\]"):
        envs.step(actions)


def test_bad_actions_are_told_but_not_those_that_are_ignored() -> None:
    envs = gym.make_vec(OSC, num_envs=2, max_episode_steps=1)
    envs.reset(seed=0)
    actions = np.zeros((2, 5))
    actions[1, 3] = np.nan
    with pytest.raises(ParameterError, match=r"nan at index \(1, 3\)"):
        envs.step(actions)
    with pytest.raises(ParameterError, match=r"\(2, 5\)"):
        envs.step(np.zeros((3, 5)))
    envs.step(np.zeros((2, 5)))
    # Both members are reset by this step, which ignores their actions.
    rewards = envs.step(actions)[1]
    assert rewards.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("mode", MODES[:2], ids=lambda mode: mode.value)
def test_episode_statistics_are_recorded(mode) -> None:
    envs = RecordEpisodeStatistics(
        gym.make_vec(OSC, num_envs=2, max_episode_steps=3, autoreset_mode=mode)
    )
    _, infos = envs.reset(seed=0)
    envs.action_space.seed(0)
    first_db = infos["distance_db"]
    for _ in range(3):
        _, _, _, truncations, infos = envs.step(envs.action_space.sample())
    assert truncations.all()
    assert infos["episode"]["l"].tolist() == [3, 3]
    last = infos["final_info"] if mode is AutoresetMode.SAME_STEP else infos
    np.testing.assert_allclose(infos["episode"]["r"], 1 - last["best_distance_db"] / first_db)
    assert envs.episode_count == 2


def test_one_guess_ends_every_member() -> None:
    envs = gym.make_vec(OSC, num_envs=2, one_guess=True, autoreset_mode="SameStep")
    envs.reset(seed=0)
    for _ in range(2):
        _, _, terminations, truncations, _ = envs.step(envs.action_space.sample())
        assert terminations.all()
        assert not truncations.any()


def test_a_limit_of_minus_one_is_none() -> None:
    assert gym.make_vec(OSC, num_envs=1, max_episode_steps=-1).max_episode_steps is None


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"num_envs": 0}, ParameterError, "num_envs"),
        ({"num_envs": 2.0}, ParameterError, "num_envs"),
        ({"max_episode_steps": 0}, ParameterError, "max_episode_steps"),
        ({"autoreset_mode": "NextStp"}, UnknownNameError, "NextStep"),
        ({"render_mode": "human"}, UnknownNameError, "rgb_array"),
    ],
)
def test_bad_settings_are_told(settings, error, message) -> None:
    with pytest.raises(error, match=message):
        SoundMatchVectorEnv(**{"num_envs": 2, "task": OSC, **settings})


def test_pictures_of_all_members() -> None:
    envs = gym.make_vec(OSC, num_envs=2, render_mode="rgb_array")
    single = gym.make(OSC, render_mode="rgb_array")
    envs.reset(seed=0)
    single.reset(seed=1)
    pictures = envs.render()
    assert len(pictures) == 2
    np.testing.assert_array_equal(pictures[1], single.render())
    quiet = gym.make_vec(OSC, num_envs=1)
    with pytest.warns(UserWarning, match="rgb_array"):
        assert quiet.render() is None


def test_sounds_are_the_members() -> None:
    envs, single = gym.make_vec(OSC, num_envs=2), gym.make(OSC)
    envs.reset(seed=0)
    single.reset(seed=1)
    action = np.full(5, 0.25, dtype=np.float32)
    envs.step(np.stack([action, action]))
    single.step(action)
    np.testing.assert_allclose(envs.audio()[1], single.unwrapped.audio(), atol=1e-6)
    np.testing.assert_array_equal(envs.target_audio()[1], single.unwrapped.target_audio())


def test_gymnasiums_processes_play_the_same_episodes(same) -> None:
    settings = {"num_envs": 2, "max_episode_steps": 2}
    ours = gym.make_vec(OSC, **settings)
    theirs = gym.make_vec(OSC, vectorization_mode="async", **settings)
    try:
        assert same(list(ours.reset(seed=2)), list(theirs.reset(seed=2)))
        rng = np.random.default_rng(0)
        for _ in range(4):
            actions = rng.uniform(-1, 1, ours.action_space.shape).astype(np.float32)
            assert same(list(ours.step(actions)), list(theirs.step(actions)))
    finally:
        theirs.close()
