"""Spectral transport: cases by hand, SciPy's and a plain reckoning, level, silence, slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from torch import Tensor

from synthgym.errors import ParameterError, UnknownNameError
from synthgym.losses.frame_cells import frame_cells
from synthgym.losses.transport import SpectralTransport, wasserstein_1, wasserstein_2_squared
from synthgym.synth.dsp.oscillators import waveform

N = 4096
RATE = 16000
LEVEL_FREE = SpectralTransport(level_weight=0.0)


def tone(freq_hz: float | Tensor, amp: float = 0.5, n: int = N, shape: str = "sine") -> Tensor:
    increment = torch.as_tensor(freq_hz, dtype=torch.float64).reshape(-1, 1) / RATE
    phase = increment * torch.arange(n).double() + 0.1
    return amp * waveform(shape)(phase - phase.detach().floor(), increment)


def noise(n: int = N, batch: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, n, generator=generator, dtype=torch.float64)


def cdf(*weights: float) -> Tensor:
    summed = torch.tensor(weights, dtype=torch.float64).cumsum(0)
    return summed / summed[-1]


LINE = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)


def test_three_places_by_hand() -> None:
    """All at 0, against half at 1 and half at 3: carried by 1 and by 3."""
    at_zero, apart = cdf(1, 0, 0), cdf(0, 1, 1)
    assert float(wasserstein_1(at_zero, apart, LINE)) == 2.0
    assert float(wasserstein_2_squared(at_zero, apart, LINE)) == 5.0
    # Half stays at 0, a quarter is carried from 1 to 3, and a quarter stays at 1.
    assert float(wasserstein_1(cdf(2, 2, 0), cdf(2, 1, 1), LINE)) == 0.5
    assert float(wasserstein_2_squared(cdf(2, 2, 0), cdf(2, 1, 1), LINE)) == 1.0


def reckoned(p: np.ndarray, q: np.ndarray, at: np.ndarray, order: int) -> float:
    """Mass handed from the lowest place to the lowest place, bit by bit."""
    p, q, i, j, cost = p / p.sum(), q / q.sum(), 0, 0, 0.0
    p, q = p.copy(), q.copy()
    while i < len(p) and j < len(q):
        moved = min(p[i], q[j])
        cost += moved * abs(at[i] - at[j]) ** order
        p[i], q[j] = p[i] - moved, q[j] - moved
        if p[i] <= q[j]:
            i += 1
        else:
            j += 1
    return cost


@given(st.integers(0, 10**6), st.booleans())
def test_equals_a_plain_reckoning(seed: int, with_ties: bool) -> None:
    rng = np.random.default_rng(seed)
    at = np.sort(rng.uniform(0, 5, 12))
    p, q = rng.integers(0, 4, (2, 12)).astype(float) if with_ties else rng.uniform(0, 1, (2, 12))
    p[rng.integers(12)] += 1
    q[rng.integers(12)] += 1
    steps = cdf(*p), cdf(*q), torch.tensor(at)
    assert float(wasserstein_1(*steps)) == pytest.approx(reckoned(p, q, at, 1), abs=1e-12)
    assert float(wasserstein_1(*steps)) == pytest.approx(wasserstein_distance(at, at, p, q))
    assert float(wasserstein_2_squared(*steps)) == pytest.approx(reckoned(p, q, at, 2), abs=1e-12)


def test_the_slope_of_squared_transport() -> None:
    rng = np.random.default_rng(3)
    at = torch.tensor(np.sort(rng.uniform(0, 5, 9)))
    weights = torch.tensor(rng.uniform(0.1, 1, (2, 4, 9)), requires_grad=True)
    target = torch.tensor(rng.uniform(0.1, 1, (1, 4, 9)), requires_grad=True)

    def cost(own: Tensor, other: Tensor) -> Tensor:
        own, other = own.cumsum(-1), other.cumsum(-1)
        return wasserstein_2_squared(own / own[..., -1:], other / other[..., -1:], at)

    assert torch.autograd.gradcheck(cost, (weights, target), check_forward_ad=True)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [("log", 1.0), ("linear", 0.5), ("mel", 2.595 * math.log10((1 + 10 / 7) / (1 + 5 / 7)))],
)
def test_a_sine_an_octave_up_is_as_far_as_its_frequency(axis: str, expected: float) -> None:
    """500 and 1000 Hz."""
    for order in (1, 2):
        loss = SpectralTransport(axis=axis, order=order, level_weight=0.0)
        value = float(loss(tone(1000.0), tone(500.0)))
        # The first frame begins in silence, which spreads the spectra of both.
        assert value == pytest.approx(expected**order, rel=0.01)


def test_distance_keeps_growing_where_bins_no_longer_overlap() -> None:
    octaves = [float(LEVEL_FREE(tone(220 * 2**k), tone(220.0))) for k in (0.25, 1, 2, 3, 4)]
    assert octaves == pytest.approx([0.25, 1, 2, 3, 4], rel=0.02)


def test_level_does_not_matter_to_transport_and_is_counted_apart() -> None:
    sound, target = tone(700.0), tone(300.0)
    for factor in (1e-3, 0.1, 10.0):
        assert float(LEVEL_FREE(factor * sound, target)) == pytest.approx(
            float(LEVEL_FREE(sound, target)), rel=1e-9
        )
    # 20 dB at 0.05 octaves per dB.
    for exponent in (1, 2):
        loss = SpectralTransport(exponent=exponent)
        assert float(loss(0.1 * target, target)) == pytest.approx(1.0, rel=2e-3)


def test_a_silent_frame_is_the_noise_that_is_left_of_it() -> None:
    """Frames silent on one side cost the way from the partial to the noise.

    On the log axis from 20 Hz to the Nyquist frequency, with the tone at its lower end, noise
    lies half the axis away on average. The level of those frames is 80 dB lower. 13 of 31 frames
    of 2048 samples, one every 512, have no sample before 8192.
    """
    target = tone(20.0, n=16384)
    sound = target.clone()
    sound[:, 8192:] = 0
    axis = math.log2(8000 / 20)
    transport = float(LEVEL_FREE(sound, target))
    silent = 13 / 31
    assert transport == pytest.approx(silent * axis / 2, rel=0.05)
    with_level = float(SpectralTransport(level_weight=0.01)(sound, target))
    assert with_level - transport == pytest.approx(0.01 * 80 * silent, rel=0.05)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_silence_is_finite_on_either_side(order: int, dtype: torch.dtype) -> None:
    loss = SpectralTransport(order=order)
    sounds = [torch.zeros(1, N, dtype=dtype), tone(440.0).to(dtype), 1e-15 * noise().to(dtype)]
    for sound in sounds:
        for target in sounds:
            leaf = sound.clone().requires_grad_()
            value = loss(leaf, target)
            (slope,) = torch.autograd.grad(value.sum(), leaf)
            assert value.isfinite().all() and slope.isfinite().all()
            if sound is target:
                assert value.item() == 0.0
            elif sounds[1] is sound or sounds[1] is target:
                assert value.item() > 1


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("exponent", [1, 2])
def test_slope_by_the_samples(order: int, exponent: int) -> None:
    loss = SpectralTransport(order=order, exponent=exponent, n_fft=256)
    target = loss.embed(noise(700, seed=1))
    sound = noise(700, seed=2)
    direction = noise(700, seed=3)
    leaf = sound.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss.compare(loss.embed(leaf), target).sum(), leaf)
    step = 1e-7
    ahead, back = (loss.compare(loss.embed(sound + s * direction), target) for s in (step, -step))
    difference = float(ahead - back) / (2 * step)
    assert float((slope * direction).sum()) == pytest.approx(difference, rel=1e-4)


@pytest.mark.parametrize("exponent", [1, 2])
@pytest.mark.parametrize("n", [5, 100, 700])
def test_slope_of_the_cells(exponent: int, n: int) -> None:
    for n_fft, hop in ((32, 8), (15, 4)):
        sound = noise(n)[:, :n].requires_grad_()
        assert torch.autograd.gradcheck(
            lambda audio, n_fft=n_fft, hop=hop: frame_cells(audio, n_fft, hop, exponent)[:, :6],
            sound,
            check_forward_ad=True,
        )


def test_cells_against_frames_one_by_one() -> None:
    n, n_fft, hop = 100, 16, 6
    sound = noise(n)[0]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    rows = []
    for centre in range(0, n - n_fft // 2 + 1, hop):
        frame = np.array(
            [float(sound[i]) if i >= 0 else 0.0 for i in range(centre - 8, centre + 8)]
        )
        rows.append(np.abs(np.fft.rfft(frame * window)) * 2 / n_fft)
    cells = frame_cells(sound[None], n_fft, hop, 1)[0]
    assert cells.shape == (16, 9)
    assert np.allclose(cells.numpy(), np.array(rows), atol=1e-12)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_symmetric_and_a_metric(seed: int) -> None:
    a, b, c = noise(700, 3, seed).split(1)
    loss = SpectralTransport(n_fft=256, level_weight=0.0)
    assert float(loss(a, b)) == pytest.approx(float(loss(b, a)), rel=1e-12)
    assert float(loss(a, a)) == 0.0
    assert float(loss(a, c)) <= float(loss(a, b)) + float(loss(b, c)) + 1e-12


def test_a_batch_is_its_rows_one_by_one_and_one_target_serves_all() -> None:
    sounds, targets = noise(N, 3, seed=1), noise(N, 3, seed=2)
    for order in (1, 2):
        loss = SpectralTransport(order=order)
        kept = loss.embed(targets)
        together = loss.compare(loss.embed(sounds), kept)
        alone = [loss.compare(loss.embed(sounds[i : i + 1]), kept.row(i)) for i in range(3)]
        assert torch.allclose(together, torch.cat(alone), rtol=1e-12)
        to_first = loss.compare(loss.embed(sounds), kept.row(0))
        assert torch.allclose(to_first, loss(sounds, targets[:1].expand(3, -1)), rtol=1e-12)


@pytest.mark.parametrize("shape", ["sine", "square", "saw"])
def test_the_slope_points_to_the_targets_frequency(shape: str) -> None:
    """From anywhere on the log axis, far beyond the reach of a comparison of bins."""
    generator = torch.Generator().manual_seed(0)
    freqs = 30 * (4000 / 30) ** torch.rand(2, 60, generator=generator, dtype=torch.float64)
    sound_hz, target_hz = freqs[0].requires_grad_(), freqs[1]
    loss = SpectralTransport()
    values = loss(tone(sound_hz, 0.1, 16384, shape), tone(target_hz, 0.7, 16384, shape))
    (slope,) = torch.autograd.grad(values.sum(), sound_hz)
    right = slope.sign() == (sound_hz - target_hz).sign()
    assert float(right.double().mean()) >= 0.95
    for cents in (300, 600):
        away = sound_hz * 2 ** ((sound_hz - target_hz).sign() * cents / 1200)
        farther = loss(tone(away, 0.1, 16384, shape), tone(target_hz, 0.7, 16384, shape))
        assert float((farther > values).double().mean()) >= 0.98


def test_what_cannot_be() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'log'"):
        SpectralTransport(axis="logs")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="order is 3"):
        SpectralTransport(order=3)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="floor_db is 0"):
        SpectralTransport(floor_db=0)
    with pytest.raises(ParameterError, match="same length"):
        LEVEL_FREE(noise(4096), noise(8192))
    with pytest.raises(ParameterError, match="create_graph"):
        sound = noise().requires_grad_()
        torch.autograd.grad(LEVEL_FREE(sound, noise(seed=1)).sum(), sound, create_graph=True)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_the_unit_is_the_same_at_every_sample_rate(rate: int) -> None:
    loss = SpectralTransport.at(rate)
    assert loss.n_fft / rate == pytest.approx(0.128, abs=1 / rate)
    at = torch.arange(rate // 2).double() / rate
    low, high = (0.3 * torch.sin(2 * math.pi * hz * at)[None] for hz in (400, 800))
    assert loss(high, low).item() == pytest.approx(1.0, rel=0.01)
