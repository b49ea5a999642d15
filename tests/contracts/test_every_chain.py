"""What holds for every chain: finite sounds and gradients wherever one may stand in the cube."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgym.losses import MelDistance
from synthgym.synth import Clock, Patch, chains
from synthgym.synth.document import dump, load

CHAINS = chains.names()
# Level 8 times 0.3, as the comparison that they are from has it; two of these in the second.
LOUD = {"DX7Alg1": 2.4, "DX7Alg2": 4.8, "DX7Alg3": 2.4, "AMNoise": 5.0}
# White noise has the same power at any sample rate, so that a filter lets through less of a wider
# band.
NOISY = ("FILTER_ONLY", "Mono", "BandpassNoise")
# Rises beyond any Nyquist frequency, and is silent from there on.
RISING = ("Chirplet",)


def corners(dimension: int, most: int = 128) -> torch.Tensor:
    """All corners of the unit cube, or many of them; the all-0, all-1 and middle points too."""
    if 2**dimension <= most:
        found = np.array(list(itertools.product((0.0, 1.0), repeat=dimension)))
    else:
        found = np.random.default_rng(0).integers(0, 2, (most, dimension)).astype(float)
    extra = np.array([[value] * dimension for value in (0.0, 1.0, 0.5)])
    return torch.tensor(np.concatenate([found, extra]), dtype=torch.float32)


def check_finite(name: str, patch: Patch, unit: torch.Tensor, clock: Clock) -> None:
    leaf = unit.clone().requires_grad_()
    audio = patch.render(leaf, clock)
    assert audio.shape == (len(unit), clock.n_samples)
    assert bool(torch.isfinite(audio).all())
    assert float(audio.detach().abs().max()) < LOUD.get(name, 2) * (1 + 1e-6)
    (gradient,) = torch.autograd.grad(audio.square().mean(1).sum(), leaf)
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize(
    ("rate", "n_samples", "most"),
    [(8000, 129, 1024), *((rate, n, 128) for rate in (8000, 44100) for n in (1, 7, 127, 128))],
)
def test_every_corner_is_finite_at_odd_clocks(
    name: str, rate: int, n_samples: int, most: int
) -> None:
    clock = Clock(rate, n_samples)
    patch = chains.build(name, clock.duration_s)
    check_finite(name, patch, corners(patch.space.dimension, most), clock)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_many_corners_are_finite_at_the_suites_length(name: str, rate: int) -> None:
    clock = Clock(rate, 16384)
    patch = chains.build(name, clock.duration_s)
    unit = corners(patch.space.dimension)
    chosen = np.random.default_rng(rate).choice(
        len(unit) - 3, min(12, len(unit) - 3), replace=False
    )
    check_finite(name, patch, torch.cat([unit[chosen], unit[-3:]]), clock)


@pytest.mark.parametrize("name", CHAINS)
def test_distances_and_their_gradients_are_finite_at_corners(name: str) -> None:
    """Also to a target that lies in a corner itself, and to silence."""
    clock = Clock(16000, 2048)
    patch = chains.build(name, clock.duration_s)
    unit = corners(patch.space.dimension)
    chosen = torch.cat([unit[np.random.default_rng(0).choice(len(unit) - 3, 29)], unit[-3:]])
    distance = MelDistance(clock.sample_rate)
    for target in (patch.render(chosen[:1], clock), torch.zeros(1, 2048)):
        leaf = chosen.clone().requires_grad_()
        values = distance(patch.render(leaf, clock), target)
        (gradient,) = torch.autograd.grad(values.sum(), leaf)
        assert bool(torch.isfinite(values).all())
        assert bool((values >= 0).all())
        assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("name", CHAINS)
@settings(max_examples=15)
@given(data=st.data())
def test_any_point_of_the_cube_is_finite(name: str, data: st.DataObject) -> None:
    clock = Clock(16000, 500)
    patch = chains.build(name, clock.duration_s)
    entries = st.lists(
        st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.5, 5e-324, 1 - 2**-53])),
        min_size=patch.space.dimension,
        max_size=patch.space.dimension,
    )
    rows = data.draw(st.lists(entries, min_size=1, max_size=3))
    check_finite(name, patch, torch.tensor(rows, dtype=torch.float64), clock)


@pytest.mark.parametrize("name", CHAINS)
def test_every_continuous_entry_can_be_heard(name: str) -> None:
    """No entry is dead everywhere: from 40 points, moving it changes the sound of some."""
    clock = Clock(16000, 4096)
    patch = chains.build(name, clock.duration_s)
    generator = torch.Generator().manual_seed(0)
    unit = torch.rand(40, patch.space.dimension, generator=generator)
    audio = patch.render(unit, clock)
    for i, entry in enumerate(patch.space.names):
        moved = unit.clone()
        moved[:, i] = 1 - moved[:, i]
        change = (patch.render(moved, clock) - audio).square().mean(1)
        assert bool((change > 1e-8).any()), entry


@pytest.mark.parametrize("name", CHAINS)
def test_positions_and_names_are_unique(name: str) -> None:
    patch = chains.build(name)
    names = patch.space.names
    assert len(set(names)) == len(names) == patch.space.dimension
    cells = [node.position for node in patch.nodes if node.position is not None]
    assert len(set(cells)) == len(cells)


@pytest.mark.parametrize("name", CHAINS)
def test_documents_round_trip(name: str) -> None:
    clock = Clock(16000, 1000)
    patch = chains.build(name, 2.0)
    unit = corners(patch.space.dimension)[:6][-1].double()
    loaded, again, same = load(dump(name, patch, unit, clock, 2.0))
    assert same == clock
    assert torch.equal(loaded.render(again[None], clock), patch.render(unit[None], clock))


@pytest.mark.parametrize("name", [name for name in CHAINS if name not in (*NOISY, *RISING)])
def test_a_chain_is_as_loud_at_any_sample_rate(name: str) -> None:
    """Times and frequencies are in seconds and hertz; all that differs is the highest octave."""
    generator = torch.Generator().manual_seed(4)
    patch = chains.build(name, 0.5)
    unit = torch.rand(12, patch.space.dimension, generator=generator)
    slow, fast = (
        patch.render(unit, Clock(rate, rate // 2)).reshape(12, 10, -1).square().mean(2).sqrt()
        for rate in (16000, 48000)
    )
    assert bool(((slow - fast).abs() < 0.2 * fast + 0.01).all())
