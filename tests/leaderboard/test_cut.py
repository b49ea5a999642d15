"""A record cut at a smaller budget, beside the run that was made with it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trial import TASK, plan

from synthgym.errors import RecordError
from synthgym.leaderboard import Final, Record, RunHeader, RunId, read_records, run_plan
from synthgym.leaderboard.cut import cut_record
from synthgym.leaderboard.measures import WEIGHTS, hit_costs, spent
from synthgym.leaderboard.packs import write_packs
from synthgym.leaderboard.verify import verify_records
from synthgym.tasks import Improvement

FULL = 120


def runs(folder: Path, spec: str, budget: int, **settings: Any) -> list[Record]:
    run_plan(plan(folder, spec, budget=budget, stop_at_db=None, **settings))
    return [record.timeless() for record in read_records(folder)]


def like(cut: Record, made: Record) -> Record:
    """The cut record with what only a made one can say."""
    return Record(
        replace(cut.header, cut_from=None),
        cut.improvements,
        replace(cut.final, x=made.final.x, message=made.final.message),
    )


@pytest.mark.parametrize("budget", [1, 2, 3, 47, 64, 119])
@pytest.mark.parametrize("name", ["random", "cma-es", "Calm", "Steep"])
def test_a_cut_is_the_run_with_the_smaller_budget(
    tmp_path: Path, solvers: Path, name: str, budget: int
) -> None:
    """To the last bit but the times, for who does not look at the budget."""
    spec = f"{solvers}:{name}" if name.istitle() else name
    whole = runs(tmp_path / "whole", spec, FULL)
    made = runs(tmp_path / "made", spec, budget)
    for long, short in zip(whole, made, strict=True):
        assert not long.final.budget_seen
        cut = cut_record(long, budget).timeless()
        assert like(cut, short) == short
        assert cut.header.cut_from == FULL
        assert cut.final.x in (None, short.final.x)
        assert (cut.final.x is None) == (cut.improvements != long.improvements)


@pytest.mark.parametrize("budget", [1, 3, 7, 40, 76, 119])
def test_between_gradients_and_evaluations_the_cut_is_within_a_step(
    tmp_path: Path, solvers: Path, budget: int
) -> None:
    """Which of the two were done between improvements is not in a record; the cost is."""
    whole = runs(tmp_path / "whole", f"{solvers}:Mixed", FULL)
    made = runs(tmp_path / "made", f"{solvers}:Mixed", budget)
    for long, short in zip(whole, made, strict=True):
        cut = cut_record(long, budget)
        assert cut.timeless().improvements == short.improvements
        assert cut.final.distance_db == short.final.distance_db
        assert budget - 2 <= cut.cost <= budget
        for weight in WEIGHTS:
            assert hit_costs(cut, weight).tolist() == hit_costs(short, weight).tolist()
            assert spent(cut, weight) == pytest.approx(
                spent(short, weight), abs=4 * abs(weight - 3) + 2
            )


def test_who_looks_at_the_budget_is_known(tmp_path: Path, solvers: Path) -> None:
    (whole,) = runs(tmp_path / "whole", f"{solvers}:Thrifty", FULL, indices=[0])
    (made,) = runs(tmp_path / "made", f"{solvers}:Thrifty", 60, indices=[0])
    assert whole.final.budget_seen
    cut = cut_record(whole, 60)
    assert cut.final.budget_seen
    assert (cut.cost, made.cost) == (60, 30), "which is why it has to be known"


def record(status: str = "budget", **final: Any) -> Record:
    header = RunHeader(RunId(TASK, "mine", "test", 0, 0), "mine", "search", 100, 0.25, "1", 5, 1.0)
    steps = (
        Improvement(1, 0, 0.1, 9.0),
        Improvement(10, 4, 0.5, 3.0),
        Improvement(30, 4, 0.9, 2.0),
    )
    fields: dict[str, Any] = {"n_evaluations": 50, "n_gradients": 10, "wall_s": 2.0}
    return Record(header, steps, Final(status, (0.5,) * 5, 2.0, **{**fields, **final}))  # type: ignore[arg-type]


def test_a_run_that_was_over_stays_as_it_was() -> None:
    for status in ("target", "finished", "error"):
        run = record(status)
        assert run.cost == 80
        cut = cut_record(run, 90)
        assert (cut.improvements, cut.final) == (run.improvements, run.final)
        assert (cut.header.budget, cut.header.cut_from) == (90, 100)
    assert cut_record(record("target"), 80).final.status == "target"
    assert cut_record(record("finished"), 80).final.status == "budget", "it was spent by then"
    assert cut_record(record(), 100) == record()


@pytest.mark.parametrize(
    ("budget", "n_kept", "n_evaluations", "n_gradients", "wall_s"),
    [
        (80, 3, 50, 10, 2.0),
        (79, 3, 50, 9, 1.971053),  # 37/38 of the way: 5 of 6 gradients, and what else fits
        (42, 3, 30, 4, 0.9),
        (41, 2, 29, 4, 0.88),
        (22, 2, 10, 4, 0.5),
        (12, 1, 6, 2, 0.309524),
        (1, 1, 1, 0, 0.1),
    ],
)
def test_counts_at_a_cut(
    budget: int, n_kept: int, n_evaluations: int, n_gradients: int, wall_s: float
) -> None:
    cut = cut_record(record(), budget)
    assert len(cut.improvements) == n_kept
    assert (cut.final.n_evaluations, cut.final.n_gradients) == (n_evaluations, n_gradients)
    assert cut.final.wall_s == pytest.approx(wall_s, abs=1e-6)
    assert cut.final.status == "budget"
    assert cut.final.distance_db == cut.improvements[-1].distance_db


def test_a_cut_before_the_first_improvement_has_found_nothing() -> None:
    late = replace(record(), improvements=(Improvement(5, 0, 0.5, 2.0),))
    cut = cut_record(late, 3)
    assert (cut.improvements, cut.final.x, cut.final.distance_db) == ((), None, math.inf)
    assert cut.cost == 3


def test_a_cut_of_a_cut_is_the_cut() -> None:
    twice = cut_record(cut_record(record(), 60), 30)
    once = cut_record(record(), 30)
    assert twice.header == once.header
    assert twice.improvements == once.improvements
    assert twice.cost == pytest.approx(once.cost, abs=2)


@pytest.mark.parametrize("budget", [0, -1, 101])
def test_a_cut_is_no_prolongation(budget: int) -> None:
    with pytest.raises(RecordError, match=f"had a budget of 100; it cannot be cut at {budget}"):
        cut_record(record(), budget)
    endless = replace(record(), header=replace(record().header, budget=None))
    with pytest.raises(RecordError, match="had a budget of none"):
        cut_record(endless, 10)


def test_cut_records_hold(tmp_path: Path, solvers: Path) -> None:
    specs = [f"{solvers}:{name}" for name in ("Mixed", "Steep", "Calm")]
    run_plan(plan(tmp_path / "whole", *specs, budget=FULL, stop_at_db=None))
    records = read_records(tmp_path / "whole")
    for budget in (1, 2, 31, 90):
        folder = tmp_path / f"cut-{budget}"
        write_packs([cut_record(one, budget) for one in records], folder)
        assert [verdict.reason for verdict in verify_records(folder)] == [""] * 6
