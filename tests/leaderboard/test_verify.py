from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from trial import TASK, plan

from synthgym.errors import RecordError
from synthgym.leaderboard import Record, Verdict, read_record, run_plan, verify_records
from synthgym.leaderboard.measures import WEIGHTS, hit_costs, spent
from synthgym.leaderboard.packs import pack_records
from synthgym.tasks import make_problem

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of real runs: random search on two targets."""
    folder = tmp_path_factory.mktemp("honest")
    run_plan(plan(folder, "random", stop_at_db=None))
    return folder


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Path:
    """A copy that a test may tamper with."""
    return Path(shutil.copytree(honest, tmp_path / "records"))


def path_of(folder: Path, index: int = 0) -> Path:
    return folder / TASK / "random" / f"dev-{index}" / "seed-0.jsonl"


def tamper(folder: Path, change: Callable[[Lines], object]) -> Verdict:
    """Change the first record, and verify it."""
    path = path_of(folder)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    changed, untouched = verify_records(folder)
    assert untouched.ok
    assert changed.path == path
    return changed


def claims(line: int, **fields: Any) -> Callable[[Lines], object]:
    return lambda lines: lines[line].update(fields)


def better(lines: Lines) -> None:
    """A better distance, with a trace that agrees."""
    for line in (lines[-2], lines[-1]):
        line["distance_db"] *= 0.99


def other_x(lines: Lines) -> None:
    lines[-1]["x"][0] = 1.0 - lines[-1]["x"][0]


def test_honest_records_are_believed(honest: Path) -> None:
    told: list[Verdict] = []
    n_threads = torch.get_num_threads()
    verdicts = verify_records(honest, progress=told.append)
    assert verdicts == told
    assert [verdict.run_id for verdict in verdicts] == [
        f"{TASK}/random/dev-{index}/seed-0" for index in (0, 1)
    ]
    for verdict in verdicts:
        assert (verdict.ok, verdict.reason) == (True, "")
        assert verdict.notes == ("custom budget: 60 in place of 5000",)
        claimed_db = read_record(verdict.path).final.distance_db
        assert verdict.rendered_db == pytest.approx(claimed_db, abs=1e-3)
    assert torch.get_num_threads() == n_threads


def with_stop(status: str, stop_at_db: float) -> Callable[[Lines], object]:
    def change(lines: Lines) -> None:
        lines[0]["stop_at_db"] = stop_at_db
        lines[-1].update(status=status, n_evaluations=lines[-1]["n_evaluations"] - 1)

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (better, "its x renders to"),
        (other_x, "its x renders to"),
        (claims(-1, distance_db=0.5), "the last improvement is"),
        (lambda lines: lines.pop(-2), "the last improvement is"),
        (lambda lines: lines.insert(1, lines.pop(2)), "no better"),
        (lambda lines: lines.insert(2, lines[1]), "no better"),
        (claims(1, distance_db=-1.0), "has the distance -1.0 dB"),
        (claims(1, n_evaluations=0), "improvement 1 has no evaluation of its own"),
        (claims(2, n_evaluations=1), "improvement 2 has no evaluation of its own"),
        (claims(1, wall_s=1e3), "improvement 2 is earlier than the one before it"),
        (claims(-1, n_evaluations=3), "final counts are below those of the last improvement"),
        (claims(-1, wall_s=0.0), "final time is before the last improvement"),
        (claims(-1, x=[0.5] * 4), "x has 4 entries, the task 5"),
        (claims(-1, x=[0.5, 0.5, 0.5, 0.5, 1.0001]), r"x\[4\] is 1.0001, outside"),
        (claims(-1, x=[0.5, 0.5, math.nan, 0.5, 0.5]), "NaN is not a number"),
        (claims(-1, n_evaluations=61), "over budget: cost 61 of 60"),
        (claims(-1, n_gradients=1), "over budget: cost 63 of 60"),
        (claims(-1, status="target"), "status is 'target'"),
        (claims(-1, status="finished"), "status is 'finished' at a cost of 60, which is the whole"),
        (claims(0, budget=None), "status is 'budget', but the run had none"),
        (with_stop("finished", 99.0), "status is 'finished' at .* but the run was to stop at 99.0"),
        (claims(0, suite_version="9"), "not verifiable: other suite version, '9'"),
        (claims(0, dimension=4), "dimension is 4, that of the task is 5"),
        (claims(0, solved_db=9.0), "solved_db is 9.0, that of the task is 1.0"),
        (claims(0, seed=1), "contradicts the other fields"),
        (claims(0, seed=1, id=f"{TASK}/random/dev-0/seed-1"), "misplaced"),
    ],
)
def test_a_changed_record_is_found_out(
    folder: Path, change: Callable[[Lines], object], reason: str
) -> None:
    verdict = tamper(folder, change)
    assert not verdict.ok
    assert re.search(reason, verdict.reason), verdict.reason


def test_a_record_in_the_place_of_another(folder: Path) -> None:
    shutil.copy(path_of(folder, 0), path_of(folder, 1))
    verdicts = verify_records(folder)
    assert [verdict.ok for verdict in verdicts] == [False, False]
    assert all("duplicate id: 2 records are of this run" in verdict.reason for verdict in verdicts)


def moved(folder: Path, place: str, **fields: Any) -> Verdict:
    """The first record as that of another run."""
    lines = path_of(folder).read_text().splitlines()
    header = {**json.loads(lines[0]), "id": place, **fields}
    target = folder / f"{place}.jsonl"
    target.parent.mkdir(parents=True)
    path_of(folder).unlink()
    target.write_text("\n".join([json.dumps(header), *lines[1:]]))
    (verdict,) = [one for one in verify_records(folder) if one.path == target]
    return verdict


@pytest.mark.parametrize(
    ("place", "fields", "reason"),
    [
        ("Unheard-v0/random/dev-0/seed-0", {"task": "Unheard-v0"}, "unknown task 'Unheard-v0'"),
        (f"{TASK}/random/prod-0/seed-0", {"split": "prod"}, "unknown split 'prod'"),
        (f"{TASK}/random/dev-15/seed-0", {"index": 15}, "unknown target: dev has 15, not 15"),
        (f"{TASK}/random/dev-2/seed-0", {"index": 2}, "its x renders to"),
    ],
)
def test_a_record_of_another_target(
    folder: Path, place: str, fields: dict[str, Any], reason: str
) -> None:
    verdict = moved(folder, place, **fields)
    assert not verdict.ok
    assert reason in verdict.reason


def test_a_task_that_has_the_budget_of_the_suite_needs_no_note(folder: Path) -> None:
    def change(lines: Lines) -> None:
        lines[0]["budget"] = 5000
        lines[-1]["status"] = "finished"

    verdict = tamper(folder, change)
    assert (verdict.ok, verdict.notes) == (True, ())


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (claims(-1, n_evaluations=57), "ended by its budget with more than 2 cost units left"),
        (lambda lines: lines.pop(1), "its first improvement is not its first evaluation"),
        (claims(-1, status="time"), "ended by a time limit: another run of it may end elsewhere"),
    ],
)
def test_what_honest_runs_seldom_look_like_is_noted(
    folder: Path, change: Callable[[Lines], object], note: str
) -> None:
    untouched = verify_records(folder)[0]
    verdict = tamper(folder, change)
    assert verdict.ok
    assert [one for one in verdict.notes if one not in untouched.notes] == [note]


@pytest.mark.parametrize("weight", WEIGHTS)
def test_what_is_believed_has_costs_that_agree(honest: Path, weight: int) -> None:
    """What scores are made of: nothing in a believed trace lets a hit be free, late or unearned."""
    for verdict in verify_records(honest):
        assert verdict.ok
        record = read_record(verdict.path)
        ladder = [share * record.final.distance_db for share in (4.0, 2.0, 1.2, 1.0, 0.99)]
        hits = hit_costs(record, weight, ladder)
        assert hits.tolist() == sorted(hits) and hits[0] >= 1
        assert np.isfinite(hits).tolist() == [True] * 4 + [False]
        assert hits[-2] <= spent(record, weight)
        assert spent(record) == record.cost <= 60


# Packs


@pytest.fixture
def pack(honest: Path, tmp_path: Path) -> Path:
    """The honest records as one file."""
    (made,) = pack_records(honest, tmp_path / "packs")
    return made.path


def test_packed_records_are_verified_like_others(honest: Path, pack: Path) -> None:
    verdicts = verify_records(pack.parent)
    assert [(one.ok, one.path) for one in verdicts] == [(True, pack)] * 2
    singles = verify_records(honest)
    assert [(one.run_id, one.notes, one.rendered_db) for one in verdicts] == [
        (one.run_id, one.notes, one.rendered_db) for one in singles
    ]
    shutil.copytree(honest, pack.parent, dirs_exist_ok=True)
    reasons = [verdict.reason for verdict in verify_records(pack.parent)]
    assert len(reasons) == 4 and all(one.startswith("duplicate id: 2") for one in reasons)


def test_a_forged_or_damaged_line_of_a_pack_is_found_out(pack: Path) -> None:
    lines = pack.read_text().splitlines()
    forged = json.loads(lines[1])
    forged["final"]["x"][0] = 1.0 - forged["final"]["x"][0]
    pack.write_text("\n".join([lines[0], json.dumps(forged), lines[2][:-5]]))
    first, second = verify_records(pack.parent)
    assert (first.ok, "renders to" in first.reason) == (False, True)
    assert (second.ok, second.run_id) == (False, "random.jsonl:3")
    assert f"{pack}:3: not JSON" in second.reason


def test_of_a_cut_record_is_said_what_cannot_be_verified(pack: Path) -> None:
    lines = pack.read_text().splitlines()
    cut = json.loads(lines[1])
    cut["run"]["cut_from"] = 5000
    cut["final"]["x"] = None
    pack.write_text("\n".join([lines[0], json.dumps(cut), lines[2]]))
    first, second = verify_records(pack.parent)
    assert first.ok and second.ok
    assert first.notes[1:] == (
        "cut from a run with a budget of 5000",
        "its distance is not verifiable: the point at the cut is not recorded",
    )
    assert first.rendered_db is None
    again, _ = verify_records(pack.parent, rerun=True)
    assert "cannot be run again: it was cut" in again.reason


def test_a_damaged_record_is_not_believed(folder: Path) -> None:
    path = path_of(folder)
    path.write_bytes(path.read_bytes()[:-30])
    damaged, untouched = verify_records(folder)
    assert untouched.ok
    assert (damaged.ok, damaged.run_id) == (False, f"{TASK}/random/dev-0/seed-0.jsonl")
    assert "cut off or damaged" in damaged.reason


def test_failed_runs_are_true_as_far_as_they_went(tmp_path: Path, solvers: Path) -> None:
    folder = tmp_path / "records"
    run_plan(plan(folder, f"{solvers}:Moody", f"{solvers}:Unborn", indices=[0]))
    moody, unborn = verify_records(folder)
    assert moody.ok and unborn.ok
    assert moody.rendered_db == pytest.approx(read_record(moody.path).final.distance_db, abs=1e-3)
    assert "the solver failed: solver 'moody' failed with RuntimeError" in moody.notes[-1]
    assert unborn.rendered_db is None


def test_a_stop_that_was_reached_is_believed(tmp_path: Path) -> None:
    run_plan(plan(tmp_path, "random", stop_at_db=20.0))
    verdicts = verify_records(tmp_path)
    assert [verdict.ok for verdict in verdicts] == [True, True]
    assert {read_record(verdict.path).final.status for verdict in verdicts} == {"target"}


def rerun(folder: Path) -> Verdict:
    return verify_records(folder, rerun=True)[0]


def test_running_again_finds_out_what_rendering_cannot(folder: Path) -> None:
    assert rerun(folder).ok
    path = path_of(folder)
    record: Record = read_record(path)
    n_evaluations = record.improvements[-1].n_evaluations
    assert n_evaluations > record.improvements[-2].n_evaluations + 1
    cheaper = path.read_text().replace(
        f'"n_evaluations": {n_evaluations},', f'"n_evaluations": {n_evaluations - 1},'
    )
    path.write_text(cheaper)
    assert verify_records(folder)[0].ok
    verdict = rerun(folder)
    assert not verdict.ok
    assert "run again it came to" in verdict.reason
    assert "has changed since" not in verdict.reason
    of_another = f'"solver": "{"0" * 16}"'
    digest = record.header.versions["solver"]
    path.write_text(cheaper.replace(f'"solver": "{digest}"', of_another))
    assert rerun(folder).reason.endswith("the source of the solver has changed since")
    path.write_text(cheaper.replace('"imports": ""', '"imports": "0"'))
    assert rerun(folder).reason.endswith("source of what the solver imports has changed since")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"solver_spec": "rendom"}, "cannot be run again: unknown solver 'rendom'"),
        ({"solver_spec": "cma-es"}, "cannot be run again: the solver is now 'cma-es'"),
        ({"budget": None}, "cannot be run again: it has no budget"),
    ],
)
def test_what_cannot_be_run_again_is_said(
    folder: Path, fields: dict[str, Any], reason: str
) -> None:
    def change(lines: Lines) -> None:
        lines[0].update(fields)
        lines[-1]["status"] = "finished" if "budget" in fields else "budget"

    tamper(folder, change)
    verdict = rerun(folder)
    assert not verdict.ok
    assert reason in verdict.reason


def test_the_tolerance_is_what_rounding_may_do(folder: Path) -> None:
    def by(share: float) -> Callable[[Lines], object]:
        def change(lines: Lines) -> None:
            x = lines[-1]["x"]
            exact = make_problem(TASK, split="dev", index=0)(x)
            lines[-2]["distance_db"] = lines[-1]["distance_db"] = exact + share * max(1.0, exact)

        return change

    assert tamper(folder, by(0.9e-3)).ok
    assert not tamper(folder, by(1.1e-3)).ok
    assert not tamper(folder, by(-1.1e-3)).ok
    assert verify_records(folder, tolerance_db=2e-3)[0].ok


def test_a_record_holds_with_and_without_compiled_kernels(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a point far from the target, where rounding shows: more than 1e-3 dB."""
    x = np.random.default_rng(0).random((56, 5))[-1]
    with monkeypatch.context() as without:
        without.setattr("synthgym.kernels.serve", lambda *tensors: False)
        distance_db = make_problem(TASK, split="dev", index=0)(x)

    def change(lines: Lines) -> None:
        lines[-2]["distance_db"] = lines[-1]["distance_db"] = distance_db
        lines[-1]["x"] = x.tolist()
        del lines[1:-2]  # what was nearer

    assert tamper(folder, change).reason == ""


def test_no_folder_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not a folder"):
        verify_records(tmp_path / "nowhere")
    assert verify_records(tmp_path) == []
