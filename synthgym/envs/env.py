"""One sound to match: the Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from synthgym.envs.core import Control, MatchCore, MatchSettings
from synthgym.envs.custom import PatchSource, chosen_task
from synthgym.envs.episodes import EpisodeRequest
from synthgym.envs.observations import Observation, Observer
from synthgym.envs.rendering import (
    RENDER_MODES,
    checked_render_mode,
    draw_member,
    warn_nothing_drawn,
)
from synthgym.envs.rewards import ImprovementReward, Reward
from synthgym.errors import ParameterError
from synthgym.tasks import Task

__all__ = ["SoundMatchEnv", "checked_actions"]

_ONLY = np.zeros(1, dtype=np.int64)


class SoundMatchEnv(gym.Env[Observation, NDArray[Any]]):
    """Match a target sound with a synthesizer, guess by guess.

    An episode has one target. It begins with the patch at the centre of the cube (or with
    `options["x"]`); each step renders a patch and scores its sound against the target. It is
    `terminated` when the best distance so far is within the task's limit (1 dB), and
    `truncated` by the time limit that `gym.make` puts around it. A member of the batched
    environment (`gym.make_vec`) seeded alike plays the same episode.

    Args:
        task: a task or its id.
        patch: in place of a task, a patch of your own, or the path of its TOML or JSON document;
            targets are sounds of it.
        duration_s: of the patch's sounds; 1.024 by default. A task has its own.
        sample_rate: likewise, in Hz; 16000 by default.
        control: `"absolute"`, where the action is the whole patch, or `"delta"`, where it moves
            the last patch.
        delta_size: how far an action of 1 moves a knob under `"delta"`, as a share of its range.
        observation: `"flat"` (one float32 vector), `"mel"` (a dictionary with spectrograms), or
            an observer of your own.
        reward: what a step is worth; by default the improvement of the best distance as a share
            of the first one.
        split: where a plain reset draws its target from.
        one_guess: whether the episode is `terminated` after its first step.
        render_mode: `None` or `"rgb_array"`.

    Raises:
        UnknownNameError: a task, control, observation, split or render mode that does not exist.
        ParameterError: a setting outside its domain.
        PatchError: the patch's document cannot be read.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        task: str | Task | None = None,
        *,
        patch: PatchSource | None = None,
        duration_s: float | None = None,
        sample_rate: int | None = None,
        control: Control = "absolute",
        delta_size: float = 0.1,
        observation: str | Observer = "flat",
        reward: Reward | None = None,
        split: str = "train",
        one_guess: bool = False,
        render_mode: str | None = None,
    ) -> None:
        settings = MatchSettings(
            task=chosen_task(task, patch, duration_s, sample_rate),
            control=control,
            delta_size=delta_size,
            observation=observation,
            reward=ImprovementReward() if reward is None else reward,
            split=split,
            one_guess=one_guess,
        )
        self.render_mode = checked_render_mode(render_mode)
        self._core = MatchCore(settings, n_members=1)
        self.task = self._core.task
        self.observation_space = self._core.observation_space
        self.action_space = action_space(self.task.dimension)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode with a new target.

        Args:
            seed: the source of all chance of this and the later episodes.
            options: `{"target": path or samples}` or `{"index": i}` (with `"split"`, if not the
                environment's own) sets the target; `"x"`, a unit vector of shape (d,) in
                [0, 1], is the patch to begin with.

        Raises:
            UnknownNameError: an option or split that does not exist.
            ParameterError: an option's value is out of its domain.
            AudioError: the target is not a usable sound.
        """
        super().reset(seed=seed)
        request = EpisodeRequest.from_options(options, self.task.dimension)
        self._core.begin(_ONLY, [request], [self.np_random])
        return self._observation(), self._info()

    def step(self, action: NDArray[Any]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Make one guess.

        Args:
            action: shape (d,). Finite values outside [-1, 1] are clipped to it.

        Returns:
            Observation, reward, terminated, truncated (always false here) and info:
            `distance_db`, `best_distance_db`, `n_evaluations` (sounds scored, the first patch's
            included), `target_index` (-1 for a target from outside) and `solved`.

        Raises:
            ParameterError: the action has the wrong shape, or is not finite.
            gymnasium.error.ResetNeeded: no episode has begun.
        """
        self._require_episode("step")
        actions = checked_actions(action, (self.task.dimension,))
        reward = self._core.advance(_ONLY, actions[None])
        terminated = bool(self._core.terminated[0])
        return self._observation(), float(reward[0]), terminated, False, self._info()

    def render(self) -> NDArray[np.uint8] | None:
        """Target (left) and current sound (right) as mel spectrograms, (height, width, 3)."""
        if self.render_mode is None:
            warn_nothing_drawn()
            return None
        self._require_episode("render")
        return draw_member(self._core, 0)

    def audio(self) -> NDArray[np.float32]:
        """The current sound, float32, shape (n_samples,)."""
        self._require_episode("audio")
        return self._core.sounds.audio[0].numpy().copy()

    def target_audio(self) -> NDArray[np.float32]:
        """The target sound, float32, shape (n_samples,)."""
        self._require_episode("target_audio")
        return self._core.targets.audio[0].numpy().copy()

    def _observation(self) -> Observation:
        return row_of(self._core.observe(_ONLY), 0)

    def _info(self) -> dict[str, Any]:
        return {name: values[0].item() for name, values in self._core.infos().items()}

    def _require_episode(self, method: str) -> None:
        if not self._core.has_begun:
            raise ResetNeeded(f"{method}() needs an episode; call reset() first")


def action_space(dimension: int) -> spaces.Box:
    """The action space of one member."""
    return spaces.Box(-1.0, 1.0, (dimension,), np.float32)


def checked_actions(
    actions: Any, shape: tuple[int, ...], used: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Actions as float64, of the given shape and finite.

    Args:
        actions: what the agent sent.
        shape: (d,) or (n, d).
        used: which of the n rows will be played; the others may hold anything.

    Raises:
        ParameterError: otherwise.
    """
    try:
        array = np.asarray(actions, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"the action is not an array of numbers: {error}") from error
    if array.shape != shape:
        raise ParameterError(f"the action has shape {array.shape}; it must have shape {shape}")
    bad = ~np.isfinite(array)
    if used is not None:
        bad &= used[:, None]
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        place = where[0] if len(where) == 1 else where
        raise ParameterError(
            f"the action has {array[where]} at index {place}; every entry must be a finite number"
        )
    return array


def row_of(observation: Observation, row: int) -> Observation:
    """One member's observation out of a batch, as arrays of its own."""
    if isinstance(observation, Mapping):
        return {name: batch[row].copy() for name, batch in observation.items()}
    row_alone: NDArray[Any] = observation[row].copy()
    return row_alone
