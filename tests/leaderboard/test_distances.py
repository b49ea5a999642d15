"""Boards of runs on recordings: what they rank, and what they are kept apart from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import made_records
import pytest

from synthgym.leaderboard.distances import (
    DistanceBoard,
    distance_summary,
    distance_table,
    score_distances,
)
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.score import score_records

SUBTRACTIVE, MODULAR = "Recordings-Subtractive-v0", "Recordings-Modular-v0"
NOTES = ("harp 00aa", "horn|x 11bb")


def runs(solver: str, finals_db: Sequence[float], task: str = SUBTRACTIVE) -> list[Record]:
    """One run on each note, from 30 dB to where it ends."""
    made = []
    for index, (name, final) in enumerate(zip(NOTES, finals_db, strict=False)):
        record = made_records.record(
            solver, [(1, 0, 30.0), (50, 0, final)], task=task, split="test", index=index
        )
        made.append(replace(record, header=replace(record.header, recording=name)))
    return made


def board_of(records: Sequence[Record]) -> DistanceBoard:
    (board,) = score_distances(records, n_resamples=50)
    return board


@pytest.fixture
def board() -> DistanceBoard:
    return board_of(
        [
            *runs("random", [20.0, 10.0]),
            *runs("near", [10.0, 8.0]),
            *runs("far", [25.0, 5.0]),
        ]
    )


def test_ranked_by_final_distance(board: DistanceBoard) -> None:
    # Interquartile means of two values are their means: 9, 15, 15.
    assert [(s.rank, s.solver, s.final_db.value) for s in board.standings] == [
        (1, "near", 9.0),
        (2, "far", 15.0),
        (2, "random", 15.0),
    ]
    for standing in board.standings:
        assert standing.final_db.low <= standing.final_db.value <= standing.final_db.high


def test_held_against_the_best_known_and_against_random(board: DistanceBoard) -> None:
    assert dict(board.best_db) == {(SUBTRACTIVE, NOTES[0]): 10.0, (SUBTRACTIVE, NOTES[1]): 5.0}
    found = {s.solver: (s.above_best_db, s.nearer_than_random) for s in board.standings}
    assert found["near"] == (pytest.approx((0 + 3) / 2), pytest.approx((0.5 + 0.2) / 2))
    assert found["far"] == (pytest.approx((15 + 0) / 2), pytest.approx((-0.25 + 0.5) / 2))
    assert found["random"] == (pytest.approx((10 + 5) / 2), 0.0)


def test_without_random_nothing_is_held_against_it() -> None:
    board = board_of(runs("near", [10.0, 8.0]))
    assert board.standings[0].nearer_than_random is None
    assert "| – | 2 |" in distance_summary(board)


def test_who_lacks_runs_has_no_rank_and_is_named() -> None:
    board = board_of([*runs("random", [20.0, 10.0]), *runs("quick", [1.0])])
    assert [(s.rank, s.solver) for s in board.standings] == [(1, "random"), (None, "quick")]
    assert board.notes == ("quick has no rank: it lacks 1 run.",)


def test_seeds_of_a_target_are_averaged() -> None:
    again = [
        replace(r, header=replace(r.header, run_id=replace(r.header.run_id, seed=1)))
        for r in runs("near", [14.0, 4.0])
    ]
    board = board_of([*runs("near", [10.0, 8.0]), *again])
    assert dict(board.finals_db[SUBTRACTIVE, NOTES[0]]) == {"near": 12.0}
    assert board.best_db[SUBTRACTIVE, NOTES[1]] == 4.0
    assert board.standings[0].n_runs == 4


def test_runs_on_recordings_never_stand_with_others() -> None:
    drawn = made_records.comparison({"DiffMoog-Osc-v0": 3}, n_targets=3)
    outside = [*runs("random", [20.0, 10.0]), *runs("near", [10.0, 8.0], MODULAR)]
    assert score_records([*drawn, *outside]) == score_records(drawn)
    (board,) = score_distances([*drawn, *outside])
    assert board.records == tuple(sorted(outside, key=lambda record: record.run_id))
    assert board.tasks == (SUBTRACTIVE, MODULAR)
    assert score_records(outside) == ()
    assert score_distances(drawn) == ()


def test_tracks_and_versions_have_boards_of_their_own() -> None:
    trained = [replace(r, header=replace(r.header, track="amortized")) for r in runs("ppo", [9.0])]
    newer = [replace(r, header=replace(r.header, suite_version="2")) for r in runs("new", [9.0])]
    boards = score_distances([*runs("random", [20.0]), *trained, *newer])
    assert [(b.suite_version, b.track) for b in boards] == [
        ("2", "search"),
        ("0", "search"),
        ("0", "amortized"),
    ]


def test_the_order_of_records_decides_nothing(board: DistanceBoard) -> None:
    assert board_of(board.records[::-1]) == board


def test_budgets_that_differ_and_runs_that_failed_are_noted() -> None:
    short = [replace(r, header=replace(r.header, budget=77)) for r in runs("near", [10.0, 8.0])]
    first, second = runs("far", [9.0, 9.0])
    failed = [replace(first, final=replace(first.final, status="error")), second]
    notes = board_of([*runs("random", [20.0, 10.0]), *short, *failed]).notes
    assert notes == (
        f"Runs on {SUBTRACTIVE} had different budgets, and are compared all the same.",
        "1 run of far ended in an error; what they had found counts.",
    )


def test_tables(board: DistanceBoard) -> None:
    summary = distance_summary(board).split("\n")
    assert summary[0] == (
        "**Recordings (out of domain), search track, 1 chain, 2 recordings, suite version 0**"
    )
    near = next(line for line in summary if line.startswith("| 1 | near |"))
    assert near.startswith("| 1 | near | 9.00 (")
    assert near.endswith("| 1.50 | 35% | 2 |")
    table = distance_table(board).split("\n")
    assert table[0] == "| Task | Recording | near | far | random |"
    assert table[2] == f"| {SUBTRACTIVE} | harp | 10.0 | 25.0 | 20.0 |"
    # A bar in a name does not make a column.
    assert table[3] == f"| {SUBTRACTIVE} | horn\\|x | 8.00 | 5.00 | 10.0 |"


def test_who_only_failed_has_no_rank_and_is_infinitely_far() -> None:
    nothing = replace(
        runs("broken", [9.0])[0],
        improvements=(),
    )
    nothing = replace(
        nothing, final=replace(nothing.final, x=None, distance_db=math.inf, status="error")
    )
    board = board_of([*runs("random", [20.0]), nothing])
    assert [(s.rank, s.solver) for s in board.standings] == [(1, "random"), (None, "broken")]
    assert board.notes == ("broken has no rank: every run of it ended in an error.",)
    assert board.standings[1].final_db.value == math.inf
    assert "∞" in distance_summary(board)
