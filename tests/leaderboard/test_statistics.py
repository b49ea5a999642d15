"""What one run achieved, and the statistics of many, against cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import record
from scipy.stats import trim_mean

from synthgym.errors import ParameterError
from synthgym.leaderboard.measures import (
    anytime_score,
    best_within,
    guess_score,
    hit_costs,
    horizon,
    spent,
)
from synthgym.leaderboard.score import run_scores
from synthgym.leaderboard.statistics import (
    expected_running_time,
    generator,
    interquartile_mean,
    probability_of_improvement,
    quartiles,
    runtime_distribution,
    stratified_iqm,
)

INF = math.inf
finite = st.floats(-100, 100)
costs = st.one_of(st.integers(1, 10**6).map(float), st.just(INF))


# One run: cost, hits, score


def test_cost_counts_a_gradient_with_its_weight():
    run = record("s", [(4, 2, 3.0)], spent=(100, 20))
    assert [spent(run, weight) for weight in (1, 3, 5)] == [120, 160, 200]


def test_a_rung_is_hit_by_the_first_improvement_at_or_below_it():
    run = record("s", [(1, 0, 9.0), (5, 0, 8.0), (20, 10, 1.5)], spent=(50, 10))
    assert hit_costs(run, 3).tolist() == [5, 50, 50, INF, INF, INF]
    assert hit_costs(run, 1).tolist() == [5, 30, 30, INF, INF, INF]
    assert hit_costs(run, 5).tolist() == [5, 70, 70, INF, INF, INF]


def test_a_run_that_evaluated_nothing_hits_nothing():
    run = record("s", [])
    assert np.isinf(hit_costs(run)).all()
    assert np.isinf(best_within(run, [1, 100])).all()


def test_best_within_a_cost():
    run = record("s", [(2, 0, 9.0), (5, 0, 4.0)])
    assert best_within(run, [1, 2, 4, 5, 1000]).tolist() == [INF, 9, 9, 4, 4]


def test_anytime_score_by_hand():
    # d = 10, budget 1000, so H = 10 000 and log10(H / d) = 3. Rung by rung: within d is 1; at
    # 10 d is 1 - 1/3; at 100 d, the end of the budget, 1 - 2/3; a miss is 0.
    run = record("s", [(5, 0, 7.0), (100, 0, 3.0), (1000, 0, 1.9)], budget=1000, dimension=10)
    expected = (1 + 2 / 3 + 1 / 3 + 0 + 0 + 0) / 6
    assert horizon(1000, 10) == 10_000
    assert anytime_score(hit_costs(run), 10, 10_000) == pytest.approx(expected)
    assert run_scores([run], "search").tolist() == pytest.approx([expected])


def test_anytime_score_reaches_both_ends():
    assert anytime_score([1] * 6, dimension=10, horizon_cost=1e5) == 1
    assert anytime_score([INF] * 6, dimension=10, horizon_cost=1e5) == 0


def test_a_rung_at_the_end_of_the_suites_budget_is_worth_a_quarter():
    assert anytime_score([10_000], 10, horizon(10_000, 10)) == pytest.approx(0.25)


def test_anytime_score_is_the_area_under_the_runtime_distribution():
    hits = [30, 200, 1500, INF, INF, INF]
    grid = np.geomspace(10, 1e5, 200_001)
    heights = runtime_distribution(hits, grid)
    area = np.trapezoid(heights, np.log(grid)) / np.log(1e4)
    assert anytime_score(hits, 10, 1e5) == pytest.approx(area, abs=1e-4)


@given(st.lists(costs, min_size=6, max_size=6), st.integers(0, 5), st.floats(0.1, 1))
def test_reaching_a_rung_sooner_never_lowers_the_score(hits, rung, factor):
    sooner = list(hits)
    sooner[rung] = min(hits[rung], 1e7) * factor
    before, after = (anytime_score(h, 7, 7e4) for h in (hits, sooner))
    assert 0 <= before <= after <= 1


def test_guess_score_by_hand():
    # Within 1 guess: 1 rung; within 10: 2; within 100: 3. Of 18 pairs.
    assert guess_score([1, 10, 100, 101, INF, INF]) == pytest.approx(6 / 18)


def test_all_runs_of_a_task_share_the_horizon_of_the_largest_budget():
    steps = [(100, 0, 0.2)]
    small, large = record("s", steps, budget=200), record("s", steps, budget=5000)
    assert len(set(run_scores([small, large], "search").tolist())) == 1
    assert run_scores([small], "search")[0] < run_scores([small, large], "search")[0]


# Statistics


def test_expected_running_time_by_hand():
    # Hits at 100 and 300, one failure that spent 1000: 1400 for two successes.
    assert expected_running_time([100, 300, INF], [1000, 1000, 1000]) == 700
    assert expected_running_time([INF, INF], [10, 10]) == INF


def test_interquartile_mean_by_hand():
    assert interquartile_mean([7, 0, 1, 6, 2, 5, 3, 4]) == 3.5
    # Of three, the middle counts whole and the outer two with a twelfth each, over one half.
    assert interquartile_mean([10, 0, 1]) == pytest.approx((0 / 12 + 1 / 3 + 10 / 12) / 0.5)
    assert interquartile_mean([0, 1, 2, INF]) == 1.5
    with pytest.raises(ParameterError, match="empty"):
        interquartile_mean([])


@given(st.lists(finite, min_size=4, max_size=40).filter(lambda v: len(v) % 4 == 0))
def test_interquartile_mean_is_the_trimmed_mean(values):
    assert interquartile_mean(values) == pytest.approx(trim_mean(values, 0.25), abs=1e-9)


@given(st.lists(st.tuples(finite, st.integers(1, 4)), min_size=1, max_size=12))
def test_a_weight_is_a_repetition(pairs):
    values, weights = zip(*pairs, strict=True)
    repeated = np.repeat(values, weights)
    assert interquartile_mean(values, weights) == pytest.approx(interquartile_mean(repeated))


@given(st.lists(finite, min_size=1, max_size=12))
def test_quartiles_are_numpys(values):
    assert quartiles(values) == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]))


def test_a_quartile_beside_a_miss_is_a_miss():
    assert quartiles([1, 2, INF]).tolist() == [1.5, 2, INF]
    assert quartiles([1, INF]).tolist() == [INF, INF, INF]
    assert quartiles([[1, INF], [3, INF], [5, INF]]).tolist() == [[2, INF], [3, INF], [4, INF]]


@given(st.lists(costs, min_size=1, max_size=30), st.lists(st.floats(0.1, 1e7), min_size=2))
def test_runtime_distribution_is_monotone_and_a_share(hits, at):
    reached = runtime_distribution(hits, sorted(at))
    assert (np.diff(reached) >= 0).all()
    assert ((reached >= 0) & (reached <= 1)).all()
    assert reached[-1] <= np.isfinite(hits).mean() + 1e-12


def test_runtime_distribution_by_hand():
    assert runtime_distribution([1, 10, 10, INF], [0.5, 1, 9, 10, 1e9]).tolist() == pytest.approx(
        [0, 0.25, 0.25, 0.75, 0.75]
    )
    assert runtime_distribution([1, 2], [1, 2], [3, 1]).tolist() == [0.75, 1]


def test_probability_of_improvement_by_hand():
    # Task 1: 3 beats both, 1 beats none: one half. Task 2: a tie counts one half.
    estimate = probability_of_improvement([[1, 3], [5]], [[2, 2], [5]], generator(0))
    assert estimate.value == 0.5
    better = probability_of_improvement([[3, 4], [6]], [[2, 2], [5]], generator(0))
    assert (better.value, better.low, better.high) == (1, 1, 1)
    with pytest.raises(ParameterError, match="same tasks"):
        probability_of_improvement([[1]], [[1], [2]], generator(0))
    with pytest.raises(ParameterError, match="non-empty"):
        probability_of_improvement([[]], [[1]], generator(0))


def test_strata_weigh_the_same_whatever_their_size():
    rng = generator(0)
    # Middle half of (0 with mass 1/2, 1 with mass 1/2): a quarter each.
    assert stratified_iqm([[0], [1] * 9], rng, n_resamples=10).value == pytest.approx(0.5)


def test_the_bootstrap_interval_covers_about_as_often_as_it_says():
    source = np.random.default_rng(5)
    n_tasks, n_runs, n_trials = 4, 15, 200
    centres = source.uniform(0.2, 0.8, n_tasks)
    truth = float(interquartile_mean((centres + source.normal(0, 0.1, (50_000, n_tasks))).ravel()))
    covered = 0
    for _ in range(n_trials):
        strata = list((centres + source.normal(0, 0.1, (n_runs, n_tasks))).T)
        interval = stratified_iqm(strata, source, n_resamples=300)
        covered += interval.low <= truth <= interval.high
    assert 0.88 <= covered / n_trials <= 0.99


def test_the_bootstrap_follows_from_seed_and_name_alone():
    strata = [np.linspace(0, 1, 15)]
    first = stratified_iqm(strata, generator(3, "a"))
    assert first == stratified_iqm(strata, generator(3, "a"))
    assert first != stratified_iqm(strata, generator(4, "a"))
    assert first != stratified_iqm(strata, generator(3, "b"))
    assert first.low < first.value < first.high
