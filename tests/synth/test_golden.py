"""A few sounds as they were: a change that moves them moves every published number.

Where a change is meant, write the numbers anew with `SYNTHGYM_WRITE_GOLDEN=1 pytest
tests/synth/test_golden.py` and raise the version of the tasks that it reaches.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from synthgym.losses import MelDistance
from synthgym.synth import Clock, Switch, chains
from synthgym.tasks import get_task, make_problem, task_ids

FILE = Path(__file__).with_name("golden.json")
WRITE = os.environ.get("SYNTHGYM_WRITE_GOLDEN") == "1"
CLOCK = Clock(16000, 16384)


def units(dimension: int) -> torch.Tensor:
    """Two points that need no generator: multiples of the golden ratio, modulo 1."""
    steps = np.arange(1, 2 * dimension + 1) * (np.sqrt(5) - 1) / 2
    return torch.tensor(np.mod(steps, 1.0).reshape(2, dimension), dtype=torch.float64)


def statistics(sound: np.ndarray, rate: int = CLOCK.sample_rate) -> dict[str, Any]:
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / rate)
    return {
        "rms": float(np.sqrt(np.mean(sound**2))),
        "centroid_hz": float((power * hz).sum() / power.sum()),
        "samples": sound[500 :: len(sound) // 16][:16].tolist(),
    }


def chain_entry(name: str) -> dict[str, Any]:
    patch = chains.build(name)
    specs = [spec for _, spec in patch.space.specs for _ in spec.entry_names]
    switches = torch.tensor([isinstance(spec, Switch) for spec in specs])
    unit = torch.where(switches, 1.0, units(patch.space.dimension))
    # In float64 a ladder walks through its samples one by one.
    audio = patch.render(unit, Clock(CLOCK.sample_rate, 2048) if name == "Mono" else CLOCK)
    distance = MelDistance(CLOCK.sample_rate)
    return {
        "sounds": [statistics(row.numpy()) for row in audio],
        "distance_db": float(distance(audio[:1], audio[1:])),
    }


def task_entry(id: str) -> dict[str, Any]:
    problem = make_problem(id, split="test", index=3)
    middle = np.full(get_task(id).dimension, 0.5)
    return {
        "target": statistics(problem.target.astype(np.float64), problem.clock.sample_rate),
        "distance_db": problem(middle),
    }


def golden(kind: str, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The kept numbers; where they are to be written, these."""
    document = json.loads(FILE.read_text()) if FILE.exists() else {}
    if WRITE:
        document.setdefault(kind, {})[name] = entry
        FILE.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    if name not in document.get(kind, {}):
        pytest.fail(f"no golden numbers for {kind} {name}; see this file's first lines")
    return dict(document[kind][name])


def check(found: dict[str, Any], kept: dict[str, Any], atol: float) -> None:
    assert found["rms"] == pytest.approx(kept["rms"], abs=atol)
    assert found["centroid_hz"] == pytest.approx(kept["centroid_hz"], rel=1e-4)
    np.testing.assert_allclose(found["samples"], kept["samples"], atol=atol)


@pytest.mark.parametrize("name", chains.names())
def test_chains_sound_as_they_did(name: str) -> None:
    entry = chain_entry(name)
    kept = golden("chains", name, entry)
    for found, expected in zip(entry["sounds"], kept["sounds"], strict=True):
        check(found, expected, atol=1e-6)
    assert entry["distance_db"] == pytest.approx(kept["distance_db"], abs=1e-6)


@pytest.mark.parametrize("id", task_ids())
def test_targets_and_distances_are_as_they_were(id: str) -> None:
    """In float32, as the suite renders: machines differ in the last digits."""
    entry = task_entry(id)
    kept = golden("tasks", id, entry)
    check(entry["target"], kept["target"], atol=1e-3)
    assert entry["distance_db"] == pytest.approx(kept["distance_db"], abs=1e-3)
