"""Built-in losses with the settings of `docs/losses.md`, reckoned anew in NumPy from its words.

Sounds of different level and a silent gap, so that no floor and no side's own term goes unseen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import librosa
import numpy as np
import pytest
import torch

from synthgym import losses

Array = np.ndarray[Any, Any]
HANN = (0.5, 0.5)
FLAT_TOP = (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368)


def sounds(rate: int) -> tuple[Array, Array]:
    """A falling tone that ends in silence, and a softer saw after silence in noise 80 dB down."""
    n = rate // 4
    at, rng = np.arange(n) / rate, np.random.default_rng(0)
    sound = 0.5 * np.sin(2 * np.pi * 700 * at) * np.exp(-8 * at)
    sound[2 * n // 3 :] = 0
    target = 0.2 * (2 * (220 * at % 1) - 1) + 1e-3 * rng.standard_normal(n)
    target[: n // 4] = 1e-5 * rng.standard_normal(n // 4)
    return sound, target


def window(size: int, cosines: Sequence[float] = HANN) -> Array:
    at = 2 * np.pi * np.arange(size) / size
    return np.sum([(-1) ** k * a * np.cos(k * at) for k, a in enumerate(cosines)], axis=0)


def spectra(sound: Array, size: int, hop: int, cosines: Sequence[float] = HANN) -> Array:
    """Frames centred on samples 0, hop, 2 hop, mirrored at the ends: `(n_frames, n_bins)`."""
    padded = np.pad(sound, size // 2, mode="reflect")
    starts = range(0, len(padded) - size + 1, hop)
    return np.fft.rfft([padded[s : s + size] * window(size, cosines) for s in starts])


def magnitudes(sound: Array, size: int, hop: int, cosines: Sequence[float] = HANN) -> Array:
    return np.abs(spectra(sound, size, hop, cosines))


def logs(cells: Array, floor: float) -> Array:
    return np.log(np.maximum(cells, floor))


def apart(a: Array, b: Array) -> float:
    return float(np.abs(a - b).mean())


def magnitude(a: Array, b: Array, rate: int) -> float:
    return apart(magnitudes(a, 1024, 256), magnitudes(b, 1024, 256))


def log_magnitude(a: Array, b: Array, rate: int) -> float:
    return apart(*(logs(magnitudes(s, 1024, 256), 1e-4) for s in (a, b)))


def revisited(a: Array, b: Array, rate: int) -> float:
    hops = {67: 32, 127: 63, 257: 128, 509: 254, 1021: 510, 2053: 1026}
    parts = []
    for size, hop in hops.items():
        own, other = (np.log(1 + magnitudes(s, size, hop, FLAT_TOP)) for s in (a, b))
        parts.append(((own - other) ** 2).mean())
    return float(np.mean(parts))


def mel_magnitude(a: Array, b: Array, rate: int) -> float:
    bands = librosa.filters.mel(sr=rate, n_fft=1024, n_mels=128, dtype=np.float64).T
    return apart(*(magnitudes(s, 1024, 256) @ bands for s in (a, b)))


def log_mel(a: Array, b: Array, rate: int) -> float:
    bands = librosa.filters.mel(sr=rate, n_fft=1024, n_mels=80, dtype=np.float64).T
    return apart(*(logs(magnitudes(s, 1024, 256) @ bands, 1e-5) for s in (a, b)))


def spectral_convergence(a: Array, b: Array, rate: int) -> float:
    own, other = magnitudes(a, 1024, 256), magnitudes(b, 1024, 256)
    return float(np.linalg.norm(own - other) / np.linalg.norm(other))


def simse(a: Array, b: Array, rate: int) -> float:
    own, other = magnitudes(a, 512, 128), magnitudes(b, 512, 128)
    gain = (own * other).sum() / (own**2).sum()
    return float(((gain * own - other) ** 2).mean())


def blurred(a: Array, b: Array, rate: int) -> float:
    octave = np.log2(np.maximum(np.arange(1025), 0.25))
    covered = np.diff((octave[1:] + octave[:-1]) / 2)
    covered = np.concatenate([covered[:1], covered, covered[-1:]])
    spread = np.exp(-0.5 * ((octave - octave[:, None]) / 0.5) ** 2) * covered
    spread /= spread.sum(1, keepdims=True)
    return apart(*(logs(magnitudes(s, 2048, 512) ** 2 @ spread, 1e-6) for s in (a, b)))


def complex_spectrum(a: Array, b: Array, rate: int) -> float:
    return apart(spectra(a, 1024, 256), spectra(b, 1024, 256)) * 2 / 1024


def squares(sound: Array, rate: int) -> Array:
    """Mean squares of windows of 64 ms every 16 ms."""
    hop = round(0.016 * rate)
    starts = range(0, len(sound) - 4 * hop + 1, hop)
    return np.array([(sound[s : s + 4 * hop] ** 2).mean() for s in starts])


def log_rms_envelope(a: Array, b: Array, rate: int) -> float:
    own, other = squares(a, rate), squares(b, rate)
    floor = 1e-8 * other.max()
    return apart(10 * np.log10(own + floor), 10 * np.log10(other + floor))


def soft_dtw(a: Array, b: Array) -> float:
    best = np.full((len(a) + 1, len(b) + 1), np.inf)
    best[0, 0] = 0
    for i, j in np.ndindex(len(a), len(b)):
        before = np.array([best[i, j], best[i, j + 1], best[i + 1, j]])
        least = before.min()
        soft = least - 10 * math.log(np.exp(-(before - least) / 10).sum())
        best[i + 1, j + 1] = (a[i] - b[j]) ** 2 + soft
    return float(best[-1, -1])


def envelope_soft_dtw(a: Array, b: Array, rate: int) -> float:
    own, other = squares(a, rate), squares(b, rate)
    floor = 1e-8 * other.max()
    own, other = (10 * np.log10(1 + s / floor) for s in (own, other))
    between = soft_dtw(own, other) - soft_dtw(own, own) / 2 - soft_dtw(other, other) / 2
    return between / len(other)


def transport(a: Array, b: Array, rate: int, order: int = 1, axis: str = "log") -> float:
    size = 2 * round(0.128 * rate / 2)
    hz = np.arange(size // 2 + 1) * rate / size
    at = {
        "log": np.log2(np.maximum(hz, 20) / 20),
        "mel": 2.595 * np.log10(1 + hz / 700),
        "linear": hz / 1000,
    }[axis]
    # Of the axis, what is nearest to each bin.
    edges = np.concatenate([at[:1], (at[1:] + at[:-1]) / 2, at[-1:]])
    noise = np.diff(edges) / (at[-1] - at[0])
    powers = []
    for sound in (a, b):
        padded = np.concatenate([np.zeros(size // 2), sound])
        starts = range(0, len(padded) - size + 1, size // 4)
        cells = np.fft.rfft([padded[s : s + size] * window(size) for s in starts])
        powers.append((2 / size * np.abs(cells)) ** 2)
    masses = [p.sum(1) for p in powers]
    floors = [1e-8 * mass.max() for mass in masses]
    carried = []
    for own, other in zip(*powers, strict=True):
        p = (own + floors[0] * noise) / (own.sum() + floors[0])
        q = (other + floors[1] * noise) / (other.sum() + floors[1])
        carried.append(handed_on(p, q, at, order))
    level = 10 * np.log10((masses[0] + floors[1]) / (masses[1] + floors[1]))
    return float(np.mean(carried) + 0.05 * np.abs(level).mean())


def handed_on(p: Array, q: Array, at: Array, order: int) -> float:
    """Least cost: the lowest mass that is left goes to the lowest place that is left."""
    ends = np.union1d(np.cumsum(p), np.cumsum(q))
    middle = (np.concatenate([[0.0], ends[:-1]]) + ends) / 2
    last = len(at) - 1
    here, there = (at[np.minimum(np.searchsorted(np.cumsum(m), middle), last)] for m in (p, q))
    return float((np.diff(ends, prepend=0.0) * np.abs(here - there) ** order).sum())


DEFINITIONS: dict[str, Callable[[Array, Array, int], float]] = {
    "magnitude": magnitude,
    "log-magnitude": log_magnitude,
    "revisited": revisited,
    "mel-magnitude": mel_magnitude,
    "log-mel": log_mel,
    "spectral-convergence": spectral_convergence,
    "simse": simse,
    "blurred": blurred,
    "complex-spectrum": complex_spectrum,
    "log-rms-envelope": log_rms_envelope,
    "envelope-soft-dtw": envelope_soft_dtw,
    "transport": transport,
    "transport-squared": lambda a, b, rate: transport(a, b, rate, order=2),
    "transport-mel": lambda a, b, rate: transport(a, b, rate, axis="mel"),
    "transport-linear": lambda a, b, rate: transport(a, b, rate, axis="linear"),
}


@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_each_is_what_its_words_say(name: str, rate: int) -> None:
    pair = sounds(rate)
    for sound, target in (pair, pair[::-1]):
        audio, kept = (torch.tensor(s.copy())[None] for s in (sound, target))
        value = float(losses.build(name, rate)(audio, kept))
        assert value == pytest.approx(DEFINITIONS[name](sound, target, rate), rel=1e-6)
