"""Write a sound file whole, or leave things as they were."""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import soundfile
from numpy.typing import ArrayLike

from synthgym.audio._shape import Samples, as_samples, check_count
from synthgym.errors import AudioError

SUBTYPES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        ".wav": ("PCM_24", "PCM_16", "PCM_32", "FLOAT"),
        ".flac": ("PCM_24", "PCM_16"),
        ".ogg": ("VORBIS",),
        ".mp3": ("MPEG_LAYER_III",),
    }
)
"""What `write` writes: sample formats by file extension, the default first."""

_RATES_HZ: Final = {
    ".wav": range(1, 2**31),
    ".flac": range(1, 655_351),
    # Above, libsndfile's Vorbis encoder crashes the process.
    ".ogg": range(1, 200_001),
    ".mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
# libsndfile's Vorbis encoder overruns the stack on one long write.
_BLOCK_FRAMES: Final = 65_536
_O_BINARY: Final[int] = getattr(os, "O_BINARY", 0)  # on Windows


def write(
    path: str | os.PathLike[str],
    samples: ArrayLike,
    sample_rate: int,
    subtype: str | None = None,
) -> Path:
    """Write mono samples to a sound file, whole or not at all.

    The file is made beside its destination and moved there when complete, so a reader never sees
    half of it, and a full disk or a kill leaves an older file of that name as it was.

    Args:
        path: the destination; its extension sets the format: .wav, .flac, .ogg or .mp3.
        samples: shape `(n,)`, within [-1, 1] unless `subtype` is `"FLOAT"`.
        sample_rate: Hz.
        subtype: the sample format, one of `SUBTYPES[extension]`; the first of them by default
            (24 bit for .wav and .flac).

    Returns:
        The path that was written.

    Raises:
        AudioError: an unknown extension or subtype, a rate that the format does not know,
            samples that are NaN, infinite or would clip, or a destination that cannot be
            written (full disk, no permission, no such folder, not a regular file).
        ParameterError: samples of another shape, or a sample rate that is no positive integer.
    """
    file_path = Path(path)
    check_count(sample_rate, "sample_rate")
    extension = file_path.suffix.lower()
    _check_format(file_path, extension, sample_rate, subtype)
    chosen = subtype or SUBTYPES[extension][0]
    try:
        array = as_samples(samples)
    except AudioError as error:
        raise AudioError(f"cannot write {str(file_path)!r}: {error}") from error
    if chosen != "FLOAT":
        _check_no_clipping(file_path, array)
    content = _encode(file_path, array, int(sample_rate), extension[1:].upper(), chosen)
    try:
        _replace(file_path, content)
    except (OSError, ValueError) as error:
        raise _refusal(file_path, *_explain(file_path, error, len(content))) from error
    return file_path


def _refusal(path: Path, fault: str, remedy: str) -> AudioError:
    return AudioError(f"cannot write {str(path)!r}: {fault}; {remedy}")


def _check_format(path: Path, extension: str, sample_rate: int, subtype: str | None) -> None:
    if extension not in SUBTYPES:
        known = ", ".join(SUBTYPES)
        raise _refusal(path, f"unknown extension {path.suffix!r}", f"use one of {known}")
    if subtype is not None and subtype not in SUBTYPES[extension]:
        known = ", ".join(SUBTYPES[extension])
        raise _refusal(path, f"{extension} has no subtype {subtype!r} here", f"use one of {known}")
    rates = _RATES_HZ[extension]
    if sample_rate not in rates:
        known = (
            f"1 to {rates[-1]} Hz"
            if isinstance(rates, range)
            else f"{', '.join(map(str, rates))} Hz"
        )
        raise _refusal(
            path,
            f"{extension} does not hold {sample_rate} Hz",
            f"resample to {known}, or write a .wav file",
        )


def _check_no_clipping(path: Path, samples: Samples) -> None:
    magnitude = np.abs(samples)
    peak = float(magnitude.max())
    if peak > 1.0:
        raise _refusal(
            path,
            f"{int((magnitude > 1.0).sum())} samples would clip, the peak is {peak:.4g} "
            "(full scale is 1)",
            'lower the level, or write a .wav file with subtype="FLOAT"',
        )


def _encode(path: Path, samples: Samples, sample_rate: int, container: str, subtype: str) -> bytes:
    """The file's bytes. In memory, so that each fault of the disk is an OSError of our own."""
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(
            buffer, "w", sample_rate, channels=1, format=container, subtype=subtype
        ) as sound:
            for at in range(0, samples.size, _BLOCK_FRAMES):
                sound.write(samples[at : at + _BLOCK_FRAMES])
    except (soundfile.LibsndfileError, AssertionError) as error:
        raise _refusal(path, f"the encoder failed ({error})", "write a .wav file") from error
    return buffer.getvalue()


def _replace(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path` in one step."""
    # The file behind a link is replaced, not the link.
    destination = Path(os.path.realpath(path))
    if destination.exists() and not destination.is_file():
        raise FileExistsError(errno.EEXIST, "it is a folder or a device, not a file")
    partial = destination.with_name(f".synthgym-{secrets.token_hex(8)}.part")
    # As open() would, the umask decides about permissions; O_EXCL never follows a planted link.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_BINARY, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            # Some disks say only now that they are full.
            os.fsync(file.fileno())
        os.replace(partial, destination)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _explain(path: Path, error: OSError | ValueError, n_bytes: int) -> tuple[str, str]:
    """Fault and remedy for what the system said."""
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"no space left for its {n_bytes} bytes",
            "free some space or choose another disk; nothing was written",
        )
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"no permission to write in {str(path.parent)!r}",
            "choose a folder of your own",
        )
    if code in (errno.ENOENT, errno.ENOTDIR):
        return f"there is no folder {str(path.parent)!r}", "create it first"
    fault = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return fault, "choose another path"
