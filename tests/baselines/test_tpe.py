"""The window that keeps TPE quick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("optuna", reason="needs the extra synthgym[baselines]")

import optuna

from synthgym.baselines.tpe import Tpe
from synthgym.solvers import run_solver


def test_a_full_window_keeps_the_best_and_the_latest() -> None:
    solver = Tpe(2, 1)
    values = np.random.default_rng(0).permutation(160).astype(float)
    told = []
    for at in range(0, 160, 8):
        points = solver.ask()
        solver.tell(points, values[at : at + 8])
        told.append(points)
    solver.ask()
    kept = {round(trial.value) for trial in solver._study.trials if trial.value is not None}
    assert len(kept) == 80
    assert kept >= set(range(20))
    latest_others = [v for v in values if v >= 20][-60:]
    assert kept == set(range(20)) | {round(v) for v in latest_others}
    # Each value still belongs to its point.
    by_value = dict(zip(values, np.concatenate(told).tolist(), strict=True))
    for trial in solver._study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)):
        assert list(trial.params.values()) == by_value[trial.value]


def test_the_log_of_optuna_stays_as_it_was(
    bowl: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    before = optuna.logging.get_verbosity()
    run_solver(Tpe(3, 1), bowl(3, 200))
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")
