"""What this project adds to nevergrad's methods: plans, restarts, repeatable runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("nevergrad", reason="needs the extra synthgym[baselines]")

from synthgym.baselines.nevergrad_methods import NGOpt
from synthgym.solvers import run_solver


class Watched(NGOpt):
    """Restarts early, and keeps what each run was planned for."""

    settings = {**NGOpt.settings, "restart_stall_per_dimension": 20}

    def __init__(self, dimension: int, seed: int) -> None:
        super().__init__(dimension, seed)
        self.planned: list[int] = []

    def _optimizer(self, n_max: int) -> Any:
        self.planned.append(n_max)
        return super()._optimizer(n_max)


def test_each_run_is_planned_for_what_is_left(bowl: Callable[..., Any]) -> None:
    problem = bowl(2, 700)
    solver = Watched(2, 1)
    assert run_solver(solver, problem).status == "budget"
    assert len(solver.planned) > 2
    assert solver.planned[0] == 700
    assert solver.planned == sorted(solver.planned, reverse=True)
    without = bowl(2, None)
    without.stop_at_db = 0.01
    assert run_solver(Watched(2, 1), without).status == "target"


@pytest.mark.parametrize("dimension", [2, 5])
def test_small_budgets_do_without_the_meta_model(
    dimension: int, bowl: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    library = pytest.importorskip("nevergrad.optimization.optimizerlib")
    before = library.learn_on_k_best
    problem = bowl(dimension, 110 * dimension)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_solver(NGOpt(dimension, 1), problem).status == "budget"
    assert library.learn_on_k_best is before
    assert capfd.readouterr() == ("", "")
