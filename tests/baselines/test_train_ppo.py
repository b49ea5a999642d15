"""How the PPO policy is trained, and that training and solver agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from synthgym import make_problem
from synthgym.baselines.ppo import PpoPolicy, _Ear, read_training
from synthgym.solvers import run_solver

pytest.importorskip("stable_baselines3", reason="needs the extra synthgym[baselines]")

from synthgym.baselines import train_ppo
from synthgym.baselines.train_ppo import GuessView, Training

TASK = "DiffMoog-FM-v0"


def test_a_short_training_writes_a_policy_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "short.npz"
    assert train_ppo.main(["--task", TASK, "--steps", "256", "--out", str(out)]) == 0
    training = read_training(out)
    assert training["n_evaluations"] == 256
    assert training["wall_s"] > 0
    problem = make_problem(TASK, budget=3)
    assert run_solver(PpoPolicy(problem.dimension, 1, out), problem).n_evaluations == 3
    assert list(tmp_path.iterdir()) == [out]
    assert "short.npz: 256 guesses" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "DiffMoog-FN-v0"], "Did you mean 'DiffMoog-FM-v0'"),
        (["--steps", "0"], "n_steps is 0"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_a_training_that_cannot_be_is_refused_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_ppo.main([*arguments, "--out", str(tmp_path / "x.npz")]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_found_out_before_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_ppo.main(["--steps", "999999999", "--out", str(tmp_path / "no" / "x.npz")]) == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_inference_equals_stable_baselines() -> None:
    training = Training(TASK, 64, n_envs=4, n_rollout_steps=4, hidden=(16, 8))
    _, normalized = train_ppo.make_env(training)
    model = train_ppo.make_model(training, normalized)
    model.learn(training.n_steps)
    policy = train_ppo.export(model, normalized, {})
    normal: Any = model._last_obs
    mean, std = policy.act(normalized.unnormalize_obs(normal))
    with torch.no_grad():
        theirs = model.policy.get_distribution(torch.as_tensor(normal)).distribution
    np.testing.assert_allclose(mean, theirs.mean.numpy(), atol=1e-5)
    np.testing.assert_allclose(std, theirs.stddev.numpy(), rtol=1e-4)
    np.testing.assert_allclose(mean, model.predict(normal, deterministic=True)[0], atol=1e-5)


class Match:
    """One dev target, in the environment for training and on a problem as the solver hears it."""

    def __init__(self, shaping: float) -> None:
        training = Training(TASK, 10**9, n_envs=1, n_guesses=3, shaping=shaping)
        self.view: GuessView = train_ppo.make_env(training)[0]
        self.view.set_options({"index": 0, "split": "dev"})
        self.start = self.view.reset()
        self.problem = make_problem(TASK, split="dev", index=0)
        self.ear = _Ear(self.problem)

    def patches(self, *ranks: int) -> np.ndarray:
        """The patches of some ranks among 100 random ones, each (1, d)."""
        unit = np.random.default_rng(0).random((100, self.problem.dimension))
        order = np.argsort(self.problem.batch(unit))
        return (2 * unit[order[list(ranks)]] - 1).astype(np.float32)[:, None]


def test_training_and_solver_see_the_same() -> None:
    match = Match(shaping=0.0)
    view, ear = match.view, match.ear
    np.testing.assert_allclose(match.start, ear.observe(ear.nothing), atol=1e-6)
    patches = match.patches(50, 90, 0)
    middling, worse, better = (ear.hear(patch) for patch in patches)
    best_so_far = (middling, middling, better)
    for patch, guess, best in zip(patches, (middling, worse, better), best_so_far, strict=True):
        seen, rewards, dones, infos = view.step(patch)
        np.testing.assert_allclose(rewards, -guess.distance_db / 10, rtol=1e-4)
        shown = infos[0]["terminal_observation"][None] if dones[0] else seen
        np.testing.assert_allclose(shown, ear.observe(best), atol=1e-4)
    assert dones.all()
    assert not seen[0, : match.problem.dimension].any()  # a new episode, with nothing heard
    np.testing.assert_allclose(view.first_db, [middling.distance_db], rtol=1e-4)
    np.testing.assert_allclose(view.final_db, [better.distance_db], rtol=1e-4)


def test_shaping_takes_off_what_a_guess_sounds_unlike_the_target() -> None:
    plain, shaped = Match(shaping=0.0), Match(shaping=1.0)
    (patch,) = plain.patches(30)
    without, with_it = (match.view.step(patch)[1] for match in (plain, shaped))
    descriptor = plain.ear._observer.descriptor
    heard = plain.ear.hear(patch)
    unlike = descriptor.dissimilarity(plain.ear.nothing.sound - heard.sound)
    assert unlike > 0.05
    np.testing.assert_allclose(without - with_it, unlike, rtol=1e-3)


def test_shaping_wanes() -> None:
    training = Training(TASK, 100, n_envs=1, shaping=1.0, shaping_until=0.5)
    view = train_ppo.make_env(training)[0]
    view.reset()

    def takes() -> float:
        return float(view._shaping(np.ones(view._shown.shape))[0])

    first = takes()
    view._n_steps = 25
    assert takes() == pytest.approx(first / 2)
    view._n_steps = 50
    assert takes() == 0
