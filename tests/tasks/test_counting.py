"""What evaluations cost, call by call, to the last unit of the budget."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from osc_problem import CLOCK, OTHER_LOSS, PATCH, D, counts, make, points, tensor
from torch.autograd import forward_ad

from synthgym.errors import BudgetExceeded, ParameterError, RunOver
from synthgym.losses import MelDistance
from synthgym.tasks import Problem


def loss_without_grad(problem: Problem) -> None:
    with torch.no_grad():
        problem.loss(tensor(4, grad=True))


def loss_under_inference_mode(problem: Problem) -> None:
    with torch.inference_mode():
        problem.loss(tensor(4))


def backward(problem: Problem) -> None:
    problem.loss(tensor(4, grad=True)).sum().backward()


def backward_twice(problem: Problem) -> None:
    total = problem.loss(tensor(4, grad=True)).sum()
    total.backward(retain_graph=True)
    total.backward()


def backward_row_by_row(problem: Problem) -> None:
    """Each row has a pass of its own, and each pass could be of all rows."""
    losses = problem.loss(tensor(4, grad=True))
    for i in range(4):
        losses[i].backward(retain_graph=i < 3)


def backward_through_sound(problem: Problem) -> None:
    audio = problem.render(tensor(4, grad=True))
    audio.square().sum().backward(retain_graph=True)
    audio.abs().sum().backward()


def through_a_graph_of_ones_own(problem: Problem) -> None:
    logits = torch.zeros(4, D, requires_grad=True)
    problem.loss(torch.sigmoid(logits)).sum().backward()
    assert logits.grad is not None


def forward_mode(problem: Problem) -> None:
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(tensor(4), torch.ones(4, D))
        assert forward_ad.unpack_dual(problem.loss(dual)).tangent is not None


def forward_mode_sound(problem: Problem) -> None:
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(tensor(4), torch.ones(4, D))
        assert forward_ad.unpack_dual(problem.render(dual)).tangent is not None


def surrogate_backward_twice(problem: Problem) -> None:
    total = problem.loss(tensor(4, grad=True), OTHER_LOSS, surrogate=True).sum()
    total.backward(retain_graph=True)
    total.backward()


CALLS: list[tuple[str, Callable[[Problem], object], tuple[int, int]]] = [
    ("call", lambda p: p(points(1)[0]), (1, 0)),
    ("call with a list", lambda p: p(points(1)[0].tolist()), (1, 0)),
    ("call with float32", lambda p: p(points(1)[0].astype(np.float32)), (1, 0)),
    ("call with a tensor", lambda p: p(tensor(1)[0]), (1, 0)),
    ("batch", lambda p: p.batch(points(7)), (7, 0)),
    ("batch of one", lambda p: p.batch(points(1)), (1, 0)),
    ("batch of none", lambda p: p.batch(np.empty((0, D))), (0, 0)),
    ("large batch", lambda p: p.batch(points(2100)), (2100, 0)),
    ("value and gradient", lambda p: p.value_and_grad(points(1)[0]), (0, 1)),
    ("values and gradients", lambda p: p.value_and_grad(points(5)), (0, 5)),
    ("values and gradients of none", lambda p: p.value_and_grad(np.empty((0, D))), (0, 0)),
    ("render array", lambda p: p.render(points(3)), (3, 0)),
    ("render tensor", lambda p: p.render(tensor(3)), (3, 0)),
    ("render tensor with gradient", lambda p: p.render(tensor(3, grad=True)), (0, 3)),
    ("loss", lambda p: p.loss(tensor(4)), (4, 0)),
    ("loss in float64", lambda p: p.loss(tensor(4, torch.float64)), (4, 0)),
    ("loss with gradient", lambda p: p.loss(tensor(4, grad=True)), (0, 4)),
    ("loss and backward", backward, (0, 4)),
    ("loss under no_grad", loss_without_grad, (4, 0)),
    ("loss under inference_mode", loss_under_inference_mode, (4, 0)),
    ("other loss", lambda p: p.loss(tensor(4), OTHER_LOSS), (4, 0)),
    ("other loss with gradient", lambda p: p.loss(tensor(4, grad=True), OTHER_LOSS), (0, 4)),
    ("backward twice", backward_twice, (0, 8)),
    ("backward row by row", backward_row_by_row, (0, 16)),
    ("backward twice through the sound", backward_through_sound, (0, 8)),
    ("through one's own graph", through_a_graph_of_ones_own, (0, 4)),
    ("surrogate gradient", lambda p: p.value_and_grad(points(1)[0], surrogate=True), (0, 1)),
    ("surrogate gradients", lambda p: p.value_and_grad(points(5), surrogate=True), (0, 5)),
    ("surrogate loss", lambda p: p.loss(tensor(4, grad=True), surrogate=True), (0, 4)),
    ("surrogate without gradient", lambda p: p.loss(tensor(4), surrogate=True), (4, 0)),
    ("surrogate and backward twice", surrogate_backward_twice, (0, 8)),
    ("forward mode", forward_mode, (0, 4)),
    ("forward mode through the sound", forward_mode_sound, (0, 4)),
]


@pytest.mark.parametrize(("call", "expected"), [c[1:] for c in CALLS], ids=[c[0] for c in CALLS])
def test_every_call_counts_exactly(
    call: Callable[[Problem], object], expected: tuple[int, int]
) -> None:
    for budget in (None, 100000):
        problem = make(budget)
        call(problem)
        n_evaluations, n_gradients = expected
        cost = n_evaluations + 3 * n_gradients
        assert counts(problem) == (n_evaluations, n_gradients, cost)
        assert problem.remaining == (None if budget is None else budget - cost)
        assert math.isfinite(problem.best_distance) == (cost > 0)


@pytest.mark.parametrize(
    ("call", "expected"),
    [c[1:] for c in CALLS if any(c[2])],
    ids=[c[0] for c in CALLS if any(c[2])],
)
def test_every_call_runs_on_exactly_its_budget_and_not_on_less(
    call: Callable[[Problem], object], expected: tuple[int, int]
) -> None:
    cost = expected[0] + 3 * expected[1]
    exact = make(cost)
    call(exact)
    assert exact.remaining == 0
    if cost > 1:
        short = make(cost - 1)
        with pytest.raises(BudgetExceeded):
            call(short)
        assert short.remaining is not None
        assert 0 <= short.remaining <= cost - 1


def test_a_batch_that_fits_in_part_is_evaluated_in_part() -> None:
    problem, free = make(5), make()
    values = free.batch(points(8))
    with pytest.raises(BudgetExceeded) as caught:
        problem.batch(points(8))
    assert counts(problem) == (5, 0, 5)
    assert problem.best_distance == values[:5].min()
    np.testing.assert_array_equal(problem.best_x, points(8)[values[:5].argmin()])
    for word in ("custom", "5", "3 more", "best_x"):
        assert word in str(caught.value)
    assert isinstance(caught.value, RunOver)


@pytest.mark.parametrize(("budget", "fitting"), [(2, 0), (3, 1), (11, 3), (12, 4)])
def test_gradients_that_fit_in_part_are_evaluated_in_part(budget: int, fitting: int) -> None:
    problem = make(budget)
    with pytest.raises(BudgetExceeded):
        problem.value_and_grad(points(6))
    assert counts(problem) == (0, fitting, 3 * fitting)
    assert problem.remaining == budget - 3 * fitting
    assert math.isfinite(problem.best_distance) == (fitting > 0)


def test_what_is_left_of_a_gradient_serves_evaluations() -> None:
    problem = make(5)
    problem.value_and_grad(points(1)[0])
    with pytest.raises(BudgetExceeded):
        problem.value_and_grad(points(1)[0])
    assert problem.remaining == 2
    problem.batch(points(2))
    assert counts(problem) == (2, 1, 5)
    with pytest.raises(BudgetExceeded):
        problem(points(1)[0])
    assert counts(problem) == (2, 1, 5)


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p.loss(tensor(4)),
        lambda p: p.render(tensor(4)),
        lambda p: p.render(points(4)),
        lambda p: p.loss(tensor(2, grad=True)),
    ],
)
def test_tensor_calls_are_all_or_nothing(call: Callable[[Problem], object]) -> None:
    problem = make(3)
    with pytest.raises(BudgetExceeded):
        call(problem)
    assert counts(problem) == (0, 0, 0)
    assert problem.best_x is None


def test_an_exhausted_problem_keeps_its_best_and_raises_each_time() -> None:
    problem = make(3)
    problem.batch(points(3))
    best, x = problem.best_distance, np.array(problem.best_x)
    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            problem.batch(points(1, seed=1))
        with pytest.raises(BudgetExceeded):
            problem.loss(tensor(1, grad=True))
    assert counts(problem) == (3, 0, 3)
    assert problem.best_distance == best
    np.testing.assert_array_equal(problem.best_x, x)


def test_nothing_is_free_when_the_budget_is_spent() -> None:
    problem = make(1)
    problem(points(1)[0])
    assert problem.batch(np.empty((0, D))).shape == (0,)


def test_backward_passes_beyond_the_budget_are_refused() -> None:
    problem = make(8)
    leaf = tensor(2, grad=True)
    total = problem.loss(leaf).sum()
    total.backward(retain_graph=True)
    assert leaf.grad is not None
    before = leaf.grad.clone()
    with pytest.raises(BudgetExceeded):
        total.backward(retain_graph=True)
    assert counts(problem) == (0, 2, 6)
    assert torch.equal(leaf.grad, before)


def test_a_jacobian_is_not_had_for_the_price_of_a_gradient() -> None:
    problem = make()
    leaf = tensor(1, grad=True)
    audio = problem.render(leaf)
    # The compiled kernels refuse it themselves.
    with pytest.raises((ParameterError, RuntimeError), match=r"one at a time|Batching rule"):
        torch.autograd.grad(audio[0, :6], leaf, grad_outputs=torch.eye(6), is_grads_batched=True)


@pytest.mark.parametrize("gradient_cost", [1, 5])
def test_others_count_gradients_otherwise(gradient_cost: int) -> None:
    """In every place: whole batches, the torch path, a second backward pass."""
    target = PATCH.render(torch.full((1, D), 0.5), CLOCK)[0].numpy()
    problem = Problem(
        PATCH, CLOCK, target, MelDistance(8000), budget=20, gradient_cost=gradient_cost
    )
    assert problem.gradient_cost == gradient_cost
    problem.batch(points(2))
    problem.value_and_grad(points(1))
    unit = tensor(1, grad=True)
    total = problem.loss(unit).sum()
    total.backward(retain_graph=True)
    assert problem.cost == 2 + 2 * gradient_cost
    total.backward()
    assert counts(problem) == (2, 3, 2 + 3 * gradient_cost)
    with pytest.raises(BudgetExceeded):
        problem.value_and_grad(points(18))
    fitting = (20 - 2) // gradient_cost
    assert counts(problem) == (2, fitting, 2 + fitting * gradient_cost)
