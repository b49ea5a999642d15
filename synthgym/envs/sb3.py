"""Stable-Baselines3 over the batched environment.

```python
from stable_baselines3 import PPO
from synthgym.envs.sb3 import SynthVecEnv

model = PPO("MlpPolicy", SynthVecEnv("DiffMoog-FM-v0", n_envs=64)).learn(100_000)
```

This module needs the extra `synthgym[baselines]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from synthgym.envs.observations import Observation
from synthgym.envs.vector import SoundMatchVectorEnv
from synthgym.errors import ParameterError, require
from synthgym.tasks import Task

require("stable_baselines3", "baselines")

from stable_baselines3.common.vec_env import VecEnv  # noqa: E402

__all__ = ["Member", "SynthVecEnv"]

Indices = int | Iterable[int] | None


class Member:
    """One member of a batched environment, as `get_attr` and `env_method` see it.

    Attributes set with `set_attr` are kept here, and change nothing in the environment.
    """

    def __init__(self, env: SoundMatchVectorEnv, index: int) -> None:
        """The member of the given index."""
        self._env = env
        self._index = index

    @property
    def task(self) -> Task:
        """The task."""
        return self._env.task

    @property
    def spec(self) -> Any:
        """Gymnasium's specification of the environment, or `None` if it was made without."""
        return self._env.spec

    @property
    def render_mode(self) -> str | None:
        """The render mode."""
        return self._env.render_mode

    @property
    def metadata(self) -> dict[str, Any]:
        """The environment's metadata."""
        return self._env.metadata

    @property
    def observation_space(self) -> gym.Space[Any]:
        """The observation space of this member."""
        return self._env.single_observation_space

    @property
    def action_space(self) -> gym.Space[Any]:
        """The action space of this member."""
        return self._env.single_action_space

    @property
    def np_random(self) -> np.random.Generator:
        """The random generator of this member."""
        return self._env.np_random[self._index]

    @property
    def np_random_seed(self) -> int:
        """The seed of this member."""
        return self._env.np_random_seed[self._index]

    @property
    def unwrapped(self) -> Member:
        """This member."""
        return self

    def audio(self) -> NDArray[np.float32]:
        """The current sound, float32, shape (n_samples,)."""
        sound: NDArray[np.float32] = self._env.audio()[self._index]
        return sound

    def target_audio(self) -> NDArray[np.float32]:
        """The target sound, float32, shape (n_samples,)."""
        sound: NDArray[np.float32] = self._env.target_audio()[self._index]
        return sound

    def render(self) -> NDArray[np.uint8] | None:
        """The picture of this member, `None` without a render mode."""
        return None if self._env.render_mode is None else self._env.draw(self._index)


class SynthVecEnv(VecEnv):  # type: ignore[misc, unused-ignore]
    """The batched environment as a Stable-Baselines3 `VecEnv`.

    An episode's last observation is in `info["terminal_observation"]`, and
    `info["TimeLimit.truncated"]` says whether it was cut short by the time limit.

    Args:
        env: an environment id, or a `SoundMatchVectorEnv` in autoreset mode `SAME_STEP`.
        n_envs: number of members, with an id; an environment has its own.
        seed: the seed of the first reset, `seed + i` for member `i`.
        env_kwargs: settings of the environment, with an id, such as `{"control": "delta"}`.

    Raises:
        ParameterError: `env` is neither, is in another mode, or comes with settings of its own.
    """

    def __init__(
        self,
        env: str | SoundMatchVectorEnv,
        n_envs: int | None = None,
        *,
        seed: int | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.env = _resolve_env(env, n_envs, env_kwargs)
        self.members = [Member(self.env, i) for i in range(self.env.num_envs)]
        self._actions: NDArray[Any] | None = None
        super().__init__(
            self.env.num_envs, self.env.single_observation_space, self.env.single_action_space
        )
        if seed is not None:
            self.seed(seed)

    @property
    def spec(self) -> Any:
        """Gymnasium's specification of the environment, or `None` if it was made without."""
        return self.env.spec

    def reset(self) -> Observation:
        """Begin new episodes, with the seeds and options set beforehand, which are then spent."""
        everyone = np.ones(self.num_envs, dtype=np.bool_)
        observations, infos = self.env.reset_members(everyone, self._seeds, self._options)
        self.reset_infos = [_info_of(infos, i) for i in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions, shape (num_envs, d), for `step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[Observation, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Play the actions; members whose episode ends begin the next one at once."""
        if self._actions is None:
            raise ParameterError("step_wait() has no actions to play; call step_async() first")
        actions, self._actions = self._actions, None
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        dones = terminations | truncations
        told = []
        for i in range(self.num_envs):
            if dones[i]:
                info = _info_of(infos["final_info"], i)
                info["terminal_observation"] = infos["final_obs"][i]
                self.reset_infos[i] = _info_of(infos, i)
            else:
                info = _info_of(infos, i)
            info["TimeLimit.truncated"] = bool(truncations[i] and not terminations[i])
            told.append(info)
        return observations, rewards.astype(np.float32), dones, told

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """The picture of each member, `None` without a render mode."""
        return [member.render() for member in self.members]

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """An attribute of the given members, see `Member`."""
        return [getattr(member, attr_name) for member in self._chosen(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute of the given members; see `Member`."""
        for member in self._chosen(indices):
            setattr(member, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the given members: `audio`, `target_audio` or `render`."""
        return [
            getattr(member, method_name)(*method_args, **method_kwargs)
            for member in self._chosen(indices)
        ]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """Whether the given members are wrapped: never, they are rows of one environment."""
        return [False for _ in self._chosen(indices)]

    def _chosen(self, indices: Indices) -> list[Member]:
        return [self.members[i] for i in self._get_indices(indices)]


def _resolve_env(
    env: str | SoundMatchVectorEnv, n_envs: int | None, env_kwargs: Mapping[str, Any] | None
) -> SoundMatchVectorEnv:
    if isinstance(env, str):
        entry_point = gym.spec(env).vector_entry_point
        creator = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
        if creator is not SoundMatchVectorEnv:
            raise ParameterError(
                f"env {env!r} is not one of synthgym's; for others use "
                "stable_baselines3.common.env_util.make_vec_env"
            )
        settings = {**(env_kwargs or {}), "autoreset_mode": AutoresetMode.SAME_STEP}
        made = gym.make_vec(env, num_envs=1 if n_envs is None else n_envs, **settings)
        assert isinstance(made, SoundMatchVectorEnv)
        return made
    if not isinstance(env, SoundMatchVectorEnv):
        raise ParameterError(f"env is {env!r}; it must be an environment id or SoundMatchVectorEnv")
    if n_envs is not None or env_kwargs is not None:
        raise ParameterError(
            "n_envs and env_kwargs are for environments made here, from an id; "
            "this one is made already"
        )
    if env.autoreset_mode is not AutoresetMode.SAME_STEP:
        raise ParameterError(
            f"the environment's autoreset mode is {env.autoreset_mode.value!r}; "
            "Stable-Baselines3 needs it made with autoreset_mode='SameStep'"
        )
    return env


def _info_of(infos: Mapping[str, Any], member: int) -> dict[str, Any]:
    """The plain numbers that `infos` tells of one member."""
    return {
        name: values[member].item()
        for name, values in infos.items()
        if not name.startswith("_") and isinstance(values, np.ndarray) and values.dtype != object
    }
