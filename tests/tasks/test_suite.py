"""The suite: its tasks, and problems made of them."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import synthgym
from synthgym import audio
from synthgym.errors import ParameterError, UnknownNameError
from synthgym.losses import MelDistance
from synthgym.synth import Clock, chains
from synthgym.tasks import (
    LADDER_DB,
    SUITE_VERSION,
    Problem,
    RecordedTargets,
    SampledTargets,
    Target,
    get_task,
    make_problem,
    recording_task,
    sampled_task,
    task_for_clock,
    task_ids,
)
from synthgym.tasks.catalogue import FAMILIES


def test_the_suite_in_order() -> None:
    ids = task_ids()
    assert ids[:1] == ["DiffMoog-Osc-v0"]
    assert {"DiffMoog-OscADSR-v0", "DiffMoog-FM-v0", "DiffMoog-Subtractive-v0"} < set(ids)
    assert len(set(ids)) == len(ids)
    for family in FAMILIES:
        levels = [get_task(id).level for id in task_ids(family)]
        assert levels == sorted(levels)
    assert SUITE_VERSION == "1"
    assert LADDER_DB == (8.0, 4.0, 2.0, 1.0, 0.5, 0.25)


def test_families_are_told_apart() -> None:
    suite, published = (task_ids(family) for family in ("diffmoog", "published"))
    assert suite + published == task_ids()
    assert len(suite) == 14
    assert {id.split("-")[0] for id in suite} == {"DiffMoog"}
    assert published == [
        "AddSineSaw-v0",
        "SineModSaw-v0",
        "AMNoise-v0",
        "BandpassNoise-v0",
        "Chirplet-v0",
        "DX7-Alg1-v0",
        "DX7-Alg2-v0",
        "DX7-Alg3-v0",
    ]
    assert {get_task(id).dimension for id in published[:5]} == {2}
    assert {get_task(id).dimension for id in published[5:]} == {8}
    with pytest.raises(UnknownNameError, match="Did you mean 'published'"):
        task_ids("publishd")


def test_tasks_on_recordings_are_apart() -> None:
    outside = task_ids("recordings")
    assert outside == [
        "Recordings-Subtractive-v0",
        "Recordings-FMFilterADSR-v0",
        "Recordings-Modular-v0",
    ]
    assert not set(outside) & set(task_ids())
    for id in outside:
        task, drawn = get_task(id), get_task(id.replace("Recordings", "DiffMoog"))
        assert task is get_task(id)
        assert (task.chain, task.clock, task.distance) == (drawn.chain, drawn.clock, drawn.distance)
        assert task.patch.space.names == drawn.patch.space.names
        assert task.budget == 200 * task.dimension
        notes = [task.target("test", i).name for i in range(task.n_targets("test") or 0)]
        assert [name.split("-")[0] for name in notes] == list(audio.sample_notes())
    with pytest.raises(UnknownNameError, match="Did you mean 'Recordings-Modular-v0'"):
        recording_task("Recordings-Modulr-v0")


def test_recordings_of_ones_own_take_the_place_of_the_notes(tmp_path: Path) -> None:
    note = audio.sample_notes()["kalimba"]
    shutil.copy(note, tmp_path / "mine.flac")
    task = recording_task("Recordings-Subtractive-v0", tmp_path)
    assert task.n_targets("test") == 1
    assert task.target("test", 0).name == "mine"
    shipped = get_task("Recordings-Subtractive-v0")
    kalimba = list(audio.sample_notes()).index("kalimba")
    np.testing.assert_array_equal(
        task.target("test", 0).audio, shipped.target("test", kalimba).audio
    )
    assert isinstance(task.targets, RecordedTargets)
    digest = hashlib.sha256(note.read_bytes()).hexdigest()[:16]
    assert task.targets.label(0) == f"mine {digest}"


@pytest.mark.parametrize("id", task_ids())
def test_tasks_hold_together(id: str) -> None:
    task = get_task(id)
    assert task is get_task(id)
    assert task.id == id
    assert id.removeprefix("DiffMoog-").replace("DX7-Alg", "DX7Alg") == f"{task.chain}-v0"
    assert task.chain in chains.names()
    assert task.dimension == task.patch.space.dimension
    assert task.budget == 1000 * task.dimension
    assert task.solved_db == 1.0
    published = id in task_ids("published")
    assert task.clock == (Clock(44100, 44100) if published else Clock(16000, 16384))
    assert task.distance == MelDistance(task.clock.sample_rate)
    assert "\n" not in task.summary
    assert task.summary
    assert [task.n_targets(split) for split in ("train", "dev", "test")] == [None, 15, 15]
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.budget = 5  # type: ignore[misc]


@pytest.mark.parametrize("id", task_ids())
def test_tasks_survive_pickling(id: str) -> None:
    """They are handed to worker processes."""
    again = pickle.loads(pickle.dumps(get_task(id)))
    np.testing.assert_array_equal(again.target("dev", 1).audio, get_task(id).target("dev", 1).audio)


@pytest.mark.parametrize("id", task_ids())
def test_problems_of_the_suite(id: str) -> None:
    task = get_task(id)
    problem = make_problem(id, split="test", index=2)
    assert isinstance(problem, Problem)
    assert problem.task_id == id
    assert problem.target_name == "test-2"
    assert problem.budget == task.budget
    assert problem.dimension == task.dimension
    assert problem.names == task.patch.space.names
    np.testing.assert_array_equal(problem.target, task.target("test", 2).audio)
    by_default = make_problem(id)
    np.testing.assert_array_equal(by_default.target, task.target("dev", 0).audio)


@pytest.mark.parametrize("id", task_ids())
def test_random_points_do_not_solve_the_suite(id: str) -> None:
    """A random search of 100 must be far from done, or the task is no task."""
    distances = []
    for index in range(3):
        problem = make_problem(id, split="dev", index=index)
        problem.batch(np.random.default_rng(index).random((100, problem.dimension)))
        distances.append(problem.best_distance)
    assert np.median(distances) > get_task(id).solved_db


def test_settings_of_a_problem() -> None:
    task = get_task("DiffMoog-Osc-v0")
    assert make_problem(task, budget=7).budget == 7
    assert make_problem(task, budget=math.inf).budget is None
    assert make_problem(task, budget=7.0).budget == 7
    assert make_problem(task, stop_at_db=2.0).stop_at_db == 2.0
    assert synthgym.make_problem is make_problem
    for bad in (0, -1, 1.5, math.nan, "7"):
        with pytest.raises(ParameterError, match="budget"):
            make_problem(task, budget=bad)  # type: ignore[arg-type]


def test_an_array_is_a_target() -> None:
    task = get_task("DiffMoog-Osc-v0")
    sound = task.target("train", 5).audio
    for given in (sound, sound.astype(np.float64), sound.tolist(), torch.tensor(sound)):
        problem = make_problem(task, target=given)
        np.testing.assert_array_equal(problem.target, sound)
        assert problem.target_name == "array"
    with pytest.raises(ParameterError, match=r"\(100,\).*\(16384,\).*16000"):
        make_problem(task, target=np.zeros(100))
    with pytest.raises(ParameterError, match="numbers"):
        make_problem(task, target=[[0.0], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("DiffMoog-FM-v1", "DiffMoog-FM-v0"),
        ("diffmoog-osc-v0", "DiffMoog-Osc-v0"),
        ("DiffMoog-Subtractive", "DiffMoog-Subtractive-v0"),
    ],
)
def test_unknown_tasks_suggest_the_near_one(name: str, near: str) -> None:
    for call in (get_task, make_problem):
        with pytest.raises(UnknownNameError, match=f"Did you mean '{near}'"):
            call(name)


def test_a_task_at_another_clock() -> None:
    task = get_task("DiffMoog-OscADSR-v0")
    assert task_for_clock(task, task.clock) is task
    clock = Clock(44100, 88200)
    longer = task_for_clock(task, clock)
    assert longer.id != task.id
    assert task.id in longer.id
    assert (longer.clock, longer.chain, longer.budget) == (clock, task.chain, task.budget)
    assert longer.distance.sample_rate == 44100
    assert longer.patch.space.names == task.patch.space.names
    # Envelopes grow with the sound.
    full = longer.patch.space.describe([1.0] * task.dimension)
    assert full["env"]["hold"]["value"] == pytest.approx(2.0 / 1.024, rel=1e-6)
    assert longer.target("dev", 0).audio.shape == (88200,)
    problem = make_problem(longer)
    assert np.isfinite(problem(np.full(task.dimension, 0.5)))


def test_a_task_of_ones_own() -> None:
    """Parts are passed in: another source of targets, another distance."""

    class Ramp:
        def target(self, split: str, index: int) -> Target:
            return Target(np.linspace(-1, 1, 1000, dtype=np.float32), f"ramp-{index}")

        def n_targets(self, split: str) -> int | None:
            return 1

    task = sampled_task("mine", "Osc", 1, "a ramp", Clock(8000, 1000))
    assert isinstance(task.targets, SampledTargets)
    assert task.targets.key == "suite 1/mine"
    ramp = dataclasses.replace(task, targets=Ramp(), solved_db=3.0, budget=12)
    problem = make_problem(ramp)
    assert (problem.target_name, problem.budget, problem.solved_db) == ("ramp-0", 12, 3.0)
    assert np.isfinite(problem(np.full(5, 0.5)))
