"""Rate, length and level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgym import audio
from synthgym.errors import AudioError, ParameterError, UnknownNameError


@given(
    n=st.integers(1, 3000),
    from_hz=st.sampled_from([8000, 11025, 16000, 44100, 48000, 192000]),
    to_hz=st.sampled_from([8000, 16000, 22050, 44100]),
)
def test_resampled_length(n, from_hz, to_hz):
    samples = np.random.default_rng(n).normal(size=n)
    resampled = audio.resample(samples, from_hz, to_hz)
    assert resampled.dtype == np.float32
    assert resampled.shape == (max(1, round(n * to_hz / from_hz)),)
    assert np.isfinite(resampled).all()


def test_resampling_keeps_time(tone):
    # A delay of the filter would show: the waveform itself is compared.
    resampled = audio.resample(tone(1000, 48000), 48000, 16000)
    np.testing.assert_allclose(resampled[400:-400], tone(1000, 16000)[400:-400], atol=1e-5)


def test_resampling_to_the_same_rate_is_a_copy(tone):
    samples = tone().astype(np.float32)
    same = audio.resample(samples, 44100, 44100)
    np.testing.assert_array_equal(same, samples)
    assert not np.shares_memory(same, samples)


def test_a_cut_at_the_nyquist_frequency(tone):
    passed = audio.resample(tone(7000, 48000), 48000, 16000)[800:-800]
    assert np.abs(passed).max() == pytest.approx(0.5, rel=0.01)
    assert np.abs(audio.resample(tone(9000, 48000), 48000, 16000)[800:-800]).max() < 1e-5


def test_the_lead_in_is_dropped_but_for_5_ms(tone):
    note = tone(500, 16000)
    lead = 1e-4 * np.random.default_rng(0).uniform(-1, 1, 8000)
    samples = np.concatenate([lead, note])
    fitted = audio.fit(samples, 4000, 16000)
    # The tone starts at zero; its first sample over -60 dB is the second.
    assert fitted.n_leading == 8000 + 1 - 80
    np.testing.assert_allclose(fitted.samples[79:3000], note[:2921], atol=1e-6)
    assert fitted.n_cut == samples.size - fitted.n_leading - 4000


def test_the_beginning_keeps_the_lead_in(tone):
    samples = np.concatenate([np.zeros(800), tone(500, 16000)])
    fitted = audio.fit(samples, 2000, 16000, start="beginning")
    assert fitted.n_leading == 0
    assert not fitted.samples[:800].any()


def test_a_higher_onset_threshold_passes_over_noise(tone):
    noise = 0.01 * np.random.default_rng(0).uniform(-1, 1, 8000)
    samples = np.concatenate([noise, tone(500, 16000)])
    assert audio.fit(samples, 8000, 16000).n_leading == 0
    assert audio.fit(samples, 8000, 16000, onset_db=-30).n_leading == pytest.approx(7921, abs=5)


def test_a_cut_fades_and_a_pad_does_not():
    ones = np.ones(1000)
    cut = audio.fit(ones, 500, 16000)
    assert (cut.n_cut, cut.n_padded) == (500, 0)
    np.testing.assert_array_equal(cut.samples[:340], 1)
    fade = cut.samples[340:]
    assert fade[-1] == pytest.approx(0, abs=1e-6)
    assert fade[79] == pytest.approx(0.5, abs=1e-6)
    assert (np.diff(fade) < 0).all()
    padded = audio.fit(ones, 1500, 16000)
    assert (padded.n_cut, padded.n_padded) == (0, 500)
    np.testing.assert_array_equal(padded.samples, np.repeat([1, 0], [1000, 500]))
    whole = audio.fit(ones, 1000, 16000)
    assert (whole.n_leading, whole.n_cut, whole.n_padded) == (0, 0, 0)
    np.testing.assert_array_equal(whole.samples, 1)


@given(
    n=st.integers(1, 400),
    n_samples=st.integers(1, 400),
    n_zeros=st.integers(0, 300),
    start=st.sampled_from(audio.STARTS),
)
def test_fitted_parts_add_up(n, n_samples, n_zeros, start):
    samples = np.concatenate([np.zeros(n_zeros), np.random.default_rng(n).normal(size=n)])
    before = samples.copy()
    fitted = audio.fit(samples, n_samples, 16000, start=start)
    assert fitted.samples.shape == (n_samples,)
    assert fitted.samples.dtype == np.float32
    n_kept = n_samples - fitted.n_padded
    assert fitted.n_leading + n_kept + fitted.n_cut == samples.size
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_samples": 2.5}, "n_samples"),
        ({"n_samples": True}, "n_samples"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"onset_db": 3.0}, "onset_db"),
        ({"onset_db": float("nan")}, "onset_db"),
        ({"preroll_s": -1.0}, "preroll_s"),
        ({"fade_s": float("inf")}, "fade_s"),
        ({"samples": np.zeros((2, 5))}, "samples"),
        ({"samples": []}, "samples"),
        ({"samples": ["a"]}, "samples"),
    ],
)
def test_fit_refuses(arguments, named):
    given_ = {"samples": np.ones(10), "n_samples": 5, "sample_rate": 16000} | arguments
    with pytest.raises(ParameterError, match=named):
        audio.fit(**given_)


def test_unknown_names_suggest_the_near_one():
    with pytest.raises(UnknownNameError, match="Did you mean 'onset'"):
        audio.fit(np.ones(10), 5, 16000, start="onsett")
    with pytest.raises(UnknownNameError, match="Did you mean 'peak'"):
        audio.level(np.ones(10), "peek")


@given(st.floats(-70, 20))
def test_peak_level(source_db):
    rng = np.random.default_rng(0)
    samples = rng.uniform(-1, 1, 500) * 10 ** (source_db / 20)
    levelled, gain_db = audio.level(samples)
    assert levelled.dtype == np.float32
    assert np.abs(levelled).max() == pytest.approx(10 ** (-1 / 20), rel=1e-5)
    np.testing.assert_allclose(levelled, samples * 10 ** (gain_db / 20), rtol=1e-5)


def test_rms_level_stays_within_full_scale(tone):
    levelled, _ = audio.level(tone(amplitude=0.01), "rms")
    assert np.sqrt(np.mean(levelled**2)) == pytest.approx(0.1, rel=1e-3)
    click = np.zeros(10000)
    click[5000] = 0.2
    levelled, gain_db = audio.level(click, "rms")
    assert np.abs(levelled).max() == pytest.approx(10 ** (-1 / 20), rel=1e-5)
    assert gain_db == pytest.approx(20 * np.log10(5) - 1, abs=1e-3)


def test_keep_and_other_levels(tone):
    kept, gain_db = audio.level(tone(amplitude=3.0), "keep")
    np.testing.assert_array_equal(kept, tone(amplitude=3.0).astype(np.float32))
    assert gain_db == 0.0
    assert np.abs(audio.level(tone(), "peak", -12.0)[0]).max() == pytest.approx(0.2512, rel=1e-3)


@pytest.mark.parametrize("dbfs", [1.0, float("-inf"), float("nan")])
def test_level_refuses_what_cannot_be_reached(tone, dbfs):
    with pytest.raises(ParameterError, match="dbfs"):
        audio.level(tone(), "peak", dbfs)
    with pytest.raises(ParameterError, match="keep"):
        audio.level(tone(), "keep", -3.0)


def test_no_gain_for_silence_and_nan():
    with pytest.raises(AudioError, match="silent"):
        audio.level(np.zeros(100))
    with pytest.raises(AudioError, match="1 of 2 samples are NaN"):
        audio.level([0.5, np.nan])
    with pytest.raises(AudioError, match="infinite"):
        audio.resample([1e300, 0.0], 16000, 8000)
