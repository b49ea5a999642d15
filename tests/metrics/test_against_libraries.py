"""Metrics against the libraries that define them, where these are installed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import torch

from synthgym import audio, metrics
from synthgym.metrics.cepstral import mfcc, warped
from synthgym.metrics.pitch import PitchTracker
from synthgym.metrics.spectra import decibels, magnitudes, mel_weights

RATES = (16_000, 44_100)


@pytest.fixture(scope="module")
def librosa():
    return pytest.importorskip("librosa")


@pytest.fixture(scope="module")
def auraloss():
    return pytest.importorskip("auraloss")


@pytest.fixture
def pair(noise, tone):
    """Two different sounds `(n_samples,)`, a tone in noise and noise that dies away."""
    n = 12_000
    target = tone(440.0, n)[0] + noise(1, n=n)[0]
    return noise(2, n=n)[0] * np.exp(-np.arange(n) / 4000), target


def value(name, pair, rate):
    sound, target = pair
    return metrics.build(name, rate)(sound[None], target[None])[0]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("size", [400, 441, 2205])
@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mel_bands_are_librosas(librosa, rate, size, scale):
    htk = {"htk": True, "norm": None} if scale == "htk" else {}
    expected = librosa.filters.mel(sr=rate, n_fft=size, n_mels=64, dtype=np.float64, **htk)
    np.testing.assert_allclose(mel_weights(rate, size, 64, scale), expected.T, atol=1e-12)


@pytest.mark.parametrize(("padding", "mode"), [("silence", "constant"), ("reflect", "reflect")])
@pytest.mark.parametrize("size", [441, 1024])
def test_spectra_are_librosas(librosa, pair, padding, mode, size):
    expected = np.abs(librosa.stft(pair[1], n_fft=size, hop_length=200, pad_mode=mode)).T
    np.testing.assert_allclose(
        magnitudes(pair[1][None], size, 200, padding)[0], expected, atol=1e-5
    )


def test_levels_are_librosas(librosa, pair):
    powers = magnitudes(pair[0][None], 512, 128, "silence") ** 2
    expected = librosa.power_to_db(powers[0], ref=1.0, amin=1e-10, top_db=80.0)
    np.testing.assert_allclose(decibels(powers)[0], expected)


@pytest.mark.parametrize("rate", RATES)
def test_log_mel_is_the_published_one(librosa, pair, rate):
    distances = []
    for window_ms, hop_ms, n_mels in ((10, 5, 32), (25, 10, 64), (100, 50, 128)):
        levels = [
            librosa.power_to_db(
                librosa.feature.melspectrogram(
                    y=sound,
                    sr=rate,
                    n_mels=n_mels,
                    n_fft=int(window_ms * rate / 1000),
                    hop_length=int(hop_ms * rate / 1000),
                ),
                ref=np.max,
            )
            for sound in pair
        ]
        distances.append(np.mean(np.abs(levels[0] - levels[1])))
    assert value("log_mel", pair, rate) == pytest.approx(np.mean(distances), rel=1e-5)


@pytest.mark.parametrize("rate", RATES)
def test_warped_mfcc_is_the_published_one(librosa, pair, rate):
    coefficients = [
        librosa.feature.mfcc(
            y=sound,
            sr=rate,
            n_mfcc=20,
            n_fft=int(0.05 * rate),
            hop_length=int(0.01 * rate),
            n_mels=128,
        )
        for sound in pair
    ]
    total, _ = librosa.sequence.dtw(
        *coefficients, metric="cityblock", weights_mul=np.array([2.0, 1.0, 1.0])
    )
    n_frames = [c.shape[1] for c in coefficients]
    expected = total[-1, -1] / 20 / sum(n_frames)
    assert value("wmfcc", pair, rate) == pytest.approx(expected, rel=1e-5)


def test_paths_are_librosas(librosa):
    rng = np.random.default_rng(0)
    own, theirs = rng.normal(size=(5, 17, 3)), rng.normal(size=(5, 23, 3))
    expected = [
        librosa.sequence.dtw(a.T, b.T, metric="cityblock", weights_mul=np.array([2.0, 1.0, 1.0]))[
            0
        ][-1, -1]
        for a, b in zip(own, theirs, strict=True)
    ]
    np.testing.assert_allclose(warped(own, theirs), np.array(expected) / 3 / 40)


@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mfcc_is_that_of_mel_bands_without_area_scale(librosa, pair):
    # torchaudio's defaults, by librosa's parts.
    expected = []
    for sound in pair:
        mel = librosa.feature.melspectrogram(
            y=sound,
            sr=16_000,
            n_fft=400,
            hop_length=200,
            n_mels=128,
            htk=True,
            norm=None,
            pad_mode="reflect",
        )
        levels = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=80.0)
        expected.append(scipy.fft.dct(levels, axis=0, norm="ortho")[:40])
    distance = np.mean(np.abs(expected[0] - expected[1]))
    assert value("mfcc", pair, 16_000) == pytest.approx(distance, rel=1e-5)
    own = mfcc(
        pair[0][None],
        16_000,
        n_coefficients=40,
        size=400,
        hop=200,
        scale="htk",
        padding="reflect",
    )
    np.testing.assert_allclose(own[0], expected[0].T, atol=1e-3)


def test_diffmoogs_mel_spectra_by_librosas(librosa, pair):
    own, theirs = (
        librosa.feature.melspectrogram(
            y=sound,
            sr=16_000,
            n_fft=1024,
            hop_length=256,
            n_mels=128,
            htk=True,
            norm=None,
            power=1.0,
            pad_mode="reflect",
        )
        for sound in pair
    )
    logs = np.log10(own + 1e-5) - np.log10(theirs + 1e-5)
    expected = {
        "log_mae_mel": np.abs(logs).mean(),
        "lsd_frobenius_mel": np.linalg.norm(10 * logs) / logs.shape[1],
        "spectral_convergence_mel": np.linalg.norm(own - theirs) / np.linalg.norm(theirs),
        "pearson_stft_mel": np.corrcoef(own.ravel(), theirs.ravel())[0, 1],
    }
    for name, known in expected.items():
        assert value(name, pair, 16_000) == pytest.approx(known, rel=1e-5)


@pytest.mark.parametrize("rate", RATES)
def test_envelope_is_the_published_one(librosa, pair, rate):
    own, theirs = (
        librosa.feature.rms(y=s, frame_length=int(0.05 * rate), hop_length=int(0.025 * rate))[0]
        for s in pair
    )
    expected = own @ theirs / (np.linalg.norm(own) * np.linalg.norm(theirs))
    assert value("rms_envelope", pair, rate) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_transport_is_the_published_one(librosa, pair, rate):
    shares = []
    for sound in pair:
        spectrum = np.abs(
            librosa.stft(sound, n_fft=int(0.05 * rate), hop_length=int(0.02 * rate)).T
        )
        shares.append(spectrum / np.clip(spectrum.sum(-1, keepdims=True), 1e-6, None))
    difference = np.abs(np.cumsum(shares[0], -1) - np.cumsum(shares[1], -1))
    expected = np.mean(difference.sum(-1) / shares[0].shape[-1])
    assert value("spectral_transport", pair, rate) == pytest.approx(expected, rel=1e-5)


def test_spectral_convergence_is_auralosss(auraloss, pair):
    loss = auraloss.freq.STFTLoss(
        fft_size=1024, hop_size=256, win_length=1024, w_sc=1.0, w_log_mag=0.0, w_lin_mag=0.0
    )
    sound, target = (torch.tensor(s, dtype=torch.float32)[None, None] for s in pair)
    assert value("spectral_convergence", pair, 16_000) == pytest.approx(
        float(loss(sound, target)), rel=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trumpet", "saw_lead"])
def test_pitch_of_notes_is_that_of_pyin(librosa, name):
    (path,) = (p for n, p in audio.sample_notes().items() if n.startswith(name))
    samples = audio.load_target(path, 16_000, 8_000, max_seconds=60.0).samples.astype(np.float64)
    own = PitchTracker().track(samples[None], 16_000)[0]
    frequencies, voiced, _ = librosa.pyin(
        samples, sr=16_000, fmin=60.0, fmax=2000.0, frame_length=2048, hop_length=160
    )
    # Medians over the note: the two put their frames at different places.
    cents = 1200 * np.log2(np.nanmedian(own) / np.median(frequencies[voiced]))
    assert np.isfinite(own).mean() > 0.5
    assert abs(cents) < 15.0
