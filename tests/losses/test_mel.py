"""The suite's distance: its unit, its floor, its derivative, and an independent reckoning of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses import MelDistance
from synthgym.losses.mel import RESOLUTIONS, Resolution

RATES = (8000, 11025, 16000, 22050, 44100, 48000)
N = 4096
MEL = MelDistance(16000)


def noise(n: int = N, batch: int = 1, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, n, generator=generator, dtype=dtype)


def tone(freq_hz: float, amp: float = 0.5, n: int = N, rate: int = 16000) -> Tensor:
    return amp * torch.sin(2 * math.pi * freq_hz * torch.arange(n).double() / rate)[None]


def reckoned(
    audio: np.ndarray, target: np.ndarray, rate: int, resolutions: tuple[Resolution, ...]
) -> float:
    """The distance of two sounds from its words alone, frame by frame and band by band."""
    distances = []
    for resolution in resolutions:
        size = 2 * round(resolution.window_s * rate / 2)
        powers = [_mel_powers(s, size, resolution.n_bands, rate) for s in (audio, target)]
        floor = max(powers[1].max() * 1e-8, 1e-16)
        levels = [10 * np.log10((p + floor) / floor) for p in powers]
        weights = np.maximum(*levels)
        distances.append((weights * np.abs(levels[0] - levels[1])).sum() / weights.sum())
    return float(np.mean(distances))


def _mel_powers(audio: np.ndarray, size: int, n_bands: int, rate: int) -> np.ndarray:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    window /= window.sum()
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + rate / 1400), n_bands + 2) / 2595) - 1)
    # Each bin's weight is the mean of the triangle over the bin, here as a sum of many points.
    fine = 400
    points_hz = (np.arange((size // 2 + 1) * fine) + 0.5) / fine * rate / size - rate / size / 2
    weights = np.stack(
        [
            np.interp(points_hz, edges[b : b + 3], [0, 1, 0], left=0, right=0)
            .reshape(-1, fine)
            .mean(1)
            for b in range(n_bands)
        ],
        1,
    )
    hop = size // 2
    frames = []
    for centre in range(0, max(len(audio) // hop, 1) * hop, hop):
        frame = np.zeros(size)
        for i in range(size):
            at = centre - hop + i
            if 0 <= at < len(audio):
                frame[i] = audio[at] * window[i]
        frames.append(np.abs(np.fft.rfft(frame)) ** 2 @ weights)
    return np.array(frames)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_equals_an_independent_reckoning(rate: int) -> None:
    rng = np.random.default_rng(0)
    for n in (1, 100, 700):
        audio, target = rng.standard_normal((2, n)) * np.array([[0.3], [0.1]])
        target[n // 2 :] = 0
        value = float(MelDistance(rate)(torch.tensor(audio[None]), torch.tensor(target[None])))
        assert value == pytest.approx(reckoned(audio, target, rate, RESOLUTIONS), rel=2e-3)


def test_two_clicks_by_hand() -> None:
    """One resolution of four samples, a click of 1 and one of 10 at the centre of a frame.

    The frame on the click sees the window's middle, 1/2; the other sees nothing, as the Hann window
    is 0 at its start. A click's spectrum is flat: powers of 1/4 and 25 in each bin are 20 dB apart,
    whatever the band's weights. The silent frame has no weight. The floor at 1e-8 of the target's
    power changes the sixth digit.
    """
    mel = MelDistance(1000, resolutions=(Resolution(0.004, 1),))
    clicks = torch.zeros(2, 4, dtype=torch.float64)
    clicks[0, 2], clicks[1, 2] = 1.0, 10.0
    assert mel.embed(clicks).powers[0].shape == (2, 2, 1)
    assert float(mel(clicks[:1], clicks[1:])) == pytest.approx(20, rel=1e-5)
    assert float(mel(clicks[1:], clicks[:1])) == pytest.approx(20, rel=1e-5)
    # To silence in place of the target: its level over the floor.
    assert float(mel(clicks[:1] * 0, clicks[:1])) == pytest.approx(80, rel=1e-5)
    # A click elsewhere: both cells count, each as much as its level.
    moved = clicks[:1].roll(-2)
    assert float(mel(moved, clicks[:1])) == pytest.approx(80, rel=1e-5)


@pytest.mark.parametrize("freq_hz", [40.0, 110.0, 440.0, 1760.0])
def test_the_unit_is_the_decibel_of_a_sine_too(freq_hz: float) -> None:
    """However few cells a sound fills: 1 dB louder is 1 dB away."""
    for gain_db in (0.5, 1.0, 6.0):
        louder = tone(freq_hz, amp=0.1 * 10 ** (gain_db / 20), n=16384)
        value = float(MEL(louder, tone(freq_hz, amp=0.1, n=16384)))
        assert 0.94 * gain_db < value < 1.001 * gain_db


@pytest.mark.parametrize("freq_hz", [60.0, 110.0, 440.0])
def test_a_semitone_is_never_near(freq_hz: float) -> None:
    out_of_tune = MEL(tone(freq_hz * 2 ** (1 / 12), n=16384), tone(freq_hz, n=16384))
    assert float(out_of_tune) > 2.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_identity(dtype: torch.dtype) -> None:
    for sound in (noise(dtype=dtype), tone(440.0).to(dtype), torch.zeros(1, N, dtype=dtype)):
        assert float(MEL(sound, sound)) == 0.0
        assert MEL(sound, sound).dtype == dtype


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_a_factor_two_is_six_decibels(factor: float) -> None:
    """Noise is well above the floor in every cell."""
    expected = abs(20 * math.log10(factor))
    assert float(MEL(factor * noise(), noise())) == pytest.approx(expected, abs=0.02)


def test_other_noise_is_a_few_decibels_away_and_silence_far() -> None:
    assert 2 < float(MEL(noise(seed=1), noise())) < 10
    assert float(MEL(torch.zeros(1, N).double(), noise())) > 60


@given(st.floats(1e-2, 1e3), st.integers(0, 10))
def test_the_unit_of_amplitude_does_not_matter(scale: float, seed: int) -> None:
    a, b = noise(1000, seed=seed), tone(300.0, n=1000)
    assert float(MEL(scale * a, scale * b)) == pytest.approx(float(MEL(a, b)), rel=1e-9)


def test_the_sign_of_a_sound_does_not_matter() -> None:
    assert float(MEL(-noise(), noise())) == 0.0


def test_the_floor_is_the_targets() -> None:
    """What lies 80 dB under the target is hardly counted; the target decides, so no symmetry."""
    loud, quiet = tone(440.0), noise() * 1e-7
    assert float(MEL(loud + quiet, loud)) < 0.1
    assert float(MEL(loud, loud + quiet)) < 0.1
    assert float(MEL(quiet, loud)) != pytest.approx(float(MEL(loud, quiet)), rel=0.05)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_silence_is_finite_on_either_side(dtype: torch.dtype) -> None:
    silence = torch.zeros(1, 1000, dtype=dtype)
    for a, b in ((silence, noise(1000, dtype=dtype)), (noise(1000, dtype=dtype), silence)):
        leaf = a.clone().requires_grad_()
        value = MEL(leaf, b)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        assert math.isfinite(float(value.detach()))
        assert bool(torch.isfinite(gradient).all())
    leaf = silence.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(MEL(leaf, silence).sum(), leaf)
    assert bool((gradient == 0).all())


@pytest.mark.parametrize("freq_hz", [110.0, 440.0, 1760.0])
def test_a_tone_further_out_of_tune_is_further_away(freq_hz: float) -> None:
    """Up to 2 cents without exception, and farther away from step to step."""
    n = 16384
    time_s = torch.arange(n).double() / 16000
    fade = (torch.minimum(time_s, time_s.flip(0)) / 0.02).clamp_max(1)
    for side in (1, -1):
        cents = [side * c for c in (0.0, 0.1, 0.3, 1.0, 2.0, 10.0, 50.0)]
        detuned = torch.cat([fade * tone(freq_hz * 2 ** (c / 1200), n=n) for c in cents])
        assert bool((MEL(detuned, detuned[:1]).diff() > 0).all())


@given(st.floats(0.5, 30.0))
def test_louder_is_further(gain_db: float) -> None:
    near, far = (10 ** (g / 20) * noise(500) for g in (gain_db, gain_db + 0.5))
    assert float(MEL(near, noise(500))) < float(MEL(far, noise(500)))


def test_one_target_serves_a_batch() -> None:
    sounds, target = noise(batch=5), tone(440.0)
    embedded = MEL.embed(target)
    together = MEL.compare(MEL.embed(sounds), embedded)
    assert together.shape == (5,)
    alone = torch.cat([MEL(sounds[i : i + 1], target) for i in range(5)])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)
    # The embedded target is kept, and used again.
    torch.testing.assert_close(MEL.compare(MEL.embed(sounds), embedded), together)


def test_each_sound_to_its_own_target() -> None:
    sounds, targets = noise(batch=4), noise(batch=4, seed=1) * torch.tensor([[1.0], [2], [3], [4]])
    together = MEL(sounds, targets)
    embedded = MEL.embed(targets)
    for i in range(4):
        alone = MEL.compare(MEL.embed(sounds[i : i + 1]), embedded.row(i))
        torch.testing.assert_close(together[i : i + 1], alone)
        torch.testing.assert_close(alone, MEL(sounds[i : i + 1], targets[i : i + 1]))


def test_large_batches_are_a_loop_of_ones() -> None:
    """More rows than are worked out at once."""
    sounds, target = noise(2000, batch=150, dtype=torch.float32), tone(440.0, n=2000).float()
    together = MEL(sounds, target)
    assert bool(torch.isfinite(together).all())
    for i in (0, 31, 32, 33, 64, 149):
        assert float(MEL(sounds[i : i + 1], target)) == pytest.approx(float(together[i]), abs=1e-5)
    leaf = sounds.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(MEL(leaf, target).sum(), leaf)
    one = sounds[149:].clone().requires_grad_()
    (alone,) = torch.autograd.grad(MEL(one, target).sum(), one)
    torch.testing.assert_close(gradient[149:], alone)


@pytest.mark.parametrize("rate", RATES)
def test_cells(rate: int) -> None:
    """About 16, 32 and 128 ms, half overlap; 32, 64 and 128 bands."""
    n = rate // 2
    powers = MelDistance(rate).embed(torch.zeros(2, n)).powers
    for power, window_s, n_bands in zip(powers, (0.016, 0.032, 0.128), (32, 64, 128), strict=True):
        hop = rate * window_s / 2
        assert power.shape[0] == 2
        assert power.shape[1] == pytest.approx(n / hop, abs=1)
        assert power.shape[2] == n_bands


@pytest.mark.parametrize("rate", RATES)
def test_no_band_is_empty_and_no_frequency_unheard(rate: int) -> None:
    n = rate // 4
    mel = MelDistance(rate)
    white = mel.embed(noise(n)).powers
    assert all(bool((power.sum((0, 1)) > 0).all()) for power in white)
    sweep = torch.cat([tone(f, n=n, rate=rate) for f in np.linspace(30, 0.48 * rate, 60)])
    for power in mel.embed(sweep).powers:
        assert bool((power.sum(-1).mean(-1) > 1e-3).all())


def test_the_bands_of_a_full_scale_sine_add_up_as_documented() -> None:
    """0.375: a half amplitude squared, times the Hann window's three bins 1 + 1/4 + 1/4."""
    for power in MEL.embed(tone(1000.0, amp=1.0, n=16000)).powers:
        middle = power[0, power.shape[1] // 2]
        assert float(middle.sum()) == pytest.approx(0.375, rel=0.05)


@pytest.mark.parametrize("n", [1, 2, 3, 100, 127, 128, 129, 255, 256, 257, 2047, 2048, 2049])
def test_any_length(n: int) -> None:
    sound, target = noise(n, seed=1), noise(n)
    leaf = sound.clone().requires_grad_()
    value = MEL(leaf, target)
    (gradient,) = torch.autograd.grad(value.sum(), leaf)
    assert float(value.detach()) > 0
    assert float(MEL(target, target)) == 0
    assert gradient.shape == (1, n)
    assert bool(torch.isfinite(gradient).all())
    # Half of it where every other frame lies beyond the end.
    assert 3.0 < float(MEL(2 * target, target)) < 6.03


@pytest.mark.parametrize("n", [7, 128, 1000, 2049])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_gradient_is_that_of_the_distance(n: int, rate: int) -> None:
    mel = MelDistance(rate)
    target = noise(n)
    audio = noise(n, batch=3, seed=1).requires_grad_()
    (gradient,) = torch.autograd.grad(mel(audio, target).sum(), audio)
    direction = noise(n, batch=3, seed=2)
    step = 1e-7
    with torch.no_grad():
        moved = mel(audio + step * direction, target) - mel(audio - step * direction, target)
    torch.testing.assert_close(
        (gradient * direction).sum(1), moved / (2 * step), rtol=1e-4, atol=1e-4
    )
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(audio.detach(), direction)
        tangent = torch.autograd.forward_ad.unpack_dual(mel(dual, target)).tangent
    torch.testing.assert_close(tangent, (gradient * direction).sum(1), rtol=1e-8, atol=1e-8)


def test_gradient_reaches_the_first_and_the_last_sample() -> None:
    audio = noise(1000, seed=1).requires_grad_()
    (gradient,) = torch.autograd.grad(MEL(audio, noise(1000)).sum(), audio)
    assert bool((gradient[0, [0, 1, -2, -1]] != 0).all())


def test_gradient_with_respect_to_the_target() -> None:
    """The floor moves with the target, and so does the gradient."""
    audio, target = noise(500, seed=1), noise(500).requires_grad_()
    (gradient,) = torch.autograd.grad(MEL(audio, target).sum(), target)
    direction, step = noise(500, seed=2), 1e-7
    with torch.no_grad():
        moved = MEL(audio, target + step * direction) - MEL(audio, target - step * direction)
    torch.testing.assert_close((gradient * direction).sum(1), moved / (2 * step), rtol=1e-4, atol=0)


def test_use_under_inference_mode_leaves_nothing_behind() -> None:
    """Windows and targets kept from inference mode must serve a later gradient."""
    mel = MelDistance(12345)
    with torch.inference_mode():
        kept = mel.embed(noise(500))
        mel.compare(kept, kept)
    audio = noise(500, seed=1).requires_grad_()
    (gradient,) = torch.autograd.grad(mel(audio, noise(500)).sum(), audio)
    (again,) = torch.autograd.grad(mel.compare(mel.embed(audio), kept).sum(), audio)
    torch.testing.assert_close(again, gradient)


@settings(max_examples=20)
@given(st.integers(1, 600), st.integers(0, 1000))
def test_it_is_never_negative_nor_infinite(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gains = 10 ** rng.uniform(-12, 2, (3, 1))
    sounds = torch.tensor(rng.standard_normal((3, n)) * gains, dtype=torch.float32)
    values = MEL(sounds, sounds[:1])
    assert bool(torch.isfinite(values).all())
    assert bool((values >= 0).all())


@pytest.mark.parametrize("shape", [(1000,), (2, 1, 1000), (1, 0), (0,)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError) as caught:
        MEL.embed(torch.zeros(shape))
    assert str(shape) in str(caught.value)
    assert "(batch, n_samples)" in str(caught.value)


def test_whole_numbers_are_refused() -> None:
    """PCM samples are not scaled; silently scaling or truncating would be worse."""
    with pytest.raises(ParameterError, match="int16"):
        MEL.embed(torch.ones(1, 1000, dtype=torch.int16))


def test_sounds_of_other_lengths_are_refused() -> None:
    with pytest.raises(ParameterError):
        MEL(noise(4000), noise(3000))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sample_rate": 0}, "sample_rate is 0; it must be 1 Hz or more"),
        ({"resolutions": ()}, "resolutions is empty"),
        ({"floor_db": -80.0}, r"floor_db is -80\.0; it must be above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        MelDistance(**settings)
