"""What is done to samples once they are read: rate, length and level. No files here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Final

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from synthgym.errors import AudioError, ParameterError, unknown_name

Samples = NDArray[np.float32]

SILENCE_DBFS: Final = -80.0
"""A sound whose peak stays under this holds no sound, in dB re full scale."""

LEVELS: Final = {"peak": -1.0, "rms": -20.0, "keep": 0.0}
"""The level policies and the level in dBFS that each aims at unless told otherwise."""

STARTS: Final = ("onset", "beginning")
"""Where `fit` may start: at the first sound, or at the first sample."""

_PEAK_LIMIT_DBFS: Final = -1.0
RATE_LIMITS_HZ: Final = (1_000, 1_000_000)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A sound brought to a length, and what that took."""

    samples: Samples
    """Shape `(n_samples,)`, float32."""
    n_leading: int
    """Samples dropped before the onset."""
    n_cut: int
    """Samples dropped at the end."""
    n_padded: int
    """Zeros added at the end."""


def decibels(ratio: float) -> float:
    """An amplitude ratio in dB; minus infinity for zero."""
    return 20.0 * math.log10(ratio) if ratio > 0.0 else -math.inf


def sound_peak(samples: Samples) -> float:
    """The greatest distance from the mean: a constant level is no sound."""
    return float(np.abs(samples - samples.mean(dtype=np.float64)).max())


def as_samples(samples: ArrayLike, name: str = "samples") -> Samples:
    """Float32 samples of shape `(n,)`, n at least 1, all finite.

    Raises:
        ParameterError: the shape is another one, or the array holds no numbers.
        AudioError: some samples are NaN or infinite.
    """
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(samples, dtype=np.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ParameterError(f"{name}: cannot be read as numbers ({error})") from error
    if array.ndim != 1 or array.size == 0:
        raise ParameterError(
            f"{name} has shape {array.shape}, expected (n,) with n of at least 1; "
            "pass one mono sound"
        )
    n_bad = int(array.size - np.isfinite(array).sum())
    if n_bad:
        raise AudioError(
            f"{name}: {n_bad} of {array.size} samples are NaN or infinite; "
            "look for the step that made them"
        )
    return array


def check_rate(rate_hz: float, name: str) -> None:
    """Refuse a sample rate outside 1 kHz to 1 MHz with a `ParameterError`."""
    low, high = RATE_LIMITS_HZ
    is_number = isinstance(rate_hz, Real) and not isinstance(rate_hz, bool)
    if not is_number or not low <= rate_hz <= high:
        raise ParameterError(f"{name} is {rate_hz!r}, expected {low} to {high} Hz, such as 16000")


def check_count(count: int, name: str) -> None:
    """Refuse anything but an integer of at least 1 with a `ParameterError`."""
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise ParameterError(f"{name} is {count!r}, expected an integer of at least 1")


def resample(samples: ArrayLike, from_hz: float, to_hz: float) -> Samples:
    """The same sound at another sample rate (soxr, VHQ: linear phase, about 140 dB clean).

    Args:
        samples: shape `(n,)`.
        from_hz: their sample rate.
        to_hz: the wanted one.

    Returns:
        Shape `(round(n * to_hz / from_hz),)` (at least 1), float32. Nothing is clipped: a peak
        between two samples may pass full scale.

    Raises:
        ParameterError: a rate outside 1 kHz to 1 MHz, or samples of another shape.
        AudioError: samples that are NaN or infinite.
    """
    check_rate(from_hz, "from_hz")
    check_rate(to_hz, "to_hz")
    array = as_samples(samples)
    if from_hz == to_hz:
        return array.copy()
    resampled = soxr.resample(array, from_hz, to_hz, quality="VHQ").astype(np.float32, copy=False)
    n_expected = max(1, round(array.size * to_hz / from_hz))
    # soxr rounds halves its own way: a sample more or less.
    if resampled.size < n_expected:
        resampled = np.pad(resampled, (0, n_expected - resampled.size))
    return np.ascontiguousarray(resampled[:n_expected])


def fit(
    samples: ArrayLike,
    n_samples: int,
    sample_rate: float,
    *,
    start: str = "onset",
    onset_db: float = -60.0,
    preroll_s: float = 0.005,
    fade_s: float = 0.010,
) -> Fitted:
    """Bring a sound to exactly `n_samples`.

    What comes before the onset is dropped, so that a recording with a lead-in is matched from
    its note. The end is cut, with a raised-cosine fade-out so that the cut does not click, or
    padded with zeros; a sound that is padded or fits as it is gets no fade.

    Args:
        samples: shape `(n,)`.
        n_samples: the wanted length.
        sample_rate: of the samples, Hz.
        start: `"onset"`, or `"beginning"` to keep all that leads in.
        onset_db: the onset is the first sample above this, in dB re the peak. Raise it for a
            recording whose background noise is louder.
        preroll_s: how much is kept before the onset.
        fade_s: how long the fade-out of a cut is; at most half of what is kept.

    Raises:
        ParameterError: an argument outside its domain.
        UnknownNameError: a `start` that does not exist.
        AudioError: samples that are NaN or infinite.
    """
    check_rate(sample_rate, "sample_rate")
    check_count(n_samples, "n_samples")
    if start not in STARTS:
        raise unknown_name("start", start, STARTS)
    if not onset_db <= 0.0:
        raise ParameterError(f"onset_db is {onset_db!r}, expected 0 dB or less, such as -60")
    for name, seconds in (("preroll_s", preroll_s), ("fade_s", fade_s)):
        if not 0.0 <= seconds < math.inf:
            raise ParameterError(f"{name} is {seconds!r}, expected seconds of at least 0")
    array = as_samples(samples)
    first = 0
    if start == "onset":
        magnitude = np.abs(array)
        onset = int(np.argmax(magnitude >= magnitude.max() * 10.0 ** (onset_db / 20.0)))
        first = max(0, onset - round(preroll_s * sample_rate))
    body = array[first : first + n_samples]
    fitted = np.zeros(n_samples, dtype=np.float32)
    fitted[: body.size] = body
    n_cut = array.size - first - body.size
    n_fade = min(round(fade_s * sample_rate), n_samples // 2)
    if n_cut and n_fade:
        phase = np.arange(1, n_fade + 1) / n_fade
        fitted[-n_fade:] *= 0.5 * (1.0 + np.cos(np.pi * phase))
    return Fitted(fitted, n_leading=first, n_cut=n_cut, n_padded=n_samples - body.size)


def level(
    samples: ArrayLike, policy: str = "peak", dbfs: float | None = None
) -> tuple[Samples, float]:
    """Bring a sound to a level that a synthesizer's amplitude reaches.

    Args:
        samples: shape `(n,)`.
        policy: `"peak"` brings the greatest magnitude to `dbfs` (-1 unless given); `"rms"` the
            root mean square to `dbfs` (-20 unless given), or as near to it as a peak of -1 dBFS
            allows; `"keep"` changes nothing.
        dbfs: the level to aim at, in dB re full scale (1.0).

    Returns:
        The samples, float32, and the gain that was applied, in dB.

    Raises:
        ParameterError: `dbfs` is not a finite number of at most 0, or given with `"keep"`.
        UnknownNameError: a policy that does not exist.
        AudioError: samples that are silent (peak under -80 dBFS; not with `"keep"`), or NaN or
            infinite.
    """
    if policy not in LEVELS:
        raise unknown_name("level policy", policy, LEVELS)
    if dbfs is not None and policy == "keep":
        raise ParameterError(f"dbfs is {dbfs!r}, but policy 'keep' takes none; leave it out")
    aim_dbfs = LEVELS[policy] if dbfs is None else dbfs
    if not -math.inf < aim_dbfs <= 0.0:
        raise ParameterError(f"dbfs is {dbfs!r}, expected a finite level of 0 or less, such as -1")
    array = as_samples(samples)
    if policy == "keep":
        return array.copy(), 0.0
    silence_dbfs = decibels(sound_peak(array))
    if silence_dbfs < SILENCE_DBFS:
        raise AudioError(
            f"samples: silent, their peak is {silence_dbfs:.1f} dBFS (under {SILENCE_DBFS:g}); "
            "no gain makes a sound of them"
        )
    peak = float(np.abs(array).max())
    if policy == "peak":
        gain = 10.0 ** (aim_dbfs / 20.0) / peak
    else:
        rms = math.sqrt(float(np.mean(np.square(array, dtype=np.float64))))
        gain = min(10.0 ** (aim_dbfs / 20.0) / rms, 10.0 ** (_PEAK_LIMIT_DBFS / 20.0) / peak)
    return (array * np.float32(gain)).astype(np.float32, copy=False), decibels(gain)
