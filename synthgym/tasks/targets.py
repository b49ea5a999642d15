"""Where targets come from: patches drawn by seed, or recordings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from synthgym.audio import load_target
from synthgym.errors import AudioError, ParameterError, unknown_name
from synthgym.synth import Clock, Patch
from synthgym.tasks.sampling import draw_sounds

SPLITS = ("train", "dev", "test")
N_SCORED_TARGETS = 15
# An endless split ends where its indices no longer fit 64 bits.
N_ENDLESS = 2**63
# Samples of a target beyond this would overflow float32 when squared and added up.
LOUDEST = 1e6


@dataclass(frozen=True, eq=False)
class Target:
    """A sound to match.

    Args:
        audio: float32 `(n_samples,)`.
        name: readable, `"test-3"` or a file name.
    """

    audio: npt.NDArray[np.float32]
    name: str


class TargetSource(Protocol):
    """Targets by split and index."""

    def target(self, split: str, index: int) -> Target:
        """The target; the same for the same arguments, whatever was asked before."""

    def n_targets(self, split: str) -> int | None:
        """How many targets the split has; None where it is endless."""


@dataclass(frozen=True)
class SampledTargets:
    """Sounds of patches drawn uniformly in the unit cube, never silent.

    The splits are disjoint by construction: each target has a seed of its own, derived from
    (suite version, task, split, index). A draw under -50 dB RMS is drawn again.

    Args:
        patch: the synthesizer.
        clock: time base.
        key: what the seeds derive from, such as `"suite 0/DiffMoog-FM-v0"`.
    """

    patch: Patch
    clock: Clock
    key: str

    def n_targets(self, split: str) -> int | None:
        """15 for dev and test, endless for train."""
        _check_split(split)
        return None if split == "train" else N_SCORED_TARGETS

    def target(self, split: str, index: int) -> Target:
        """See `TargetSource`. Raises `ParameterError` for an index outside the split."""
        _check_index(split, index, self.n_targets(split))
        seed = stable_seed(self.key, split, str(index))
        try:
            _, audio = draw_sounds(self.patch, self.clock, [seed])
        except ParameterError as error:
            raise ParameterError(f"{self.key}, {split}-{index}: {error}") from error
        return Target(audio[0].numpy(), f"{split}-{index}")


@dataclass(frozen=True)
class RecordedTargets:
    """Recordings from files, fitted to the clock; the same in every split.

    Args:
        paths: sound files.
        clock: time base.
    """

    paths: tuple[Path, ...]
    clock: Clock

    @classmethod
    def in_folder(cls, folder: str | Path, clock: Clock) -> RecordedTargets:
        """All sound files of a folder, by name. Raises `AudioError` where there is none."""
        endings = {".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff"}
        root = Path(folder)
        if not root.is_dir():
            raise AudioError(f"{root} is not a folder; give one that holds sound files")
        paths: Sequence[Path] = sorted(p for p in root.iterdir() if p.suffix.lower() in endings)
        if not paths:
            raise AudioError(f"{root} holds no sound files ({', '.join(sorted(endings))})")
        return cls(tuple(paths), clock)

    def n_targets(self, split: str) -> int | None:
        """The number of files."""
        _check_split(split)
        return len(self.paths)

    def target(self, split: str, index: int) -> Target:
        """See `TargetSource`. Raises `AudioError` for a file that cannot be read."""
        _check_index(split, index, self.n_targets(split))
        return recorded_target(self.paths[index], self.clock)

    def label(self, index: int) -> str:
        """Name of a recording and a digest of its file: what a record of a run on it says.

        Raises:
            AudioError: the file cannot be read.
        """
        path = self.paths[index]
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise AudioError(f"{path} cannot be read ({error.strerror or error})") from error
        return f"{path.stem} {digest[:16]}"


def recorded_target(path: str | Path, clock: Clock) -> Target:
    """A recording as a target: mono, resampled, from its onset, fitted to the clock's length."""
    loaded = load_target(path, clock.sample_rate, clock.n_samples)
    return Target(loaded.samples, loaded.name)


def checked_samples(
    samples: npt.ArrayLike, clock: Clock, name: str = "target"
) -> npt.NDArray[np.float32]:
    """Samples as a float32 array of their own `(n_samples,)`, fit to be a target.

    Args:
        samples: array or tensor of real numbers, full scale is 1.
        clock: whose rate and length they have.
        name: of the argument, for messages.

    Raises:
        ParameterError: no real numbers, another length, not finite or far too loud.
    """
    given = samples.detach().cpu() if isinstance(samples, torch.Tensor) else samples
    try:
        array = np.asarray(given)
        if array.dtype.kind == "c":
            raise TypeError(f"the dtype is {array.dtype}")
        with np.errstate(over="ignore"):  # said below
            own = array.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} is not an array of real numbers: {error}") from None
    if own.shape != (clock.n_samples,) or not np.isfinite(own).all():
        raise ParameterError(
            f"{name} has shape {own.shape}; it must be ({clock.n_samples},) finite samples at "
            f"{clock.sample_rate} Hz"
        )
    if np.abs(own).max() > LOUDEST:
        raise ParameterError(
            f"{name} has samples up to {np.abs(own).max():g}; full scale is 1, and more than "
            f"{LOUDEST:g} cannot be compared: scale it"
        )
    return own


def stable_seed(*parts: str) -> int:
    """A 64-bit seed that depends on the words alone, not on their order of use or the platform."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)


def _check_index(split: str, index: int, n: int | None) -> None:
    whole = isinstance(index, int | np.integer) and not isinstance(index, bool)
    if not whole or index < 0 or index >= (N_ENDLESS if n is None else n):
        limit = "0 and up, below 2^63" if n is None else f"0 to {n - 1}"
        raise ParameterError(f"target index is {index!r}; the {split} split has {limit}")
