"""Train the policy that `ppo.py` runs.

```sh
python -m synthgym.baselines.train_ppo --task DiffMoog-FM-v0 --out fm.npz
```

Targets come from the train split. An episode is a few guesses at one target, each rewarded for
itself: a bandit that is told what its best attempt came to. Needs the extra `synthgym[baselines]`.
The policy is written every now and then, so that an interrupted training leaves the last one.

The reward is minus the distance. At first it is shaped: the distance of two modulated tones hardly
tells how far apart their rates are unless they nearly agree, and an agent that sees nothing else
settles on hardly any modulation. A second term says how far apart pitch, modulation and overtones
are, as one hears them. It wanes, so that in the end the distance alone counts.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

import synthgym
from synthgym.baselines.hearing import GuessObserver
from synthgym.baselines.ppo import LOG_STD_RANGE, PolicyWeights
from synthgym.envs import NegativeDistanceReward, SoundMatchVectorEnv
from synthgym.envs.sb3 import SynthVecEnv
from synthgym.errors import ParameterError, SynthgymError, require
from synthgym.tasks import SUITE_VERSION, get_task

require("stable_baselines3", "baselines")

import stable_baselines3  # noqa: E402
from stable_baselines3 import PPO  # noqa: E402
from stable_baselines3.common.callbacks import BaseCallback  # noqa: E402
from stable_baselines3.common.policies import ActorCriticPolicy  # noqa: E402
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize  # noqa: E402

Report = Callable[[str], None]


@dataclass(frozen=True)
class Training:
    """How a policy is trained.

    Args:
        task: id of the task.
        n_steps: guesses in all, rounded up to whole rollouts.
        seed: of targets, weights and exploration.
        n_guesses: guesses in an episode.
        n_envs: episodes played side by side.
        n_rollout_steps: steps of each between two updates.
        n_epochs: passes over a rollout.
        batch_size: of a gradient step.
        learning_rate: at the start; it falls to 0 along a straight line.
        entropy_weight: of the bonus for spread, against settling too early.
        log_std_start: logarithm of the standard deviation of the first actions.
        shaping: weight of the second reward at the start.
        shaping_until: share of the training at which it has fallen to 0.
        reward_scale_db: distance that costs 1.
        hidden: widths of the hidden layers, of the policy and of its critic.
    """

    task: str
    n_steps: int
    seed: int = 0
    n_guesses: int = 8
    n_envs: int = 128
    n_rollout_steps: int = 32
    n_epochs: int = 4
    batch_size: int = 1024
    learning_rate: float = 5e-4
    entropy_weight: float = 2e-3
    log_std_start: float = -1.0
    shaping: float = 3.0
    shaping_until: float = 0.6
    reward_scale_db: float = 10.0
    hidden: tuple[int, ...] = (512, 256)

    def __post_init__(self) -> None:
        if self.n_steps < 1:
            raise ParameterError(f"n_steps is {self.n_steps}; it must be at least 1")
        if self.seed < 0:
            raise ParameterError(f"seed is {self.seed}; it must not be negative")


class GuessView(VecEnvWrapper):  # type: ignore[misc, unused-ignore]
    """Shows the best guess of each episode in place of the last, and shapes the reward.

    `PpoPolicy` shows its policy the same. `first_db` and `final_db` collect the distances of the
    episodes' first guesses and of their best ones.
    """

    def __init__(self, venv: VecEnv, observer: GuessObserver, training: Training) -> None:
        super().__init__(venv)
        self._descriptor = observer.descriptor
        self._training = training
        self._n_steps = 0
        self._shown = np.zeros((venv.num_envs, *_shape(venv.observation_space)), np.float32)
        self._best_db = np.full(venv.num_envs, np.inf)
        self.first_db: list[float] = []
        self.final_db: list[float] = []

    def reset(self) -> NDArray[np.float32]:
        """Begin new episodes, with nothing heard."""
        self._shown = np.array(self.venv.reset())
        self._best_db[:] = np.inf
        return self._shown.copy()

    def step_wait(self) -> Any:
        """Observations of the best guesses so far, shaped rewards, ends, infos."""
        seen: Any
        seen, rewards, dones, infos = self.venv.step_wait()
        heard = seen.copy()
        for i in np.flatnonzero(dones):
            heard[i] = infos[i]["terminal_observation"]
        rewards = rewards - self._shaping(heard)
        self._n_steps += len(dones)
        distance_db = np.array([info["distance_db"] for info in infos])
        self.first_db += distance_db[np.isinf(self._best_db)].tolist()
        improved = distance_db < self._best_db
        self._shown[improved] = heard[improved]
        self._best_db[improved] = distance_db[improved]
        self.final_db += self._best_db[dones].tolist()
        for i in np.flatnonzero(dones):
            infos[i]["terminal_observation"] = self._shown[i].copy()
        self._shown[dones] = seen[dones]
        self._best_db[dones] = np.inf
        return self._shown.copy(), rewards, dones, infos

    def _shaping(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is taken off the rewards (n,) of guesses that were heard as (n, n_in)."""
        training = self._training
        end = training.shaping_until * training.n_steps
        weight = training.shaping * max(0.0, 1.0 - self._n_steps / end) if end else 0.0
        n_known = _shape(self.action_space)[0] + 1  # patch and distance; then target, difference
        n_features = (heard.shape[1] - n_known) // 2
        return weight * self._descriptor.dissimilarity(heard[:, n_known + n_features :])


class GaussianPolicy(ActorCriticPolicy):  # type: ignore[misc, unused-ignore]
    """Stable-Baselines3's policy with means in (-1, 1) and a spread that depends on what is seen.

    Without bounds a mean can drift so far out that all its draws are clipped to the same action,
    and never come back.
    """

    def _build(self, lr_schedule: Callable[[float], float]) -> None:
        super()._build(lr_schedule)
        n_actions = _shape(self.action_space)[0]
        head = torch.nn.Linear(self.mlp_extractor.latent_dim_pi, 2 * n_actions)
        torch.nn.init.orthogonal_(head.weight, 0.01)
        torch.nn.init.zeros_(head.bias)
        with torch.no_grad():
            head.bias[n_actions:] = self.log_std_init
        self.action_net = head
        del self.log_std
        make_optimizer: Any = self.optimizer_class
        self.optimizer = make_optimizer(
            self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs
        )

    def _get_action_dist_from_latent(self, latent_pi: torch.Tensor) -> Any:
        mean, log_std = self.action_net(latent_pi).chunk(2, dim=1)
        return self.action_dist.proba_distribution(mean.tanh(), log_std.clamp(*LOG_STD_RANGE))


class Checkpoints(BaseCallback):  # type: ignore[misc, unused-ignore]
    """After every `every` steps: a line about the distances, and the policy written."""

    def __init__(self, view: GuessView, every: int, save: Callable[[], Any], report: Report):
        super().__init__()
        self._view, self._every, self._save, self._report = view, every, save, report
        self._next = every
        self._started_s = time.perf_counter()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        if self.num_timesteps < self._next:
            return
        self._next = self.num_timesteps + self._every
        view = self._view
        if view.final_db:
            self._report(
                f"{self.num_timesteps:9d} guesses, {time.perf_counter() - self._started_s:6.0f} s:"
                f" first {np.mean(view.first_db):5.2f} dB, best of an episode"
                f" {np.mean(view.final_db):5.2f} dB"
            )
        view.first_db.clear()
        view.final_db.clear()
        self._save()


def train(training: Training, out: Path, *, command: str = "", report: Report) -> PolicyWeights:
    """Train a policy and write it.

    Args:
        training: how.
        out: the file to write, `.npz`.
        command: what to note down as the command.
        report: gets a line now and then.

    Raises:
        UnknownNameError: there is no such task.
        ParameterError: a setting outside its domain.
        SolverError: the file cannot be written.
    """
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    view, normalized = make_env(training)
    model = make_model(training, normalized)

    def save() -> PolicyWeights:
        record = {
            **asdict(training),
            "n_evaluations": model.num_timesteps,
            "wall_s": round(time.perf_counter() - wall_s, 1),
            "cpu_s": round(time.process_time() - cpu_s, 1),
            "n_threads": torch.get_num_threads(),
            "command": command,
            "suite_version": SUITE_VERSION,
            "versions": {
                "synthgym": synthgym.__version__,
                "stable_baselines3": stable_baselines3.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        }
        policy = export(model, normalized, record)
        policy.save(out)
        return policy

    save()  # a path that cannot be written is found out now
    every = max(training.n_steps // 50, training.n_envs * training.n_rollout_steps)
    model.learn(training.n_steps, callback=Checkpoints(view, every, save, report))
    return save()


def make_env(training: Training) -> tuple[GuessView, VecNormalize]:
    """The environments: the one that shows best guesses, and the same with normalized sight."""
    observer = GuessObserver.of(get_task(training.task).clock)
    env = SoundMatchVectorEnv(
        training.n_envs,
        training.task,
        observation=observer,
        reward=NegativeDistanceReward(training.reward_scale_db),
        split="train",
        max_episode_steps=training.n_guesses,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    view = GuessView(SynthVecEnv(env, seed=training.seed), observer, training)
    return view, VecNormalize(view, norm_obs=True, norm_reward=False, clip_obs=5.0)


def make_model(training: Training, env: VecEnv) -> PPO:
    """The learner. Each guess is rewarded for itself, hence the discount of 0."""
    # A training shorter than a rollout is a rollout of that length.
    n_rollout_steps = min(training.n_rollout_steps, -(-training.n_steps // training.n_envs))
    return PPO(
        GaussianPolicy,
        env,
        seed=training.seed,
        gamma=0.0,
        n_steps=n_rollout_steps,
        batch_size=min(training.batch_size, training.n_envs * n_rollout_steps),
        n_epochs=training.n_epochs,
        learning_rate=lambda left: training.learning_rate * left,
        ent_coef=training.entropy_weight,
        policy_kwargs={
            "net_arch": {"pi": list(training.hidden), "vf": list(training.hidden)},
            "activation_fn": torch.nn.ReLU,
            "log_std_init": training.log_std_start,
        },
        device="cpu",
    )


def _shape(space: gym.Space[Any]) -> tuple[int, ...]:
    assert space.shape is not None
    return space.shape


def export(model: PPO, normalized: VecNormalize, record: dict[str, Any]) -> PolicyWeights:
    """The policy of a model, without its critic."""
    network: Any = model.policy.mlp_extractor.policy_net
    hidden = [module for module in network if isinstance(module, torch.nn.Linear)]
    head: Any = model.policy.action_net
    layers = tuple(
        (m.weight.detach().numpy().T.copy(), m.bias.detach().numpy().copy())
        for m in (*hidden, head)
    )
    seen: Any = normalized.obs_rms
    return PolicyWeights(
        layers=layers,
        mean=seen.mean.astype(np.float32),
        scale=np.sqrt(seen.var + normalized.epsilon).astype(np.float32),
        clip=float(normalized.clip_obs),
        training=record,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m synthgym.baselines.train_ppo", description="Train the policy of ppo."
    )
    parser.add_argument("--task", default="DiffMoog-FM-v0", help="id of the task")
    parser.add_argument("--steps", type=int, default=1_600_000, help="guesses in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    command = (
        f"python -m synthgym.baselines.train_ppo --task {options.task} --steps {options.steps} "
        f"--seed {options.seed} --threads {options.threads} --out {options.out.name}"
    )
    try:
        training = Training(options.task, options.steps, options.seed)
        policy = train(training, options.out, command=command, report=_print)
    except SynthgymError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _print(
        f"wrote {options.out}: {policy.training['n_evaluations']} guesses, "
        f"{policy.training['cpu_s']} s of processor time"
    )
    return 0


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
