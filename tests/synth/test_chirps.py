"""The exponential chirp: its frequency, its end, its gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.synth import Clock, Linear
from synthgym.synth.dsp.chirps import exponential_chirp
from synthgym.synth.modules import Chirp

CLOCK = Clock(44100, 44100)


def chirp(speed: float, pitch: float, clock: Clock = CLOCK, naive: bool = False) -> np.ndarray:
    at = (torch.tensor([value], dtype=torch.float64) for value in (speed, pitch))
    return exponential_chirp(*at, clock, naive)[0].numpy()


@pytest.mark.parametrize("naive", [False, True])
@pytest.mark.parametrize(("speed", "pitch"), [(1.0, 30.0), (6.0, 70.0), (9.0, 100.0)])
def test_phase_is_the_integral_of_the_frequency(speed: float, pitch: float, naive: bool) -> None:
    """Summed over steps a hundred times finer than a sample, by Simpson's rule."""
    fine = np.arange(0, 44100 * 100 + 1) / (44100 * 100)
    hz = np.exp(speed * fine) + pitch
    step = 1 / (44100 * 100)
    pairs = (hz[:-2:2] + 4 * hz[1:-1:2] + hz[2::2]) * step / 3
    cycles = np.concatenate([[0], np.cumsum(pairs)])[::50][:44100]
    np.testing.assert_allclose(
        chirp(speed, pitch, naive=naive), np.sin(2 * np.pi * cycles), atol=1e-7
    )


def test_it_is_silent_from_the_nyquist_frequency_on() -> None:
    sound, closed = chirp(15.0, 50.0), chirp(15.0, 50.0, naive=True)
    time_s = np.arange(44100) / 44100
    hz = np.exp(15 * time_s) + 50
    np.testing.assert_array_equal(sound[hz >= CLOCK.nyquist_hz], 0)
    below = hz < 0.9 * CLOCK.nyquist_hz
    np.testing.assert_array_equal(sound[below], closed[below])
    assert np.abs(closed[hz >= CLOCK.nyquist_hz]).max() > 0.99


def test_the_closed_form_folds_back() -> None:
    """At 30 kHz it is heard at 14.1 kHz."""
    speed = math.log(30000.0) / 0.5
    piece = chirp(speed, 0.001, naive=True)[22050 - 32 : 22050 + 32]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(64), 4096))
    assert np.argmax(spectrum) / 4096 * 44100 == pytest.approx(14100, abs=500)


@pytest.mark.parametrize("naive", [False, True])
def test_however_long_it_stays_finite(naive: bool) -> None:
    sound = chirp(20.0, 100.0, Clock(1000, 60_000), naive)
    assert np.isfinite(sound).all()


@pytest.mark.parametrize("speed", [3.0, 11.0])
def test_gradient_is_the_true_one(speed: float) -> None:
    """Also through the fade, which the faster of the two reaches."""
    probe = torch.sin(torch.arange(44100.0, dtype=torch.float64) / 7)

    def measured(at: Tensor) -> Tensor:
        return (exponential_chirp(at[:1], at[1:], CLOCK)[0] * probe).sum()

    at = torch.tensor([speed, 60.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(measured(at), at)
    for entry in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[entry] = 1e-7
        with torch.no_grad():
            slope = (measured(at + step) - measured(at - step)) / 2e-7
        torch.testing.assert_close(gradient[entry], slope, rtol=1e-4, atol=1e-3)


def test_a_speed_that_can_be_0_is_refused() -> None:
    with pytest.raises(ParameterError, match="above 0"):
        Chirp(speed=Linear("speed", 0.0, 1.0))
    with pytest.raises(ParameterError, match="above 0"):
        Chirp(speed=-1.0)


def test_it_fades_by_a_half_cosine_over_the_last_tenth() -> None:
    sound, closed = chirp(11.0, 50.0), chirp(11.0, 50.0, naive=True)
    share = (np.exp(11 * np.arange(44100) / 44100) + 50) / CLOCK.nyquist_hz
    for at, gain in ((0.9, 1.0), (0.925, 0.5 + math.sqrt(0.125)), (0.95, 0.5), (0.999, 0.0)):
        near = np.abs(share - at) < 5e-4
        assert near.sum() > 1
        np.testing.assert_allclose(sound[near], gain * closed[near], atol=0.02)
