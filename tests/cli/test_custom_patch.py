"""A patch of one's own on the command line: matched with, drawn, made into a dataset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import soundfile

from synthgym.synth import Linear, Node, Patch, chains, graph
from synthgym.synth.modules import ADSR, Oscillator

Call = Callable[..., Any]
SMALL = ("--train", 3, "--test", 1, "--seconds", 0.05, "--sample-rate", 8000)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    tone = Oscillator(shape="saw", freq=Linear("freq", 200.0, 240.0, "Hz"))
    return graph.save(
        tmp_path / "mine.toml", Patch((Node("tone", tone), Node("env", ADSR(), {"audio": "tone"})))
    )


def test_it_is_matched_with_and_its_document_renders(
    mine: Path, write_note: Callable[..., Path], tmp_path: Path, call: Call
) -> None:
    options = ("--patch", mine, "--solver", "random", "--budget", 20, "--out", tmp_path)
    ended = call("match", write_note(), *options)
    assert ended.code == 0, ended.err
    fields = json.loads((tmp_path / "note.patch.json").read_text("utf-8"))
    assert (fields["format"], fields["match"]["task"]) == ("synthgym-patch-2", "mine.toml")
    assert graph.from_document(fields["graph"]) == graph.load(mine)
    assert 200 <= fields["parameters"]["tone"]["freq"]["value"] <= 240
    again = tmp_path / "again.wav"
    assert call("render", tmp_path / "note.patch.json", "--out", again).code == 0
    assert again.read_bytes() == (tmp_path / "note.match.wav").read_bytes()
    assert call("draw", tmp_path / "note.patch.json", "--out", tmp_path / "x.svg").code == 0
    assert "tone" in (tmp_path / "x.svg").read_text("utf-8")


def test_task_and_patch_exclude_each_other(
    mine: Path, matched: Path, call: Call, one_line: Callable[..., None]
) -> None:
    ended = call("match", matched / "note.wav", "--task", "DiffMoog-FM-v0", "--patch", mine)
    one_line(ended, "--task", "--patch", "one of them")


@pytest.mark.parametrize("source", ["FM", "file"])
@pytest.mark.parametrize("ending", [".svg", ".dot"])
def test_it_is_drawn(source: str, ending: str, mine: Path, tmp_path: Path, call: Call) -> None:
    out = tmp_path / f"picture{ending}"
    ended = call("draw", mine if source == "file" else source, "--out", out)
    assert (ended.code, str(out) in ended.out) == (0, True)
    text = out.read_text("utf-8")
    nodes = (graph.load(mine) if source == "file" else chains.build("FM")).nodes
    assert all(node.name in text for node in nodes)
    if ending == ".svg":
        assert ElementTree.fromstring(text).tag.endswith("svg")


@pytest.mark.parametrize(
    ("patch", "out", "words"),
    [
        ("FN", "x.svg", ["chain", "'FN'", "Did you mean 'FM'?"]),
        ("FM", "x.png", ["x.png", ".svg", ".dot"]),
        ("absent.toml", "x.svg", ["absent.toml"]),
        ("note.wav", "x.svg", ["note.wav", ".toml or .json"]),
        ("empty.json", "x.svg", ["empty.json", "not JSON"]),
        ("list.json", "x.svg", ["list.json", "list"]),
        ("match.json", "x.svg", ["match.json", "chain is missing"]),
    ],
)
def test_what_cannot_be_drawn_is_said(
    patch: str,
    out: str,
    words: list[str],
    tmp_path: Path,
    call: Call,
    one_line: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in {
        "note.wav": "",
        "empty.json": "",
        "list.json": "[]",
        "match.json": '{"format": "synthgym-patch-1", "clock": {}, "unit": []}',
    }.items():
        Path(name).write_text(content)
    one_line(call("draw", patch, "--out", out), *words)
    assert not Path(out).exists()


@pytest.mark.parametrize("source", ["--task", "--chain", "--patch"])
def test_a_dataset_of_each_source(source: str, mine: Path, tmp_path: Path, call: Call) -> None:
    pytest.importorskip("pyarrow")
    made_of = {"--task": "DiffMoog-FM-v0", "--chain": "FM", "--patch": mine}[source]
    options = (source, made_of, *SMALL, "--out", tmp_path / "data", "--format", "flac")
    ended = call("dataset", "create", *options)
    assert ended.code == 0, ended.err
    assert "4 sounds made, 0 were there" in ended.out
    assert "4 of 4 sounds" in ended.err
    info = soundfile.info(tmp_path / "data" / "train" / "000002.flac")
    assert (info.samplerate, info.frames, info.subtype) == (8000, 400, "PCM_24")
    assert (tmp_path / "data" / "parameters.parquet").is_file()
    again = call("dataset", "create", *options)
    assert "0 sounds made, 4 were there" in again.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ["--task, --chain and --patch", "none"]),
        (("--task", "DiffMoog-FM-v0", "--chain", "FM"), ["--task and --chain"]),
        (("--task", "DiffMoog-MF-v0"), ["Did you mean 'DiffMoog-FM-v0'?"]),
        (("--chain", "FN"), ["Did you mean 'FM'?"]),
        (("--patch", "absent.toml"), ["absent.toml"]),
        (("--chain", "FM", "--train", -1), ["--train"]),
        (("--chain", "FM", "--train", 0, "--test", 0), ["nothing to make"]),
        (("--chain", "FM", "--format", "mp3"), ["mp3", "flac"]),
        (("--chain", "FM", "--jobs", 0), ["--jobs"]),
        (("--chain", "FM", "--seconds", 1e9), ["seconds"]),
        (("--chain", "FM", "--out", "full"), ["full", "other things"]),
        (("--chain", "FM", "--out", "full/thing"), ["thing"]),
    ],
)
def test_a_dataset_that_cannot_be_made_is_said(
    options: tuple[object, ...],
    words: list[str],
    tmp_path: Path,
    call: Call,
    one_line: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/thing").write_text("mine")
    one_line(call("dataset", "create", *SMALL, "--out", "data", *options), *words)
    assert not Path("data").exists()


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, call: Call, one_line: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    ended = call("dataset", "create", "--chain", "FM", *SMALL, "--out", tmp_path / "data")
    one_line(ended, 'pip install "synthgym[dataset]"')
    assert not (tmp_path / "data").exists()
