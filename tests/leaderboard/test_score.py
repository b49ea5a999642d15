"""Scores against cases worked by hand, and the properties that every statistic must have."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import VERSIONS, comparison, record

from synthgym.errors import RecordError
from synthgym.leaderboard.boards import Board, Flip
from synthgym.leaderboard.score import family_of, level_boards, score_records
from synthgym.tasks import LADDER_DB

INF = math.inf
FM, OSC = "DiffMoog-FM-v0", "DiffMoog-Osc-v0"
finite = st.floats(-100, 100)
costs = st.one_of(st.integers(1, 10**6).map(float), st.just(INF))


def board_of(records: list) -> Board:
    boards = score_records(records, n_resamples=200)
    assert len(boards) == 1
    return boards[0]


def kinds(board: Board) -> list[str]:
    return [flag.kind for flag in board.flags]


# Boards


def test_results_of_a_task_by_hand():
    runs = [
        record("s", [(100, 0, 0.9)], index=0, spent=(1000, 0)),
        record("s", [(300, 0, 0.8)], index=1, spent=(1000, 0)),
        record("s", [(500, 0, 6.0)], index=2, spent=(1000, 0)),
    ]
    result = board_of(runs).results[FM, "s"]
    assert result.n_hits == (3, 2, 2, 2, 0, 0)
    assert result.ert == (300, 700, 700, 700, INF, INF)
    assert (result.n_solved, result.solved_ert, result.n_runs) == (2, 700, 3)
    assert result.final_db == pytest.approx((0.85, 0.9, 3.45))
    assert result.wall_s == pytest.approx(10)


def test_guesses_of_a_task_are_medians():
    runs = [
        record("s", [(1, 0, 9.0), (7, 0, 2.0)], index=0),
        record("s", [(1, 0, 7.0), (50, 0, 1.0)], index=1),
        record("s", [(2, 0, 5.0), (100, 0, 3.0)], index=2),
    ]
    assert board_of(runs).results[FM, "s"].guesses_db == (9.0, 5.0, 2.0)


def test_the_ranking_is_by_score_and_shares_ranks():
    fast, slow = [(10, 0, 0.2)], [(5000, 0, 0.2)]
    board = board_of([record("a", slow), record("b", fast), record("c", slow)])
    assert [(s.solver, s.rank) for s in board.standings] == [("b", 1), ("a", 2), ("c", 2)]
    assert board.standings[0].score.value == 1
    assert board.improvement["b", "a"].value == 1
    assert board.improvement["a", "c"].value == 0.5


def test_a_rank_that_depends_on_the_weight_is_flagged():
    # 100 gradients cost 300 at weight 3 and 100 at weight 1; the other reaches it at 200.
    board = board_of([record("adam", [(0, 100, 0.2)]), record("cma-es", [(200, 0, 0.2)])])
    assert board.flips == (Flip("cma-es", "adam", (1,)),)
    assert dict(board.standings[0].rank_at) == {1: 2, 3: 1, 5: 1}
    steady = board_of([record("adam", [(0, 10, 0.2)]), record("cma-es", [(200, 0, 0.2)])])
    assert steady.flips == ()


def test_a_solver_that_lacks_a_compared_task_has_no_rank():
    steps = [(10, 0, 0.2)]
    records = [record(s, steps, task=t) for s in ("a", "b") for t in (OSC, FM)]
    board = board_of([*records, record("c", steps, task=FM)])
    assert [(s.solver, s.rank) for s in board.standings] == [("a", 1), ("b", 1), ("c", None)]
    assert "incomplete" in kinds(board)


def test_a_task_that_one_solver_alone_ran_does_not_unrank_the_others():
    steps = [(10, 0, 0.2)]
    records = [record("a", steps, task=FM), record("b", steps, task=FM)]
    board = board_of([*records, record("a", [], task=OSC)])
    assert board.compared == (FM,)
    assert board.tasks == (OSC, FM)
    assert [(s.rank, s.score.value) for s in board.standings] == [(1, 1), (1, 1)]
    assert "lone-task" in kinds(board)


def test_one_solver_alone_is_ranked_over_all_its_tasks():
    board = board_of([record("a", [(10, 0, 0.2)], task=task) for task in (OSC, FM)])
    assert board.compared == (OSC, FM)
    assert board.standings[0].rank == 1
    assert dict(board.improvement) == {}


def test_tracks_splits_and_suite_versions_are_never_merged():
    steps = [(1, 0, 0.9)]
    records = [
        record("a", steps, split="dev"),
        record("a", steps, split="test"),
        record("ppo", steps, split="test", track="amortized"),
        replace(
            (old := record("b", steps, split="test")),
            header=replace(old.header, suite_version="1"),
        ),
    ]
    boards = score_records(records, n_resamples=10)
    assert [(b.suite_version, b.split, b.track) for b in boards] == [
        ("1", "test", "search"),
        ("0", "test", "search"),
        ("0", "test", "amortized"),
        ("0", "dev", "search"),
    ]
    assert all(len(board.records) == 1 for board in boards)
    # 1 guess reaches 4 of 6 rungs at each of the three allowances.
    assert boards[2].standings[0].score.value == pytest.approx(4 / 6)


def test_families_of_tasks_are_never_merged():
    steps = [(1, 0, 0.9)]
    tasks = ("Gone-v0", "Chirplet-v0", OSC, FM, "DX7-Alg1-v0")
    assert [family_of(t) for t in tasks] == [
        *("other", "published", "diffmoog", "diffmoog", "published")
    ]
    records = [record(s, steps, task=t) for s in ("a", "b") for t in tasks]
    boards = score_records(records, n_resamples=10)
    assert [(b.family, b.tasks) for b in boards] == [
        ("diffmoog", (OSC, FM)),
        ("published", ("Chirplet-v0", "DX7-Alg1-v0")),
        ("other", ("Gone-v0",)),
    ]
    assert all(s.n_tasks == len(board.tasks) for board in boards for s in board.standings)


def test_another_family_beside_does_not_move_the_numbers():
    other = [record(s, [(1, 0, 0.9)], task="Chirplet-v0", dimension=2) for s in ("random", "adam")]
    assert score_records([*SUITE, *other], n_resamples=50)[0] == SCORED[0]


def test_levels_are_scored_as_if_their_tasks_were_all():
    saw = "DiffMoog-SawSquare-v0"
    records = comparison({OSC: 5, FM: 10, saw: 4}, n_targets=2)
    (board,) = score_records(records, n_resamples=50)
    levels = dict(level_boards(board, n_resamples=50))
    assert {level: own.tasks for level, own in levels.items()} == {1: (OSC, saw), 4: (FM,)}
    alone = [r for r in records if r.header.task != FM]
    assert score_records(alone, n_resamples=50) == (levels[1],)
    gone = score_records([record("a", [(1, 0, 1.0)], task="Gone-v0")], n_resamples=10)
    assert level_boards(gone[0], n_resamples=10) == ()


def test_what_the_runs_cost_is_added_up():
    runs = [
        record("s", [(1, 0, 2.0)], index=0, spent=(100, 10)),
        record("s", [(1, 0, 2.0)], index=1, spent=(300, 20)),
        record("s", [(1, 0, 2.0)], index=2, spent=(350, 90)),
    ]
    board = board_of(runs)
    (standing,) = board.standings
    assert (standing.n_evaluations, standing.n_gradients) == (750, 120)
    assert standing.total_wall_s == pytest.approx(0.01 * (750 + 3 * 120))
    result = board.results[FM, "s"]
    assert (result.n_evaluations, result.n_gradients) == (300, 20)


def test_training_cost_is_stated_by_the_settings():
    def runs(settings):
        return [
            record("ppo", [(1, 0, 2.0)], task=t, track="amortized", settings=settings)
            for t in (OSC, FM)
        ]

    assert board_of(runs({"training_cost": 500})).standings[0].training_cost == 1000
    assert board_of(runs({})).standings[0].training_cost is None


def test_few_runs_are_flagged_and_enough_are_not():
    few = board_of(comparison({FM: 10}, n_targets=7, n_seeds=2))
    enough = board_of(comparison({FM: 10}, n_targets=5, n_seeds=3))
    assert kinds(few) == ["few-runs"]
    assert "each solver has 14" in few.flags[0].message
    assert kinds(enough) == []


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        ("unequal-runs", {"index": 3}),
        ("budgets", {"budget": 500}),
        ("budgets", {"budget": None}),
        ("stopped", {"stop_at_db": 1.0}),
        ("errors", {"status": "error", "message": "boom"}),
    ],
)
def test_what_makes_a_comparison_doubtful_is_flagged(kind, second):
    steps = [(10, 0, 0.5)]
    even = board_of([record("a", steps), record("b", steps)])
    assert kind not in kinds(even)
    assert kind in kinds(board_of([record("a", steps), record("b", steps, **second)]))


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        ("settings", {"settings": {"population": 7}}),
        ("versions", {"versions": {**VERSIONS, "torch": "2.0"}}),
    ],
)
def test_a_solver_that_changed_between_its_runs_is_flagged(kind, second):
    steps = [(10, 0, 0.5)]
    assert kind in kinds(board_of([record("a", steps), record("a", steps, seed=1, **second)]))


def test_another_budget_than_the_suites_is_flagged():
    runs = [record(solver, [(10, 0, 0.5)], budget=500) for solver in ("a", "b")]
    (flag,) = (f for f in board_of(runs).flags if f.kind == "budgets")
    assert "500 for 10,000 on DiffMoog-FM-v0" in flag.message


def test_stopping_at_the_lowest_rung_loses_nothing():
    board = board_of([record("a", [(10, 0, 0.2)], stop_at_db=LADDER_DB[-1], status="target")])
    assert "stopped" not in kinds(board)


def test_who_fails_in_every_run_has_no_rank():
    good, bad = [(10, 0, 2.0)], [(5, 0, 0.5)]  # better than the other one, until it raised
    failed = {"status": "error", "message": "boom (mine.py:7, in ask)"}
    runs = [record("a", good, index=0), record("a", good, index=1)]
    once = board_of([*runs, record("b", bad, index=0, **failed), record("b", bad, index=1)])
    assert [(s.solver, s.rank) for s in once.standings] == [("b", 1), ("a", 2)]
    always = board_of([*runs, *(record("b", bad, index=i, **failed) for i in (0, 1))])
    assert [(s.solver, s.rank) for s in always.standings] == [("a", 1), ("b", None)]
    (flag,) = (f for f in always.flags if f.kind == "errors")
    assert "b has no rank" in flag.message and "boom (mine.py:7, in ask)" in flag.message


def test_a_run_given_twice_is_an_error():
    run = record("a", [(1, 0, 1.0)])
    with pytest.raises(RecordError, match=r"DiffMoog-FM-v0/a/dev-0/seed-0.*twice"):
        score_records([run, run])


def test_no_records_make_no_boards():
    assert score_records([]) == ()


SUITE = comparison({OSC: 5, FM: 10}, n_targets=2, n_seeds=2)
SCORED = score_records(SUITE, n_resamples=50)


@given(st.permutations(SUITE))
def test_the_order_of_the_records_does_not_matter(shuffled):
    assert score_records(shuffled, n_resamples=50) == SCORED


def test_another_solver_does_not_move_the_numbers_of_the_others():
    without = [run for run in SUITE if run.header.solver != "random"]
    (small,), (large,) = score_records(without, n_resamples=50), SCORED
    scores = {s.solver: s.score for s in large.standings}
    assert {s.solver: s.score for s in small.standings}.items() <= scores.items()


def test_pairs_of_improvement_complement_each_other():
    improvement = SCORED[0].improvement
    for (first, second), estimate in improvement.items():
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.value + improvement[second, first].value == pytest.approx(1)
