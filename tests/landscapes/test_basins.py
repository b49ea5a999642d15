"""Minima and basins, on curves and surfaces whose answers can be counted by eye."""

from __future__ import annotations

import numpy as np
import pytest

from synthgym.landscapes import attracted, basins, minima, surface_minima


def rows(*curves: list[float]) -> np.ndarray:
    return np.array(curves, dtype=np.float64)


def truth(*at: int) -> np.ndarray:
    return np.array(at, dtype=np.int64)


def test_local_minima_are_lower_than_both_neighbours_and_no_ends() -> None:
    found = minima(rows([0, 2, 1, 3, 0, 4, 3], [6, 5, 4, 3, 4, 5, 6]))
    assert np.flatnonzero(found[0]).tolist() == [2, 4]
    assert np.flatnonzero(found[1]).tolist() == [3]


def test_the_rounding_of_a_plain_makes_no_minima() -> None:
    plain = 1 + 1e-9 * np.array([0, 1, 0, 1, 0, 1, 0, 1, 0])
    plain[4] = 0
    assert np.flatnonzero(minima(plain[None])[0]).tolist() == [4]


@pytest.mark.parametrize(
    ("curve", "at", "expected"),
    [
        ([4, 3, 2, 1, 0, 1, 2, 3, 4], 4, (0, 8)),  # one bowl: all of it
        ([4, 3, 4, 1, 0, 1, 2, 1, 4], 4, (2, 6)),  # up to the hills on both sides
        ([4, 4, 4, 1, 0, 1, 4, 4, 4], 4, (2, 6)),  # a plain attracts nothing
        ([4, 3, 2, 1, 0, 1, 2, 3, 4], 3, (0, 3)),  # the truth lies on a slope, downhill of some
        ([0, 1, 2, 3, 4, 3, 2, 1, 0], 4, (4, 4)),  # the truth is a summit
        ([0, 1, 2, 1, 0], 0, (0, 2)),
        ([0, 1, 2, 1, 0], 4, (2, 4)),
    ],
)
def test_a_basin_reaches_to_where_the_loss_stops_falling_to_the_truth(
    curve: list[float], at: int, expected: tuple[int, int]
) -> None:
    (found,) = basins(rows(curve), truth(at))
    assert tuple(found.tolist()) == expected


def test_curves_are_independent() -> None:
    curves = np.random.default_rng(0).random((6, 30))
    at = truth(3, 9, 0, 29, 15, 20)
    together = basins(curves, at)
    alone = [basins(curves[k : k + 1], at[k : k + 1])[0] for k in range(6)]
    np.testing.assert_array_equal(together, alone)


def test_a_bowl_attracts_all_of_its_surface() -> None:
    y, x = np.mgrid[-5:6, -8:9]
    bowl = x**2 + y**2.0
    assert np.argwhere(surface_minima(bowl)).tolist() == [[5, 8]]
    assert attracted(bowl, (5, 8)).all()
    assert not attracted(bowl, (5, 7)).any()


def test_two_bowls_share_the_surface_at_the_ridge() -> None:
    y, x = np.mgrid[-5:6, -10:11]
    two = np.minimum((x + 5) ** 2, (x - 5) ** 2 + 1.0) + y**2.0
    assert np.argwhere(surface_minima(two)).tolist() == [[5, 5], [5, 15]]
    left, right = attracted(two, (5, 5)), attracted(two, (5, 15))
    assert not (left & right).any() and (left | right).all()
    assert left[:, :10].all() and right[:, 12:].all()


def test_a_plain_attracts_nothing_but_the_truth_itself() -> None:
    assert attracted(np.zeros((5, 6)), (2, 3)).sum() == 1
