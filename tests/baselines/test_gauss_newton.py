"""Gauss-Newton on the sound: its residuals, its linear algebra, and what it solves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthgym.baselines.gauss_newton import GaussNewton
from synthgym.baselines.gauss_newton_forward import GaussNewtonForward
from synthgym.baselines.linear_steps import Guess, Jacobian, damped_step, norms_after_step
from synthgym.baselines.sound_residuals import SoundResiduals
from synthgym.solvers import load_solver, run_solver
from synthgym.synth import Clock
from synthgym.tasks import Problem, make_problem, sampled_task

CHAINS = ("Osc", "OscADSR", "FM", "Subtractive")
CLOCK = Clock(16000, 16384)
TIME_S = np.arange(CLOCK.n_samples) / CLOCK.sample_rate


def run(problem: Problem, seed: int = 3, name: str = "gauss-newton") -> Any:
    return run_solver(load_solver(name)(problem.dimension, seed), problem)


def tone(freq_hz: float, amp: float = 0.3) -> Any:
    """Ten partials of a saw."""
    partials = np.arange(1, 11)[:, None]
    waves = np.sin(2 * np.pi * freq_hz * partials * TIME_S) / partials
    return (amp * waves.sum(0)).astype(np.float32)


def semitones(freq_hz: float, n: float) -> float:
    return float(freq_hz * 2 ** (n / 12))


def test_residuals_vanish_at_the_target_and_only_there() -> None:
    hear = SoundResiduals(tone(330.0), CLOCK)
    views = hear(np.stack([tone(330.0), tone(350.0), tone(330.0, 0.2)]))
    for name, rows in views.items():
        norms = np.linalg.norm(rows, axis=1)
        assert norms[0] < 1e-3, name
        assert norms[1:].min() > 0.3, name


def test_quantiles_move_with_the_pitch_however_far_it_is() -> None:
    hear = SoundResiduals(tone(500.0), CLOCK)
    shifts = np.array([-9.0, -6.0, -3.0, 3.0, 6.0, 9.0])
    rows = hear(np.stack([tone(semitones(500.0, n)) for n in shifts]))["track"]
    # In units of the shift itself: one Gauss-Newton step would go the whole way.
    direction = rows[3] / 3.0
    found = rows @ direction / (direction @ direction)
    np.testing.assert_allclose(found, shifts, rtol=0.15)


def test_power_blurred_before_the_logarithm_guides_a_soft_source_beside_a_loud_one() -> None:
    loud = tone(700.0)
    hear = SoundResiduals(loud + tone(110.0, 0.05), CLOCK)
    shifts = np.array([0.25, 0.5, 1, 2, 3, 4, 5])
    sounds = np.stack([loud + tone(semitones(110.0, n), 0.05) for n in shifts])
    norms = np.linalg.norm(hear(sounds)["wide"], axis=1)
    assert (np.diff(norms) > 0).all()
    # The cells of the distance say hardly more than "not here".
    mel = np.linalg.norm(hear(sounds)["mel"], axis=1)
    assert np.diff(mel)[2:].min() < 0.05 * mel[2] < np.diff(norms)[2:].min() * mel[2] / norms[2]


def test_silence_and_the_shortest_sounds_give_finite_residuals() -> None:
    for n_samples in (2, 100, 16384):
        silence = np.zeros(n_samples, np.float32)
        noise = np.random.default_rng(1).standard_normal(n_samples).astype(np.float32)
        for target in (silence, noise):
            views = SoundResiduals(target, Clock(16000, n_samples))(np.stack([silence, noise]))
            assert all(np.isfinite(rows).all() for rows in views.values())


def test_an_undamped_step_is_the_least_squares_solution() -> None:
    rng = np.random.default_rng(2)
    j, residuals = rng.standard_normal((40, 3)), 0.1 * rng.standard_normal(40)
    jacobian = Jacobian({"mel": j})
    wide = np.full(3, 9.0)
    step = damped_step(jacobian, "mel", residuals, 0.0, -wide, wide)
    np.testing.assert_allclose(step, np.linalg.lstsq(j, -residuals)[0], atol=1e-6)
    tight = np.full(3, 0.001)
    short = damped_step(jacobian, "mel", residuals, 0.0, -tight, tight)
    assert np.abs(short).max() <= 0.001 + 2e-9
    left = norms_after_step(jacobian, "mel", residuals[None], radius=9.0)
    assert np.linalg.norm(residuals + j @ step) <= left[0] < np.linalg.norm(residuals)


def test_an_updated_jacobian_explains_the_step_and_changes_nothing_across_it() -> None:
    rng = np.random.default_rng(4)
    j, step, across = rng.standard_normal((6, 2)), np.array([0.3, 0.4]), np.array([-0.4, 0.3])
    old, new = (
        Guess(np.zeros(2), {"mel": rng.standard_normal(6)}, {"mel": 0.1}, 0.2) for _ in range(2)
    )
    updated = Jacobian({"mel": j}).updated(step, old, new).by_view["mel"]
    np.testing.assert_allclose(updated @ step, new.residuals["mel"] - old.residuals["mel"])
    np.testing.assert_allclose(updated @ across, j @ across)


@pytest.mark.parametrize("task", [f"DiffMoog-{chain}-v0" for chain in CHAINS])
def test_small_budget_is_spent_and_the_run_is_repeatable(task: str) -> None:
    problems = [make_problem(task, split="dev", index=1, budget=90) for _ in range(2)]
    outcomes = [run(problem) for problem in problems]
    assert [outcome.status for outcome in outcomes] == ["budget", "budget"]
    assert [problem.cost for problem in problems] == [90, 90]
    np.testing.assert_array_equal(outcomes[0].x, outcomes[1].x)
    other = make_problem(task, split="dev", index=1, budget=90)
    assert not np.array_equal(run(other, seed=4).x, outcomes[0].x)


@pytest.mark.parametrize(
    ("chain", "index", "budget"),
    [("Osc", 0, 120), ("OscADSR", 2, 500), ("FM", 1, 500), ("Subtractive", 2, 900)],
)
def test_solves_a_target_of_each_task(chain: str, index: int, budget: int) -> None:
    solved = []
    for seed in (1, 2):
        task = f"DiffMoog-{chain}-v0"
        problem = make_problem(task, split="dev", index=index, budget=budget, stop_at_db=1.0)
        run(problem, seed)
        solved.append(problem.solved)
    assert any(solved)


def test_goes_on_until_the_budget_ends_where_the_target_cannot_be_matched() -> None:
    noise = 0.1 * np.random.default_rng(6).standard_normal(CLOCK.n_samples)
    for target in (noise, np.zeros(CLOCK.n_samples)):
        problem = make_problem("DiffMoog-Osc-v0", target=target, budget=600)
        assert run(problem).status == "budget"
        assert problem.cost == 600
        assert np.isfinite(problem.best_distance)


def test_finds_out_which_entries_are_switches() -> None:
    task = sampled_task("Test-TwoLFO", "TwoLFO", 9, "two switches")
    problem = make_problem(task, split="dev", index=0, budget=400)
    solver = load_solver("gauss-newton")(problem.dimension, 1)
    run_solver(solver, problem)
    switches = [name for name in problem.names if "modulator_from" in name]
    found = [problem.names[entry] for entry in solver._switches]
    assert found
    assert set(found) <= set(switches)


class Kept(GaussNewton):
    """Keeps the derivatives at the point of its first descent."""

    kept: Any = None

    def _derivatives(self, guess: Guess) -> Any:
        found = super()._derivatives(guess)
        if self.kept is None:
            self.kept = (guess.x.copy(), found)
        return found


class KeptForward(Kept, GaussNewtonForward):
    pass


def test_forward_mode_agrees_with_differences_where_the_sound_is_smooth() -> None:
    found = {}
    for solver_class in (Kept, KeptForward):
        problem = make_problem("DiffMoog-OscADSR-v0", split="dev", index=2, budget=90)
        solver = solver_class(problem.dimension, 1)
        run_solver(solver, problem)
        found[solver_class] = solver.kept
        names = [name for name in problem.names if "=" not in name]
    (x, by_differences), (same, by_forward_mode) = found[Kept], found[KeptForward]
    np.testing.assert_array_equal(x, same)
    loud = np.linalg.norm(by_differences["wide"], axis=0)
    for i, name in enumerate(names):
        if name != "osc.freq" and loud[i] > 0.05 * loud.max():
            a, b = by_differences["wide"][:, i], by_forward_mode["wide"][:, i]
            assert a @ b > 0.97 * np.linalg.norm(a) * np.linalg.norm(b), name
            assert np.linalg.norm(a) == pytest.approx(np.linalg.norm(b), rel=0.15), name


def test_forward_mode_is_counted_as_gradients() -> None:
    problem = make_problem("DiffMoog-OscADSR-v0", split="dev", index=2, budget=150)
    assert run(problem, name="gauss-newton-forward").status == "budget"
    assert problem.n_gradients > 0
    assert 150 - 3 * problem.dimension < problem.cost <= 150
    differences = make_problem("DiffMoog-OscADSR-v0", split="dev", index=2, budget=150)
    run(differences)
    assert differences.n_gradients == 0
