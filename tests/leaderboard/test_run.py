from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from trial import TASK, files, plan, timeless

from synthgym.errors import (
    MissingExtraError,
    ParameterError,
    RecordError,
    SolverError,
    UnknownNameError,
)
from synthgym.leaderboard import (
    Plan,
    RecordWriter,
    Summary,
    read_record,
    read_records,
    run_plan,
)
from synthgym.solvers import solver_seed


def test_a_plan_leaves_one_record_for_each_run(tmp_path: Path, solvers: Path) -> None:
    told: list[tuple[int, int, str]] = []
    folder = tmp_path / "records"
    summary = run_plan(
        plan(folder, "random", f"{solvers}:Calm", seeds=(0, 3)),
        lambda done, total, record: told.append((done, total, str(record.run_id))),
    )
    ids = [
        f"{TASK}/{solver}/dev-{index}/seed-{seed}"
        for solver in ("calm", "random")
        for index in (0, 1)
        for seed in (0, 3)
    ]
    records = read_records(folder)
    assert [str(record.run_id) for record in records] == ids
    assert [(done, total) for done, total, _ in told] == [(n, 8) for n in range(1, 9)]
    assert sorted(run_id for _, _, run_id in told) == ids
    assert summary == Summary(folder, 8, 8, 0, 0, (), (), 0, summary.wall_s)
    assert {record.final.status for record in records} == {"budget"}
    assert {record.final.n_evaluations for record in records} == {60}
    assert files(folder) == ["seed-0.jsonl"] * 4 + ["seed-3.jsonl"] * 4

    calm = records[0].header
    assert (calm.budget, calm.stop_at_db, calm.suite_version) == (60, 0.25, "1")
    assert (calm.dimension, calm.solved_db, calm.track) == (5, 1.0, "search")
    assert calm.settings == {"shape": [5, 2]}
    assert calm.solver_spec == f"{solvers}:Calm"
    software = {"synthgym", "torch", "numpy", "python", "solver", "imports", "kernels"}
    assert set(calm.versions) == software
    assert records[0].final.distance_db == records[0].improvements[-1].distance_db
    assert len({record.final.x for record in records}) == 8, "every run has a seed of its own"

    again = run_plan(plan(folder, "random", f"{solvers}:Calm", seeds=(0, 3)))
    assert (again.n_done, again.n_kept) == (0, 8)
    assert read_records(folder) == records


@pytest.mark.slow
def test_processes_change_nothing(tmp_path: Path, solvers: Path) -> None:
    specs = ["random", "cma-es", f"{solvers}:Calm"]
    settings = {"seeds": (0, 1), "stop_at_db": 8.0}
    run_plan(plan(tmp_path / "one", *specs, **settings))
    told: list[int] = []
    run_plan(
        plan(tmp_path / "two", *specs, n_jobs=2, **settings),
        lambda done, total, record: told.append(done),
    )
    assert told == list(range(1, 13))
    assert timeless(tmp_path / "one") == timeless(tmp_path / "two")
    statuses = {record.final.status for record in read_records(tmp_path / "one")}
    assert statuses == {"budget", "target"}


def test_the_surroundings_stay_as_they_were(tmp_path: Path, solvers: Path) -> None:
    np.random.seed(1)
    torch.manual_seed(1)
    expected = np.random.rand(), torch.rand(1).item()
    np.random.seed(1)
    torch.manual_seed(1)
    n_threads = torch.get_num_threads()
    run_plan(plan(tmp_path, f"{solvers}:Calm"))
    assert (np.random.rand(), torch.rand(1).item()) == expected
    assert torch.get_num_threads() == n_threads


def test_a_run_is_what_the_solver_does_with_its_seed(tmp_path: Path) -> None:
    run_plan(plan(tmp_path, "random", indices=[1], budget=10))
    (record,) = read_records(tmp_path)
    rng = np.random.default_rng(solver_seed(TASK, "random", "dev", 1, 0))
    assert record.final.x in [tuple(x) for x in rng.random((64, 5))[:10].tolist()]


# Solvers that fail


def test_a_failing_solver_is_recorded_and_stops_no_other(tmp_path: Path, solvers: Path) -> None:
    names = ("Moody", "NotANumber", "Unborn", "Unsayable", "Calm")
    summary = run_plan(plan(tmp_path, *(f"{solvers}:{name}" for name in names), indices=[0]))
    assert summary.n_done == 5
    messages = {one.run_id.solver: one.message for one in summary.failures}
    assert list(messages) == ["moody", "not-a-number", "unborn", "unsayable"]
    lines = solvers.read_text(encoding="utf-8").splitlines()
    (where,) = (n for n, line in enumerate(lines, 1) if "lost interest" in line)
    assert messages["moody"] == (
        f"solver 'moody' failed with RuntimeError: lost interest (tried.py:{where}, in ask)"
    )
    assert "'not-a-number': ask() returned nan at (0, 0)" in messages["not-a-number"]
    assert "'unborn' could not be made" in messages["unborn"]
    assert "ValueError: wrong dimension" in messages["unborn"]
    assert "settings must be a mapping of JSON values" in messages["unsayable"]

    records = {record.header.solver: record for record in read_records(tmp_path)}
    moody = records["moody"]
    assert (moody.final.status, moody.final.n_evaluations) == ("error", 10)
    assert moody.final.message == messages["moody"]
    assert moody.final.distance_db == moody.improvements[-1].distance_db, "the best so far is kept"
    assert (records["unborn"].final.x, records["unborn"].improvements) == (None, ())
    assert records["calm"].final.status == "budget"


def test_errors_are_done_again_only_when_asked(tmp_path: Path, solvers: Path) -> None:
    folder = tmp_path / "records"
    spec = f"{solvers}:Moody"
    run_plan(plan(folder, spec))
    solvers.with_name("mended").touch()
    kept = run_plan(plan(folder, spec))
    assert (kept.n_done, kept.n_kept, len(kept.failures)) == (0, 2, 2)
    redone = run_plan(plan(folder, spec, redo_errors=True))
    assert (redone.n_done, redone.n_kept, len(redone.failures)) == (2, 0, 0)
    assert {record.final.status for record in read_records(folder)} == {"budget"}


def test_a_missing_extra_is_no_result(tmp_path: Path, solvers: Path) -> None:
    with pytest.raises(MissingExtraError, match=r'pip install "synthgym\[baselines\]"'):
        run_plan(plan(tmp_path, f"{solvers}:Poor"))
    assert read_records(tmp_path) == []


def test_a_solver_that_kills_its_worker_is_said(tmp_path: Path, solvers: Path) -> None:
    folder = tmp_path / "records"
    with pytest.raises(SolverError, match="a worker process died"):
        run_plan(plan(folder, f"{solvers}:Deadly", n_jobs=2))
    assert read_records(folder) == []
    assert not any(name.endswith(".lock") for name in files(folder))


@pytest.mark.parametrize("name", ["Calm", "Deaf"])
def test_a_disk_that_fills_up_ends_the_plan(
    tmp_path: Path, solvers: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run_plan(plan(tmp_path, f"{solvers}:{name}", indices=[0]))
    before = read_records(tmp_path)

    def write_to_full_disk(writer: RecordWriter, one: object) -> None:
        raise writer._failed(OSError(28, "No space left on device"))

    with monkeypatch.context() as patched:
        patched.setattr(RecordWriter, "improvement", write_to_full_disk)
        with pytest.raises(RecordError, match=r"cannot write .*dev-1.*No space left on device"):
            run_plan(plan(tmp_path, f"{solvers}:{name}"))
    assert read_records(tmp_path) == before, "it is no failure of the solver"
    assert run_plan(plan(tmp_path, f"{solvers}:{name}")).n_done == 1


# What lies in the folder already


def test_a_damaged_record_is_reported_and_done_again(tmp_path: Path, solvers: Path) -> None:
    spec = f"{solvers}:Calm"
    folder = tmp_path / "records"
    run_plan(plan(folder, spec))
    before = timeless(folder)
    first, second = sorted(folder.rglob("*.jsonl"))
    first.write_bytes(first.read_bytes()[:-20])
    summary = run_plan(plan(folder, spec))
    assert [(one.path, summary.n_done, summary.n_kept) for one in summary.damaged] == [
        (first, 1, 1)
    ]
    assert "cut off or damaged" in summary.damaged[0].message
    assert timeless(folder) == before
    first.write_bytes(second.read_bytes())
    summary = run_plan(plan(folder, spec))
    assert "holds the record of another run" in summary.damaged[0].message
    assert timeless(folder) == before


def test_records_of_other_conditions_are_not_taken_for_these(tmp_path: Path, solvers: Path) -> None:
    spec = f"{solvers}:Calm"
    folder = tmp_path / "records"
    run_plan(plan(folder, spec, indices=[0]))
    with pytest.raises(RecordError, match="budget 60 where the plan has 50"):
        run_plan(plan(folder, spec, budget=50))
    with pytest.raises(RecordError, match=r"stop_at_db 0\.25 where the plan has none"):
        run_plan(plan(folder, spec, stop_at_db=None))
    assert len(read_records(folder)) == 1, "refused before anything was run"

    kept = run_plan(plan(folder, spec, budget=50, on_stale="keep"))
    assert (kept.n_done, kept.n_kept, kept.n_stale) == (1, 1, 1)
    solvers.write_text(solvers.read_text().replace("0.5 *", "0.25 *"))
    with pytest.raises(RecordError, match="source of the solver"):
        run_plan(plan(folder, spec, budget=50))
    redone = run_plan(plan(folder, spec, budget=50, on_stale="redo"))
    assert (redone.n_done, redone.n_kept, redone.n_stale) == (2, 0, 0)
    assert {record.header.budget for record in read_records(folder)} == {50}


def test_what_a_solver_imports_is_a_condition_too(tmp_path: Path, solvers: Path) -> None:
    beside = solvers.with_name("beside_solvers.py")
    beside.write_text("SHARE = 0.5")
    solvers.write_text(solvers.read_text() + "\nimport beside_solvers\n")
    spec = f"{solvers}:Calm"
    folder = tmp_path / "records"
    run_plan(plan(folder, spec, indices=[0]))
    (record,) = read_records(folder)
    assert len(record.header.versions["imports"]) == 16
    assert run_plan(plan(folder, spec, indices=[0])).n_kept == 1

    beside.write_text("SHARE = 0.25")
    with pytest.raises(RecordError, match="source of what the solver imports"):
        run_plan(plan(folder, spec, indices=[0]))
    path = record.run_id.path(folder)
    without = dict(record.header.versions)
    del without["imports"]
    path.write_text(
        path.read_text().replace(json.dumps(dict(record.header.versions)), json.dumps(without))
    )
    assert run_plan(plan(folder, spec, indices=[0])).n_kept == 1, "of an older version"


# Plans


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"indices": []}, ParameterError, "indices is empty"),
        ({"indices": [15]}, ParameterError, "index 15 of split 'dev' of DiffMoog-Osc-v0"),
        ({"indices": [-1]}, ParameterError, "index -1"),
        ({"split": "train", "indices": None}, ParameterError, "split 'train' .* has no end"),
        ({"split": "tset"}, UnknownNameError, "Did you mean 'test'"),
        ({"seeds": [-1]}, ParameterError, "seeds are"),
        ({"budget": 0}, ParameterError, "budget is 0"),
        ({"n_jobs": 0}, ParameterError, "n_jobs is 0"),
        ({"tasks": "DiffMoog-Osc-v0"}, ParameterError, "tasks is 'DiffMoog-Osc-v0'; give a list"),
        ({"seeds": 3}, ParameterError, "seeds is 3; give a list"),
        ({"seeds": [1.5]}, ParameterError, "seeds are"),
        ({"indices": [True]}, ParameterError, "index True"),
        ({"budget": 1.5}, ParameterError, "budget is 1.5"),
        ({"budget": 10**400}, ParameterError, "budget is 1000.*at most 9007199254740992"),
        ({"stop_at_db": float("nan")}, ParameterError, "stop_at_db is nan"),
    ],
)
def test_a_plan_is_checked(
    tmp_path: Path, settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    usual = {"tasks": [TASK], "solvers": ["random"], "folder": tmp_path, "split": "dev"}
    with pytest.raises(kind, match=message):
        Plan(**{**usual, **settings})


def test_a_plan_takes_numpy_numbers(tmp_path: Path) -> None:
    numbers = np.arange(2)
    run_plan(plan(tmp_path, "random", indices=numbers, seeds=numbers, budget=np.int64(3)))
    assert len(read_records(tmp_path)) == 4


def test_a_plan_is_checked_before_it_runs(tmp_path: Path, solvers: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown task"):
        Plan(["DiffMoog-Osc-v1"], ["random"], tmp_path)
    other = solvers.with_name("other.py")
    other.write_text(solvers.read_text())
    with pytest.raises(SolverError, match="are both named 'calm'"):
        run_plan(plan(tmp_path, f"{solvers}:Calm", f"{other}:Calm"))
    with pytest.raises(ParameterError, match="backend 'cloud' cannot be used"):
        run_plan(plan(tmp_path / "records", "random", n_jobs=2, backend="cloud"))
    assert read_records(tmp_path) == []


def test_a_relative_folder_is_meant_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (job,) = plan(Path("records"), "random", indices=[0]).jobs()
    assert job.folder == tmp_path / "records"


def test_a_plan_by_default_is_the_whole_test_split(tmp_path: Path) -> None:
    jobs = Plan([TASK, TASK], ["random"], tmp_path).jobs()
    assert [str(job.run_id) for job in jobs] == [
        f"{TASK}/random/test-{index}/seed-0" for index in range(15)
    ]
    assert {job.budget for job in jobs} == {5000}


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / TASK).write_text("a file")
    with pytest.raises(RecordError, match="cannot lock"):
        run_plan(plan(tmp_path, "random"))


def test_an_unreadable_record_is_written_over(tmp_path: Path) -> None:
    run_plan(plan(tmp_path, "random", indices=[0]))
    (path,) = tmp_path.rglob("*.jsonl")
    before = read_record(path)
    path.write_bytes(b"\xff\xfe")
    run_plan(plan(tmp_path, "random", indices=[0]))
    assert read_record(path).timeless() == before.timeless()
