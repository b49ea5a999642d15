"""Soft dynamic time warping against a sum over all paths, plain DTW, and finite differences."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.soft_dtw import soft_dtw


def random_cost(batch: int, n: int, m: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, n, m, generator=generator, dtype=torch.float64)


def path_costs(cost: np.ndarray, i: int = 0, j: int = 0) -> Iterator[float]:
    """Summed costs of all paths from cell (i, j) to the last one."""
    n, m = cost.shape
    if (i, j) == (n - 1, m - 1):
        yield float(cost[i, j])
    for di, dj in ((0, 1), (1, 0), (1, 1)):
        if i + di < n and j + dj < m:
            for rest in path_costs(cost, i + di, j + dj):
                yield float(cost[i, j]) + rest


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0.05, 5.0), st.integers(0, 1000))
def test_is_the_soft_minimum_over_all_paths(n: int, m: int, gamma: float, seed: int) -> None:
    cost = random_cost(2, n, m, seed)
    for row, value in zip(cost.numpy(), soft_dtw(cost, gamma).tolist(), strict=True):
        sums = np.array(list(path_costs(row)))
        least = sums.min()
        expected = least - gamma * math.log(np.exp(-(sums - least) / gamma).sum())
        assert value == pytest.approx(expected, abs=1e-9)


def test_two_by_two_by_hand() -> None:
    """Three paths of cost 0 in a matrix of zeros; with a wall at (0, 1), only two."""
    zeros = torch.zeros(1, 2, 2, dtype=torch.float64)
    assert float(soft_dtw(zeros, 1.0)) == pytest.approx(-math.log(3))
    wall = zeros.clone()
    wall[0, 0, 1] = 1e6
    assert float(soft_dtw(wall, 1.0)) == pytest.approx(-math.log(2))


def test_hard_in_the_limit_also_over_long_sequences() -> None:
    cost = random_cost(3, 40, 57)
    least = np.full((3, 41, 58), np.inf)
    least[:, 0, 0] = 0
    for i in range(40):
        for j in range(57):
            before = np.stack([least[:, i, j], least[:, i, j + 1], least[:, i + 1, j]]).min(0)
            least[:, i + 1, j + 1] = before + cost[:, i, j].numpy()
    assert np.allclose(soft_dtw(cost, 1e-5).numpy(), least[:, -1, -1], atol=1e-3)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (5, 1), (2, 2), (4, 6), (6, 4)])
@pytest.mark.parametrize("gamma", [0.1, 2.0])
def test_slope(n: int, m: int, gamma: float) -> None:
    cost = random_cost(2, n, m).requires_grad_()
    assert torch.autograd.gradcheck(lambda c: soft_dtw(c, gamma), cost, check_forward_ad=True)


def test_the_slope_is_the_share_of_paths_through_a_cell() -> None:
    cost = random_cost(2, 7, 9).requires_grad_()
    (share,) = torch.autograd.grad(soft_dtw(cost, 0.5).sum(), cost)
    assert bool((share >= 0).all()) and bool((share <= 1 + 1e-12).all())
    assert torch.allclose(share[:, 0, 0], torch.ones(2).double())
    # Each path enters every row, and may stay there for more than one cell.
    assert bool((share.sum(2) >= 1 - 1e-12).all())


def test_float32_keeps_its_precision_where_sums_are_large() -> None:
    cost = 6400 * random_cost(1, 64, 64)
    assert float(soft_dtw(cost.float(), 1.0)) == pytest.approx(float(soft_dtw(cost, 1.0)), rel=1e-6)
    slopes = []
    for dtype in (torch.float32, torch.float64):
        leaf = cost.float().to(dtype).requires_grad_()
        slopes.append(torch.autograd.grad(soft_dtw(leaf, 1.0).sum(), leaf)[0].double())
    assert torch.allclose(*slopes, atol=1e-6)


def test_what_cannot_be() -> None:
    with pytest.raises(ParameterError, match="gamma is 0"):
        soft_dtw(random_cost(1, 2, 2), 0)
    with pytest.raises(ParameterError, match="must be \\(batch, n, m\\)"):
        soft_dtw(random_cost(1, 2, 2)[0], 1.0)
    with pytest.raises(ParameterError, match="create_graph"):
        cost = random_cost(1, 2, 2).requires_grad_()
        torch.autograd.grad(soft_dtw(cost, 1.0).sum(), cost, create_graph=True)
