"""The shared core of both environments: `n` members, each matching a target of its own.

The single environment is this core with one member. All members are rendered, embedded and
compared in one call, and every row of that call is computed independently of the others, so a
member's episode is the same whatever stands beside it.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.envs.episodes import EpisodeRequest, choose_target
from synthgym.envs.observations import Observation, Observer, Situation, resolve_observer
from synthgym.envs.rewards import ImprovementReward, Reward, StepScore
from synthgym.envs.sounds import Sounds, Studio, repeat_rows, replace_rows, take_rows
from synthgym.errors import ParameterError, unknown_name
from synthgym.tasks import SPLITS, Task, get_task

__all__ = ["Control", "MatchCore", "MatchSettings"]

Control: TypeAlias = Literal["absolute", "delta"]
CONTROLS = ("absolute", "delta")

Members: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True)
class MatchSettings:
    """What an environment plays and how; both environments take these as arguments.

    Raises:
        UnknownNameError: a control or split that does not exist.
        ParameterError: a setting outside its domain.
    """

    task: str | Task
    control: Control = "absolute"
    delta_size: float = 0.1
    observation: str | Observer = "flat"
    reward: Reward = field(default_factory=ImprovementReward)
    split: str = "train"
    one_guess: bool = False

    def __post_init__(self) -> None:
        if self.control not in CONTROLS:
            raise unknown_name("control", str(self.control), CONTROLS)
        if self.split not in SPLITS:
            raise unknown_name("split", str(self.split), SPLITS)
        if not (isinstance(self.delta_size, numbers.Real) and 0.0 < self.delta_size <= 1.0):
            raise ParameterError(
                f"delta_size is {self.delta_size!r}; it must be above 0 and at most 1 "
                "(the whole range of a knob)"
            )
        if not callable(self.reward):
            raise ParameterError(
                f"reward is {self.reward!r}; it must be a callable such as ImprovementReward()"
            )


class MatchCore:
    """The state and the arithmetic of `n` episodes; it knows no autoreset and no time limit."""

    def __init__(self, settings: MatchSettings, n_members: int) -> None:
        """Take a task up; no member has an episode before `begin`."""
        task = settings.task
        self.settings = settings
        self.task = get_task(task) if isinstance(task, str) else task
        self.n_members = n_members
        self._observer = resolve_observer(settings.observation)
        self._studio = Studio(self.task, self._observer)
        # Most episodes begin with the same patch: its sound is made once, and a plain reset only
        # compares it with the new target.
        self._centre = np.full(self.task.dimension, 0.5)
        self._centre_sound = self._studio.make(_as_tensor(self._centre[None]))
        self.observation_space = self._observer.space(
            self.task.dimension, _as_arrays(self._centre_sound)
        )
        self._targets: Sounds | None = None
        self._sounds: Sounds | None = None
        self.unit = np.tile(self._centre, (n_members, 1))
        self.first_db = np.zeros(n_members)
        self.best_db = np.zeros(n_members)
        self.distance_db = np.zeros(n_members)
        self.n_evaluations = np.zeros(n_members, dtype=np.int64)
        self.target_index = np.zeros(n_members, dtype=np.int64)

    @property
    def has_begun(self) -> bool:
        """Whether every member has an episode; the first `begin` is for all of them."""
        return self._sounds is not None

    @property
    def targets(self) -> Sounds:
        """The targets of all members."""
        assert self._targets is not None
        return self._targets

    @property
    def sounds(self) -> Sounds:
        """The last sounds of all members."""
        assert self._sounds is not None
        return self._sounds

    @property
    def solved(self) -> NDArray[np.bool_]:
        """Whether the best distance is within the task's limit, shape (n,)."""
        return np.asarray(self.best_db <= self.task.solved_db)

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """Whether the episode is at its end, shape (n,); to be read after a step."""
        return np.ones(self.n_members, dtype=np.bool_) if self.settings.one_guess else self.solved

    def begin(
        self,
        members: Members,
        requests: Sequence[EpisodeRequest],
        generators: Sequence[np.random.Generator],
    ) -> None:
        """Begin new episodes: choose targets, embed them together, score the first patches.

        Args:
            members: which members, shape (k,); the first time all of them.
            requests: what each episode is to begin with, one per member in `members`.
            generators: where each episode's chance comes from, likewise.
        """
        chosen = [
            choose_target(self.task, request, self.settings.split, generator)
            for request, generator in zip(requests, generators, strict=True)
        ]
        audio = torch.from_numpy(np.stack([target.audio for target, _ in chosen]))
        self._targets = self._with(self._targets, members, self._studio.hear(audio))
        self.target_index[members] = [index for _, index in chosen]
        starts = [self._centre if r.x is None else r.x for r in requests]
        self.unit[members] = starts
        if all(request.x is None for request in requests):
            self._place(members, repeat_rows(self._centre_sound, len(members)))
        else:
            self._place(members, self._studio.make(_as_tensor(self.unit[members])))
        self.first_db[members] = self.best_db[members] = self.distance_db[members]
        self.n_evaluations[members] = 1

    def advance(self, members: Members, actions: NDArray[np.float64]) -> NDArray[np.float64]:
        """One guess of each of the given members.

        Args:
            members: which members, shape (k,).
            actions: their checked actions, shape (k, d), finite.

        Returns:
            Their rewards, shape (k,), float64.
        """
        clipped = np.clip(actions, -1.0, 1.0)
        if self.settings.control == "absolute":
            self.unit[members] = 0.5 * (clipped + 1.0)
        else:
            moved = self.unit[members] + self.settings.delta_size * clipped
            self.unit[members] = np.clip(moved, 0.0, 1.0)
        previous_best_db = self.best_db[members]
        self._place(members, self._studio.make(_as_tensor(self.unit[members])))
        distance_db = self.distance_db[members]
        self.best_db[members] = np.minimum(previous_best_db, distance_db)
        self.n_evaluations[members] += 1
        return self.settings.reward(
            StepScore(
                first_db=self.first_db[members],
                previous_best_db=previous_best_db,
                best_db=self.best_db[members],
                distance_db=distance_db,
            )
        )

    def observe(self, members: Members) -> Observation:
        """The observations of the given members, with the batch first."""
        first_db = self.first_db[members]
        share = np.ones_like(first_db)
        np.divide(self.best_db[members], first_db, out=share, where=first_db > 0)
        return self._observer.observe(
            Situation(
                patch=(2.0 * self.unit[members] - 1.0).astype(np.float32),
                distance_db=self.distance_db[members],
                best_share=share,
                target=_as_arrays(self.targets, members),
                sound=_as_arrays(self.sounds, members),
            )
        )

    def infos(self) -> dict[str, NDArray[Any]]:
        """What is told beside the observation: one plain number per member, each shape (n,)."""
        return {
            "distance_db": self.distance_db.copy(),
            "best_distance_db": self.best_db.copy(),
            "n_evaluations": self.n_evaluations.copy(),
            "target_index": self.target_index.copy(),
            "solved": self.solved,
        }

    def _place(self, members: Members, sounds: Sounds) -> None:
        """Make the given sounds the members' last ones, and compare them with the targets."""
        target = self.targets.embedded
        if len(members) < self.n_members:
            target = take_rows(target, torch.from_numpy(members))
        with torch.no_grad():
            distance_db = self.task.distance.compare(sounds.embedded, target)
        self.distance_db[members] = distance_db.numpy()
        self._sounds = self._with(self._sounds, members, sounds)

    def _with(self, whole: Sounds | None, members: Members, part: Sounds) -> Sounds:
        """`whole` with `part` for the given members."""
        if whole is None or len(members) == self.n_members:
            return part
        return replace_rows(whole, torch.from_numpy(members), part)


def _as_tensor(unit: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(unit.astype(np.float32))


def _as_arrays(sounds: Sounds, members: Members | None = None) -> dict[str, NDArray[Any]]:
    """The features of sounds as NumPy arrays, of the given members or of all."""
    arrays = {name: tensor.numpy() for name, tensor in sounds.features.items()}
    if members is None or len(members) == len(sounds.audio):
        return arrays
    return {name: array[members] for name, array in arrays.items()}
