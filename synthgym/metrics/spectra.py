"""Short-time spectra and mel bands in NumPy, as the libraries that define the metrics have them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import fft

from synthgym.metrics.base import Floats

Padding = Literal["reflect", "silence", "end", "none"]
MelScale = Literal["htk", "slaney"]


def frames(audio: Floats, size: int, hop: int, padding: Padding) -> Floats:
    """Frames `(batch, n_frames, size)` of sounds `(batch, n_samples)`, not to be written to.

    Args:
        audio: the sounds.
        size: of a frame, in samples.
        hop: from frame to frame, in samples.
        padding: what lies beyond the sound. `"reflect"` and `"silence"`: frame i is centred on
            sample `i * hop` (torch's and librosa's default). `"end"`: frame i starts at sample
            `i * hop` and the last is filled up with silence (DDSP's). `"none"`: only whole frames,
            or one with silence behind where the sound is shorter.
    """
    n = audio.shape[1]
    before = size // 2 if padding in ("reflect", "silence") else 0
    after = {
        "reflect": before,
        "silence": before,
        "end": (math.ceil(n / hop) - 1) * hop + size - n,
        "none": max(size - n, 0),
    }[padding]
    widths = ((0, 0), (before, after))
    padded = np.pad(audio, widths, mode="reflect" if padding == "reflect" else "constant")
    return np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::hop]


def magnitudes(audio: Floats, size: int, hop: int, padding: Padding) -> Floats:
    """Magnitudes `(batch, n_frames, size // 2 + 1)` under a periodic Hann window, not scaled."""
    return np.asarray(np.abs(fft.rfft(frames(audio, size, hop, padding) * hann(size), axis=-1)))


def powers(audio: Floats, size: int, hop: int, padding: Padding) -> Floats:
    """Squared magnitudes, `(batch, n_frames, size // 2 + 1)`."""
    return magnitudes(audio, size, hop, padding) ** 2


@lru_cache(maxsize=64)
def hann(size: int) -> Floats:
    """Periodic Hann window `(size,)`."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    window.flags.writeable = False
    return window


@lru_cache(maxsize=64)
def mel_weights(sample_rate: int, n_fft: int, n_bands: int, scale: MelScale) -> Floats:
    """Triangles over the mel scale from 0 Hz to the Nyquist frequency, `(n_bins, n_bands)`.

    Args:
        sample_rate: in Hz.
        n_fft: length of the FFT.
        n_bands: number of triangles.
        scale: `"htk"`: `2595 log10(1 + f / 700)`, triangles of height 1 (torchaudio's default);
            `"slaney"`: linear to 1 kHz, logarithmic above, triangles of area 1 (librosa's default).
    """
    top = _to_mel(np.array([sample_rate / 2]), scale)[0]
    edges = _to_hz(np.linspace(0.0, top, n_bands + 2), scale)
    bins_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    if scale == "slaney":
        weights *= 2 / (high - low)
    weights.flags.writeable = False
    return np.asarray(weights)


# Slaney, "Auditory Toolbox", 1998: 200/3 Hz a mel up to 1 kHz, then 27 mels for a factor of 6.4.
_LINEAR_HZ, _BREAK_HZ, _LOG_STEP = 200 / 3, 1000.0, math.log(6.4) / 27


def _to_mel(hz: Floats, scale: MelScale) -> Floats:
    if scale == "htk":
        return np.asarray(2595 * np.log10(1 + hz / 700))
    logarithmic = np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.minimum(hz, _BREAK_HZ) / _LINEAR_HZ + logarithmic


def _to_hz(mel: Floats, scale: MelScale) -> Floats:
    if scale == "htk":
        return np.asarray(700 * (10 ** (mel / 2595) - 1))
    break_mel = _BREAK_HZ / _LINEAR_HZ
    above = np.exp(np.maximum(mel - break_mel, 0.0) * _LOG_STEP)
    return np.asarray(np.minimum(mel, break_mel) * _LINEAR_HZ * above)


def decibels(power: Floats, depth_db: float = 80.0) -> Floats:
    """Level in dB re 1 of powers `(batch, ...)`, at least -100 dB.

    What lies more than `depth_db` under a sound's own maximum is raised to there, as in librosa's
    `power_to_db` and torchaudio's `AmplitudeToDB`.
    """
    level = 10 * np.log10(np.maximum(power, 1e-10))
    return np.asarray(np.maximum(level, peak(level) - depth_db))


def peak(values: Floats) -> Floats:
    """Maximum of each row of `(batch, ...)`, with axes of one kept."""
    return np.asarray(values.max(axis=tuple(range(1, values.ndim)), keepdims=True))


@dataclass(frozen=True)
class Spectrum:
    """Spectra of one setting, with its description.

    Args:
        suffix: of the names of the metrics that use it in place of their usual one.
        words: the settings.
        size: of a frame, in samples.
        hop: in samples.
        padding: see `frames`.
        power: exponent of the magnitudes, 1 or 2.
        n_mels: HTK mel bands, or None for the bins of the FFT.
    """

    suffix: str
    words: str
    size: int
    hop: int
    padding: Padding
    power: Literal[1, 2]
    n_mels: int | None = None

    def of(self, audio: Floats, sample_rate: int) -> Floats:
        """Spectra `(batch, n_frames, n_bins or n_mels)` of sounds `(batch, n_samples)`."""
        spectra = magnitudes(audio, self.size, self.hop, self.padding) ** self.power
        if self.n_mels is None:
            return spectra
        return spectra @ mel_weights(sample_rate, self.size, self.n_mels, "htk")
