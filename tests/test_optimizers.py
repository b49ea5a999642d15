"""Other people's optimizers take a `Problem` as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from synthgym.tasks import Problem, make_problem

TASK = "DiffMoog-OscADSR-v0"


@pytest.fixture
def problem() -> Problem:
    return make_problem(TASK, split="dev", index=2, budget=400)


def start(problem: Problem) -> Any:
    """A point from which the sound is heard and the gradient says something."""
    return np.random.default_rng(4).uniform(0.3, 0.7, problem.dimension)


def test_scipy_minimize_descends_gradients(problem: Problem) -> None:
    x0 = start(problem)
    found = minimize(
        problem.value_and_grad,
        x0,
        jac=True,
        bounds=[(0, 1)] * problem.dimension,
        method="L-BFGS-B",
        options={"maxfun": 40},
    )
    assert (problem.n_evaluations, problem.n_gradients) == (0, found.nfev)
    # Stopped within a line search, it returns where that stood, which need not be the nearest.
    assert problem.best_distance <= found.fun < problem.history[0].distance_db
    assert problem(found.x) == pytest.approx(found.fun, abs=1e-4)


def test_cma_fmin2(problem: Problem) -> None:
    cma = pytest.importorskip("cma")
    options = {"bounds": [0, 1], "maxfevals": 150, "seed": 1, "verbose": -10}
    state = np.random.get_state()
    x, es = cma.fmin2(problem, start(problem), 0.2, options)
    np.random.set_state(state)
    assert problem.n_evaluations == es.result.evaluations
    assert es.result.fbest == problem.best_distance < problem.history[0].distance_db
    np.testing.assert_allclose(es.result.xbest, problem.best_x, atol=1e-12)
    assert x.shape == (problem.dimension,)


def test_optuna_study(problem: Problem) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: Any) -> float:
        return problem([trial.suggest_float(name, 0, 1) for name in problem.names])

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, n_trials=40)
    assert problem.n_evaluations == 40
    assert study.best_value == problem.best_distance < problem.history[0].distance_db
    assert [study.best_params[name] for name in problem.names] == list(problem.best_x)


def test_nevergrad(problem: Problem) -> None:
    ng = pytest.importorskip("nevergrad")
    space = ng.p.Array(init=start(problem)).set_bounds(0, 1)
    space.random_state.seed(1)
    optimizer = ng.optimizers.TwoPointsDE(parametrization=space, budget=100)
    recommendation = optimizer.minimize(problem)
    assert problem.n_evaluations == 100
    assert problem.best_distance < problem.history[0].distance_db
    np.testing.assert_allclose(recommendation.value, problem.best_x, atol=1e-12)
