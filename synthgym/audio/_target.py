"""From a recording to what a synthesizer is asked to match."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from synthgym.audio import _shape
from synthgym.audio._read import read, refusal
from synthgym.audio._shape import SILENCE_DBFS, Samples, check_count, decibels, sound_peak


@dataclass(frozen=True, eq=False)
class TargetSound:
    """A recording, ready to be matched."""

    samples: Samples
    """Shape `(n_samples,)`, float32."""
    sample_rate: float
    """Hz."""
    name: str
    """The file's name without its extension."""
    source: str
    """The file it came from."""
    gain_db: float
    """What the level policy applied: take it off for the recording's own level."""
    notes: tuple[str, ...]
    """What was done to the recording, in words and in order."""


def load_target(
    path: str | os.PathLike[str],
    sample_rate: float,
    n_samples: int,
    *,
    start: str = "onset",
    level: str = "peak",
    max_seconds: float | None = 60.0,
) -> TargetSound:
    """Read a recording, resample it, fit it to a length and bring it to a level.

    The onset is looked for in the first `max_seconds`; the level is that of the part which is
    kept. See `read`, `fit` and `level` for each policy.

    Args:
        path: the sound file.
        sample_rate: the wanted rate, Hz.
        n_samples: the wanted length.
        start: `"onset"` or `"beginning"`.
        level: `"peak"`, `"rms"` or `"keep"`.
        max_seconds: how much of the file to look at; None for all.

    Raises:
        AudioError: the file cannot be read (see `read`), or the part that is kept is silent.
        ParameterError: a number outside its domain.
        UnknownNameError: a `start` or `level` that does not exist.
    """
    check_count(n_samples, "n_samples")
    sound = read(path, sample_rate, max_seconds=max_seconds)
    fitted = _shape.fit(sound.samples, n_samples, sample_rate, start=start)
    peak_dbfs = decibels(sound_peak(fitted.samples))
    if peak_dbfs < SILENCE_DBFS:
        raise refusal(
            Path(path),
            f"silent: the {n_samples / sample_rate:.3f} s that are matched peak at "
            f"{peak_dbfs:.1f} dBFS (under {SILENCE_DBFS:g})",
            "match a longer part, or cut the file to its note",
        )
    samples, gain_db = _shape.level(fitted.samples, level)
    return TargetSound(
        samples=samples,
        sample_rate=sample_rate,
        name=Path(path).stem,
        source=sound.source,
        gain_db=gain_db,
        notes=sound.notes + _notes(fitted, sample_rate, level, gain_db),
    )


def _notes(
    fitted: _shape.Fitted, sample_rate: float, level: str, gain_db: float
) -> tuple[str, ...]:
    notes = []
    if fitted.n_leading:
        notes.append(f"dropped {fitted.n_leading / sample_rate:.3f} s before the onset")
    if fitted.n_cut:
        notes.append(f"cut {fitted.n_cut / sample_rate:.3f} s at the end")
    if fitted.n_padded:
        notes.append(f"padded {fitted.n_padded / sample_rate:.3f} s of silence at the end")
    if level != "keep":
        notes.append(f"applied a gain of {gain_db:+.1f} dB ({level} level)")
    return tuple(notes)
