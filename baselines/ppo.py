"""PPO: a policy that was trained by reinforcement learning proposes patches for a sound it hears.

The agent sees descriptors of the target, its best guess so far, how far off that was, and what
separates its sound from the target; it answers with a whole patch. The first guess knows the target
alone. This file runs a policy, with NumPy; `train_ppo.py` beside it trains one, by reward only: the
parameters behind the sounds are never shown. `hearing.py` is what the agent hears.

One policy is shipped, for DiffMoog-FM-v0. For another task, or by a training of your own:

```sh
python -m synthgym.baselines.train_ppo --task DiffMoog-Osc-v0 --steps 300000 --out osc.npz
```

```python
from synthgym.baselines.ppo import PpoPolicy

class MyPolicy(PpoPolicy):          # synthgym bench run --solvers mine.py:MyPolicy
    name = "ppo-mine"
    weights = "osc.npz"
```

Source: Schulman, Wolski, Dhariwal, Radford, Klimov: "Proximal Policy Optimization Algorithms",
arXiv 1707.06347.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.baselines.hearing import GuessObserver
from synthgym.envs.observations import Situation
from synthgym.errors import SolverError
from synthgym.losses import MelDistance
from synthgym.tasks import Problem

Floats = NDArray[np.float32]

SHIPPED = Path(__file__).with_name("data")
FORMAT = "synthgym-ppo-1"
LOG_STD_RANGE = (-4.0, 0.5)


@dataclass(frozen=True)
class PolicyWeights:
    """A trained policy: a perceptron from observations to a Gaussian over actions.

    Args:
        layers: weight (n_in, n_out) and bias (n_out,) of each layer; the last one has two outputs
            for each action: its mean, before a tanh, and the logarithm of its standard deviation.
        mean: of the observations during training, (n_in,).
        scale: their standard deviation, (n_in,).
        clip: limit of a normalized observation.
        training: the task, and how it was trained at what cost; JSON values.
    """

    layers: tuple[tuple[Floats, Floats], ...]
    mean: Floats
    scale: Floats
    clip: float
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """Length of a patch."""
        return len(self.layers[-1][1]) // 2

    def act(self, observations: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the actions, both (n, d), for observations (n, n_in)."""
        x = np.clip((observations - self.mean) / self.scale, -self.clip, self.clip)
        for weight, bias in self.layers[:-1]:
            x = np.maximum(x @ weight + bias, 0.0)
        weight, bias = self.layers[-1]
        mean, log_std = np.split(x @ weight + bias, 2, axis=1)
        return np.tanh(mean), np.exp(np.clip(log_std, *LOG_STD_RANGE))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a compressed NumPy archive; weights are rounded to half precision.

        An interrupted write leaves the file as it was.

        Raises:
            SolverError: the file cannot be written.
        """
        arrays: dict[str, Any] = {"mean": self.mean, "scale": self.scale}
        for i, (weight, bias) in enumerate(self.layers):
            arrays[f"weight_{i}"], arrays[f"bias_{i}"] = weight.astype(np.float16), bias
        header = {"format": FORMAT, "clip": self.clip, "training": dict(self.training)}
        partial = Path(f"{os.fspath(path)}.part")
        try:
            with partial.open("wb") as file:
                np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)
            partial.replace(path)
        except OSError as error:
            raise SolverError(f"the policy cannot be written to {path}: {error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PolicyWeights:
        """Read what `save` wrote.

        Raises:
            SolverError: there is no such file, or it is not a policy.
        """
        with _opened(path) as (header, archive):
            n_layers = sum(name.startswith("weight_") for name in archive)
            layers = tuple(
                (archive[f"weight_{i}"].astype(np.float32), archive[f"bias_{i}"])
                for i in range(n_layers)
            )
            return cls(
                layers, archive["mean"], archive["scale"], header["clip"], header["training"]
            )


class _Settings:
    """What the class says of itself in records: knobs, and what the training took.

    Read when asked for, so that importing this file opens none.
    """

    def __get__(self, instance: object, owner: type[PpoPolicy]) -> dict[str, Any]:
        files = sorted(SHIPPED.glob("ppo-*.npz")) if owner.weights is None else [owner.weights]
        trained = {}
        for path in files:
            try:
                training = read_training(path)
            except SolverError:
                continue  # a run with it will say why
            trained[str(training["task"])] = training
        settings: dict[str, Any] = {
            "n_guesses": owner.n_guesses,
            "spread": owner.spread,
            "trained": trained,
        }
        if trained:
            costs = [int(training["n_evaluations"]) for training in trained.values()]
            settings["training_cost"] = max(costs)
        return settings


class PpoPolicy:
    """A trained policy that guesses, hears what came of it, and guesses again.

    It starts from the mean of its first Gaussian. From then on it answers to the best guess so far:
    with the mean when that guess is new, else with a draw.

    Class attributes, for a subclass to change:
        weights: path of a policy from `train_ppo`; None for the one shipped for the problem's task.
        n_guesses: guesses after which it stops.
        spread: by how much draws stray more than in training, 1 for as much.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
        weights: in place of the class attribute.
    """

    name = "ppo"
    track = "amortized"
    settings = _Settings()
    weights: ClassVar[str | os.PathLike[str] | None] = None
    n_guesses: ClassVar[int] = 100
    spread: ClassVar[float] = 1.0

    def __init__(
        self, dimension: int, seed: int, weights: str | os.PathLike[str] | None = None
    ) -> None:
        self._dimension = dimension
        self._path = self.weights if weights is None else weights
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        policy = self._policy_for(problem)
        ear = _Ear(problem)
        best, is_new = ear.nothing, True
        for _ in range(self.n_guesses):
            mean, std = policy.act(ear.observe(best))
            action = mean if is_new else mean + self.spread * std * self._normal()
            guess = ear.hear(np.clip(action, -1.0, 1.0))
            is_new = guess.distance_db < best.distance_db
            best = guess if is_new else best

    def _normal(self) -> Floats:
        return self._rng.standard_normal((1, self._dimension)).astype(np.float32)

    def _policy_for(self, problem: Problem) -> PolicyWeights:
        """The policy for a problem.

        Raises:
            SolverError: there is none, or it is for another task.
        """
        task_id, clock = problem.task_id, problem.clock
        path = SHIPPED / f"ppo-{task_id}.npz" if self._path is None else Path(self._path)
        if self._path is None and not path.is_file():
            known = ", ".join(p.stem.removeprefix("ppo-") for p in sorted(SHIPPED.glob("*.npz")))
            raise SolverError(
                f"solver {self.name!r} has no policy for {task_id} with sounds of "
                f"{clock.duration_s:g} s, only for: {known or 'none'}; {_how_to_train(task_id)}"
            )
        policy = PolicyWeights.load(path)
        if policy.training["task"] != task_id:
            raise SolverError(
                f"the policy {path} is for {policy.training['task']}, and the problem is of "
                f"{task_id}; {_how_to_train(task_id)}"
            )
        return policy


@dataclass(frozen=True)
class _Guess:
    """A patch (1, d) in [-1, 1], its distance, and the descriptor (1, k) of its sound."""

    patch: Floats
    distance_db: float
    sound: Floats


class _Ear:
    """Hears guesses beside the target of one problem, as the policy is used to."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._observer = GuessObserver.of(problem.clock)
        self._distance = MelDistance(problem.clock.sample_rate)
        audio = torch.tensor(problem.target[None])
        self._embedded = self._distance.embed(audio)
        self._target = self._observer.features(audio, self._embedded)["descriptor"].numpy()
        # Training begins with the centre of the cube, of which the observer shows nothing.
        centre = np.zeros((1, problem.dimension), np.float32)
        self.nothing = _Guess(centre, np.inf, self._target)

    def hear(self, patch: Floats) -> _Guess:
        """Evaluate a patch; counts 1."""
        unit = 0.5 * (patch.astype(np.float64) + 1.0)
        audio = torch.from_numpy(self._problem.render(unit))
        embedded = self._distance.embed(audio)
        distance_db = float(self._distance.compare(embedded, self._embedded))
        sound = self._observer.features(audio, embedded)["descriptor"].numpy()
        return _Guess(patch, distance_db, sound)

    def observe(self, best: _Guess) -> Floats:
        """What the policy sees of the best guess, (1, n_in)."""
        return self._observer.observe(
            Situation(
                patch=best.patch,
                distance_db=np.array([best.distance_db]),
                best_share=np.ones(1),
                target={"descriptor": self._target},
                sound={"descriptor": best.sound},
            )
        )


def read_training(path: str | os.PathLike[str]) -> dict[str, Any]:
    """How the policy in a file was trained, without its weights.

    Raises:
        SolverError: there is no such file, or it is not a policy.
    """
    with _opened(path) as (header, _):
        return dict(header["training"])


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Header and arrays of a policy's file; whatever is wrong with it becomes a `SolverError`."""
    try:
        archive: Any = np.load(path, allow_pickle=False)
        if "header" not in getattr(archive, "files", ()):
            raise ValueError("it has no header")
        with archive:
            header: dict[str, Any] = json.loads(str(archive["header"]))
            if header.get("format") != FORMAT:
                raise ValueError(f"its format is {header.get('format')!r}, not {FORMAT!r}")
            yield header, archive
    except FileNotFoundError:
        raise SolverError(f"there is no policy at {os.fspath(path)}; {_how_to_train()}") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SolverError(
            f"{os.fspath(path)} is not a policy that train_ppo wrote ({error}); {_how_to_train()}"
        ) from error


def _how_to_train(task_id: str = "TASK") -> str:
    return (
        f"train one with: python -m synthgym.baselines.train_ppo --task {task_id} --out FILE.npz, "
        'and use it by a subclass of PpoPolicy with weights = "FILE.npz"'
    )
