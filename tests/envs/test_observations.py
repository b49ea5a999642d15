"""Physics of the descriptors: what differs to the ear must differ to the agent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthgym.envs import FlatObserver, MelObserver
from synthgym.envs.descriptors import SoundDescriptor, level_unit
from synthgym.losses import MelDistance

RATE, N = 16000, 16384
TIME_S = torch.arange(N, dtype=torch.float64) / RATE
SPECTRUM, GRID, ENVELOPE, CENTROID, MODULATION, CENTROID_MODULATION = (
    slice(0, 128),
    slice(128, 224),
    slice(224, 240),
    slice(240, 256),
    slice(256, 280),
    slice(280, 304),
)


def describe(audio: torch.Tensor) -> np.ndarray:
    return SoundDescriptor()(MelDistance(RATE).embed(audio[None].to(torch.float32)))[0].numpy()


def tone(freq_hz: float, amplitude: float = 0.5) -> torch.Tensor:
    return amplitude * torch.sin(2 * torch.pi * freq_hz * TIME_S)


@pytest.mark.parametrize(
    "audio",
    [torch.zeros(N), torch.ones(N), 1e-6 * tone(50.0), 30.0 * tone(7999.0), torch.eye(N)[0]],
    ids=["silence", "constant", "faint", "too loud", "click"],
)
def test_descriptors_are_bounded_and_finite(audio) -> None:
    descriptor = describe(audio)
    assert descriptor.shape == (304,)
    assert descriptor.dtype == np.float32
    assert np.isfinite(descriptor).all()
    assert np.abs(descriptor).max() <= 1.0


def test_levels_are_linear_in_db() -> None:
    power = torch.tensor([1.0, 1e-5, 1e-12, 100.0])
    np.testing.assert_allclose(level_unit(power), [1.0, 0.0, -1.0, 1.0], atol=1e-3)


@pytest.mark.parametrize("freq_hz", [110.0, 440.0, 1760.0])
def test_a_semitone_moves_the_spectrum(freq_hz) -> None:
    low, high = describe(tone(freq_hz)), describe(tone(freq_hz * 2 ** (1 / 12)))
    assert np.abs(low - high)[SPECTRUM].max() > 0.05
    peak = np.argmax(describe(tone(freq_hz))[SPECTRUM])
    assert np.argmax(describe(tone(freq_hz * 1.5))[SPECTRUM]) > peak


def test_level_shifts_the_spectrum_and_nothing_in_time() -> None:
    loud, soft = describe(tone(440.0, 0.5)), describe(tone(440.0, 0.05))
    peak = np.argmax(loud[SPECTRUM])
    # 20 dB on a scale of 100 dB over [-1, 1].
    assert loud[SPECTRUM][peak] - soft[SPECTRUM][peak] == pytest.approx(0.4, abs=0.01)
    np.testing.assert_allclose(loud[CENTROID], soft[CENTROID], atol=0.01)


def test_the_envelope_follows_the_sound() -> None:
    decaying = tone(440.0) * torch.exp(-4.0 * TIME_S)
    envelope = describe(decaying)[ENVELOPE]
    assert (np.diff(envelope) < 0).all()
    # 4 nepers a second are 34.7 dB a second.
    slope_db = (envelope[-2] - envelope[1]) * 50 / (13 / 16 * 1.024)
    assert slope_db == pytest.approx(-34.7, abs=3.0)


def test_the_grid_tells_when_and_where() -> None:
    early = tone(200.0) * (TIME_S < 0.4)
    grid = describe(early)[GRID].reshape(12, 8)
    assert grid[1, 0] > grid[1, 7] + 0.2
    assert grid[1, 0] > grid[10, 0] + 0.5


@pytest.mark.parametrize("rate_hz", [3.0, 8.0, 15.0])
def test_tremolo_peaks_at_its_rate(rate_hz) -> None:
    depth = 1.0 + 0.5 * torch.sin(2 * torch.pi * rate_hz * TIME_S)
    modulation = describe(tone(1000.0, 0.3) * depth)[MODULATION]
    # The first bin is one cycle in 1.032 s.
    assert np.argmax(modulation[1:]) + 2 == pytest.approx(rate_hz * 1.032, abs=0.6)


@pytest.mark.parametrize("rate_hz", [3.0, 8.0, 15.0])
def test_vibrato_peaks_at_its_rate(rate_hz) -> None:
    phase = 1000.0 * TIME_S - 150.0 / (2 * np.pi * rate_hz) * torch.cos(
        2 * torch.pi * rate_hz * TIME_S
    )
    modulation = describe(0.4 * torch.sin(2 * torch.pi * phase))[CENTROID_MODULATION]
    assert np.argmax(modulation[1:]) + 2 == pytest.approx(rate_hz * 1.032, abs=0.6)


def test_short_sounds_have_as_many_numbers() -> None:
    for n_samples in (256, 2000, 3 * N):
        embedded = MelDistance(RATE).embed(torch.randn(2, n_samples) * 0.1)
        assert SoundDescriptor()(embedded).shape == (2, 304)


def test_flat_parts_are_where_they_are_said_to_be() -> None:
    embedded = MelDistance(RATE).embed(torch.stack([tone(300.0), tone(900.0)]).float())
    observer = FlatObserver()
    features = {k: v.numpy() for k, v in observer.features(torch.empty(0), embedded).items()}
    space = observer.space(5, features)
    assert space.shape == (5 + 2 + 3 * 304,)
    assert space.low[:5].tolist() == [-1.0] * 5
    assert space.low[5:7].tolist() == [0.0, 0.0]
    assert space.high[-1] == 2.0


def test_mel_image_levels_are_absolute() -> None:
    embedded = MelDistance(RATE).embed(torch.stack([tone(1000.0, 1.0), torch.zeros(N)]).float())
    image = MelObserver().features(torch.empty(0), embedded)["mel"]
    assert image.dtype == torch.uint8
    assert image.shape == (2, 64, 64)
    # A full-scale sine has a power of about 0.25: -6 dB of 100.
    assert image[0].max() == pytest.approx(255 * 0.94, abs=10)
    assert image[1].max() == 0
    # Low bands first: 1 kHz lies in the lower half.
    assert image[0].float().mean(1).argmax() < 32
