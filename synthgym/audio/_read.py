"""Read a sound file whole, as mono float32, or say in one line why not."""

from __future__ import annotations

import difflib
import io
import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from synthgym.audio import _containers
from synthgym.audio._containers import CONVERT
from synthgym.audio._shape import (
    RATE_LIMITS_HZ,
    SILENCE_DBFS,
    Samples,
    check_rate,
    decibels,
    resample,
    sound_peak,
)
from synthgym.errors import AudioError, ParameterError

MIN_SECONDS: Final = 0.010
"""A shorter sound is refused: there is no pitch to match in it."""

_CANCELLED: Final = 1e-4  # -40 dB, as a ratio of energies
# One block holds a note of 90 s and stays under the 2**24 samples at which libsndfile's FLAC
# reader breaks for some channel counts (libsndfile issue 431).
_BLOCK_SAMPLES: Final = 2**22
_PROBE_FRAMES: Final = 4_096
_O_BINARY: Final[int] = getattr(os, "O_BINARY", 0)  # on Windows
# Without a table of contents an MP3's length is an estimate, to two of its frames.
_MP3_SLACK_FRAMES: Final = 2 * 1_152
_MP3_UNREAD_SHARE: Final = 0.05


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file that is read from its beginning on.

    soundfile seeks after each read of a file that can seek. That breaks on a FLAC file of unknown
    length, and may hang on one that was cut short (python-soundfile issue 385).
    """

    def seekable(self) -> bool:
        """Not so, for soundfile's own use."""
        return False


class _Reader(io.BufferedReader):
    """A file that stays where it is when a damaged header asks for a place that does not exist.

    An exception could not leave libsndfile: it would be printed and forgotten.
    """

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """The new position, or the old one."""
        try:
            return super().seek(offset, whence)
        except OSError:
            return self.tell()


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound that was read, mono."""

    samples: Samples
    """Shape `(n,)`, float32, full scale 1. A float file may go beyond."""
    sample_rate: float
    """Hz."""
    source: str
    """The file it came from."""
    n_channels_in: int
    """Channels in the file."""
    sample_rate_in: int
    """Sample rate of the file, Hz."""
    notes: tuple[str, ...] = ()
    """What was done to the samples on the way, in words."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.sample_rate


def refusal(path: Path, fault: str, remedy: str) -> AudioError:
    """The one line that says what is wrong with a file to be read, and what to do."""
    return AudioError(f"cannot read {str(path)!r}: {fault}; {remedy}")


def read(
    path: str | os.PathLike[str],
    sample_rate: float | None = None,
    *,
    max_seconds: float | None = None,
) -> Sound:
    """Read a sound file as mono float32.

    WAV, FLAC, OGG (Vorbis, Opus), MP3 and AIFF of any sample rate, sample format and number of
    channels. Channels are mixed by their mean; where that cancels them (its energy is 40 dB
    under the channels' own), the loudest channel is taken. The level is left as it is.

    Args:
        path: the file.
        sample_rate: the wanted rate in Hz; None keeps the file's.
        max_seconds: read no more than this from the beginning; None reads all.

    Raises:
        AudioError: there is no such file, it cannot be opened or is no sound file; it is empty,
            cut short of what is asked for, silent (peak under -80 dBFS), shorter than 10 ms, or
            holds NaN or infinite samples.
        ParameterError: `sample_rate` or `max_seconds` is outside its domain.
    """
    if sample_rate is not None:
        check_rate(sample_rate, "sample_rate")
    if max_seconds is not None and not MIN_SECONDS <= max_seconds < math.inf:
        raise ParameterError(
            f"max_seconds is {max_seconds!r}, expected at least {MIN_SECONDS:g} or None for all"
        )
    file_path = Path(path)
    n_bytes = _check_file(file_path)
    try:
        # By descriptor, for then no layer below knows the name and takes the extension's word.
        descriptor = os.open(file_path, os.O_RDONLY | _O_BINARY)
        with _Reader(io.FileIO(descriptor)) as file:
            frames, rate_in = _decode(file_path, file, n_bytes, max_seconds)
    except OSError as error:
        raise _refuse_os_error(file_path, error) from error
    _check_frames(file_path, frames, rate_in)
    samples, notes = _mix(frames)
    _check_audible(file_path, samples, rate_in)
    rate_out: float = rate_in
    if sample_rate is not None and sample_rate != rate_in:
        samples, rate_out = resample(samples, rate_in, sample_rate), sample_rate
        notes += (f"resampled from {rate_in} to {sample_rate:g} Hz",)
        _check_audible(file_path, samples, sample_rate)
    return Sound(
        samples=samples,
        sample_rate=rate_out,
        source=str(file_path),
        n_channels_in=frames.shape[1],
        sample_rate_in=rate_in,
        notes=notes,
    )


def _check_file(path: Path) -> int:
    """The size of a regular file; anything else is refused before it is opened."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise refusal(path, "there is no such file", _near_name(path)) from error
    except (OSError, ValueError) as error:
        raise _refuse_os_error(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise refusal(path, "it is a folder", "name one sound file in it")
    # A pipe or a device would block, or never end.
    if not stat.S_ISREG(status.st_mode):
        raise refusal(path, "it is a pipe or a device", "save the sound to a file first")
    if status.st_size == 0:
        raise refusal(path, "the file is empty (0 bytes)", "export or download it again")
    return status.st_size


def _near_name(path: Path) -> str:
    if path.is_symlink():
        return "it is a link to nowhere: give the file itself"
    try:
        near = difflib.get_close_matches(path.name, os.listdir(path.parent), n=1)
    except (OSError, ValueError):
        return "check the folder's name"
    return f"did you mean {near[0]!r}?" if near else "check the name"


def _refuse_os_error(path: Path, error: OSError | ValueError) -> AudioError:
    if isinstance(error, PermissionError):
        return refusal(path, "permission denied", "ask for the right to read it, or copy it")
    fault = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return refusal(path, fault, "check the name and the disk")


def _decode(
    path: Path, file: BinaryIO, n_bytes: int, max_seconds: float | None
) -> tuple[NDArray[np.float32], int]:
    """The file's frames, shape `(n, channels)`, and its sample rate."""
    share = _containers.share_present(file, n_bytes)
    file.seek(0)
    head = file.read(64)
    file.seek(0)
    try:
        sound = _ForwardFile(file)
    except soundfile.LibsndfileError as error:
        raise refusal(path, *_containers.describe_unreadable(head)) from error
    with sound:
        low, high = RATE_LIMITS_HZ
        if not low <= sound.samplerate <= high:
            raise refusal(
                path,
                f"its header says {sound.samplerate} Hz, expected {low} to {high}",
                "export it again",
            )
        wanted = math.inf if max_seconds is None else math.ceil(max_seconds * sound.samplerate)
        frames = _read_frames(sound, wanted)
        n_read = _n_readable(file) if frames is None else len(frames)
        promised = _n_promised(sound, n_read, share, failed=frames is None)
        slack = _MP3_SLACK_FRAMES if sound.format == "MP3" else MIN_SECONDS * sound.samplerate
        if frames is None or min(promised, wanted) - n_read > slack:
            raise _refuse_cut_short(path, n_read, promised, sound.samplerate)
        if sound.format == "MP3" and n_read < wanted and _mp3_goes_on(file, n_bytes):
            raise refusal(path, "an MP3 of variable bit rate that misjudges its length", CONVERT)
        return frames, sound.samplerate


def _read_frames(sound: _ForwardFile, wanted: float) -> NDArray[np.float32] | None:
    """Up to `wanted` frames; None if the decoder fails on the way.

    In blocks, so that memory follows what is there and not what a header claims.
    """
    n_block = max(1, _BLOCK_SAMPLES // sound.channels)
    blocks: list[NDArray[np.float32]] = []
    n_read = 0
    while n_read < wanted:
        n_asked = int(min(n_block, wanted - n_read, max(1, sound.frames - n_read)))
        try:
            block = sound.read(n_asked, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            return None
        blocks.append(block)
        n_read += len(block)
        if len(block) < n_asked:
            break
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _n_readable(file: BinaryIO) -> int:
    """How many frames come out before the decoder fails, counted in small blocks from anew."""
    n_read = 0
    file.seek(0)
    try:
        with _ForwardFile(file) as sound:
            while n_block := len(sound.read(_PROBE_FRAMES, dtype="float32", always_2d=True)):
                n_read += n_block
    except soundfile.LibsndfileError:
        pass
    return n_read


def _n_promised(sound: _ForwardFile, n_read: int, share: float, *, failed: bool) -> float:
    """How many frames the file should hold; infinite where that is not known but more than read."""
    # libsndfile's word for unknown is its largest integer, as for FLAC from a pipe.
    if sound.frames > 2**62:
        return math.inf if failed or share < 1.0 else n_read
    return _containers.n_frames_promised(sound.frames, share)


def _refuse_cut_short(path: Path, n_read: int, promised: float, rate_hz: int) -> AudioError:
    readable_s = n_read / rate_hz
    if math.isfinite(promised):
        what = f"{readable_s:.3f} s of {promised / rate_hz:.3f} s can be read"
    else:
        what = f"{readable_s:.3f} s can be read, the rest is missing"
    remedy = "export or download it again"
    if readable_s > 2 * MIN_SECONDS:
        # Rounded down, for it is to be within what is there.
        remedy += f", or read its beginning with max_seconds={math.floor(readable_s * 1e3) / 1e3}"
    return refusal(path, f"cut short or damaged: {what}", remedy)


def _mp3_goes_on(file: BinaryIO, n_bytes: int) -> bool:
    """Whether much of an MP3 is left after its last frame, by libsndfile's estimate.

    Without a table of contents libsndfile judges the length by the first frames' bit rate and
    reads no further, which loses most of a file that begins with silence.
    """
    n_left = n_bytes - file.tell()
    file.seek(max(0, n_bytes - 160))
    # An APE tag at the end may hold a picture.
    return n_left > _MP3_UNREAD_SHARE * n_bytes and b"APETAGEX" not in file.read()


def _check_frames(path: Path, frames: NDArray[np.float32], rate_hz: int) -> None:
    """Refuse what is too short or not finite."""
    if len(frames) == 0:
        raise refusal(path, "it holds no samples", "export or record it again")
    duration_s = len(frames) / rate_hz
    if duration_s < MIN_SECONDS:
        raise refusal(
            path,
            f"it lasts {duration_s * 1e3:.3g} ms, expected at least {MIN_SECONDS * 1e3:g} ms",
            "record or export more of the sound",
        )
    finite = np.isfinite(frames).all(axis=1)
    if not finite.all():
        n_bad = int(finite.size - finite.sum())
        first_s = int(np.argmin(finite)) / rate_hz
        raise refusal(
            path,
            f"{n_bad} of {finite.size} samples are NaN or infinite, the first at {first_s:.3f} s",
            "export it again as 16 or 24 bit",
        )


def _check_audible(path: Path, samples: Samples, rate_hz: float) -> None:
    """Refuse silence, be it of all of the sound or of what a lower sample rate leaves of it."""
    peak_dbfs = decibels(sound_peak(samples))
    if peak_dbfs >= SILENCE_DBFS:
        return
    seconds = samples.size / rate_hz
    raise refusal(
        path,
        f"silent: {seconds:.3f} s, whose peak below {rate_hz / 2:g} Hz is {peak_dbfs:.1f} dBFS "
        f"(less than {SILENCE_DBFS:g})",
        "record it louder, or choose another file",
    )


def _mix(frames: NDArray[np.float32]) -> tuple[Samples, tuple[str, ...]]:
    """One channel from frames of shape `(n, channels)`, and a note if there were more."""
    n_channels = frames.shape[1]
    if n_channels == 1:
        return np.ascontiguousarray(frames[:, 0]), ()
    energies = np.square(frames, dtype=np.float64).mean(axis=0)
    mean = frames.mean(axis=1, dtype=np.float64).astype(np.float32)
    if np.square(mean, dtype=np.float64).mean() >= _CANCELLED * energies.mean():
        return mean, (f"mixed {n_channels} channels to their mean",)
    loudest = int(np.argmax(energies))
    return np.ascontiguousarray(frames[:, loudest]), (
        f"took channel {loudest + 1} of {n_channels}, the loudest: their mean cancels",
    )
