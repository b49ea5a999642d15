"""Patch documents: through JSON and back, and what is wrong with a bad one."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgym.errors import ParameterError, PatchError, SynthgymError
from synthgym.synth import Clock, chains
from synthgym.synth.document import FORMAT, GRAPH_FORMAT, dump, load

CLOCK = Clock(22050, 700)


def document(chain: str = "FM", duration_s: float = 0.5) -> dict[str, Any]:
    patch = chains.build(chain, duration_s)
    unit = torch.linspace(0, 1, patch.space.dimension, dtype=torch.float64)
    return dump(chain, patch, unit, CLOCK, duration_s)


@given(st.sampled_from(chains.names()), st.floats(0.05, 20.0), st.integers(0, 2**31))
def test_through_json_and_back(chain: str, duration_s: float, seed: int) -> None:
    patch = chains.build(chain, duration_s)
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(patch.space.dimension, generator=generator, dtype=torch.float64)
    text = json.dumps(dump(chain, patch, unit, CLOCK, duration_s), allow_nan=False)
    loaded, again, clock = load(json.loads(text))
    assert torch.equal(again, unit)
    assert again.dtype == torch.float64
    assert clock == CLOCK
    assert loaded.space == patch.space
    assert torch.equal(loaded.render(again[None], clock), patch.render(unit[None], CLOCK))


def test_document_is_readable() -> None:
    made = document("FM")
    assert made["format"] == FORMAT == "synthgym-patch-1"
    assert made["chain"] == "FM"
    assert made["clock"] == {"sample_rate": 22050, "n_samples": 700}
    assert set(made["parameters"]) == {"lfo", "fm"}
    assert made["parameters"]["fm"]["freq"]["unit"] == "Hz"
    assert made["parameters"]["lfo"]["shape"]["value"] in ("sine", "square", "saw")


def test_parameters_encode_to_the_same_sound() -> None:
    made = document("Subtractive")
    values = {
        node: {name: field["value"] for name, field in group.items()}
        for node, group in made["parameters"].items()
    }
    patch, unit, clock = load(made)
    torch.testing.assert_close(
        patch.render(patch.unit(values)[None], clock), patch.render(unit[None], clock)
    )


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("format",), "synthgym-patch-9", ["format", "synthgym-patch-9", "synthgym-patch-1"]),
        (("format",), None, ["format"]),
        (("chain",), "Fm", ["Fm", "Did you mean 'FM'?"]),
        (("chain",), 7, ["chain", "int", "str"]),
        (("duration_s",), -1.0, ["duration_s", "-1.0"]),
        (("duration_s",), "1.0", ["duration_s", "'1.0'"]),
        (("duration_s",), math.inf, ["duration_s", "inf"]),
        pytest.param(("duration_s",), 10**400, ["duration_s"], id="huge duration"),
        (("duration_s",), True, ["duration_s", "True"]),
        (("clock",), [16000, 10], ["clock", "list"]),
        (("clock", "sample_rate"), 16000.5, ["sample_rate", "16000.5"]),
        (("clock", "n_samples"), 0, ["n_samples", "0"]),
        (("unit",), [0.5, 0.5], ["2 entries", "FM"]),
        (("unit",), {"a": 1}, ["unit", "dict"]),
        (("unit", 3), 1.5, ["lfo.freq", "1.5", "[0, 1]"]),
        (("unit", 3), math.nan, ["lfo.freq", "nan"]),
        (("unit", 3), "0.5", ["lfo.freq", "'0.5'"]),
        (("unit", 3), None, ["lfo.freq", "None"]),
        (("unit", 3), True, ["lfo.freq", "True"]),
        pytest.param(("unit", 3), 10**400, ["lfo.freq"], id="huge entry"),
    ],
)
def test_a_bad_document_names_what_is_wrong(
    path: tuple[str | int, ...], value: object, words: list[str]
) -> None:
    bad = copy.deepcopy(document())
    place: Any = bad
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(PatchError) as caught:
        load(bad)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["format", "chain", "duration_s", "clock", "unit"])
def test_a_missing_field_is_named(name: str) -> None:
    bad = document()
    del bad[name]
    with pytest.raises(PatchError, match=name):
        load(bad)


@pytest.mark.parametrize("bad", [None, [], "text", 3])
def test_other_things_are_no_documents(bad: Any) -> None:
    with pytest.raises(PatchError, match="document"):
        load(bad)


def test_physical_values_are_for_reading_only() -> None:
    made = document()
    del made["parameters"]
    assert torch.equal(load(made)[1], load(document())[1])


@pytest.mark.parametrize(
    "unit",
    [
        torch.full((10,), math.nan),
        torch.full((10,), 1.5),
        torch.full((4,), 0.5),
        torch.full((1, 10), 0.5),
    ],
)
def test_what_could_not_be_loaded_is_not_dumped(unit: torch.Tensor) -> None:
    patch = chains.build("FM", 0.5)
    with pytest.raises((ParameterError, PatchError)) as caught:
        dump("FM", patch, unit, CLOCK, 0.5)
    assert isinstance(caught.value, SynthgymError)
    assert "unit" in str(caught.value)


def custom_document() -> dict[str, Any]:
    patch = chains.build("FM", 0.5)
    return dump(None, patch, torch.full((patch.space.dimension,), 0.25), CLOCK)


def test_a_custom_patch_brings_its_graph() -> None:
    made = json.loads(json.dumps(custom_document(), allow_nan=False))
    assert made["format"] == GRAPH_FORMAT == "synthgym-patch-2"
    assert not {"chain", "duration_s"} & set(made)
    patch, unit, clock = load(made)
    assert patch == chains.build("FM", 0.5)
    assert clock == CLOCK
    assert unit.tolist() == [0.25] * patch.space.dimension


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("graph",), "FM", ["graph", "str"]),
        (("graph", "nodes", 0, "module"), "Lfo", ["graph", "node 'lfo'", "Did you mean 'LFO'?"]),
        (("unit",), [0.5], ["1 entries", "the graph"]),
    ],
)
def test_a_bad_custom_document_names_what_is_wrong(
    path: tuple[str | int, ...], value: object, words: list[str]
) -> None:
    bad = custom_document()
    place: Any = bad
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(PatchError) as caught:
        load(bad)
    for word in words:
        assert word in str(caught.value)
