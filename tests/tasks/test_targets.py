"""Targets: drawn by seed, never silent, never shared by two splits; and recordings."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from synthgym import audio
from synthgym.errors import AudioError, ParameterError, SynthgymError, UnknownNameError
from synthgym.synth import Clock, Node, Patch, chains
from synthgym.synth.modules import Oscillator
from synthgym.tasks import (
    SPLITS,
    SUITE_VERSION,
    RecordedTargets,
    SampledTargets,
    get_task,
    make_problem,
    stable_seed,
    task_ids,
)

SCORED = [("dev", i) for i in range(15)] + [("test", i) for i in range(15)]
FIRST = [*SCORED, *(("train", i) for i in range(50))]
SHORT = Clock(16000, 800)


def sources(key: str = "key") -> list[SampledTargets]:
    return [
        SampledTargets(chains.build(name, SHORT.duration_s), SHORT, key) for name in chains.names()
    ]


@pytest.mark.parametrize("id", task_ids())
def test_targets_of_the_suite_fit_and_sound(id: str) -> None:
    task = get_task(id)
    for split, index in [("dev", 0), ("test", 14), ("train", 12345)]:
        target = task.target(split, index)
        assert target.name == f"{split}-{index}"
        assert target.audio.dtype == np.float32
        assert target.audio.shape == (task.clock.n_samples,)
        assert np.isfinite(target.audio).all()


@pytest.mark.parametrize("id", task_ids())
def test_no_scored_target_is_silent_or_another_ones(id: str) -> None:
    """Nor equal to any of the first 50 of train."""
    targets = [get_task(id).target(split, index).audio for split, index in FIRST]
    level_db = [20 * np.log10(np.sqrt(np.mean(t.astype(float) ** 2))) for t in targets]
    assert min(level_db) > -50
    for a, b in itertools.combinations(range(len(targets)), 2):
        assert not np.array_equal(targets[a], targets[b]), (FIRST[a], FIRST[b])
        assert np.abs(targets[a] - targets[b]).max() > 1e-3, (FIRST[a], FIRST[b])


def test_a_target_does_not_depend_on_what_was_asked_before() -> None:
    for source, again in zip(sources(), sources(), strict=True):
        forward = {(s, i): source.target(s, i).audio for s, i in FIRST[::4]}
        np.random.seed(7)
        torch.manual_seed(7)
        for s, i in reversed(FIRST[::4]):
            np.testing.assert_array_equal(again.target(s, i).audio, forward[s, i])


def test_drawing_targets_leaves_the_callers_chance_alone() -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    sources()[0].target("dev", 0)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # type: ignore[index]


def test_a_target_is_ones_own() -> None:
    source = sources()[0]
    first = source.target("dev", 0).audio
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(source.target("dev", 0).audio, kept)


def test_the_key_decides() -> None:
    one, other = sources("suite 0/A")[0], sources("suite 1/A")[0]
    assert not np.array_equal(one.target("dev", 0).audio, other.target("dev", 0).audio)


@pytest.mark.parametrize("id", task_ids())
def test_the_suites_version_and_the_task_are_in_the_key(id: str) -> None:
    targets = get_task(id).targets
    assert isinstance(targets, SampledTargets)
    assert targets.key == f"suite {SUITE_VERSION}/{id}"


def test_seeds_are_fixed_for_good() -> None:
    """What is published depends on them: on any platform, in any version of Python."""
    digest = hashlib.sha256(b"suite 0/DiffMoog-FM-v0\x1ftest\x1f3").digest()
    expected = int.from_bytes(digest[:8], "little")
    assert stable_seed("suite 0/DiffMoog-FM-v0", "test", "3") == expected
    assert stable_seed("a", "bc") != stable_seed("ab", "c")


def test_quiet_draws_are_drawn_again() -> None:
    """The amplitude reaches down to -40 dB; a sine of that is under -43 dB RMS, still heard."""
    quiet = Patch((Node("osc", Oscillator("sine", amp=10 ** (-48 / 20))),))
    with pytest.raises(ParameterError, match=r"1000 patches.*silent"):
        SampledTargets(quiet, SHORT, "key").target("dev", 0)
    envelope = chains.build("OscADSR", SHORT.duration_s)
    for index in range(40):
        sound = SampledTargets(envelope, SHORT, "key").target("train", index).audio
        assert np.sqrt(np.mean(sound.astype(float) ** 2)) > 10 ** (-50 / 20)


def test_splits_have_their_sizes() -> None:
    source = sources()[0]
    assert SPLITS == ("train", "dev", "test")
    assert [source.n_targets(split) for split in SPLITS] == [None, 15, 15]
    source.target("train", 10**12)
    source.target("train", np.int64(3))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("split", "index", "kind", "words"),
    [
        ("dev", 15, ParameterError, ["15", "dev", "0 to 14"]),
        ("test", -1, ParameterError, ["-1", "test"]),
        ("train", -1, ParameterError, ["-1", "0 and up"]),
        ("dev", 1.0, ParameterError, ["1.0"]),
        ("dev", True, ParameterError, ["True"]),
        ("dev", "3", ParameterError, ["'3'"]),
        ("tset", 0, UnknownNameError, ["'tset'", "Did you mean 'test'?"]),
        ("", 0, UnknownNameError, ["split"]),
    ],
)
def test_what_does_not_exist_is_refused(
    split: str, index: object, kind: type[SynthgymError], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        sources()[0].target(split, index)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)
    with pytest.raises(kind):
        make_problem("DiffMoog-Osc-v0", split=split, index=index)  # type: ignore[arg-type]


def test_targets_compare_without_fault() -> None:
    source = sources()[0]
    target = source.target("dev", 0)
    assert target == target
    assert (target == source.target("dev", 0)) in (True, False)


def notes() -> list[Path]:
    return sorted(audio.sample_notes().values())


@pytest.mark.parametrize("clock", [Clock(), Clock(44100, 20000), Clock(8000, 1)], ids=str)
def test_recordings_are_fitted_to_the_clock(clock: Clock) -> None:
    if clock.n_samples == 1:
        clock = Clock(8000, 100)
    targets = RecordedTargets(tuple(notes()), clock)
    for split in SPLITS:
        assert targets.n_targets(split) == len(notes()) > 1
    for index, path in enumerate(notes()):
        target = targets.target("dev", index)
        assert target.name == path.stem
        assert target.audio.shape == (clock.n_samples,)
        assert target.audio.dtype == np.float32
        assert np.abs(target.audio).max() > 0.01


def test_a_folder_of_recordings(tmp_path: Path) -> None:
    clock = Clock(16000, 4000)
    time_s = np.arange(8000) / 16000
    for name in ("b.wav", "a.WAV", "c.flac"):
        audio.write(tmp_path / name.lower(), np.sin(2 * np.pi * 440 * time_s) * 0.5, 16000)
    (tmp_path / "readme.txt").write_text("not a sound")
    targets = RecordedTargets.in_folder(tmp_path, clock)
    assert [path.name for path in targets.paths] == ["a.wav", "b.wav", "c.flac"]
    assert targets.n_targets("test") == 3
    with pytest.raises(ParameterError, match="0 to 2"):
        targets.target("test", 3)


def test_folders_without_recordings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no sound files"):
        RecordedTargets.in_folder(tmp_path, Clock())
    with pytest.raises(AudioError, match="not a folder"):
        RecordedTargets.in_folder(tmp_path / "missing", Clock())
    (tmp_path / "broken.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(AudioError, match=r"broken\.wav"):
        RecordedTargets.in_folder(tmp_path, Clock()).target("dev", 0)


def test_a_recording_makes_a_problem() -> None:
    path = notes()[0]
    for target in (path, str(path)):
        problem = make_problem("DiffMoog-Subtractive-v0", target=target, budget=10)
        assert problem.target_name == path.stem
        assert np.isfinite(problem(np.full(problem.dimension, 0.5)))
    with pytest.raises(AudioError, match=r"nowhere\.wav"):
        make_problem("DiffMoog-Osc-v0", target="nowhere.wav")
