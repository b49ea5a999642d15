"""Datasets: the same files however they are made, and the same sounds on the fly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from filelock import FileLock
from torch.utils.data import DataLoader

from synthgym import kernels
from synthgym.errors import DatasetError, ParameterError, PatchError, UnknownNameError
from synthgym.synth import Clock, Linear, Node, Patch, Switched, chains
from synthgym.synth.modules import Mix, Oscillator
from synthgym.tasks import dataset_files
from synthgym.tasks.dataset import Counts, Recipe, RenderedSounds, item_seed
from synthgym.tasks.dataset_files import create_dataset
from synthgym.tasks.sampling import draw_sounds

CLOCK = Clock(8000, 400)
SEVEN = {"n_items": 7, "batch_size": 3}


def patch() -> Patch:
    """Two tones, one switched; together they can pass full scale."""
    low = Oscillator(freq=Linear("freq", 100.0, 200.0, "Hz"), amp=2.5)
    high = Oscillator(shape="sine", freq=300.0)
    mix = {"audio": ("low", Switched("high"))}
    return Patch((Node("low", low), Node("high", high), Node("mix", Mix(), mix)))


def recipe(**changed: object) -> Recipe:
    settings = {"patch": patch(), "clock": CLOCK, "counts": Counts(9, 2, 3), "seed": 5, **changed}
    return Recipe(**settings)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_files, "CHUNK_ITEMS", 2)


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
def test_files_and_table_hold_the_sounds_and_their_patches(
    audio_format: str, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    seen: list[tuple[int, int]] = []
    made = recipe(audio_format=audio_format)
    created = create_dataset(made, tmp_path, progress=lambda *counts: seen.append(counts))
    assert (created.n_made, created.n_kept) == (14, 0)
    assert (seen[0], seen[-1]) == ((0, 14), (14, 14))
    table = parquet.read_table(tmp_path / "parameters.parquet")
    rows = table.to_pylist()
    assert [row["split"] for row in rows] == ["train"] * 9 + ["dev"] * 2 + ["test"] * 3
    assert sorted(contents(tmp_path)) == sorted(
        ["dataset.json", "parameters.parquet", *(row["file"] for row in rows)]
    )
    unit = torch.tensor([row["unit"] for row in rows])
    assert unit.dtype == torch.float32
    audio = made.patch.render(unit, CLOCK).numpy()
    n_gained = 0
    for row, expected in zip(rows, audio, strict=True):
        samples, rate_hz = soundfile.read(tmp_path / row["file"], dtype="float32")
        assert rate_hz == 8000
        np.testing.assert_allclose(samples, expected * 10 ** (row["gain_db"] / 20), atol=1e-6)
        n_gained += row["gain_db"] < 0
        values = made.patch.space.describe(torch.tensor(row["unit"]))
        assert row["low.freq"] == pytest.approx(values["low"]["freq"]["value"])
        assert row["low.shape"] == values["low"]["shape"]["value"]
        assert row["mix.audio_from_high"] is values["mix"]["audio_from_high"]["value"]
    assert n_gained > 0
    assert table.schema.field("low.freq").metadata == {b"unit": b"Hz"}
    document = json.loads((tmp_path / "dataset.json").read_text("utf-8"))
    assert json.loads(table.schema.metadata[b"synthgym"]) == document == made.document
    assert document["unit_names"] == made.patch.space.names


def test_a_stream_wants_a_patch_and_a_clock() -> None:
    with pytest.raises(ParameterError, match=r"'FM' and no Patch; chains\.build"):
        RenderedSounds("FM", Clock())  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="the clock is 16000"):
        RenderedSounds(chains.build("Osc"), 16000)  # type: ignore[arg-type]


def test_splits_and_seeds_share_no_sound() -> None:
    seeds = {item_seed(s, split, i) for s in (0, 1) for split in ("train", "dev") for i in (0, 1)}
    assert len(seeds) == 8
    drawn, _ = draw_sounds(patch(), CLOCK, sorted(seeds))
    assert len({tuple(row) for row in drawn.tolist()}) == 8


@pytest.mark.usefixtures("small_chunks")
def test_an_interrupted_dataset_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    create_dataset(recipe(), tmp_path / "whole")

    def stop(n_there: int, n_total: int) -> None:
        if n_there >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_dataset(recipe(), tmp_path / "cut", progress=stop)
    assert not (tmp_path / "cut" / "parameters.parquet").exists()
    (tmp_path / "cut" / "train" / ".synthgym-0123456789abcdef.part").write_bytes(b"half")
    (tmp_path / "cut" / "train" / "000000.wav").unlink()  # its chunk is done again
    created = create_dataset(recipe(), tmp_path / "cut")
    assert created.n_kept == 4
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    again = create_dataset(recipe(), tmp_path / "cut")
    assert (again.n_made, again.n_kept) == (0, 14)
    (tmp_path / "cut" / "dev" / "000001.wav").unlink()
    assert create_dataset(recipe(), tmp_path / "cut").n_made == 2
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from test_dataset import recipe
from synthgym.tasks import dataset_files
dataset_files.CHUNK_ITEMS = 2
def kill(n_there, n_total):
    if n_there >= 4:
        os.kill(os.getpid(), signal.SIGKILL)
dataset_files.create_dataset(recipe(), sys.argv[1], n_jobs=2, progress=kill)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.usefixtures("small_chunks")
@pytest.mark.slow
def test_a_killed_one_of_two_jobs_ends_as_an_undisturbed_one_of_one(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    code = KILLED.format(path=[str(Path(__file__).parent), *sys.path])
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "cut")], timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "cut" / "parameters.parquet").exists()
    time.sleep(1.0)  # its workers notice that it is gone
    created = create_dataset(recipe(), tmp_path / "cut")
    assert created.n_kept >= 4
    create_dataset(recipe(), tmp_path / "whole")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DatasetError, match=r"thesis\.txt"):
        create_dataset(recipe(), tmp_path)
    assert sorted(contents(tmp_path)) == ["thesis.txt"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 6}, ["seed 5, not 6"]),
        ({"counts": Counts(9, 2, 4)}, ["counts", "'test': 3", "'test': 4"]),
        ({"audio_format": "flac"}, ["audio_format 'wav', not 'flac'"]),
        ({"clock": Clock(8000, 500)}, ["clock", "500"]),
        ({"patch": chains.build("Osc")}, ["another patch"]),
    ],
)
def test_another_dataset_is_not_mixed_in(
    changed: dict[str, object], words: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    create_dataset(recipe(), tmp_path)
    before = contents(tmp_path)
    with pytest.raises(DatasetError) as caught:
        create_dataset(recipe(**changed), tmp_path)
    for word in words:
        assert word in str(caught.value)
    assert contents(tmp_path) == before


def test_compiled_and_other_kernels_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    create_dataset(recipe(), tmp_path)
    other = not kernels.ready()
    monkeypatch.setattr(kernels, "ready", lambda: other)
    with pytest.raises(DatasetError, match=r"compiled kernels.*SYNTHGYM_KERNELS"):
        create_dataset(recipe(), tmp_path)


def test_a_damaged_document_and_a_running_maker_are_said(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with FileLock(tmp_path / ".lock"), pytest.raises(DatasetError, match="another process"):
        create_dataset(recipe(), tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(DatasetError, match="damaged"):
        create_dataset(recipe(), tmp_path)


@pytest.mark.parametrize(
    ("changed", "error", "word"),
    [
        ({"seed": -1}, ParameterError, "seed is -1"),
        ({"seed": 1.5}, ParameterError, "seed is 1.5"),
        ({"audio_format": "mp3"}, UnknownNameError, "mp3"),
        ({"patch": Patch((Node("a", Oscillator("sine", 1.0, 1.0)),))}, ParameterError, "no param"),
        ({"patch": Patch((Node("a", Oscillator(freq=float("inf"))),))}, PatchError, "inf"),
    ],
)
def test_a_bad_recipe_is_refused(
    changed: dict[str, object], error: type[Exception], word: str
) -> None:
    with pytest.raises(error, match=word):
        recipe(**changed)


@pytest.mark.parametrize("counts", [(0, 0, 0), (-1, 2, 0), (1.5, 0, 0), (True, 0, 0)])
def test_bad_counts_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ParameterError):
        Counts(*counts)


def test_the_stream_holds_what_the_files_hold(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    create_dataset(recipe(), tmp_path)
    (batch,) = RenderedSounds(patch(), CLOCK, seed=5, split="dev", n_items=2)
    samples, _ = soundfile.read(tmp_path / "dev" / "000001.wav", dtype="float32")
    peak = max(1.0, float(batch.audio[1].abs().max()))
    np.testing.assert_allclose(batch.audio[1].numpy() / peak, samples, atol=1e-6)


def test_batches_of_any_size_make_one_stream() -> None:
    stream = RenderedSounds(patch(), CLOCK, **SEVEN)
    assert len(stream) == 3
    batches = list(stream)
    assert [len(batch.unit) for batch in batches] == [3, 3, 1]
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(7))
    (whole,) = RenderedSounds(patch(), CLOCK, n_items=7)
    assert torch.equal(torch.cat([batch.unit for batch in batches]), whole.unit)
    torch.testing.assert_close(torch.cat([batch.audio for batch in batches]), whole.audio)
    (rest,) = RenderedSounds(patch(), CLOCK, start=5, n_items=2)
    assert torch.equal(rest.unit, whole.unit[5:])
    assert torch.equal(rest.indices, whole.indices[5:])
    other = next(iter(RenderedSounds(patch(), CLOCK, seed=1)))
    assert not torch.equal(other.unit[:7], whole.unit)


def test_workers_share_the_stream_out_and_keep_its_order() -> None:
    stream = RenderedSounds(patch(), CLOCK, **SEVEN)
    alone = list(DataLoader(stream, batch_size=None))
    shared = list(DataLoader(stream, batch_size=None, num_workers=2))
    assert len(shared) == len(alone) == 3
    for a, b in zip(alone, shared, strict=True):
        assert torch.equal(a.indices, b.indices)
        assert torch.equal(a.unit, b.unit)
        assert torch.equal(a.audio, b.audio)


def test_a_stream_without_end_goes_on() -> None:
    stream = RenderedSounds(patch(), CLOCK, batch_size=2)
    with pytest.raises(TypeError, match="n_items"):
        len(stream)
    for batch, expected in zip(stream, ([0, 1], [2, 3], [4, 5]), strict=False):
        assert batch.indices.tolist() == expected
        assert batch.audio.shape == (2, 400)
        assert float(batch.audio.square().mean(-1).min()) > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", -1), ("start", 0.5), ("batch_size", 0), ("n_items", 0), ("split", "tain")],
)
def test_bad_settings_of_a_stream_are_named(name: str, value: object) -> None:
    with pytest.raises((ParameterError, UnknownNameError), match=str(value)):
        RenderedSounds(patch(), CLOCK, **{name: value})  # type: ignore[arg-type]


def test_a_patch_that_breaks_is_told_about() -> None:
    loud = Patch((Node("a", Oscillator(shape="sine", amp=1e30)),))
    with pytest.raises(ParameterError, match=r"enormous level.*'a'"):
        draw_sounds(loud, CLOCK, [1, 2])
