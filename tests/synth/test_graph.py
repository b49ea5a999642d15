"""Patches as TOML and JSON documents."""

from __future__ import annotations

import copy
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from graphs import patches
from hypothesis import given

from synthgym.errors import PatchError
from synthgym.synth import Clock, Node, Patch, chains, graph
from synthgym.synth.fields import module_types
from synthgym.synth.modules import ADSR, Lowpass, Oscillator
from synthgym.synth.toml_writer import to_toml

TOML = """
format = "synthgym-graph-1"

[[nodes]]
name = "osc"
module = "Oscillator"
parameters.shape = "saw"
parameters.freq = { low = 50, high = 1000 }

[[nodes]]
name = "env"
module = "ADSR"

[[nodes]]
name = "filter"
module = "Lowpass"
position = [0, 1]
inputs.audio = { switched = "osc" }
parameters.cutoff = { low = 200, high = 400, scale = "linear" }

[[nodes]]
name = "out"
module = "Mix"
inputs = { audio = ["filter", "env"] }
"""


@given(patches())
def test_the_round_trip_is_exact(patch: Patch) -> None:
    made = graph.to_document(patch)
    for read in (made, json.loads(json.dumps(made, allow_nan=False)), tomllib.loads(to_toml(made))):
        again = graph.from_document(read)
        assert again == patch
        assert again.space.names == patch.space.names
        assert graph.to_document(again) == made


@pytest.mark.parametrize("ending", [".toml", ".json", ".TOML"])
@pytest.mark.parametrize("chain", chains.names())
def test_every_chain_through_a_file(chain: str, ending: str, tmp_path: Path) -> None:
    patch = chains.build(chain)
    path = graph.save(tmp_path / f"patch{ending}", patch)
    assert graph.load(path) == patch
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_every_exported_module_is_known() -> None:
    assert {"Oscillator", "LFO", "ADSR", "Lowpass", "Mix"} <= set(module_types())
    assert "Module" not in module_types()
    for kind in module_types().values():
        assert kind() is not None


def test_what_a_file_leaves_out_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    patch = graph.load(path)
    osc, env, lowpass, _ = (node.module for node in patch.nodes)
    assert isinstance(osc, Oscillator)
    assert isinstance(lowpass, Lowpass)
    assert (osc.freq.unit, type(osc.freq).__name__, osc.freq.low) == ("Hz", "Log", 50)
    assert (osc.amp, osc.shape, env) == (Oscillator().amp, "saw", ADSR())
    assert type(lowpass.cutoff).__name__ == "Linear"
    assert patch.output == "out"
    assert "filter.audio_from_osc" in patch.space.names
    assert patch.nodes[2].position == (0, 1)
    unit = torch.full((1, patch.space.dimension), 0.5)
    assert bool(torch.isfinite(patch.render(unit, Clock(8000, 200))).all())


FAULTS: list[tuple[tuple[str | int, ...], Any, list[str]]] = [
    (("format",), "synthgym-graph-9", ["synthgym-graph-9", "synthgym-graph-1"]),
    (("outputs",), "env", ["unknown field", "'outputs'", "Did you mean 'output'?"]),
    (("output",), 3, ["output is 3"]),
    (("output",), "filtr", ["output node", "Did you mean 'filter'?"]),
    (("nodes",), {}, ["nodes is {}"]),
    (("nodes", 1), "env", ["node 2 is 'env'"]),
    (("nodes", 1, "name"), "", ["node 2", "name is ''"]),
    (("nodes", 1, "name"), "osc", ["two nodes", "'osc'"]),
    (("nodes", 0, "module"), "Oscilator", ["node 'osc'", "Did you mean 'Oscillator'?"]),
    (("nodes", 0, "module"), None, ["node 'osc'", "module is None"]),
    (("nodes", 0, "params"), {}, ["node 'osc'", "'params'", "Did you mean 'parameters'?"]),
    (("nodes", 0, "parameters"), [], ["node 'osc'", "parameters is []"]),
    (("nodes", 0, "parameters", "frequ"), 3, ["node 'osc'", "Did you mean 'freq'?"]),
    (("nodes", 0, "parameters", "freq"), "high", ["node 'osc'", "parameters.freq", "range"]),
    (("nodes", 0, "parameters", "freq"), True, ["parameters.freq is True", "range", "number"]),
    (("nodes", 0, "parameters", "freq"), float("inf"), ["parameters.freq is inf", "finite"]),
    (("nodes", 0, "parameters", "freq"), 10**5000, ["parameters.freq", "huge number"]),
    (("nodes", 0, "parameters", "freq"), [[[[[1]]]]], ["parameters.freq"]),
    (("nodes", 0, "parameters", "freq", "low"), "a", ["parameters.freq: low is 'a'"]),
    (("nodes", 0, "parameters", "freq", "low"), 10**400, ["parameters.freq.low", "huge"]),
    (("nodes", 0, "parameters", "freq", "low"), 5000.0, ["parameters.freq", "below high"]),
    (("nodes", 0, "parameters", "freq", "low"), -1, ["parameters.freq", "above 0"]),
    (("nodes", 0, "parameters", "freq", "lowest"), 1, ["'lowest'", "Did you mean 'low'?"]),
    (("nodes", 0, "parameters", "freq", "scale"), "Log", ["scale", "Did you mean 'log'?"]),
    (("nodes", 0, "parameters", "freq", "unit"), 3, ["unit is 3"]),
    (("nodes", 0, "parameters", "phase"), {"low": 0}, ["parameters.phase: high is missing"]),
    (("nodes", 0, "parameters", "shape"), "sow", ["node 'osc'", "Did you mean 'saw'?"]),
    (("nodes", 0, "parameters", "shape"), {"options": "saw"}, ["parameters.shape", "list"]),
    (("nodes", 0, "parameters", "shape"), {"options": ["saw"]}, ["parameters.shape", "two"]),
    (("nodes", 0, "parameters", "shape"), {"options": ["saw", "sow"]}, ["Did you mean 'saw'?"]),
    (("nodes", 0, "parameters", "shape"), 3, ["parameters.shape is 3", "choice"]),
    (("nodes", 0, "parameters", "naive"), 1, ["parameters.naive is 1", "true or false"]),
    (("nodes", 0, "parameters", "naive"), {"switch": False}, ["parameters.naive", "switch = true"]),
    (("nodes", 2, "parameters", "zeros"), 0.5, ["node 'filter'", "zeros", "whole number"]),
    (("nodes", 2, "parameters", "zeros"), 0, ["node 'filter'", "Lowpass zeros is 0"]),
    (("nodes", 2, "position"), [1], ["node 'filter'", "position is [1]", "[channel, layer]"]),
    (("nodes", 2, "switched"), 1, ["node 'filter'", "switched is 1", "true or false"]),
    (("nodes", 2, "inputs"), "osc", ["node 'filter'", "inputs is 'osc'"]),
    (("nodes", 2, "inputs", "audio"), "ocs", ["'filter'", "Did you mean 'osc'?"]),
    (("nodes", 2, "inputs", "audio"), {"switch": "osc"}, ["inputs.audio", "switched"]),
    (("nodes", 2, "inputs", "audio"), "out", ["cycle"]),
    (("nodes", 2, "inputs", "audo"), "osc", ["'filter'", "Did you mean 'audio'?"]),
    (("nodes", 2, "inputs"), {}, ["'filter'", "'audio'", "no input"]),
]


@pytest.mark.parametrize(("path", "value", "words"), FAULTS, ids=range(len(FAULTS)))
def test_a_bad_document_names_node_field_and_remedy(
    path: tuple[str | int, ...], value: object, words: list[str]
) -> None:
    bad: Any = copy.deepcopy(tomllib.loads(TOML))
    place = bad
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(PatchError) as caught:
        graph.from_document(bad)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [None, [], "text", {}])
def test_other_things_are_no_documents(bad: Any) -> None:
    with pytest.raises(PatchError, match=r"graph document|format is missing"):
        graph.from_document(bad)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.toml", b"nodes = [", ["a.toml", "not TOML"]),
        ("a.json", b"{", ["a.json", "not JSON"]),
        ("a.json", b"\xff\xff", ["a.json", "not JSON"]),
        ("a.json", b"[" * 100_000, ["a.json", "not JSON"]),
        ("a.json", b'{"format": 1, "format": 2}', ["a.json", "'format' twice"]),
        ("a.json", b"[]", ["a.json", "list"]),
        ("a.toml", b"x" * 1_000_001, ["a.toml", "1,000,000 bytes"]),
        ("a.yaml", b"", ["a.yaml", ".toml or .json"]),
        ("a.toml", TOML.replace("Mix", "Mixer").encode(), ["a.toml", "'out'", "'Mix'"]),
    ],
)
def test_a_bad_file_is_named(name: str, content: bytes, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PatchError) as caught:
        graph.load(path)
    for word in words:
        assert word in str(caught.value)


@dataclass(frozen=True)
class Stranger(Oscillator):
    """A module that no document can name."""


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (Patch((Node("a", Stranger()),)), ["node 'a'", "Stranger", "Known"]),
        (Patch((Node("a", Oscillator(freq=float("inf"))),)), ["node 'a'", "freq", "inf"]),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(
    patch: Patch, words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(PatchError) as caught:
        graph.save(tmp_path / "a.toml", patch)
    for word in words:
        assert word in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_older_file_stays_if_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    path = graph.save(tmp_path / "a.toml", chains.build("Osc"))
    before = path.read_text("utf-8")
    with pytest.raises(PatchError):
        graph.save(path, Patch((Node("\ud800", Oscillator()),)))
    assert path.read_text("utf-8") == before
    with pytest.raises(OSError, match="nowhere"):
        graph.save(tmp_path / "nowhere" / "a.toml", chains.build("Osc"))


def test_lists_in_lists_are_no_patch(tmp_path: Path) -> None:
    """However deep: also where they can be read, but not put into a message any more."""
    path = tmp_path / "lists.json"
    for field in ('"inputs": {"audio": %s}', '"parameters": {"gain": %s}', '"position": %s'):
        for n_levels in (3, *range(sys.getrecursionlimit() - 300, sys.getrecursionlimit() + 1)):
            lists = "[" * n_levels + "]" * n_levels
            node = '{"name": "osc", "module": "Gain", ' + field % lists + "}"
            path.write_text(f'{{"format": "synthgym-graph-1", "nodes": [{node}]}}')
            with pytest.raises(PatchError):
                graph.load(path)


@pytest.mark.parametrize("scale", [["log"], {"log": 1}, 3, None])
def test_a_scale_is_a_text(scale: Any) -> None:
    document = graph.to_document(Patch((Node("osc", Oscillator()),)))
    document["nodes"][0]["parameters"]["freq"]["scale"] = scale
    with pytest.raises(PatchError, match="scale"):
        graph.from_document(document)


def test_numbers_that_single_precision_does_not_hold_are_refused() -> None:
    document = graph.to_document(Patch((Node("osc", Oscillator(freq=440.0)),)))
    document["nodes"][0]["parameters"]["freq"] = 1e39
    with pytest.raises(PatchError, match=r"parameters\.freq is 1e\+39"):
        graph.from_document(document)


@pytest.mark.parametrize("name", ["FM", "patch.yaml", "gone.toml"])
def test_what_is_no_file_of_a_patch_is_named_once(name: str) -> None:
    with pytest.raises(PatchError) as raised:
        graph.load(name)
    assert str(raised.value).count(f"{name}: ") == 1
    assert ("chains.build" in str(raised.value)) == (name == "FM")
