"""DiffMoog's presets and chains: reproduced where its own code renders, defined where it cannot."""

from __future__ import annotations

import copy
import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from synthgym.errors import PatchError
from synthgym.synth import Clock, Switch, chains
from synthgym.synth.chains import from_diffmoog
from synthgym.synth.chains.diffmoog_cells import CHAINS
from synthgym.synth.modules import ADSR, SVF, FMOscillator, Noise, Oscillator

REFERENCES = [
    f"{name}-{i}"
    for name in (
        "fm_dx7",
        "lfo_saw",
        "lfo_sin",
        "lfo_square",
        "modular",
        "no_filter",
        "osc",
        "osc_adsr",
        "osc_filter",
        "osc_tremolo",
        "reduced_simple_filter",
        "saw_square_mix",
        "saw_square_mix_filter",
        "two_lfo_saw",
    )
    for i in (0, 1)
]
# Whose hard edges fall on samples, to within the rounding of the reference's float32 phases.
ON_EDGE = (
    "lfo_square-1",
    "modular-0",
    "modular-1",
    "saw_square_mix-0",
    "saw_square_mix_filter-0",
    "saw_square_mix_filter-1",
    "two_lfo_saw-1",
)


@pytest.fixture(scope="module")
def bench(repository: Path) -> ModuleType:
    """benchmarks/diffmoog_reference.py as a module."""
    path = repository / "benchmarks" / "diffmoog_reference.py"
    spec = importlib.util.spec_from_file_location("diffmoog_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["diffmoog_reference"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def references(bench: ModuleType, shared_dir: Path) -> dict[str, Any]:
    return {name: (document, sound) for name, document, sound in bench.references(shared_dir)}


@pytest.mark.shared
def test_every_reference_is_tested(references: dict[str, Any]) -> None:
    assert set(references) == {*REFERENCES, "example adsr", "example lfo_sine"}


@pytest.mark.shared
@pytest.mark.parametrize("name", REFERENCES)
def test_renders_are_reproduced(bench: ModuleType, references: dict[str, Any], name: str) -> None:
    row = bench.compare(name, *references[name])
    assert row.apart < 1e-3
    if name in ON_EDGE:
        assert row.n_undefined < 0.05 * 16000
        assert row.correlation > 0.999
        assert row.n_wrong <= 50
    else:
        assert row.error < 1e-3
        assert row.correlation > 0.999999


@pytest.mark.shared
@pytest.mark.parametrize("name", ["adsr", "lfo_sine"])
def test_published_sounds_are_reproduced(
    bench: ModuleType, references: dict[str, Any], name: str
) -> None:
    """Their clock includes the endpoint; without accounting for it they drift apart."""
    document, sound = references[f"example {name}"]
    row = bench.compare(name, document, sound)
    # The reference's phase is in float32 radians: 12566 of them at the end of the second.
    assert row.error < (1e-3 if name == "adsr" else 3e-3)
    assert row.correlation > 0.999999
    exact = bench.compare(name, {**document, "clock_includes_endpoint": False}, sound)
    assert exact.correlation < 0.98


PRESET: dict[str, Any] = {
    "chain": "OSC_ADSR",
    "sample_rate": 16000,
    "duration_s": 0.25,
    "cells": {
        "0,0": {
            "op": "osc",
            "params": {"amp": 0.5, "freq": 440.0, "waveform": "square", "phase": math.pi / 2},
        },
        "0,1": {
            "op": "env_adsr",
            "params": {
                "attack_t": 0.05,
                "decay_t": 0.05,
                "sustain_t": 0.1,
                "sustain_level": 0.5,
                "release_t": 0.05,
            },
        },
    },
}


def test_a_preset_becomes_names_and_units_of_this_project() -> None:
    patch, unit = from_diffmoog(PRESET)
    found = {
        f"{node}.{name}": entry["value"]
        for node, group in patch.space.describe(unit).items()
        for name, entry in group.items()
    }
    assert found["osc.shape"] == "square"
    assert found["osc.freq"] == pytest.approx(440.0)
    assert found["osc.phase"] == pytest.approx(0.25)
    assert found["env.hold"] == pytest.approx(0.2)
    # Each stage is a hundred thousandth of the sound longer.
    assert found["env.release"] == pytest.approx(0.05 + 0.25e-5)
    audio = patch.render(unit[None], Clock(16000, 4000))[0]
    assert float(audio[800]) == pytest.approx(0.5, rel=1e-3)
    assert float(audio[3999].abs()) < 1e-3


def test_depth_is_the_index_in_hz() -> None:
    preset = {
        "chain": "FM",
        "sample_rate": 22050,
        "duration_s": 0.1,
        "cells": {
            "0,0": {"op": "lfo", "params": {"freq": 5.0, "waveform": "sine"}},
            "0,1": {
                "op": "fm",
                "params": {"freq_c": 440.0, "waveform": "sawtooth", "mod_index": 0.05},
            },
        },
    }
    patch, unit = from_diffmoog(preset)
    depth = patch.space.describe(unit)["fm"]["depth"]["value"]
    assert depth == pytest.approx(0.05 * 22050 / (2 * math.pi))


def test_a_filter_is_of_the_kind_that_it_names() -> None:
    """Under the cutoff a lowpass leaves a sine as it is, and a highpass nothing of it."""
    levels = []
    for kind in ("low_pass", "high_pass"):
        cells: dict[str, Any] = {
            "0,0": {"op": "lfo", "params": {"freq": 1.0, "waveform": "sine"}},
            "0,1": {
                "op": "fm",
                "params": {"freq_c": 440.0, "waveform": "sine", "mod_index": 0.0},
            },
            "0,2": {"op": "filter", "params": {"filter_freq": 2000.0, "filter_type": kind}},
        }
        preset = {"chain": "FM_FILTER", "sample_rate": 16000, "duration_s": 0.25, "cells": cells}
        patch, unit = from_diffmoog(preset)
        audio = patch.render(unit[None], Clock(16000, 4000))
        levels.append(float(audio[:, 200:-200].abs().max()))
    assert levels == pytest.approx([1.0, 0.0], abs=1e-3)


def test_a_cell_that_the_original_lacks_is_refused() -> None:
    preset = {
        "chain": "FILTER_ONLY",
        "sample_rate": 16000,
        "duration_s": 0.25,
        "cells": {"0,1": {"op": "noise"}},
    }
    with pytest.raises(PatchError, match="noise is no operation of the original"):
        from_diffmoog(preset)


def test_activity_is_a_switch() -> None:
    cells: dict[str, Any] = {
        "0,0": {"op": "lfo_sine", "params": {"freq": 5.0}},
        "1,1": {
            "op": "fm_lfo",
            "params": {
                "freq_c": 9.0,
                "waveform": "sine",
                "fm_lfo_mod_index": 0.005,
                "active": [True],
                "fm_active": [False],
            },
        },
        "0,2": {"op": "fm_saw", "params": {"freq_c": 440.0, "mod_index": 0.05, "amp_c": 0.5}},
    }
    preset = {"chain": "TWO_LFO_SAW", "sample_rate": 16000, "duration_s": 0.1, "cells": cells}
    patch, unit = from_diffmoog(preset)
    found = patch.space.describe(unit)
    assert found["fm_lfo"]["modulator_from_lfo"]["value"] is False
    assert found["fm"]["modulator_from_fm_lfo"]["value"] is True


def changed(*path: str, value: Any) -> dict[str, Any]:
    preset = copy.deepcopy(PRESET)
    at: Any = preset
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return preset


OSC = ("cells", "0,0", "params")


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ([], ["list", "object"]),
        (changed("chain", value="OSC_ADSK"), ["'OSC_ADSK'", "Did you mean 'OSC_ADSR'"]),
        (changed("cells", value=None), ["cells", "missing"]),
        (changed("cells", "0,1", value=None), ["0,1", "env_adsr"]),
        (changed("cells", "5,5", value={}), ["'5,5'", "OSC_ADSR"]),
        (changed("cells", "0,0", "op", value="lfo"), ["0,0", "'lfo'", "'osc'"]),
        (changed(*OSC, "freq", value=None), ["(0, 0)", "osc", "freq"]),
        (changed(*OSC, "waveform", value="sine wave"), ["osc", "sine wave"]),
        (changed(*OSC, "freq", value=[1.0, 2.0]), ["freq", "[1.0, 2.0]", "finite number"]),
        (changed(*OSC, "freq", value=math.nan), ["freq", "nan"]),
        (changed(*OSC, "freq", value=9000.0), ["freq", "9000", "2300"]),
        (changed(*OSC, "freq", value="high"), ["freq"]),
        (changed("sample_rate", value=None), ["sample_rate"]),
        (changed("duration_s", value=0), ["duration_s", "above 0"]),
    ],
)
def test_bad_presets_are_refused_by_name(preset: Any, words: list[str]) -> None:
    with pytest.raises(PatchError) as caught:
        from_diffmoog(preset)
    for word in words:
        assert word in str(caught.value)


def test_all_36_chains_are_there_in_their_places() -> None:
    assert len(chains.diffmoog_names()) == 36
    for name in chains.diffmoog_names():
        patch = chains.build(name)
        placed = {node.position for node in patch.nodes if node.position is not None}
        assert placed == {cell.position for cell in CHAINS[name]}, name
        for cell in CHAINS[name]:
            assert all(layer < cell.position[1] for layer in layers_before(name, cell.name)), name


def layers_before(chain: str, name: str) -> list[int]:
    """The layers of a cell's inputs."""
    at = {cell.name: cell for cell in CHAINS[chain]}
    control = at[name].control
    sources = [*at[name].audio, *([getattr(control, "source", control)] if control else [])]
    return [at[str(source)].position[1] for source in sources]


def test_the_suites_names_are_other_names_of_the_same_chains() -> None:
    for suite, original in (("Modular", "MODULAR"), ("Subtractive", "REDUCED_SIMPLE_FILTER")):
        assert chains.build(suite) == chains.build(original)
    assert len(set(chains.names())) == len(chains.names()) == 36 + 10


def test_what_cannot_run_in_the_original_has_the_meaning_that_is_documented() -> None:
    def module(chain: str, node: str) -> object:
        return next(n.module for n in chains.build(chain).nodes if n.name == node)

    assert isinstance(module("FILTER_ONLY", "noise"), Noise)
    assert isinstance(module("BASIC_FLOW_NO_FILTER", "env"), ADSR)
    assert isinstance(module("OSC_FILTER_SHAPER", "shaper"), SVF)
    for chain, node in (("FM_ONLY", "fm"), ("REDUCED", "saw")):
        assert isinstance(module(chain, node), Oscillator)
    assert isinstance(module("FM", "fm"), FMOscillator)


def test_switches_of_the_modular_chain() -> None:
    switches = [
        f"{node}.{spec.name}"
        for node, spec in chains.build("MODULAR").space.specs
        if isinstance(spec, Switch)
    ]
    carriers = [
        f"{shape}.{entry}"
        for shape in ("sine", "saw", "square")
        for entry in ("active", "modulator_from_fm_lfo")
    ]
    assert switches == ["fm_lfo.modulator_from_lfo", *carriers, "tremolo.active"]


def test_all_off_is_silence() -> None:
    patch = chains.build("MODULAR")
    unit = torch.full((1, patch.space.dimension), 0.7, dtype=torch.float64)
    for i, entry in enumerate(patch.space.names):
        if entry.endswith(".active"):
            unit[0, i] = 0.0
    assert float(patch.render(unit, Clock(16000, 2000)).abs().max()) == 0.0
