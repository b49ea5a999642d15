"""Patches with the surrogate's gradient: the same parameters and sounds, another derivative."""

from __future__ import annotations

import pytest
import torch

from synthgym.synth import Clock, Linear, Node, Patch, chains
from synthgym.synth.modules import (
    FMLFO,
    LFO,
    FMOscillator,
    Oscillator,
    SurrogateFMOscillator,
    SurrogateLFO,
    SurrogateOscillator,
)
from synthgym.synth.modules.surrogate import surrogate_of
from synthgym.synth.surrogates import surrogate_patch
from synthgym.tasks.catalogue import CATALOGUE

CLOCK = Clock(16000, 2000)
WITHOUT = {"SawSquare", "BandpassNoise", "Chirplet", "DX7Alg1", "DX7Alg2", "DX7Alg3"}
CHAINS = [entry.chain for entry in CATALOGUE.values()]


def units(patch: Patch, n: int = 8) -> torch.Tensor:
    return torch.rand(n, patch.space.dimension, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("name", CHAINS)
def test_same_entries_and_same_sound_to_the_bit(name: str) -> None:
    patch = chains.build(name, CLOCK.duration_s)
    surrogate = surrogate_patch(patch)
    assert (surrogate is None) == (name in WITHOUT)
    if surrogate is None:
        return
    assert surrogate.space == patch.space
    assert surrogate.output == patch.output
    unit = units(patch)
    true = patch.render(unit, CLOCK)
    assert torch.equal(surrogate.render(unit, CLOCK), true)
    assert torch.equal(surrogate.render(unit.requires_grad_(), CLOCK).detach(), true)


@pytest.mark.parametrize("name", ["Osc", "FM", "TwoLFO", "BasicFlow"])
def test_pitch_has_another_gradient_and_what_comes_after_it_the_same(name: str) -> None:
    patch = chains.build(name, CLOCK.duration_s)
    surrogate = surrogate_patch(patch)
    assert surrogate is not None
    slopes = []
    for each in (patch, surrogate):
        unit = units(patch).requires_grad_()
        each.render(unit, CLOCK).square().sum().backward()
        assert unit.grad is not None
        slopes.append(unit.grad)
    names = patch.space.names
    for i, entry in enumerate(names):
        true, other = slopes[0][:, i], slopes[1][:, i]
        if not true.any():
            continue
        # Of a source's own amplitude and of all after it, the damping changes nothing.
        same = torch.allclose(true, other, rtol=1e-3, atol=1e-4 * float(true.abs().max()))
        if entry.endswith((".freq", ".depth")):
            assert not same, entry
        elif entry.startswith(("env.", "filter.")):
            assert same, entry


def test_slow_ones_remember_longer_and_the_rest_of_a_module_stays() -> None:
    slow, pitched = SurrogateLFO().memory_s, SurrogateOscillator().memory_s
    assert slow > pitched
    for module, kind, memory_s in (
        (Oscillator("saw", amp=0.5, phase=0.25), SurrogateOscillator, pitched),
        (Oscillator("sine", Linear("freq", 1.0, 20.0), amp=1.0), SurrogateOscillator, slow),
        (Oscillator("sine", 3.0), SurrogateOscillator, slow),
        (LFO("sine"), SurrogateLFO, slow),
        (FMOscillator("square", depth=7.0), SurrogateFMOscillator, pitched),
        (FMLFO(), SurrogateFMOscillator, slow),
    ):
        found = surrogate_of(module)
        assert type(found) is kind
        assert found.memory_s == memory_s
        assert found.specs == module.specs
        assert {**found.constants} == module.constants
        assert found.shape == module.shape


def test_naive_waveforms_have_none() -> None:
    naive = Oscillator("saw", naive=True)
    assert surrogate_of(naive) is None
    assert surrogate_patch(Patch((Node("osc", naive),))) is None
