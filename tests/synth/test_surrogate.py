"""The surrogate gradient: the true sound, and by design not the true gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthgym.errors import ParameterError
from synthgym.synth import Clock, Linear, Node, Patch
from synthgym.synth.modules import (
    LFO,
    FMOscillator,
    Module,
    Oscillator,
    SurrogateFMOscillator,
    SurrogateLFO,
    SurrogateOscillator,
)

CLOCK = Clock(16000, 4000)
# Over less than a factor of 3: from further below, a sine is nearer to its own mirror at -f.
FREQ = Linear("freq", 700.0, 2000.0, unit="Hz")
UNITS = torch.linspace(0.05, 0.95, 41, dtype=torch.float64)[:, None]


def patch(module: Module) -> Patch:
    return Patch((Node("osc", module),))


def frequency_gradient(module: Module, target_unit: float, units: torch.Tensor) -> torch.Tensor:
    """Of the squared error to the same module's sound at `target_unit`."""
    target = patch(module).render(torch.tensor([[target_unit]], dtype=torch.float64), CLOCK)
    leaf = units.clone().requires_grad_()
    loss = (patch(module).render(leaf, CLOCK) - target).square().sum()
    return torch.autograd.grad(loss, leaf)[0][:, 0]


@pytest.mark.parametrize("shape", ["sine", "square", "saw", "triangle"])
def test_the_sound_is_the_true_one(shape: str) -> None:
    true = patch(Oscillator(shape, FREQ, 0.7)).render(UNITS, CLOCK)
    surrogate = patch(SurrogateOscillator(shape, FREQ, 0.7)).render(UNITS, CLOCK)
    torch.testing.assert_close(surrogate, true, atol=1e-12, rtol=0)

    lfo = Node("lfo", LFO("sine", 6.0))
    ports = {"modulator": "lfo"}
    both = [
        Patch((lfo, Node("fm", kind(shape, FREQ, 80.0, 0.7), ports))).render(UNITS, CLOCK)
        for kind in (FMOscillator, SurrogateFMOscillator)
    ]
    torch.testing.assert_close(both[1], both[0], atol=1e-12, rtol=0)


def test_the_gradient_is_not_the_sounds_by_design() -> None:
    module = SurrogateOscillator("sine", FREQ, 1.0)
    surrogate = frequency_gradient(module, 0.5, UNITS)
    true = frequency_gradient(Oscillator("sine", FREQ, 1.0), 0.5, UNITS)
    away = (UNITS[:, 0] - 0.5).abs() > 1e-3
    ratio = (surrogate / true)[away]
    assert bool(((ratio - 1).abs() > 0.1).all())


def test_it_is_the_derivative_of_a_damped_exponential() -> None:
    """d/dw Re(z^n), |z| = exp(-1 / (memory rate)), beside a loss of the true sound."""
    memory_s, freq_hz = 0.02, 901.5
    module = SurrogateOscillator("sine", FREQ, 1.0, memory_s=memory_s)
    unit = torch.tensor([[(freq_hz - 700) / 1300]], dtype=torch.float64, requires_grad=True)
    weights = torch.cos(torch.arange(4000, dtype=torch.float64) / 7)
    (gradient,) = torch.autograd.grad((patch(module).render(unit, CLOCK) * weights).sum(), unit)
    n = np.arange(4000)
    z = np.exp(-1 / (memory_s * 16000) + 2j * np.pi * freq_hz / 16000)
    # The sine is the real part of -1j z^n.
    by_angle = (1j * n * -1j * z**n).real
    expected = (by_angle * weights.numpy()).sum() * 2 * np.pi * 1300 / 16000
    assert float(gradient) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("target_unit", [0.3, 0.5, 0.7])
def test_it_points_to_the_target_from_far_away_where_the_true_one_does_not(
    target_unit: float,
) -> None:
    apart = UNITS[:, 0] - target_unit
    far = apart.abs() > 0.02
    surrogate = frequency_gradient(
        SurrogateOscillator("sine", FREQ, 1.0, memory_s=0.01), target_unit, UNITS
    )
    true = frequency_gradient(Oscillator("sine", FREQ, 1.0), target_unit, UNITS)
    assert bool((torch.sign(surrogate) == torch.sign(apart))[far].all())
    assert float((torch.sign(true) == torch.sign(apart))[far].double().mean()) < 0.8


def test_descent_finds_a_frequency_from_far_away() -> None:
    """With steps of falling length along the gradient's sign; the true one stays where it is."""
    ends = []
    for module in (
        SurrogateOscillator("sine", FREQ, 1.0, memory_s=0.01),
        Oscillator("sine", FREQ, 1.0),
    ):
        unit = torch.tensor([[0.9]], dtype=torch.float64)
        for step in range(60):
            unit = unit - 0.05 * 0.9**step * torch.sign(frequency_gradient(module, 0.4, unit))
        ends.append(abs(float(unit) - 0.4))
    assert ends[0] < 2e-3
    assert ends[1] > 0.1


def test_amplitude_keeps_its_true_gradient() -> None:
    amp = Linear("amp", 0.1, 1.0)
    unit = torch.tensor([[0.4]], dtype=torch.float64)
    grads = [
        torch.autograd.grad(patch(module).render(leaf, CLOCK).square().sum(), leaf)[0]
        for module in (Oscillator("sine", 440.0, amp), SurrogateOscillator("sine", 440.0, amp))
        for leaf in (unit.clone().requires_grad_(),)
    ]
    torch.testing.assert_close(grads[0], grads[1])


def test_fm_without_a_modulator_is_the_steady_surrogate() -> None:
    grads = []
    for module in (
        SurrogateOscillator("sine", FREQ, 1.0),
        SurrogateFMOscillator("sine", FREQ, 9.0, 1.0),
    ):
        leaf = UNITS.clone().requires_grad_()
        loss = patch(module).render(leaf, CLOCK)[:, ::7].sum()
        grads.append(torch.autograd.grad(loss, leaf)[0])
    torch.testing.assert_close(grads[0], grads[1])


def test_what_makes_no_sense_is_refused() -> None:
    for kind in (SurrogateOscillator, SurrogateLFO, SurrogateFMOscillator):
        with pytest.raises(ParameterError, match="memory_s is 0"):
            kind("sine", memory_s=0.0)
        with pytest.raises(ParameterError, match="no naive form"):
            kind("sine", naive=True)
