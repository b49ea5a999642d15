"""DiffMoog's presets, against a reckoning from the original's own words."""

from __future__ import annotations

from typing import Any

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError, UnknownNameError
from synthgym.losses import catalogue, presets

SIX = (2048, 1024, 512, 256, 128, 64)

# The original's table in its own terms: sizes, transform, norm, weights, normalize_loss_by_nfft.
ORIGINAL: dict[str, tuple[tuple[int, ...], str, str, dict[str, float], bool]] = {
    "mss_cumsum_time": (SIX, "SPECTROGRAM", "L1", {"cumsum_time": 1}, False),
    "mss_cumsum_freq": (SIX, "SPECTROGRAM", "L1", {"cumsum_freq": 1}, False),
    "mss_cumsum_time_freq": (
        SIX,
        "SPECTROGRAM",
        "L1",
        {"cumsum_time": 1, "cumsum_freq": 1},
        False,
    ),
    "cumsum_time": ((2048,), "SPECTROGRAM", "L1", {"cumsum_time": 1}, False),
    "cumsum_freq": ((2048,), "SPECTROGRAM", "L1", {"cumsum_freq": 1}, False),
    "cumsum_time_low_fft": ((128, 64), "SPECTROGRAM", "L1", {"cumsum_time": 1 / 2000}, False),
    "lfo_only": ((2048,), "SPECTROGRAM", "L1", {"cumsum_time": 1}, False),
    "fm_only": (
        (128, 64),
        "SPECTROGRAM",
        "L1",
        {"cumsum_time": 1 / 2000, "mag": 1 / 200},
        True,
    ),
    "cumsum_time_freq_mag": (
        SIX,
        "SPECTROGRAM",
        "L1",
        {"cumsum_time": 1 / 2000, "cumsum_freq": 1 / 5000, "mag": 1 / 200},
        True,
    ),
    "mag_logmag": ((2048,), "SPECTROGRAM", "L2", {"logmag": 1}, False),
    "spectrogram_magnitude": ((2048,), "SPECTROGRAM", "L1", {"mag": 1}, False),
    "spectrogram_log_magnitude": ((2048,), "SPECTROGRAM", "L2", {"mag": 1}, False),
    "mel_spectrogram_magnitude": ((1024,), "MEL_SPECTROGRAM", "L1", {"mag": 1}, False),
    "mss_magnitude": (SIX, "SPECTROGRAM", "L1", {"mag": 1}, False),
    "mss_log_magnitude": (SIX, "SPECTROGRAM", "L1", {"logmag": 1}, False),
    "mss_mel_spectrogram_magnitude": (SIX, "MEL_SPECTROGRAM", "L1", {"mag": 1}, False),
    "mss_mel_spectrogram_cumsum_time": (SIX, "MEL_SPECTROGRAM", "L1", {"cumsum_time": 1}, False),
    "mss_mel_spectrogram_cumsum_freq": (SIX, "MEL_SPECTROGRAM", "L1", {"cumsum_freq": 1}, False),
}
PROCESSING: dict[str, Any] = {
    "mag": lambda s: s,
    "logmag": lambda s: np.log(s + 1),
    "cumsum_time": lambda s: np.cumsum(s, axis=1),
    "cumsum_freq": lambda s: np.cumsum(s, axis=0),
}


def noise(batch: int = 1, seed: int = 0, n: int = 6000) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, n, generator=generator).double()


def powers(sound: Tensor, n_fft: int, transform: str) -> np.ndarray:
    """`(n_bins, n_frames)`, as torchaudio's transforms have them."""
    window = torch.hann_window(n_fft, dtype=torch.float64)
    spectrum = torch.stft(sound, n_fft, n_fft // 4, n_fft, window, return_complex=True)
    power = spectrum.abs().square().numpy()
    if transform == "SPECTROGRAM":
        return power
    bands = librosa.filters.mel(
        sr=16000, n_fft=n_fft, n_mels=1024, fmin=30, fmax=4000, htk=True, norm=None
    )
    return np.asarray(bands.astype(np.float64) @ power)


def reckoned(name: str, audio: Tensor, target: Tensor) -> float:
    sizes, transform, norm, weights, normalized = ORIGINAL[name]
    total = 0.0
    for n_fft in sizes:
        a, b = powers(audio, n_fft, transform), powers(target, n_fft, transform)
        for kind, weight in weights.items():
            error = PROCESSING[kind](a) - PROCESSING[kind](b)
            mean = np.abs(error).mean() if norm == "L1" else np.square(error).mean()
            factor = 1.0
            if normalized and kind != "cumsum_time":
                factor = (300.0 / n_fft) ** (1 if kind == "logmag" else 2)
            total += float(mean) * weight * factor
    return total


def test_there_are_the_originals_18() -> None:
    assert list(presets.PRESETS) == list(ORIGINAL)
    assert len(ORIGINAL) == 18
    assert set(ORIGINAL) <= set(catalogue.names())


@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize("name", list(ORIGINAL))
def test_each_is_what_the_original_computes(name: str) -> None:
    audio, target = noise(), 0.5 * noise(seed=1)
    value = float(catalogue.build(name)(audio, target))
    assert value == pytest.approx(reckoned(name, audio[0], target[0]), rel=1e-5)


@pytest.mark.parametrize("name", ["fm_only", "cumsum_time_freq_mag"])
def test_gradual_terms_are_the_callers(name: str) -> None:
    """Linear in the share, and one embedding of the target serves them all."""
    audio, target = noise(), noise(seed=1)
    kept = presets.build(name).embed(target)
    values = []
    for share in (0.0, 0.25, 1.0):
        loss = presets.build(name, gradual=share)
        values.append(float(loss.compare(loss.embed(audio), kept)))
    assert values[0] < values[2]
    assert values[1] == pytest.approx(0.75 * values[0] + 0.25 * values[2])
    assert values[2] == pytest.approx(reckoned(name, audio[0], target[0]), rel=1e-5)


def test_no_other_preset_has_a_gradual_term() -> None:
    audio, target = noise(n=3000), noise(seed=1, n=3000)
    for name, preset in presets.PRESETS.items():
        if not preset.gradual:
            with_none = presets.build(name, gradual=0.0)(audio, target)
            assert float(with_none) == float(presets.build(name)(audio, target))


def test_control_signals_are_seen_by_one_size() -> None:
    """At 100 Hz a second is one frame of the original, and four with a closer hop."""
    second = torch.sin(2 * torch.pi * 3 * torch.arange(100) / 100)[None]
    original, closer = presets.control("cumsum_freq"), presets.control("cumsum_freq", hop=32)
    assert original.embed(second).views[0][0].shape == (1, 1, 65)
    assert closer.embed(second).views[0][0].shape == (1, 4, 65)
    later = second.clone()
    later[:, 70:] = 0
    assert float(original(later, second)) == 0
    assert float(closer(later, second)) > 0


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'cumsum_time'"):
        presets.build("cumsum_tim")
    with pytest.raises(ParameterError, match="gradual is 2"):
        presets.build("fm_only", gradual=2)
