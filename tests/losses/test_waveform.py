"""Losses that hear phase: cases by hand, and auraloss where it has the same."""

from __future__ import annotations

import math
from typing import Any

import auraloss
import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.waveform import SISDR, ComplexSpectrumDistance, WaveformDistance

N = 4096


def tone(freq_hz: float, phase: float = 0.0, amp: float = 0.5, n: int = N) -> Tensor:
    """A sine; the phase is in cycles."""
    at = freq_hz * torch.arange(n).double() / 16000
    return amp * torch.sin(2 * math.pi * (at + phase))[None]


def noise(batch: int = 1, seed: int = 0, n: int = N) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, n, generator=generator, dtype=torch.float64)


def test_samples_by_hand() -> None:
    sound = torch.tensor([[1.0, -1.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    target = torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    assert WaveformDistance(1)(sound, target).tolist() == [1.0, 0.5]
    assert WaveformDistance(2)(sound, target).tolist() == [1.5, 0.5]
    with pytest.raises(ParameterError, match="norm is 3"):
        WaveformDistance(3)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="same length"):
        WaveformDistance()(sound, target[:, :3])


@pytest.mark.parametrize("ratio_db", [-20.0, 0.0, 15.0])
def test_distortion_at_a_right_angle(ratio_db: float) -> None:
    """Whole cycles of sine and cosine: the cosine's power against the sine's is the ratio."""
    target, other = tone(500.0), tone(500.0, 0.25, amp=0.5 * 10 ** (-ratio_db / 20))
    assert float(SISDR()(target + other, target)) == pytest.approx(-ratio_db, abs=1e-4)
    # Neither gain nor sign of either matters.
    assert float(SISDR()(-3 * (target + other), 0.1 * target)) == pytest.approx(-ratio_db, abs=1e-4)


def test_the_ratio_is_bounded_and_silence_says_nothing() -> None:
    sine, cosine, silence = tone(500.0), tone(500.0, 0.25), torch.zeros(1, N).double()
    assert float(SISDR(ceiling_db=60)(sine, sine)) == pytest.approx(-60, abs=1e-4)
    assert float(SISDR(ceiling_db=60)(cosine, sine)) == pytest.approx(60, abs=1e-4)
    for sound, target in ((silence, sine), (silence, silence)):
        leaf = sound.clone().requires_grad_()
        value = SISDR()(leaf, target)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
        assert value.item() == 0.0
        assert not slope.any()
    assert float(SISDR()(sine, silence)) == pytest.approx(80.0, abs=1e-4)


@pytest.mark.parametrize("zero_mean", [True, False])
def test_equals_auraloss(zero_mean: bool) -> None:
    sounds, targets = noise(3, 1) + 0.05, noise(3, 2) + 0.2
    sounds = sounds + 0.3 * targets
    theirs: Any = auraloss.time.SISDRLoss(zero_mean=zero_mean, reduction="none")
    expected = theirs(sounds[:, None], targets[:, None]).flatten()
    torch.testing.assert_close(SISDR(zero_mean)(sounds, targets), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("phase", "factor"), [(0.5, 2.0), (0.25, math.sqrt(2)), (1.0, 0.0)])
def test_complex_spectra_of_shifted_sines(phase: float, factor: float) -> None:
    """A sine at the middle of a bin fills three bins of a Hann window, with 1/4, 1/2, 1/4 of it.

    Times amplitude: bins of 0.125, 0.25 and 0.125 of 129; the ends are mirrored, hence only about.
    """
    loss = ComplexSpectrumDistance(n_fft=256, hop=64)
    shifted, target = tone(1000.0, phase, n=16384), tone(1000.0, n=16384)
    value = float(loss(shifted, target))
    assert value == pytest.approx(factor * 0.5 / 129, rel=0.04, abs=1e-12)
    squared = float(ComplexSpectrumDistance(256, 64, norm=2)(shifted, target))
    bins = 0.125**2 + 0.25**2 + 0.125**2
    assert squared == pytest.approx(factor**2 * bins / 129, rel=0.04, abs=1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        WaveformDistance(1),
        WaveformDistance(2),
        SISDR(),
        SISDR(zero_mean=False, ceiling_db=20),
        ComplexSpectrumDistance(64, 16),
        ComplexSpectrumDistance(63, 20, norm=2),
    ],
)
def test_slopes(loss: Any) -> None:
    target = noise(1, 1, 150)
    sounds = noise(2, 2, 150).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, target), sounds, eps=1e-7, atol=1e-5)
