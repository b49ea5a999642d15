"""The post-mortem of targets that no solver reaches: which they are, and what its numbers mean."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import made_records
import numpy as np
import pytest

from synthgym.leaderboard import read_records
from synthgym.leaderboard.records import Record
from synthgym.tasks import get_task, make_problem

TASK = "DiffMoog-Subtractive-v0"


@pytest.fixture(scope="module")
def script(repository: Path) -> ModuleType:
    """The benchmark as a module, beside the one whose pictures it draws with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "benchmarks"))
        return importlib.import_module("out_of_reach")


@pytest.fixture(scope="module")
def truth(script: ModuleType) -> np.ndarray:
    true: np.ndarray = script.true_unit(get_task(TASK), "test", 2)
    return true


def record_of(x: np.ndarray, final_db: float = 2.0) -> Record:
    return made_records.record(
        "some",
        [(1, 0, final_db)],
        task=TASK,
        split="test",
        index=2,
        dimension=len(x),
        x=tuple(x.tolist()),
    )


def off(truth: np.ndarray, **values: float) -> np.ndarray:
    names = get_task(TASK).patch.space.names
    x = truth.copy()
    for name, value in values.items():
        x[names.index(name.replace("_", ".", 1))] = value
    return x


def test_the_page_is_about_the_targets_that_the_packs_leave_unsolved(script: ModuleType) -> None:
    records = [r for r in read_records(script.PACKS) if r.header.split == "test"]
    left = {script.name_of(record) for record in script.unsolved(records)}
    assert script.described(script.PAGE) == left
    nearest: dict[str, float] = {}
    for record in records:
        name = script.name_of(record)
        nearest[name] = min(record.final.distance_db, nearest.get(name, np.inf))
    assert left == {name for name, distance_db in nearest.items() if distance_db > 1}


def test_the_nearest_run_of_each_unsolved_target_is_taken_farthest_first(
    script: ModuleType,
) -> None:
    def run(solver: str, index: int, final_db: float) -> Record:
        return made_records.record(solver, [(1, 0, final_db)], split="test", index=index)

    records = [
        *(run("a", 0, 3.0), run("b", 0, 2.0)),
        *(run("a", 1, 9.0), run("b", 1, 0.9)),
        *(run("a", 2, 5.0), run("b", 2, 6.0)),
        *(run("a", 3, 1.0),),
    ]
    found = [(r.header.solver, r.header.index) for r in script.unsolved(records)]
    assert found == [("a", 2), ("b", 0)]


def test_the_drawn_vector_makes_the_target(script: ModuleType, truth: np.ndarray) -> None:
    problem = make_problem(TASK, split="test", index=2)
    assert problem(truth) == pytest.approx(0.0, abs=1e-6)


def test_distances_are_those_of_the_suite(script: ModuleType) -> None:
    task = get_task(TASK)
    problem = make_problem(TASK, split="test", index=2)
    points = np.random.default_rng(0).random((5, task.dimension)).astype(np.float32).astype(float)
    np.testing.assert_allclose(
        script.distances(task, problem.target, points), problem.batch(points), rtol=1e-5
    )


def test_one_wrong_parameter_is_named_and_its_repair_found(
    script: ModuleType, truth: np.ndarray
) -> None:
    wrong = off(truth, lowpass_cutoff=1.0 - truth[-1])
    names = get_task(TASK).patch.space.names
    assert names[-1] == "lowpass.cutoff"
    one = script.autopsy(record_of(wrong))
    problem = make_problem(TASK, split="test", index=2)
    expected_db = problem(wrong)
    first = one.differences[0]
    assert first.name == one.cut_name == "lowpass.cutoff"
    # All else is true, so it alone makes the distance, and its repair mends everything.
    assert first.alone_db == pytest.approx(expected_db, rel=1e-4)
    assert first.repaired_db == pytest.approx(0.0, abs=1e-4)
    assert (one.module, one.module_db) == ("lowpass", pytest.approx(0.0, abs=1e-4))
    assert first.true != first.found
    for other in one.differences[1:]:
        assert other.alone_db == pytest.approx(0.0, abs=1e-4)
        assert other.repaired_db == pytest.approx(expected_db, rel=1e-4)
        assert other.true == other.found


def test_cuts_pass_the_match_and_the_truth(script: ModuleType, truth: np.ndarray) -> None:
    wrong = off(truth, saw_freq=(truth[0] + 0.5) % 1)
    one = script.autopsy(record_of(wrong))
    expected_db = make_problem(TASK, split="test", index=2)(wrong)
    assert one.line.distances_db[0] == pytest.approx(expected_db, rel=1e-4)
    assert one.line.distances_db[-1] == pytest.approx(0.0, abs=1e-4)
    at_truth = one.with_true.distances_db[one.with_true.at == one.with_true.true]
    assert at_truth == pytest.approx([0.0], abs=1e-4)
    at_match = one.with_found.distances_db[one.with_found.at == one.with_found.found]
    assert at_match == pytest.approx([expected_db], rel=1e-4)


def test_options_of_a_choice_are_one_parameter(script: ModuleType) -> None:
    names = ["osc.shape=sine", "osc.shape=saw", "osc.freq"]
    assert script.parameters(names) == {"osc.shape": [0, 1], "osc.freq": [2]}


def test_page_and_figure_name_target_and_parameter(script: ModuleType, truth: np.ndarray) -> None:
    one = script.autopsy(record_of(off(truth, saw_freq=(truth[0] + 0.5) % 1)))
    text = script.page([one], 15)
    assert f"| {TASK} test-2 | 2.00 dB by some | `saw.freq`" in text
    assert "Of 15 test targets of the suite, 1 are solved by no packed solver" in text
    # One parameter is wrong: repaired, alone or with its module, it leaves nothing.
    counts = text.split("With one parameter set to the truth, ")[1].split(".\n")[0].split()
    counts = [word.strip("(),") for word in counts]
    assert [word for word in counts if word.isdigit()] == ["1", "1", "1", "1"]
    svg = script.figure([one], script.THEMES["dark"])
    assert f"{TASK} test-2" in svg
    assert "saw.freq, the others true" in svg


def test_solved_by_a_repair_are_counted_among_those_that_it_brings_nearer(
    script: ModuleType, truth: np.ndarray
) -> None:
    one = script.autopsy(record_of(off(truth, saw_freq=(truth[0] + 0.5) % 1)))
    finals_db = [2.0, 1.05, 5.0, 3.0]
    autopsies = [replace(one, record=record_of(truth, final_db)) for final_db in finals_db]
    # Solved; solved all the same, and hardly nearer; nearer, and not solved; no nearer.
    assert script.repaired(autopsies, [0.5, 0.98, 4.0, 3.0]) == (2, 1)
