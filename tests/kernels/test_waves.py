"""The inlined parts of the kernels, one by one: against the torch functions and differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from synthgym import kernels
from synthgym.synth import Clock
from synthgym.synth.dsp.control import control_clock, glide_tone
from synthgym.synth.dsp.oscillators import waveform
from synthgym.synth.dsp.tones import fm_tone, tone

pytest.importorskip("numba", reason="the extra 'fast' (numba) is not installed")

SHAPES = ("saw", "square", "triangle")
# Off the phases at which a spline's pieces meet.
PHASES = np.linspace(-1.237, 2.411, 61)
WIDTHS = (0.011, 0.083, 0.17, 0.2249)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    kernels.compile_all()
    assert kernels.ready()


def draw(*shape: int, low: float, high: float, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", WIDTHS)
def test_waveforms_are_those_of_torch(shape: str, width: float) -> None:
    wave = getattr(kernels.module("waves"), shape)
    found = [wave(phase, 1 / width) for phase in PHASES]
    phase, increment = torch.tensor(PHASES)[None], torch.full((1, 1), width, dtype=torch.float64)
    np.testing.assert_allclose(found, waveform(shape)(phase, increment)[0].numpy(), atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", WIDTHS)
def test_slopes_are_those_of_the_waveforms(shape: str, width: float) -> None:
    """By width, too, which in a long sound is little beside what the phase does."""
    waves = kernels.module("waves")
    wave, slopes = getattr(waves, shape), getattr(waves, f"{shape}_slopes")
    step = 1e-6
    for phase in PHASES:
        by_phase = wave(phase + step, 1 / width) - wave(phase - step, 1 / width)
        by_width = wave(phase, 1 / (width + step)) - wave(phase, 1 / (width - step))
        found = slopes(phase, 1 / width)
        expected = by_phase / (2 * step), by_width / (2 * step)
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-4 / width)


def gradient_errors(
    function: Callable[..., Tensor], arguments: list[Tensor], weights: Tensor
) -> list[float]:
    """Of the kernels' gradients in float32, relative to those of torch in float64."""
    found = []
    for dtype in (torch.float32, torch.float64):
        leaves = [a.to(dtype).requires_grad_() for a in arguments]
        loss = (function(*leaves) * weights.to(dtype)).sum()
        found.append(torch.autograd.grad(loss, leaves))
    return [
        float((fast.double() - slow).norm() / slow.norm())
        for fast, slow in zip(*found, strict=True)
    ]


@pytest.mark.parametrize("n_samples", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_very_short_tones(shape: str, n_samples: int) -> None:
    """Where the width of the steps has as much to say as the phase."""
    clock, n = Clock(16000, n_samples), 64
    one = torch.ones(n, 1, dtype=torch.float32)
    freq, depth = draw(n, low=500, high=3500, seed=0), draw(n, low=50, high=400, seed=1)
    start, amp = draw(n, low=0, high=1, seed=2), draw(n, low=0.1, high=1, seed=3)
    modulator = draw(n, n_samples, low=-1, high=1, seed=4)
    weights = draw(n, n_samples, low=-1, high=1, seed=5)

    def steady(*own: Tensor) -> Tensor:
        return tone(one.to(own[0].dtype), (shape,), *own, clock)

    def modulated(*own: Tensor) -> Tensor:
        return fm_tone(one.to(own[0].dtype), (shape,), *own, clock)

    assert max(gradient_errors(steady, [freq, start, amp], weights)) < 1e-3
    bent = [freq, depth, start, amp, modulator]
    assert max(gradient_errors(modulated, bent, weights)) < 1e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_glides_in_a_later_block(shape: str) -> None:
    """Of the 129th sample alone, 128 samples after its point."""
    clock, n, hop = Clock(16000, 129), 64, 300
    one = torch.ones(n, 1, dtype=torch.float32)
    points = draw(n, control_clock(clock, 320).n_samples, low=1000, high=3500, seed=0)
    start, amp = draw(n, low=0, high=1, seed=1), draw(n, low=0.1, high=1, seed=2)
    weights = torch.zeros(n, 129, dtype=torch.float64)
    weights[:, 128] = draw(n, low=-1, high=1, seed=3)

    def glide(*own: Tensor) -> Tensor:
        return glide_tone(one.to(own[0].dtype), (shape,), own[0], hop, own[1], own[2], clock)

    assert max(gradient_errors(glide, [points, start, amp], weights)) < 1e-3


@pytest.mark.parametrize("share", [1e-3, 0.01, 0.1, 0.22, 0.23, 1.0, 4.0])
@pytest.mark.parametrize("drive", [0.1, 1.0, 5.0])
def test_the_derivative_by_drive_loses_no_digits_in_small_signals(
    share: float, drive: float
) -> None:
    """Of tanh(d e) / d: a difference of numbers that are all but the same where d e is small."""
    single = np.float32
    d, e = float(single(drive)), float(single(share / drive))
    found = kernels.module("ladder").by_drive_of(single(d), single(e), single(math.tanh(d * e) / d))
    wide = np.longdouble
    exact = (wide(e) * (1 - np.tanh(wide(d) * wide(e)) ** 2) - np.tanh(wide(d) * wide(e)) / d) / d
    assert float(found) == pytest.approx(float(exact), rel=1e-3 if share > 0.2 else 1e-5)
