"""What holds for every chain."""

from __future__ import annotations

import math

import pytest
import torch

from synthgym.errors import ParameterError, UnknownNameError
from synthgym.synth import Clock, Linear, Log, Patch, chains

# 0.128 s; envelopes scale with it.
CLOCK = Clock(16000, 2048)


def chain(name: str) -> Patch:
    return chains.build(name, CLOCK.duration_s)


def units(patch: Patch, n: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, patch.space.dimension, generator=generator, dtype=dtype)


def test_unknown_chains_and_durations_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'Subtractive'") as caught:
        chains.build("subtractiv")
    for bad in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ParameterError, match="duration_s"):
            chains.build("FM", bad)
    listed = str(caught.value).partition("Known: ")[2].rstrip(".").split(", ")
    assert len(listed) == len(set(listed)) > len(chains.names())  # with DiffMoog's own names


@pytest.mark.parametrize("name", chains.names())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_batch_is_a_loop_of_ones(name: str, dtype: torch.dtype) -> None:
    patch = chain(name)
    unit = units(patch, 9, dtype=dtype)
    together = patch.render(unit, CLOCK)
    alone = torch.cat([patch.render(unit[i : i + 1], CLOCK) for i in range(9)])
    assert together.dtype == dtype
    assert float((together - alone).abs().max()) <= 1e-6


@pytest.mark.parametrize("name", chains.names())
def test_rows_do_not_know_each_other(name: str) -> None:
    patch = chain(name)
    unit = units(patch, 8)
    audio = patch.render(unit, CLOCK)
    order = torch.tensor([5, 0, 0, 7, 3, 1, 5])
    torch.testing.assert_close(patch.render(unit[order], CLOCK), audio[order], atol=1e-6, rtol=0)
    other = unit.clone()
    other[2] = 1.0 - other[2]
    changed = patch.render(other, CLOCK)
    assert not torch.equal(changed[2], audio[2])
    torch.testing.assert_close(changed[[0, 1, 3, 4]], audio[[0, 1, 3, 4]], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", chains.names())
def test_gradients_of_a_row_come_from_its_own_sound(name: str) -> None:
    patch = chain(name)
    unit = units(patch, 6, dtype=torch.float64).requires_grad_()
    audio = patch.render(unit, CLOCK)
    # Off its middle, so that a row whose sources are off has a gradient too: by its switches.
    (gradient,) = torch.autograd.grad((audio[3] + 0.1).square().sum(), unit)
    assert bool((gradient[3] != 0).any())
    assert bool((gradient[[0, 1, 2, 4, 5]] == 0).all())
    row = unit[3:4].detach().requires_grad_()
    (alone,) = torch.autograd.grad((patch.render(row, CLOCK) + 0.1).square().sum(), row)
    torch.testing.assert_close(gradient[3:4], alone)


@pytest.mark.parametrize("name", chains.names())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sound_is_the_same_with_and_without_gradients(name: str, dtype: torch.dtype) -> None:
    patch = chain(name)
    unit = units(patch, 12, dtype=dtype)
    without = patch.render(unit, CLOCK)
    assert not without.requires_grad
    with_gradients = patch.render(unit.clone().requires_grad_(), CLOCK)
    assert with_gradients.requires_grad
    torch.testing.assert_close(with_gradients.detach(), without, atol=1e-6, rtol=0)
    with torch.inference_mode():
        inferred = patch.render(unit, CLOCK).clone()
    torch.testing.assert_close(inferred, without, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", chains.names())
def test_rendering_is_deterministic_and_draws_no_chance(name: str) -> None:
    patch = chain(name)
    unit = units(patch, 4)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first = patch.render(unit, CLOCK)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert torch.equal(patch.render(unit, CLOCK), first)
    assert torch.equal(chain(name).render(unit, CLOCK), first)


@pytest.mark.parametrize("name", chains.names())
def test_the_unit_vector_is_left_alone(name: str) -> None:
    patch = chain(name)
    unit = units(patch, 3)
    before = unit.clone()
    audio = patch.render(unit, CLOCK)
    assert torch.equal(unit, before)
    taps = patch.render(unit, CLOCK, taps=True).taps
    for signal in taps.values():
        signal.zero_()
    assert torch.equal(patch.render(unit, CLOCK), audio)


@pytest.mark.parametrize("name", chains.names())
def test_float32_is_close_to_float64(name: str) -> None:
    patch = chain(name)
    unit = units(patch, 32)
    single = patch.render(unit, CLOCK).double()
    double = patch.render(unit.double(), CLOCK)
    # Apart from jumps, where a millionth of a cycle counts for more.
    apart = (single - double).abs()
    # Modulation by up to 8 radians, three times over, multiplies rounding by up to 512.
    scale = 100 if name.startswith("DX7Alg") else 1
    assert float(apart.max()) < 2e-2 * scale
    assert float(apart.mean()) < 1e-5 * scale


@pytest.mark.parametrize("name", chains.names())
def test_a_slice_of_a_wider_tensor_renders_the_same(name: str) -> None:
    """Optimizers hand over views, transposed or strided."""
    patch = chain(name)
    unit = units(patch, 4)
    expected = patch.render(unit, CLOCK)
    wide = torch.zeros(patch.space.dimension, 8)
    wide[:, ::2] = unit.T
    view = wide.T[::2]
    assert not view.is_contiguous()
    torch.testing.assert_close(patch.render(view, CLOCK), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", chains.names())
def test_taps_name_every_node(name: str) -> None:
    patch = chain(name)
    rendered = patch.render(units(patch, 2), CLOCK, taps=True)
    assert set(rendered.taps) == {node.name for node in patch.nodes}
    assert rendered.audio is rendered.taps[patch.output]
    assert {signal.shape for signal in rendered.taps.values()} == {(2, CLOCK.n_samples)}


@pytest.mark.parametrize("name", chains.names())
def test_a_longer_clock_goes_on_where_the_shorter_stops(name: str) -> None:
    """Time is that of the clock's samples: no chain looks at its length.

    The lowpass looks ahead by its kernel's half length, so the end is left out.
    """
    patch = chain(name)
    unit = units(patch, 4, dtype=torch.float64)
    short, long = (patch.render(unit, Clock(16000, n)) for n in (1500, 2700))
    torch.testing.assert_close(long[:, :800], short[:, :800], atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", chains.names())
def test_forward_mode_agrees_with_backward_mode(name: str) -> None:
    patch = chain(name)
    clock = Clock(16000, 600)
    unit = units(patch, 3, dtype=torch.float64)
    # Choices and switches are straight-through in backward mode alone.
    specs = [spec for _, spec in patch.space.specs for _ in spec.entry_names]
    free = torch.tensor([float(isinstance(spec, Linear | Log)) for spec in specs]).double()
    weights = units(patch, 3, seed=1, dtype=torch.float64) * free
    probe = torch.sin(torch.arange(600.0, dtype=torch.float64))
    leaf = unit.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((patch.render(leaf, clock) * probe).sum(), leaf)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(unit, weights)
        out = (patch.render(dual, clock) * probe).sum()
        tangent = torch.autograd.forward_ad.unpack_dual(out).tangent
    torch.testing.assert_close(tangent, (gradient * weights).sum(), rtol=1e-6, atol=1e-9)
