"""Scattering: an independent reckoning, chirps and their direction, tremolo, silence, slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.scattering import TimeFrequencyScattering

N = 16384
LOSS = TimeFrequencyScattering()
SMALL = TimeFrequencyScattering(
    1000, n_octaves=3, per_octave=4, rates_hz=(8.0, 16.0), scales=(1.0,), window_s=0.25
)


def tone(freq_hz: Tensor | float, amp: Tensor | float = 0.5, phase: float = 0.0) -> Tensor:
    """A sine of a frequency and amplitude that may vary over time; the phase is in cycles."""
    freq = torch.as_tensor(freq_hz, dtype=torch.float64).expand(N)
    return amp * torch.sin(2 * math.pi * (freq.cumsum(0) / 16000 + phase))[None]


TIME_S = torch.arange(N).double() / 16000
UP, DOWN = (tone(500 * 2 ** (2 * t)) for t in (TIME_S, 1.024 - TIME_S))


def noise(batch: int = 1, seed: int = 0, n: int = 1000) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, n, generator=generator, dtype=torch.float64)


def morlet(freq: np.ndarray, centre: float, width: float) -> np.ndarray:
    bell = np.exp(-0.5 * ((freq - centre) / width) ** 2)
    return np.asarray(
        bell - np.exp(-0.5 * (centre / width) ** 2) * np.exp(-0.5 * (freq / width) ** 2)
    )


def width(per_octave: int) -> float:
    step = 2 ** (1 / per_octave)
    return float((step - 1) / (step + 1) / math.sqrt(math.log(2)))


def windows(n: int, size: float) -> np.ndarray:
    """Hann windows of sum 1, half overlapping, at full sampling."""
    middles = np.arange(size / 2, n - size / 2 + 1e-6, size / 2)
    at = (np.arange(n)[:, None] - middles) / size
    bells = np.where(np.abs(at) < 0.5, np.cos(np.pi * at) ** 2, 0)
    return np.asarray(bells / bells.sum(0))


def scalogram(sound: np.ndarray) -> np.ndarray:
    """At full sampling, 12 filters from 400 Hz down, 1280 samples with the silence after it."""
    freq = np.fft.fftfreq(1280, 1 / 1000)
    rows = []
    for k in range(12):
        centre = 400 * 2 ** (-k / 4)
        gains = 2 * morlet(freq, centre, centre * width(4)) * (freq > 0)
        rows.append(np.abs(np.fft.ifft(np.fft.fft(sound, 1280) * gains)))
    return np.array(rows)


def test_first_order_equals_plain_convolutions() -> None:
    sound = noise()
    expected = scalogram(sound[0].numpy())[:, :1000] @ windows(1000, 250)
    first = SMALL.embed(sound).first[0].numpy()
    assert first.shape == (12, 7)
    assert np.allclose(first, expected, rtol=0.03)


def test_second_order_equals_plain_convolutions() -> None:
    """Ripples of 8 per second and 1 per octave, upward, of all filters in a window."""
    sound = noise()
    picture = scalogram(sound[0].numpy())
    freq = np.fft.fftfreq(1280, 1 / 1000)
    gains = 2 * morlet(freq, 8, 8 * width(1))
    gains[freq < 0] = 0
    moved = np.fft.ifft(np.fft.fft(picture) * gains)
    # The wavelet along the filters: its spectrum, summed up, between -2 and 2 cycles per octave.
    scale = (np.arange(-2000, 2000) + 0.5) / 1000
    steps = np.arange(12)[:, None] - np.arange(12)
    spectrum = morlet(scale, 1, width(1))
    kernel = (spectrum * np.exp(2j * np.pi * scale * steps[..., None] / 4)).sum(-1) / 4000
    ripples = np.abs(kernel @ moved)[:, :1000] @ windows(1000, 250)
    octave = np.arange(12) / 4
    regions = []
    for middle in (0.5, 1.0, 1.5, 2.0, 2.5):
        bell = np.where(np.abs(octave - middle) < 0.5, np.cos(np.pi * (octave - middle)) ** 2, 0)
        regions.append(bell / bell.sum() @ ripples)
    second = SMALL.embed(sound).second[0].numpy()
    # For each rate no ripple in frequency, upward and downward.
    assert second.shape == (6, 5, 7)
    expected = np.array(regions)
    assert np.abs(second[1] - expected).max() < 0.03 * expected.max()
    assert np.abs(second[2] - expected).max() > 0.1 * expected.max()


def test_a_sine_in_the_middle_of_a_filter() -> None:
    """Three octaves under 6400 Hz, 24 filters from the highest; the modulus is the amplitude."""
    first = LOSS.embed(tone(800.0)).first[0]
    assert first.argmax(0).tolist() == [24] * 7
    assert torch.allclose(first[24], torch.full((7,), 0.5).double(), rtol=2e-3)


def test_chirps_know_their_direction() -> None:
    energies = {}
    for name, sound in (("up", UP), ("down", DOWN)):
        pairs = LOSS.embed(sound).second[0].mean((1, 2)).view(6, 7)
        energies[name] = pairs[:3, 1::2].sum(), pairs[:3, 2::2].sum()
    assert energies["up"][0] > 5 * energies["up"][1]
    assert energies["down"][1] > 5 * energies["down"][0]
    # Though both fill the same bands, to the same amount.
    first = [LOSS.embed(sound).first[0].mean(1) for sound in (UP, DOWN)]
    assert torch.allclose(*first, atol=0.05 * float(first[0].max()))


@pytest.mark.parametrize("rate_hz", [8.0, 32.0])
def test_tremolo_is_at_its_rate(rate_hz: float) -> None:
    depth = 0.25 * (1 + torch.cos(2 * math.pi * rate_hz * TIME_S))
    pairs = LOSS.embed(tone(1000.0, depth)).second[0].mean((1, 2)).view(6, 7)
    assert LOSS.rates_hz[int(pairs.sum(1).argmax())] == rate_hz


def test_neither_phase_matters() -> None:
    assert float(LOSS(tone(800.0, phase=0.3), tone(800.0))) < 0.02
    slow, shifted = (
        0.25 * (1 + torch.cos(2 * math.pi * (16 * TIME_S + phase))) for phase in (0.0, 0.5)
    )
    moved = float(LOSS(tone(800.0, shifted), tone(800.0, slow)))
    steady = float(LOSS(tone(800.0, 0.25), tone(800.0, slow)))
    assert moved < 0.3 * steady


def test_range_and_level() -> None:
    silence = torch.zeros(1, N, dtype=torch.float64)
    assert float(LOSS(UP, DOWN)) == pytest.approx(float(LOSS(DOWN, UP)), rel=1e-12)
    assert 0.5 < float(LOSS(UP, DOWN)) < 1
    assert float(LOSS(UP, UP)) == 0
    assert float(LOSS(0.5 * UP, UP)) == pytest.approx(1 / 3, rel=1e-3)
    for sound, target in ((UP, silence), (silence, UP)):
        assert float(LOSS(sound, target)) == pytest.approx(1, rel=1e-3)


def test_each_order_counts_for_half() -> None:
    sound, target = noise(seed=3), 0.3 * noise(seed=4)
    own, other = SMALL.embed(sound), SMALL.embed(target)
    shares = []
    for a, b in ((own.first, other.first), (own.second, other.second)):
        shares.append(np.abs((a - b).numpy()).sum() / (a + b).numpy().sum())
    assert abs(shares[0] - shares[1]) > 0.01, "else any weights would do"
    assert float(SMALL(sound, target)) == pytest.approx(np.mean(shares), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_silence_is_finite(dtype: torch.dtype) -> None:
    silence, sound = torch.zeros(1, 1000, dtype=dtype), noise().to(dtype)
    for own, target in ((silence, sound), (sound, silence), (silence, silence)):
        leaf = own.clone().requires_grad_()
        value = SMALL(leaf, target)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
        assert bool(value.isfinite().all()) and bool(slope.isfinite().all())


def test_slope() -> None:
    target, sounds = noise(1, 1, 150), noise(1, 2, 150).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: SMALL(s, target), sounds, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_any_length(n: int) -> None:
    value = SMALL(noise(2, 1, n), noise(1, 2, n))
    assert value.shape == (2,)
    assert bool((value > 0).all()) and bool((value < 1).all())


def test_what_cannot_be() -> None:
    with pytest.raises(ParameterError, match="rates_hz is"):
        TimeFrequencyScattering(16000, rates_hz=(3000.0,))
    with pytest.raises(ParameterError, match="up to half of per_octave"):
        TimeFrequencyScattering(scales=(8.0,))
    with pytest.raises(ParameterError, match="n_octaves is 0"):
        TimeFrequencyScattering(n_octaves=0)
    with pytest.raises(ParameterError, match="same length"):
        SMALL(noise(n=1000), noise(n=2000))
