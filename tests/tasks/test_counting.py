"""What evaluations cost, call by call, to the last unit of the budget."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad

from synthgym.errors import BudgetExceeded, ParameterError, RunOver, TargetReached
from synthgym.losses import MelDistance
from synthgym.losses.mel import Resolution
from synthgym.synth import Clock, Node, Patch
from synthgym.synth.modules import Noise, Oscillator
from synthgym.tasks import Problem

CLOCK = Clock(8000, 512)
PATCH = Patch((Node("osc", Oscillator()),))
D = PATCH.space.dimension
OTHER_LOSS = MelDistance(8000, resolutions=(Resolution(0.02, 8),))


def make(budget: int | None = None, stop_at_db: float | None = None) -> Problem:
    unit = torch.tensor([[0.0, 0.0, 1.0, 0.6, 0.8]])
    target = PATCH.render(unit, CLOCK)[0].numpy()
    return Problem(PATCH, CLOCK, target, MelDistance(8000), budget=budget, stop_at_db=stop_at_db)


def points(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, D))


def tensor(n: int, dtype: torch.dtype = torch.float32, grad: bool = False) -> torch.Tensor:
    return torch.tensor(points(n), dtype=dtype, requires_grad=grad)


def counts(problem: Problem) -> tuple[int, int, int]:
    return problem.n_evaluations, problem.n_gradients, problem.cost


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


@pytest.mark.parametrize("call", ["batch", "value_and_grad", "render", "loss"])
def test_history_places_each_improvement_exactly(call: str) -> None:
    """As if the batch had been evaluated one by one."""
    rows, before = points(40), points(3, seed=9)
    values = make().batch(np.concatenate([before, rows]))
    problem = make()
    heard: list[float] = []
    problem.on_improvement = lambda improvement: heard.append(improvement.distance_db)
    problem.batch(before)
    gradients = call == "value_and_grad"
    argument = torch.tensor(rows, dtype=torch.float32) if call == "loss" else rows
    getattr(problem, call)(argument)

    best = math.inf
    expected = []
    for i, value in enumerate(values):
        if value < best:
            best = value
            in_batch = max(i + 1 - 3, 0)
            expected.append(
                (min(i + 1, 3), in_batch) if gradients else (min(i + 1, 3) + in_batch, 0)
            )
    assert [(e.n_evaluations, e.n_gradients) for e in problem.history] == expected
    assert [e.cost for e in problem.history] == [n + 3 * g for n, g in expected]
    distances = [e.distance_db for e in problem.history]
    assert heard == distances
    assert all(a > b for a, b in itertools.pairwise(distances))
    assert distances[-1] == problem.best_distance == pytest.approx(values.min(), abs=1e-4)
    walls = [e.wall_s for e in problem.history]
    assert walls == sorted(walls)
    assert walls[0] >= 0
    assert walls[-1] <= problem.wall_s


def test_history_is_exact_over_many_chunks() -> None:
    """More rows than are rendered at once."""
    rows = points(4500, seed=2)
    problem = make()
    values = problem.batch(rows)
    running = np.minimum.accumulate(values)
    improved = np.flatnonzero(np.diff(np.concatenate([[np.inf], running])) < 0)
    assert [e.n_evaluations for e in problem.history] == (improved + 1).tolist()
    assert problem.best_distance == values.min()
    np.testing.assert_array_equal(problem.best_x, rows[values.argmin()])


def test_the_distance_is_scored_whatever_loss_is_descended() -> None:
    problem, plain = make(), make()
    losses = problem.loss(tensor(6, grad=True), OTHER_LOSS)
    values = plain.batch(points(6))
    assert not np.allclose(losses.detach().numpy(), values, rtol=1e-2)
    assert problem.best_distance == pytest.approx(values.min(), abs=1e-4)
    np.testing.assert_allclose(problem.best_x, points(6)[values.argmin()], atol=1e-7)


@pytest.mark.parametrize("through", ["value_and_grad", "loss", "other loss"])
def test_the_distance_is_the_true_one_whatever_gradient_is_taken(through: str) -> None:
    problem, plain = make(), make()
    assert problem.has_surrogate
    slopes = []
    for surrogate in (True, False):
        if through == "value_and_grad":
            gradient = problem.value_and_grad(points(6), surrogate=surrogate)[1]
        else:
            unit = tensor(6, grad=True)
            losses = problem.loss(unit, OTHER_LOSS if "other" in through else None, surrogate)
            losses.sum().backward()
            assert unit.grad is not None
            gradient = unit.grad.double().numpy()
        slopes.append(gradient)
    # What comes second finds nothing better, as the first has had the same distances.
    values = plain.batch(points(6))
    assert all(one.n_gradients <= 6 for one in problem.history)
    assert problem.best_distance == values.min()
    freq = problem.names.index("osc.freq")
    assert not np.allclose(slopes[0][:, freq], slopes[1][:, freq], rtol=0.01)
    amp = problem.names.index("osc.amp")
    np.testing.assert_allclose(slopes[0][:, amp], slopes[1][:, amp], rtol=1e-4, atol=1e-4)


def test_a_surrogate_that_does_not_exist_is_refused_and_costs_nothing() -> None:
    patch = Patch((Node("noise", Noise()),))
    target = patch.render(torch.full((1, 1), 0.5), CLOCK)[0].numpy()
    problem = Problem(patch, CLOCK, target, MelDistance(8000), task_id="Hiss-v0")
    assert not problem.has_surrogate
    for call in (
        lambda: problem.value_and_grad([0.5], surrogate=True),
        lambda: problem.loss(torch.full((1, 1), 0.5), surrogate=True),
    ):
        with pytest.raises(ParameterError, match=r"Hiss-v0.*has_surrogate"):
            call()
    assert counts(problem) == (0, 0, 0)


def test_reaching_the_target_ends_the_run_after_recording() -> None:
    true = np.array([0.0, 0.0, 1.0, 0.6, 0.8])
    rows = np.concatenate([points(3), true[None], points(2, seed=1)])
    for call, expected in (
        (lambda p: p.batch(rows), (6, 0, 6)),
        (lambda p: p.value_and_grad(rows), (0, 6, 18)),
        (lambda p: p.render(rows), (6, 0, 6)),
        (lambda p: p.loss(torch.tensor(rows, dtype=torch.float32)), (6, 0, 6)),
    ):
        problem = make(100, stop_at_db=0.5)
        with pytest.raises(TargetReached, match=r"0\.5"):
            call(problem)
        assert counts(problem) == expected
        assert problem.best_distance < 1e-3
        assert problem.solved
        np.testing.assert_allclose(problem.best_x, true, atol=1e-7)
        with pytest.raises(TargetReached):
            problem(points(1)[0])


def test_reaching_the_target_on_the_last_unit_is_a_success() -> None:
    rows = np.concatenate([points(3), [[0.0, 0.0, 1.0, 0.6, 0.8]], points(3, seed=1)])
    problem = make(4, stop_at_db=0.5)
    with pytest.raises(TargetReached):
        problem.batch(rows)
    assert problem.cost == 4


def test_without_a_stop_the_run_goes_on() -> None:
    problem = make()
    problem(np.array([0.0, 0.0, 1.0, 0.6, 0.8]))
    assert problem.solved
    problem(points(1)[0])
    assert problem.cost == 2


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
