"""Points that a problem refuses: what is wrong is said, and nothing is counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from osc_problem import D, counts, make, points, tensor

from synthgym.errors import ParameterError

INVALID: list[tuple[str, object]] = [
    ("nan", np.full(D, np.nan)),
    ("infinity", np.full(D, np.inf)),
    ("one nan", np.array([0.5] * (D - 1) + [np.nan])),
    ("too long", np.full(D + 1, 0.5)),
    ("too short", np.full(D - 1, 0.5)),
    ("scalar", 0.5),
    ("empty", []),
    ("above 1", np.full(D, 1.1)),
    ("below 0", np.full(D, -0.1)),
    ("just above the slack", np.full(D, 1 + 2e-6)),
    ("three dimensions", np.full((1, 1, D), 0.5)),
    ("ragged", [[0.1], [0.1, 0.2]]),
    ("word", "half"),
    ("words", ["half"] * D),
    ("numbers as words", ["0.5"] * D),
    ("none", None),
    ("nones", [None] * D),
    ("dictionary", {"osc.freq": 0.5}),
    ("complex", np.full(D, 0.5 + 0.5j)),
]


@pytest.mark.parametrize("bad", [b for _, b in INVALID], ids=[name for name, _ in INVALID])
def test_bad_points_are_refused_and_cost_nothing(bad: object) -> None:
    problem = make(10)
    many = [bad] if not isinstance(bad, np.ndarray) or bad.ndim == 1 else bad
    for call, argument in (
        (problem, bad),
        (problem.value_and_grad, bad),
        (problem.batch, many),
        (problem.value_and_grad, many),
        (problem.render, many),
    ):
        with pytest.raises(ParameterError):
            call(argument)  # type: ignore[operator]
    assert counts(problem) == (0, 0, 0)
    assert problem.best_x is None
    assert problem.history == []


@pytest.mark.parametrize(
    "bad",
    [
        torch.full((1, D), math.nan),
        torch.full((1, D), 1.1),
        torch.full((1, D + 1), 0.5),
        torch.full((D,), 0.5),
        torch.zeros(1, D, dtype=torch.long),
        torch.zeros(1, D, dtype=torch.half),
        torch.zeros(1, D, dtype=torch.complex64),
        np.full((1, D), 0.5),
        [[0.5] * D],
    ],
    ids=lambda bad: str(getattr(bad, "dtype", "list")) + str(list(getattr(bad, "shape", []))),
)
def test_bad_tensors_are_refused_and_cost_nothing(bad: object) -> None:
    problem = make(10)
    with pytest.raises(ParameterError):
        problem.loss(bad)  # type: ignore[arg-type]
    if isinstance(bad, torch.Tensor):
        with pytest.raises(ParameterError):
            problem.render(bad)
    assert counts(problem) == (0, 0, 0)


def test_a_tensor_that_needs_a_gradient_is_sent_to_loss() -> None:
    problem = make()
    with pytest.raises(ParameterError, match=r"problem\.loss"):
        problem.batch(tensor(1, grad=True))
    assert counts(problem) == (0, 0, 0)


def test_one_bad_row_refuses_the_batch() -> None:
    problem = make(10)
    rows = points(3)
    rows[2, 0] = np.nan
    with pytest.raises(ParameterError, match="NaN"):
        problem.batch(rows)
    assert counts(problem) == (0, 0, 0)
