"""Critical differences: against cases worked by hand and against published ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from synthgym.errors import ParameterError
from synthgym.leaderboard.critical import ALPHA, critical_differences, holm

# Demšar 2006, table 6: AUC of C4.5 with four settings of its parameters on 14 data sets.
DEMSAR = {
    "C4.5": [
        *(0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583),
        *(0.775, 1.000, 0.940, 0.619, 0.972, 0.957),
    ],
    "C4.5+m": [
        *(0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583),
        *(0.838, 1.000, 0.962, 0.666, 0.981, 0.978),
    ],
    "C4.5+cf": [
        *(0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563),
        *(0.866, 1.000, 0.965, 0.614, 0.9751, 0.946),
    ],
    "C4.5+m+cf": [
        *(0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625),
        *(0.875, 1.000, 0.962, 0.669, 0.975, 0.970),
    ],
}


def test_mean_ranks_and_friedman_test_of_demsars_example():
    found = critical_differences(DEMSAR)
    # Section 3.2.2: mean ranks 3.143, 2.000, 2.893 and 1.964.
    assert found.mean_ranks["C4.5"] == pytest.approx(3.143, abs=5e-4)
    assert found.mean_ranks["C4.5+m"] == pytest.approx(2.000, abs=5e-4)
    assert found.mean_ranks["C4.5+cf"] == pytest.approx(2.893, abs=5e-4)
    assert found.mean_ranks["C4.5+m+cf"] == pytest.approx(1.964, abs=5e-4)
    assert next(iter(found.mean_ranks)) == "C4.5+m+cf"
    # There chi2 = 9.28, without the correction for ties: three pairs and once all four.
    chi2 = 9.28 / (1 - (3 * (2**3 - 2) + (4**3 - 4)) / (14 * (4**3 - 4)))
    f = 13 * chi2 / (14 * 3 - chi2)
    assert found.friedman_p == pytest.approx(stats.f.sf(f, 3, 39), abs=1e-4)
    assert found.rejected


def test_holm_by_hand():
    # 0.01 * 3, 0.02 * 2, 0.04 * 1; then 0.04 again, since it never decreases.
    assert holm([0.02, 0.01, 0.04]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_only_raises_and_keeps_the_order(p_values):
    corrected = holm(p_values)
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_solvers_in_one_order_on_every_task_all_differ():
    step = np.arange(1, 15)
    scores = {"a": 3 * step, "b": 2 * step, "c": step}
    found = critical_differences(scores)
    assert dict(found.mean_ranks) == {"a": 1, "b": 2, "c": 3}
    assert found.cliques == ()
    # One order on all of 14 tasks, of 6 that could be: the chance is 6 ** -13.
    assert found.friedman_p == pytest.approx(6.0**-13)
    # The smallest of the three, of 2 ** 14 equally likely signs on two sides, times three.
    assert found.least_p == pytest.approx(3 * 2 / 2**14)
    assert min(found.p_values.values()) == pytest.approx(found.least_p)


def test_too_few_tasks_tell_nothing_apart():
    found = critical_differences({"a": [3, 3, 3], "b": [2, 2, 2], "c": [1, 1, 1]})
    assert found.least_p == pytest.approx(0.75) and found.least_p > ALPHA
    assert found.cliques == (("a", "b", "c"),)


def test_neighbours_join_only_where_no_two_differ():
    # a and b change places, c is far below both on every task.
    rng = np.random.default_rng(0)
    a, b = rng.normal(5, 1, 14), rng.normal(5, 1, 14)
    found = critical_differences({"a": a, "c": rng.normal(0, 1, 14), "b": b})
    assert set(found.cliques) == {tuple(s for s in found.mean_ranks if s != "c")}
    assert found.differ("a", "c") and found.differ("c", "b") and not found.differ("a", "b")


def test_cliques_may_overlap():
    # Neighbours swap on 4 of 14 tasks, those two apart never do.
    table = {name: np.full(14, float(level)) for name, level in (("a", 3), ("b", 2), ("c", 1))}
    for first, second, tasks in (("a", "b", slice(0, 4)), ("b", "c", slice(4, 8))):
        table[first][tasks], table[second][tasks] = (
            table[second][tasks].copy(),
            table[first][tasks].copy(),
        )
    rng = np.random.default_rng(0)
    table = {name: own + rng.normal(0, 0.01, 14) for name, own in table.items()}
    found = critical_differences(table)
    assert found.cliques == (("a", "b"), ("b", "c"))


def test_where_friedman_finds_nothing_no_pair_is_looked_at():
    rng = np.random.default_rng(3)
    found = critical_differences({name: rng.random(14) for name in "abcdef"})
    assert found.friedman_p is not None and found.friedman_p > ALPHA
    assert found.cliques == (tuple(found.mean_ranks),)
    assert not any(found.differ(a, b) for a, b in found.p_values)


def test_equal_scores_do_not_differ():
    found = critical_differences({name: [0.5] * 14 for name in "abc"})
    assert found.friedman_p == 1.0
    assert set(found.p_values.values()) == {1.0}
    assert set(found.mean_ranks.values()) == {2.0}


def test_two_solvers_are_compared_without_friedman():
    found = critical_differences({"a": np.arange(10) + 0.5, "b": np.arange(10)})
    assert found.friedman_p is None
    assert found.p_values["a", "b"] == found.p_values["b", "a"]
    assert found.differ("a", "b") and found.cliques == ()


@given(
    st.integers(2, 6).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(0, 4), min_size=n, max_size=n), min_size=2, max_size=5
        )
    )
)
def test_whatever_the_scores_the_result_is_in_range(table):
    found = critical_differences({f"s{i}": row for i, row in enumerate(table)})
    assert sum(found.mean_ranks.values()) == pytest.approx(len(table) * (len(table) + 1) / 2)
    assert all(0 <= p <= 1 for p in found.p_values.values())
    assert found.friedman_p is None or 0 < found.friedman_p <= 1
    for clique in found.cliques:
        assert not any(found.differ(a, b) for a in clique for b in clique)


@pytest.mark.parametrize("scores", [{}, {"a": [1]}, {"a": [], "b": []}, {"a": [1], "b": [1, 2]}])
def test_what_cannot_be_compared(scores):
    with pytest.raises(ParameterError, match="two or more solvers"):
        critical_differences(scores)


def test_no_p_value_is_undefined():
    found = critical_differences({"a": [1, 1, 1, 2], "b": [1, 1, 1, 1], "c": [0, 1, 1, 1]})
    assert not any(math.isnan(p) for p in found.p_values.values())
