"""Butterworth filters against SciPy, their gain, and their gradient."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch
from torch import Tensor

from synthgym.errors import ParameterError, UnknownNameError
from synthgym.synth import Clock, Linear, Node, Patch
from synthgym.synth.dsp.butterworth import butterworth
from synthgym.synth.modules import Butterworth, Noise

CLOCK = Clock(44100, 6000)


def white(n_rows: int, dtype: torch.dtype = torch.float64) -> Tensor:
    draw = np.random.default_rng(0).uniform(-1, 1, (n_rows, CLOCK.n_samples))
    return torch.as_tensor(draw).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mode", ["lowpass", "highpass"])
@pytest.mark.parametrize("order", [1, 2, 3, 7, 10])
def test_it_is_scipys(mode: str, order: int, dtype: torch.dtype) -> None:
    """At the ends of the published ranges too; SciPy's sections keep their digits at 30 Hz."""
    cutoff_hz = [30.0, 60.0, 1234.5, 5000.0, 6000.0, 20000.0]
    audio = white(len(cutoff_hz), dtype)
    filtered = butterworth(mode, order, audio, torch.tensor(cutoff_hz, dtype=dtype), CLOCK)
    for row, cutoff in enumerate(cutoff_hz):
        sections = scipy.signal.butter(order, cutoff, mode, fs=CLOCK.sample_rate, output="sos")
        expected = scipy.signal.sosfilt(sections, audio[row].double().numpy())
        atol = 1e-9 if dtype == torch.float64 else 1e-5
        np.testing.assert_allclose(filtered[row].double().numpy(), expected, atol=atol)


@pytest.mark.parametrize(("mode", "beyond_hz"), [("lowpass", 2000), ("highpass", 125)])
@pytest.mark.parametrize("order", [3, 10])
def test_slope_is_6_db_an_octave_for_each_order(mode: str, beyond_hz: int, order: int) -> None:
    clock = Clock(44100, 44100)
    impulse = torch.zeros(1, clock.n_samples, dtype=torch.float64)
    impulse[0, 0] = 1
    cutoff = torch.tensor([500.0], dtype=torch.float64)
    response = butterworth(mode, order, impulse, cutoff, clock)
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(response[0].numpy())[[500, beyond_hz]]))
    assert gain_db[0] == pytest.approx(-3.0103, abs=1e-3)
    # Two octaves; the bilinear transform bends them a little.
    assert gain_db[1] / order == pytest.approx(-12.04, abs=0.1)


@pytest.mark.parametrize("mode", ["lowpass", "highpass"])
@pytest.mark.parametrize("order", [3, 10])
def test_gradient_by_cutoff_is_the_true_one(mode: str, order: int) -> None:
    audio = white(1)
    probe = torch.sin(torch.arange(CLOCK.n_samples, dtype=torch.float64))

    def measured(cutoff: Tensor) -> Tensor:
        return (butterworth(mode, order, audio, cutoff, CLOCK)[0].square() * probe).sum()

    for hz in (40.0, 700.0, 5000.0):
        cutoff = torch.tensor([hz], dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(measured(cutoff), cutoff)
        step = 1e-5 * hz
        with torch.no_grad():
            slope = (measured(cutoff + step) - measured(cutoff - step)) / (2 * step)
        torch.testing.assert_close(gradient[0], slope, rtol=1e-5, atol=1e-9)


def test_gradient_in_float32_is_that_in_float64() -> None:
    """The compiled kernels against the recursion in torch, through seven sections."""
    low, high = (Linear("cutoff", *ends, "Hz") for ends in ((60.0, 6000.0), (30.0, 5000.0)))
    patch = Patch(
        (
            Node("noise", Noise(amp=1.0)),
            Node("low", Butterworth("lowpass", 3, low), {"audio": "noise"}),
            Node("high", Butterworth("highpass", 10, high), {"audio": "low"}),
        )
    )
    gradients = []
    for dtype in (torch.float32, torch.float64):
        unit = torch.tensor([[0.6, 0.1], [0.3, 0.02]], dtype=dtype, requires_grad=True)
        loudness = patch.render(unit, CLOCK).square().mean(1)
        gradients.append(torch.autograd.grad(loudness.sum(), unit)[0].double())
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("order", [0, -1, 33, 2.0, True])
def test_orders_that_do_not_exist_are_refused(order: int) -> None:
    with pytest.raises(ParameterError, match="1 to 32"):
        Butterworth(order=order)


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'lowpass'"):
        Butterworth("lowpas")
