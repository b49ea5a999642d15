"""The PPO policy: what is shipped, how it runs on problems, what it refuses."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from synthgym import MelDistance, make_problem
from synthgym.baselines.hearing import PitchDescriptor
from synthgym.baselines.ppo import SHIPPED, PolicyWeights, PpoPolicy, read_training
from synthgym.errors import SolverError
from synthgym.solvers import load_solver, run_solver
from synthgym.tasks import Problem, get_task

TASK = "DiffMoog-FM-v0"


def small_policy(task: str = TASK, seed: int = 0) -> PolicyWeights:
    """Random weights of the right shape."""
    rng = np.random.default_rng(seed)
    dimension = get_task(task).dimension
    k = PitchDescriptor()(MelDistance().embed(torch.zeros(1, 16384))).shape[1]
    sizes = [dimension + 1 + 2 * k, 8, 2 * dimension]
    layers = tuple(
        (
            rng.normal(0, a**-0.5, (a, b)).astype(np.float32),
            rng.normal(size=b).astype(np.float32),
        )
        for a, b in pairwise(sizes)
    )
    zeros, ones = np.zeros(sizes[0], np.float32), np.ones(sizes[0], np.float32)
    return PolicyWeights(layers, zeros, ones, 5.0, {"task": task, "n_evaluations": 7})


@pytest.fixture
def own_weights(tmp_path: Path) -> Path:
    path = tmp_path / "own.npz"
    small_policy().save(path)
    return path


@pytest.fixture(scope="module")
def shipped() -> PolicyWeights:
    return PolicyWeights.load(SHIPPED / f"ppo-{TASK}.npz")


def test_the_shipped_policy_is_small_and_says_what_it_cost(shipped: PolicyWeights) -> None:
    assert (SHIPPED / f"ppo-{TASK}.npz").stat().st_size < 2_000_000
    assert shipped.dimension == get_task(TASK).dimension
    training = shipped.training
    assert training["task"] == TASK
    assert training["n_evaluations"] >= 100_000
    assert training["cpu_s"] > 0 and training["versions"]["stable_baselines3"]
    assert training["command"].startswith("python -m synthgym.baselines.train_ppo")
    settings = load_solver("ppo").settings
    assert settings["training_cost"] == training["n_evaluations"]
    assert settings["trained"][TASK] == training == read_training(SHIPPED / f"ppo-{TASK}.npz")
    json.dumps(settings)


def test_it_beats_random_proposals_clearly() -> None:
    """On the 15 dev targets, at 1 and at 10 guesses; tests look at no test target."""
    guesses = (1, 10)
    best = {"ppo": np.empty((15, 2)), "random": np.empty((15, 2))}
    for name, distances in best.items():
        factory = load_solver(name)
        for index in range(15):
            problem = make_problem(TASK, split="dev", index=index, budget=max(guesses))
            run_solver(factory(dimension=problem.dimension, seed=index + 1), problem)
            for k, n in enumerate(guesses):
                early = [s.distance_db for s in problem.history if s.n_evaluations <= n]
                distances[index, k] = early[-1]
    gains = best["random"] - best["ppo"]
    assert (best["ppo"].mean(0) < 0.5 * best["random"].mean(0)).all(), best
    assert ((gains > 0).mean(0) >= 0.8).all(), best
    # A single guess of the policy is worth more than ten by chance.
    assert best["ppo"][:, 0].mean() < 0.75 * best["random"][:, 1].mean()


class FourGuesses(PpoPolicy):
    n_guesses = 4


def run(solver: PpoPolicy, budget: float = 5) -> Problem:
    problem = make_problem(TASK, budget=budget)
    run_solver(solver, problem)
    return problem


def test_a_seed_fixes_a_run_and_the_first_guess_needs_none(own_weights: Path) -> None:
    points = []
    for seed in (1, 1, 2):
        problem = make_problem(TASK, budget=float("inf"))
        tried: list[np.ndarray] = []
        render = problem.render
        problem.render = lambda x, t=tried, r=render: (t.append(x), r(x))[1]  # type: ignore[method-assign]
        run_solver(FourGuesses(problem.dimension, seed, own_weights), problem)
        points.append(np.concatenate(tried))
    assert np.array_equal(points[0], points[1])
    assert np.array_equal(points[0][0], points[2][0])
    assert not np.array_equal(points[0], points[2])


def test_it_stops_after_its_guesses_or_with_the_budget(own_weights: Path) -> None:
    for budget, n_evaluations, status in (
        (float("inf"), 4, "finished"),
        (5, 4, "finished"),
        (4, 4, "budget"),
        (2, 2, "budget"),
    ):
        outcome = run_solver(FourGuesses(10, 0, own_weights), make_problem(TASK, budget=budget))
        assert (outcome.n_evaluations, outcome.status) == (n_evaluations, status)


def test_a_subclass_of_three_lines_brings_its_own_weights(own_weights: Path) -> None:
    file = own_weights.with_name("mine.py")
    file.write_text(
        "from synthgym.baselines.ppo import PpoPolicy\n"
        "class MyPolicy(PpoPolicy):\n"
        '    name = "ppo-mine"\n'
        f"    weights = {str(own_weights)!r}\n"
    )
    factory = load_solver(f"{file}:MyPolicy")
    assert factory.track == "amortized"
    assert factory.settings["training_cost"] == 7
    assert list(factory.settings["trained"]) == [TASK]
    problem = make_problem(TASK, budget=2)
    outcome = run_solver(factory(dimension=problem.dimension, seed=1), problem)
    assert outcome.n_evaluations == 2


def test_a_task_without_a_policy_says_how_to_train_one() -> None:
    problem = make_problem("DiffMoog-Osc-v0", budget=5)
    with pytest.raises(SolverError, match=r"no policy for DiffMoog-Osc-v0.*train_ppo --task Diff"):
        run_solver(PpoPolicy(problem.dimension, 1), problem)
    assert problem.n_evaluations == 0


def test_a_policy_for_another_task_is_refused(own_weights: Path) -> None:
    problem = make_problem("DiffMoog-Osc-v0", budget=5)
    with pytest.raises(SolverError, match=r"is for DiffMoog-FM-v0.*problem is of DiffMoog-Osc-v0"):
        run_solver(PpoPolicy(problem.dimension, 1, own_weights), problem)


def test_files_that_are_no_policies_are_refused(own_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(SolverError, match=r"there is no policy at .*gone.npz; train one with"):
        run(PpoPolicy(10, 1, tmp_path / "gone.npz"))
    whole = own_weights.read_bytes()
    bad = {"empty.npz": b"", "text.npz": b"hello", "cut.npz": whole[: len(whole) // 2]}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in (*bad, "other.npz", "array.npy"):
        for read in (PolicyWeights.load, read_training):
            with pytest.raises(SolverError, match=f"{name} is not a policy"):
                read(tmp_path / name)


def test_weights_survive_the_file(own_weights: Path) -> None:
    written, read = small_policy(), PolicyWeights.load(own_weights)
    seen = np.random.default_rng(0).normal(size=(5, len(written.mean))).astype(np.float32)
    for left, right in zip(written.act(seen), read.act(seen), strict=True):
        np.testing.assert_allclose(left, right, atol=5e-3)  # half precision
    assert read.training == written.training
