"""Files that are whole or not there: written aside, then moved into place."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

_PREFIX: Final = ".synthgym-"
_SUFFIX: Final = ".part"
PARTIAL: Final = f"{_PREFIX}*{_SUFFIX}"
"""Pattern of the hidden files that a killed process may leave beside those it was writing."""

_O_BINARY: Final[int] = getattr(os, "O_BINARY", 0)  # on Windows


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file in one step: a reader, or a run after a kill, sees all of it or none.

    Raises:
        OSError: it cannot be written; it names the path, which is as it was.
    """
    destination = Path(os.path.realpath(path))  # the file behind a link is replaced, not the link
    partial = destination.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_BINARY, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # some disks say only now that they are full
            os.replace(partial, destination)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    return Path(path)
