"""Gauss-Newton on the sound: its residuals, its linear algebra, and what it solves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from synthgym.baselines.gauss_newton import GaussNewton
from synthgym.baselines.gauss_newton_descent import Descent
from synthgym.baselines.gauss_newton_forward import GaussNewtonForward
from synthgym.baselines.gauss_newton_moves import exchanged, redrawn
from synthgym.baselines.linear_steps import Guess, Jacobian, damped_step, norms_after_step, worth
from synthgym.baselines.patch_layout import read_layout
from synthgym.baselines.sound_residuals import SoundResiduals
from synthgym.solvers import load_solver, run_solver
from synthgym.synth import Clock
from synthgym.tasks import Problem, get_task, make_problem

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


def problem_of(
    chain: str, others: float, true: Mapping[str, float], budget: int
) -> tuple[Problem, Any]:
    """A target with these entries, all others at one value; and its unit vector."""
    task = get_task(f"DiffMoog-{chain}-v0")
    unit = torch.full((1, task.dimension), others)
    for name, value in true.items():
        unit[0, task.patch.space.names.index(name)] = value
    target = task.patch.render(unit, task.clock)[0].numpy()
    return make_problem(task, target=target, budget=budget), unit[0].double().numpy()


def descent_of(problem: Problem) -> Descent:
    """A descent with the solver's settings and derivatives."""
    solver = GaussNewton(problem.dimension, 1)
    rng = np.random.default_rng(1)
    return Descent(problem, GaussNewton.settings, rng, solver._derivatives)


def test_tries_switches_beside_options_and_nothing_that_slides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = make_problem("DiffMoog-TwoLFO-v0", split="dev", index=0)
    descent = descent_of(problem)
    switches = {e for e, name in enumerate(problem.names) if "modulator_from" in name}
    options = {e for e, name in enumerate(problem.names) if "=" in name}
    points = np.random.default_rng(2).random((4, problem.dimension))
    # A hair from 0.5 too, where a small change could set or clear one.
    points[:, sorted(switches)] = [[0.499, 0.6], [0.5, 0.501], [0.1, 0.499], [0.8, 0.9]]
    guesses = descent.heard(points)
    for guess in guesses:
        descent.jacobian(guess)  # tells what small changes move
    tried: set[int] = set()
    heard = descent.heard

    def spied(points: Iterable[Any]) -> Any:
        rows = list(points)
        tried.update(int(e) for row in rows for e in np.flatnonzero(row != guesses[0].x))
        return heard(rows)

    monkeypatch.setattr(descent, "heard", spied)
    descent.flipped(guesses[0])
    assert tried == switches | options


def test_what_is_switched_off_is_seldom_measured() -> None:
    problem = make_problem("DiffMoog-Modular-v0", split="dev", index=0)
    descent = descent_of(problem)
    x = np.full(problem.dimension, 0.4)
    x[problem.names.index("sine.active")] = 0.9
    costs = []
    for away in range(5):
        x[problem.names.index("sine.freq")] = 0.4 + 0.02 * away
        (guess,) = descent.heard([x])
        before = problem.cost
        jacobian = descent.jacobian(guess)
        costs.append(problem.cost - before)
    n_alive = int((np.abs(jacobian.by_view["mel"]).max(axis=0) > 0).sum())
    n_smooth = len(descent.smooth)
    # Sine, envelope and filter; what else there is sleeps three times out of four.
    assert n_alive < n_smooth / 2
    assert costs == [n_smooth, n_alive, n_alive, n_alive, n_smooth]


def test_a_full_descent_ends_by_the_search_s_own_residuals() -> None:
    """Filter too low, source too loud: all but faint overtones fit closely, and hold it there."""
    true = {"sine.active": 0.75, "sine.freq": 0.872, "sine.amp": 0.644, "square.active": 0.75}
    true |= {"square.freq": 0.606, "square.amp": 0.082, "lowpass.cutoff": 0.929}
    true |= {"env.attack": 0.8, "env.sustain": 0.56, "env.release": 0.1}
    ends = []
    for finishes in (False, True):
        problem, x = problem_of("Modular", 0.25, true, budget=2000)
        names, descent = problem.names, descent_of(problem)
        x[names.index("lowpass.cutoff")], x[names.index("sine.amp")] = 0.65, 0.85
        (start,) = descent.heard([x])
        descend = descent.finish if finishes else partial(descent.descend, n_steps=20)
        ends.append(descend(start, flip=False))
    by_all_views, by_its_own = ends
    assert by_its_own.norms["mel"] < 0.9 * by_all_views.norms["mel"]


def test_powers_of_a_source_at_another_level_are_those_that_it_has_there() -> None:
    """Of two sources far apart in frequency, as their powers add up only where phases do not."""
    problem = make_problem("DiffMoog-Subtractive-v0", split="dev", index=0)
    descent = descent_of(problem)
    x = np.full(problem.dimension, 0.5)
    x[problem.names.index("saw.freq")], x[problem.names.index("square.freq")] = 0.05, 0.9
    x[problem.names.index("lowpass.cutoff")] = 1.0
    amp = problem.names.index("square.amp")
    rows = np.repeat(x[None], 3, axis=0)
    rows[:, amp] = [0.0, 0.4, 0.8]
    silent, half, full = (guess.powers for guess in descent.heard(rows))
    for rest, at_half, at_full in zip(silent, half, full, strict=True):
        # An amplitude is 0.01 * 100^u: 0.4 more in u are 16 dB.
        foreseen = np.maximum(rest + 10**1.6 * (at_half - rest), 0)
        loud = at_full > 1e-2 * at_full.max()
        error_db = np.abs(10 * np.log10(foreseen[loud] / at_full[loud]))
        assert np.median(error_db) < 0.5


def test_sources_that_took_each_others_place_are_exchanged() -> None:
    """From the truth with saw and square exchanged, where no small step leads back."""
    true = {"saw.freq": 0.5, "square.freq": 0.3, "saw.amp": 0.9}
    problem, truth = problem_of("Subtractive", 0.6, true, budget=2000)
    names, descent = problem.names, descent_of(problem)
    swapped = truth.copy()
    ((one, two),) = descent.layout.twins
    swapped[list(one)], swapped[list(two)] = truth[list(two)], truth[list(one)]
    (start,) = descent.heard([swapped])
    guess = descent.descend(start, 10)
    assert problem.best_distance > 3
    found = exchanged(descent, guess)
    assert problem.best_distance < 1
    assert abs(found.x[names.index("saw.freq")] - 0.5) < 0.01


def test_a_source_drawn_anew_is_found_beside_the_others() -> None:
    true = {"saw.freq": 0.5, "square.freq": 0.25, "square.amp": 0.8}
    problem, wrong = problem_of("Subtractive", 0.6, true, budget=4000)
    names, descent = problem.names, descent_of(problem)
    wrong[names.index("saw.freq")], wrong[names.index("saw.amp")] = 0.9, 0.1
    (guess,) = descent.heard([wrong])
    (saw,) = [part for part in descent.layout.parts if part.amp == names.index("saw.amp")]
    found = guess
    while found is guess or worth(found) > 0.5 * worth(guess):
        # Each is a draw; it takes two or three. The budget ends it where none does.
        found = redrawn(descent, guess, saw)
    assert abs(found.x[names.index("saw.freq")] - 0.5) < 0.02


def test_layout_of_a_modular_synthesizer() -> None:
    names = get_task("DiffMoog-Modular-v0").patch.space.names
    layout = read_layout(names)
    assert sorted(layout.amps) == ["saw", "sine", "square"]
    assert len(layout.twins) == 3
    by_name = {tuple(sorted({names[e].split(".")[0] for e in p.entries})): p for p in layout.parts}
    # Each source, alone and with the modulators that all share; and these with what they do.
    assert set(by_name) == {
        ("saw",),
        ("sine",),
        ("square",),
        ("fm_lfo", "lfo", "saw"),
        ("fm_lfo", "lfo", "sine"),
        ("fm_lfo", "lfo", "square"),
        ("fm_lfo", "lfo", "saw", "sine", "square"),
        ("fm_lfo", "lfo"),
    }
    saw, modulated = by_name[("saw",)], by_name["fm_lfo", "lfo", "saw"]
    assert not saw.shared
    assert {names[e].split(".")[0] for e in modulated.shared} == {"fm_lfo", "lfo"}
    rate = by_name["fm_lfo", "lfo"]
    assert sorted(names[e] for e in rate.entries) == ["fm_lfo.depth", "lfo.freq"]
    assert [names[e] for e in rate.switches] == ["fm_lfo.modulator_from_lfo"]
    assert [names[e] for e in saw.switches] == ["saw.active"]
    assert sorted(names[e] for e in saw.rivals) == ["sine.active", "square.active"]
    shared = by_name["fm_lfo", "lfo", "saw", "sine", "square"]
    assert shared.amp is None
    assert {names[e] for e in shared.entries if names[e].split(".")[0] == "saw"} == {"saw.depth"}


def test_layout_where_each_source_has_a_modulator_of_its_own() -> None:
    names = get_task("DiffMoog-BasicFlow-v0").patch.space.names
    layout = read_layout(names)
    pairs = {frozenset(names[e].split(".")[0] for e in (*one, *two)) for one, two in layout.twins}
    assert frozenset({"sine", "lfo", "square", "lfo_2"}) in pairs
    for one, two in layout.twins:
        parameters = [[names[e].split(".")[1].split("_from_")[0] for e in t] for t in (one, two)]
        assert parameters[0] == parameters[1]
    assert len([part for part in layout.parts if part.amp is not None]) == 3
    assert not any(part.shared for part in layout.parts)


def test_layout_of_a_modulator_that_no_switch_names() -> None:
    names = get_task("DiffMoog-FM-v0").patch.space.names
    (lfo,) = [part for part in read_layout(names).parts if part.amp is None]
    shapes = ["lfo.shape=saw", "lfo.shape=sine", "lfo.shape=square"]
    assert sorted(names[e] for e in lfo.entries) == ["fm.depth", "lfo.freq", *shapes]


def test_layout_of_names_that_say_nothing() -> None:
    layout = read_layout(["a", "b", "c"])
    assert layout.smooth == (0, 1, 2)
    assert not layout.parts
    assert not layout.twins


def test_forward_mode_agrees_with_fine_differences() -> None:
    problem = make_problem("DiffMoog-OscADSR-v0", split="dev", index=2)
    names = [name for name in problem.names if "=" not in name]
    solver = GaussNewtonForward(problem.dimension, 1)
    descent = Descent(problem, solver.settings, np.random.default_rng(1), solver._derivatives)
    columns = list(range(len(descent.smooth)))
    for place in (0.5, 0.6):
        (guess,) = descent.heard([np.full(problem.dimension, place)])
        exact = solver._derivatives(descent, guess, columns)
        beside, signed = descent.beside(guess, np.full(len(columns), 1e-4), columns)
        for i, name in enumerate(names):
            if name == "env.attack":  # has a kink wherever its end passes a sample
                continue
            change = beside[i].residuals["wide"] - guess.residuals["wide"]
            a, b = exact["wide"][:, i], change / signed[i]
            assert a @ b > 0.98 * np.linalg.norm(a) * np.linalg.norm(b), name
            assert np.linalg.norm(a) == pytest.approx(np.linalg.norm(b), rel=0.1), name


def test_forward_mode_is_counted_as_gradients() -> None:
    problem = make_problem("DiffMoog-OscADSR-v0", split="dev", index=2, budget=150)
    assert run(problem, name="gauss-newton-forward").status == "budget"
    assert problem.n_gradients > 0
    assert 150 - 3 * problem.dimension < problem.cost <= 150
    differences = make_problem("DiffMoog-OscADSR-v0", split="dev", index=2, budget=150)
    run(differences)
    assert differences.n_gradients == 0
