"""Many sounds to match: the batched Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from synthgym.envs.core import Control, MatchCore, MatchSettings
from synthgym.envs.custom import PatchSource, chosen_task
from synthgym.envs.env import action_space, checked_actions, row_of
from synthgym.envs.episodes import EpisodeRequest, options_per_member
from synthgym.envs.observations import Observation, Observer
from synthgym.envs.rendering import (
    RENDER_MODES,
    checked_render_mode,
    draw_member,
    warn_nothing_drawn,
)
from synthgym.envs.rewards import ImprovementReward, Reward
from synthgym.errors import ParameterError, unknown_name
from synthgym.tasks import Task

__all__ = ["SoundMatchVectorEnv"]

Flags = NDArray[np.bool_]
BatchStep = tuple[Observation, NDArray[np.float64], Flags, Flags, dict[str, Any]]


class SoundMatchVectorEnv(VectorEnv[Observation, NDArray[Any], NDArray[Any]]):
    """Match `num_envs` targets at once; all members are rendered in one call.

    Member `i` of an environment that is reset with seed `s` plays the same episodes as a single
    `SoundMatchEnv` (with the same time limit) that is reset with seed `s + i`.

    Args:
        num_envs: number of members.
        task: as for `SoundMatchEnv`, and so are the settings that are not listed here.
        max_episode_steps: steps after which an episode is `truncated`; `None` or -1 for no limit.
        autoreset_mode: what becomes of a member whose episode has ended. `NEXT_STEP`: its next
            step resets it, and ignores the action. `SAME_STEP`: the step that ends the episode
            begins the next one, and the last observation and info are in `info["final_obs"]` and
            `info["final_info"]`. `DISABLED`: the caller resets it, with
            `reset(options={"reset_mask": mask})`.

    Raises:
        UnknownNameError: a task, control, observation, split or mode that does not exist.
        ParameterError: a setting outside its domain.
    """

    def __init__(
        self,
        num_envs: int,
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
        max_episode_steps: int | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise ParameterError(f"num_envs is {num_envs!r}; it must be a whole number from 1")
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
        self.max_episode_steps = _checked_limit(max_episode_steps)
        self.autoreset_mode = _resolve_mode(autoreset_mode)
        self.metadata = {
            "render_modes": list(RENDER_MODES),
            "render_fps": 4,
            "autoreset_mode": self.autoreset_mode,
        }
        self._core = MatchCore(settings, num_envs)
        self.task = self._core.task
        self.num_envs = num_envs
        self.single_observation_space = self._core.observation_space
        self.single_action_space = action_space(self.task.dimension)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._all = np.arange(num_envs)
        self._generators: list[np.random.Generator | None] = [None] * num_envs
        self._seeds = [-1] * num_envs
        self._n_steps = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=np.bool_)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin new episodes.

        Args:
            seed: the source of all chance: `seed + i` for member `i`, or a list with one each.
            options: as for `SoundMatchEnv.reset`, for all members or, as a list, one each
                (`{"index": [0, 1, 2]}`). `"reset_mask"`, bool of shape (num_envs,), resets those
                members only.

        Raises:
            UnknownNameError, ParameterError, AudioError: as `SoundMatchEnv.reset`.
        """
        options = dict(options or {})
        mask = self._checked_mask(options.pop("reset_mask", None))
        return self.reset_members(mask, seed, options_per_member(options, self.num_envs))

    def reset_members(
        self,
        mask: Flags,
        seed: int | Sequence[int | None] | None,
        options: Sequence[Mapping[str, Any]],
    ) -> tuple[Observation, dict[str, Any]]:
        """As `reset`, for the members in `mask`, with options for each of the `num_envs`."""
        seeds = self._seed_each(seed)
        members = np.flatnonzero(mask)
        if len(members) < self.num_envs:
            self._require_episodes("a masked reset")
        dimension = self.task.dimension
        requests = [EpisodeRequest.from_options(options[int(i)], dimension) for i in members]
        for i in members:
            if seeds[i] is not None:
                self._generators[i], self._seeds[i] = seeding.np_random(seeds[i])
        self._begin(members, requests)
        self._ended[members] = False
        return self._core.observe(self._all), self._masked_infos(mask)

    def step(self, actions: NDArray[Any]) -> BatchStep:
        """One step of every member.

        Args:
            actions: shape (num_envs, d). Finite values outside [-1, 1] are clipped to it.

        Returns:
            Observations, rewards (float64), terminations, truncations, each with the batch
            first, and infos: arrays by name, with a mask of the members that have it under the
            name with `_` in front.

        Raises:
            ParameterError: the actions have the wrong shape, or one that is played is not finite.
            gymnasium.error.ResetNeeded: a member has no episode, or (mode `DISABLED`) it has
                ended.
        """
        self._require_episodes("step()")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            raise ResetNeeded(
                f"the episodes of the members {np.flatnonzero(self._ended).tolist()} have ended; "
                'reset them with reset(options={"reset_mask": mask})'
            )
        resetting = self._ended  # only NEXT_STEP comes here with an ended episode
        played = ~resetting
        actions = checked_actions(actions, (self.num_envs, self.task.dimension), played)
        rewards = np.zeros(self.num_envs)
        if played.any():
            members = np.flatnonzero(played)
            rewards[members] = self._core.advance(members, actions[members])
            self._n_steps[members] += 1
        terminations = self._core.terminated & played
        truncations = np.zeros_like(terminations)
        if self.max_episode_steps is not None:
            truncations = (self._n_steps >= self.max_episode_steps) & played
        if resetting.any():
            self._begin(np.flatnonzero(resetting))
        ended = terminations | truncations

        final: dict[str, Any] = {}
        if self.autoreset_mode is AutoresetMode.SAME_STEP and ended.any():
            final = self._final(ended)
            self._begin(np.flatnonzero(ended))
            ended = np.zeros_like(ended)
        self._ended = ended
        infos = {**final, **self._masked_infos(np.ones(self.num_envs, dtype=np.bool_))}
        return self._core.observe(self._all), rewards, terminations, truncations, infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """The picture of each member; see `SoundMatchEnv.render`."""
        if self.render_mode is None:
            warn_nothing_drawn()
            return None
        return tuple(self.draw(member) for member in range(self.num_envs))

    def draw(self, member: int) -> NDArray[np.uint8]:
        """The picture of one member, whatever the render mode."""
        self._require_episodes("draw()")
        return draw_member(self._core, member)

    def audio(self) -> NDArray[np.float32]:
        """The current sounds, float32, shape (num_envs, n_samples)."""
        self._require_episodes("audio()")
        return self._core.sounds.audio.numpy().copy()

    def target_audio(self) -> NDArray[np.float32]:
        """The target sounds, float32, shape (num_envs, n_samples)."""
        self._require_episodes("target_audio()")
        return self._core.targets.audio.numpy().copy()

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generators of the members."""
        return tuple(self._generator(i) for i in range(self.num_envs))

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seeds of the members."""
        _ = self.np_random
        return tuple(self._seeds)

    def _begin(self, members: NDArray[Any], requests: list[EpisodeRequest] | None = None) -> None:
        self._core.begin(
            members,
            [EpisodeRequest()] * len(members) if requests is None else requests,
            [self._generator(i) for i in members],
        )
        self._n_steps[members] = 0

    def _generator(self, member: int) -> np.random.Generator:
        generator = self._generators[member]
        if generator is None:
            generator, self._seeds[member] = seeding.np_random()
            self._generators[member] = generator
        return generator

    def _seed_each(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, (int, np.integer)):
            return [int(seed) + i for i in range(self.num_envs)]
        seeds = [None if s is None else int(s) for s in seed]
        if len(seeds) != self.num_envs:
            raise ParameterError(
                f"seed has {len(seeds)} entries; give one number, or one for each of the "
                f"{self.num_envs} members"
            )
        return seeds

    def _checked_mask(self, mask: Any) -> Flags:
        if mask is None:
            return np.ones(self.num_envs, dtype=np.bool_)
        array = np.asarray(mask)
        if array.dtype != np.bool_ or array.shape != (self.num_envs,) or not array.any():
            raise ParameterError(
                f"the reset option 'reset_mask' is {mask!r}; it must be a bool array of shape "
                f"({self.num_envs},) with a True in it"
            )
        return array

    def _require_episodes(self, method: str) -> None:
        if not self._core.has_begun:
            raise ResetNeeded(
                f"{method} needs an episode in every member; call reset() without a mask first"
            )

    def _masked_infos(self, mask: Flags) -> dict[str, Any]:
        infos: dict[str, Any] = {}
        for name, values in self._core.infos().items():
            values[~mask] = 0
            infos[name], infos[f"_{name}"] = values, mask.copy()
        return infos

    def _final(self, ended: Flags) -> dict[str, Any]:
        """Last observations and infos of the ended episodes, as Gymnasium's own vectors do."""
        members = np.flatnonzero(ended)
        batch = self._core.observe(members)
        observations = np.full(self.num_envs, None, dtype=object)
        for row, member in enumerate(members):
            observations[member] = row_of(batch, row)
        return {
            "final_obs": observations,
            "_final_obs": ended.copy(),
            "final_info": self._masked_infos(ended),
            "_final_info": ended.copy(),
        }


def _resolve_mode(mode: str | AutoresetMode) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    known = [m.value for m in AutoresetMode]
    if mode not in known:
        raise unknown_name("autoreset_mode", str(mode), known)
    return AutoresetMode(mode)


def _checked_limit(n_steps: int | None) -> int | None:
    # -1 is how gym.make says "no time limit".
    if n_steps is None or n_steps == -1:
        return None
    if isinstance(n_steps, bool) or not isinstance(n_steps, int) or n_steps < 1:
        raise ParameterError(
            f"max_episode_steps is {n_steps!r}; it must be a whole number from 1, or None or -1 "
            "for no limit"
        )
    return n_steps
