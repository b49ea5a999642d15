"""The pitch tracker and the error that is read from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import chirp

from synthgym import metrics
from synthgym.errors import ParameterError
from synthgym.metrics.pitch import PitchTracker


def harmonic(freq_hz: float, shape: str, rate: int, n: int = 12_000) -> np.ndarray:
    """A band-limited tone `(1, n)`: every harmonic under the Nyquist frequency, added up."""
    time = np.arange(n) / rate
    step = {"sine": rate, "saw": 1, "square": 2}[shape]
    multiples = [k for k in range(1, int(rate / 2 / freq_hz) + 1, step) if k * freq_hz < rate / 2]
    return sum(np.sin(2 * np.pi * k * freq_hz * time) / k for k in multiples)[None]


def cents(found: np.ndarray, freq_hz: float) -> np.ndarray:
    return 1200 * np.log2(found / freq_hz)


@pytest.mark.parametrize("shape", ["sine", "saw", "square"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("freq_hz", [32.7, 82.4, 220.0, 441.3, 1234.5, 2093.0, 3500.0])
def test_steady_tones_are_found_to_a_cent(shape, rate, freq_hz):
    found = PitchTracker().track(harmonic(freq_hz, shape, rate), rate)[0]
    assert np.isfinite(found).all()
    assert np.abs(cents(found, freq_hz)).max() < 1.0


def test_a_tone_without_its_fundamental_keeps_its_pitch():
    time = np.arange(12_000) / 16_000
    sound = sum(np.sin(2 * np.pi * 200 * k * time) for k in (3, 4, 5))[None]
    found = PitchTracker().track(sound, 16_000)[0]
    assert np.abs(cents(found, 200.0)).max() < 1.0


def test_a_glide_is_followed():
    rate, n = 16_000, 16_000
    time = np.arange(n) / rate
    sound = chirp(time, 200.0, 1.0, 400.0, method="logarithmic")[None]
    tracker = PitchTracker()
    found = tracker.track(sound, rate)[0]
    longest = math.ceil(rate / tracker.low_hz)
    # A frame's pitch is that of its middle: it spans `longest` samples and those a lag behind.
    middles_s = (np.arange(len(found)) * 160 + longest) / rate
    assert np.abs(1200 * np.log2(found / (200.0 * 2**middles_s))).max() < 30.0


def test_noise_and_silence_have_no_pitch(noise):
    assert np.isnan(PitchTracker().track(noise(n=16_000), 16_000)).all()
    assert np.isnan(PitchTracker().track(np.zeros((2, 16_000)), 16_000)).all()


def test_a_faint_tail_has_no_pitch(tone):
    loud, faint = tone(300.0, 8_000), tone(300.0, 8_000, amp=0.5e-4)
    found = PitchTracker().track(np.concatenate([loud, faint], axis=1), 16_000)[0]
    assert np.isfinite(found[:30]).all() and np.isnan(found[-30:]).all()


def test_level_does_not_matter(tone):
    sound = tone(300.0)
    tracker = PitchTracker()
    np.testing.assert_allclose(
        tracker.track(1e-3 * sound, 16_000), tracker.track(sound, 16_000), rtol=1e-9
    )


@pytest.mark.parametrize(("interval", "expected"), [(1, 100.0), (-7, 700.0), (12, 1200.0)])
def test_the_error_is_the_interval(tone, interval, expected):
    target = tone(440.0)
    sound = tone(440.0 * 2 ** (interval / 12))
    (value,) = metrics.build("f0")(sound, target)
    assert value == pytest.approx(expected, abs=0.1)


def test_the_error_counts_frames_in_which_both_have_a_pitch(tone):
    # The silence between keeps a frame from hearing both halves.
    half, gap = np.zeros((1, 7_000)), np.zeros((1, 2_000))
    first = np.concatenate([tone(200.0, 7_000), gap, half], axis=1)
    second = np.concatenate([half, gap, tone(300.0, 7_000)], axis=1)
    target = np.concatenate([second, second])
    apart, shared = metrics.build("f0")(np.concatenate([first, tone(200.0)]), target)
    assert math.isnan(apart)
    assert shared == pytest.approx(1200 * math.log2(1.5), abs=30.0)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"low_hz": 0.0}, "low_hz is 0"),
        ({"low_hz": 500.0, "high_hz": 400.0}, "low_hz is 500"),
        ({"hop_s": 0.0}, "hop_s is 0"),
        ({"threshold": -1.0}, "threshold is -1"),
    ],
)
def test_settings_out_of_their_domain_are_refused(settings, fault):
    with pytest.raises(ParameterError, match=fault):
        PitchTracker(**settings)
