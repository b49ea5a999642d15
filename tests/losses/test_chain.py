"""The chain loss, the parameter loss and their sum (arXiv 2401.12570, equations 1 to 4)."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from synthgym import Clock
from synthgym.errors import ParameterError, UnknownNameError
from synthgym.losses import (
    AtRate,
    ChainLoss,
    MatchingLoss,
    ParameterLayout,
    ParameterLoss,
    Ramp,
    Stage,
    build,
    chain_loss,
    presets,
    published,
)
from synthgym.losses.resampling import at_rate
from synthgym.synth import chains

CLOCK = Clock()


def layout_of(name: str) -> ParameterLayout:
    space = chains.build(name).space
    return ParameterLayout.of(
        (type(spec).__name__, len(spec.entry_names)) for _, spec in space.specs
    )


def units(name: str, batch: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, chains.build(name).space.dimension, generator=generator).double()


def test_stages_add_up_with_their_weights() -> None:
    taps = {"a": torch.randn(2, 3000), "b": torch.randn(2, 3000), "c": torch.randn(2, 3000)}
    others = {name: torch.randn(1, 3000) for name in taps}
    one, other = published.magnitude(), build("cumsum_freq")
    loss = ChainLoss((Stage("a", one), Stage("c", other, 0.25)))
    expected = one(taps["a"], others["a"]) + 0.25 * other(taps["c"], others["c"])
    torch.testing.assert_close(loss(taps, others), expected)
    assert set(loss.embed(taps)) == {"a", "c"}
    same = chain_loss(("a",), one, ("c",), other)
    assert [(s.node, s.loss) for s in same.stages] == [("a", one), ("c", other)]


def test_the_taps_of_a_patch_are_compared_down_to_its_parameters() -> None:
    """A detuned modulator is heard at every stage after it and not before."""
    patch = chains.build("OscTremolo")
    unit, target = units("OscTremolo", 2, 0), units("OscTremolo", 1, 1)
    nodes = tuple(patch.render(target, CLOCK, taps=True).taps)
    control = AtRate(presets.control("cumsum_freq", hop=32))
    low = tuple(node for node in nodes if "lfo" in node)
    loss = chain_loss(
        tuple(node for node in nodes if node not in low), published.magnitude(), low, control
    )
    assert low
    assert len(nodes) > len(low)
    kept = loss.embed(patch.render(target, CLOCK, taps=True).taps)
    leaf = unit.requires_grad_()
    values = loss.compare(loss.embed(patch.render(leaf, CLOCK, taps=True).taps), kept)
    (slope,) = torch.autograd.grad(values.sum(), leaf)
    assert values.shape == (2,)
    assert bool((values > 0).all())
    assert bool(torch.isfinite(slope).all())
    assert bool((slope != 0).any(0).sum() > 2)
    assert float(loss.compare(loss.embed(patch.render(target, CLOCK, taps=True).taps), kept)) == 0


def test_a_tap_that_is_not_there_is_named() -> None:
    loss = ChainLoss((Stage("osc", published.magnitude()),))
    with pytest.raises(UnknownNameError, match="Did you mean 'osc1'"):
        loss.embed({"osc1": torch.zeros(1, 100)})
    with pytest.raises(ParameterError, match="taps is a Tensor; give the signals by node"):
        loss.embed(torch.zeros(1, 100))  # type: ignore[arg-type]
    for shape in ((100,), (2, 3, 100), (2, 0)):
        with pytest.raises(ParameterError, match=r"audio has shape"):
            AtRate(published.magnitude()).embed(torch.zeros(shape))
    with pytest.raises(ParameterError, match="each one once"):
        ChainLoss((Stage("a", published.magnitude()), Stage("a", published.magnitude())))
    with pytest.raises(ParameterError, match="control"):
        chain_loss(("a",), published.magnitude(), ("b",))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_a_control_signal_comes_through_and_audio_does_not(rate: int) -> None:
    n = rate
    at = torch.arange(n).double() / rate
    slow, fast = (torch.sin(2 * math.pi * hz * at)[None] for hz in (5, 80))
    there = torch.arange(100).double() / 100
    kept = at_rate(slow, rate, 100)
    assert kept.shape == (1, 100)
    inner = slice(6, -6)
    expected = torch.sin(2 * math.pi * 5 * there)
    torch.testing.assert_close(kept[0, inner], expected[inner], rtol=0, atol=2e-3)
    assert float(at_rate(fast, rate, 100)[0, inner].abs().max()) < 2e-3
    constant = at_rate(torch.full((2, 77), 0.3).double(), rate, 100)
    torch.testing.assert_close(constant, torch.full_like(constant, 0.3))


def test_resampling_is_linear_and_differentiable() -> None:
    signal = torch.randn(2, 3000, dtype=torch.float64).requires_grad_()
    out = at_rate(signal, 16000, 100)
    pull = torch.randn_like(out)
    (slope,) = torch.autograd.grad((out * pull).sum(), signal)
    assert float((slope * signal).sum().detach()) == pytest.approx(
        float((out * pull).sum().detach())
    )
    assert at_rate(signal, 16000, 16000) is signal


def test_parameters_by_hand() -> None:
    """Two numbers, a choice of two and a switch; logits are entries over the temperature."""
    layout = ParameterLayout.of([("Linear", 1), ("Choice", 2), ("Switch", 1), ("Log", 1)])
    assert layout == ParameterLayout((0, 4), ((1, 3),), (3,), dimension=5)
    unit = torch.tensor([[0.2, 0.9, 0.4, 0.7, 0.5]])
    target = torch.tensor([[0.5, 0.1, 0.3, 0.0, 0.9]])
    of_choice = math.log(1 + math.exp((0.9 - 0.4) / 0.5))  # the second option is right
    of_switch = math.log(1 + math.exp((0.7 - 0.5) / 0.5))  # off is right
    l1 = ParameterLoss(layout, temperature=0.5)
    assert float(l1(unit, target)) == pytest.approx(0.3 + 0.4 + of_choice + of_switch, rel=1e-6)
    on = target.clone()
    on[0, 3] = 0.5  # from here on, as a Switch has it
    of_on = math.log(1 + math.exp((0.5 - 0.7) / 0.5))
    assert float(l1(unit, on)) == pytest.approx(0.3 + 0.4 + of_choice + of_on, rel=1e-6)
    l2 = replace(l1, norm=2)
    assert float(l2(unit, target)) == pytest.approx(0.09 + 0.16 + of_choice + of_switch, rel=1e-6)


@pytest.mark.parametrize("name", ["FM", "Subtractive", "Modular"])
def test_parameters_of_a_patch(name: str) -> None:
    """Every entry belongs to a parameter; the gradient is that of the value; one target serves."""
    layout = layout_of(name)
    space = chains.build(name).space
    n_chosen = sum(end - first for first, end in layout.choices)
    assert len(layout.continuous) + n_chosen + len(layout.switches) == space.dimension
    for first, end in layout.choices:
        stems = {entry.split("=")[0] for entry in space.names[first:end]}
        assert len(stems) == 1
    loss = ParameterLoss(layout, norm=2)
    unit, target = units(name, 3, 0), units(name, 1, 1)
    leaf = unit.clone().requires_grad_()
    values = loss(leaf, target)
    assert values.shape == (3,)
    (slope,) = torch.autograd.grad(values.sum(), leaf)
    direction, step = units(name, 3, 2) - 0.5, 1e-6
    moved = loss(unit + step * direction, target) - loss(unit - step * direction, target)
    torch.testing.assert_close(moved / (2 * step), (slope * direction).sum(1), rtol=1e-6, atol=1e-8)
    assert bool((slope != 0).all())
    each = torch.cat([loss(unit[i : i + 1], target) for i in range(3)])
    torch.testing.assert_close(values, each)


def test_sure_and_right_is_near_zero() -> None:
    loss = ParameterLoss(ParameterLayout.of([("log", 1), ("choice", 3)]), temperature=0.05)
    right = torch.tensor([[0.4, 0.0, 1.0, 0.0]])
    assert float(loss(right, right)) < 1e-6
    wrong = torch.tensor([[0.4, 1.0, 0.0, 0.0]])
    assert float(loss(wrong, right)) == pytest.approx(20, rel=1e-3)


def test_the_sum_follows_a_schedule_outside() -> None:
    """Equation 4; `beta` moves from step to step and the target stays embedded."""
    patch, name = chains.build("FM"), "FM"
    unit, target = units(name, 2, 0), units(name, 1, 1)
    taps, target_taps = (patch.render(u, CLOCK, taps=True).taps for u in (unit, target))
    parameters = ParameterLoss(layout_of(name))
    chain = ChainLoss((Stage(patch.output, published.magnitude()),))
    loss, ramp = MatchingLoss(parameters, chain), Ramp(10, 20, high=2.0)
    kept = loss.embed(target, target_taps)
    for step, beta in ((0, 0.0), (10, 0.0), (15, 1.0), (20, 2.0), (99, 2.0)):
        assert ramp(step) == beta
        now = replace(loss, beta=ramp(step))
        expected = parameters(unit, target) + beta * chain(taps, target_taps)
        torch.testing.assert_close(now.compare(now.embed(unit, taps), kept), expected)


def test_layouts_and_schedules_that_cannot_be_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'linear'"):
        ParameterLayout.of([("Liner", 1)])
    with pytest.raises(ParameterError, match="two parameters"):
        ParameterLayout((0, 1), ((1, 3),), dimension=3)
    with pytest.raises(ParameterError, match="from 0 to 1"):
        ParameterLayout((0, 2), dimension=2)
    with pytest.raises(ParameterError, match="temperature"):
        ParameterLoss(ParameterLayout((0,), dimension=1), temperature=0)
    with pytest.raises(ParameterError, match=r"\(batch, 1\)"):
        ParameterLoss(ParameterLayout((0,), dimension=1)).embed(torch.zeros(2, 3))
    with pytest.raises(ParameterError, match="in order"):
        Ramp(5, 4)
    with pytest.raises(ParameterError, match="rate_hz"):
        AtRate(published.magnitude(), rate_hz=0)
