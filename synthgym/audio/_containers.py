"""What the bytes of a file say before anything is decoded.

libsndfile takes a WAV, AIFF or OGG file that was cut short for a shorter whole one. The headers
know better: they declare how much there should be.

Sources: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (RIFF);
EBU Tech 3306 (RF64); Apple, AIFF-C (1991); RFC 3533 (Ogg).
"""

from __future__ import annotations

import codecs
import math
from typing import BinaryIO, Final

# Writers that cannot seek back leave one of these: the size is unknown, and the data runs to the
# end of the file. 0x7FFFF000 and up is SoX's habit.
_LEAST_PLACEHOLDER: Final = 0x7FFFF000
_MOST_CHUNKS: Final = 1_000
_OGG_PAGE_MAX: Final = 65_307

CONVERT: Final = "convert it to WAV or FLAC, for instance with ffmpeg -i IN out.wav"
_CHOOSE: Final = "choose a WAV, FLAC, OGG, MP3 or AIFF file"

_SOUND_MAGICS: Final = (
    (0, b"RIFF", "WAV"),
    (0, b"RIFX", "WAV"),
    (0, b"RF64", "WAV (RF64)"),
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "OGG"),
    (0, b"FORM", "AIFF"),
    (0, b"ID3", "MP3"),
    (0, b"\xff\xfb", "MP3"),
    (0, b"\xff\xf3", "MP3"),
)
_OTHER_MAGICS: Final = (
    (4, b"ftyp", "an MP4 or M4A file", CONVERT),
    (0, b"\x1a\x45\xdf\xa3", "a WebM or Matroska file", CONVERT),
    (0, b"\x30\x26\xb2\x75", "a Windows Media file", CONVERT),
    (0, b"MThd", "a MIDI file, which holds notes and no sound", "render it to WAV"),
    (0, b"\x89PNG", "a PNG image", _CHOOSE),
    (0, b"\xff\xd8\xff", "a JPEG image", _CHOOSE),
    (0, b"%PDF", "a PDF document", _CHOOSE),
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it"),
    (0, b"version https://git-lfs", "a Git LFS pointer", "fetch the file with git lfs pull"),
)


def describe_unreadable(head: bytes) -> tuple[str, str]:
    """What a file that libsndfile refuses looks like, from its first bytes, and the remedy."""
    for at, magic, name in _SOUND_MAGICS:
        if head[at:].startswith(magic):
            return f"it is a damaged or cut-short {name} file", "export or download it again"
    for at, magic, name, remedy in _OTHER_MAGICS:
        if head[at:].startswith(magic):
            return f"it is {name}", remedy
    what = "text" if _is_text(head) else "of no known sound format"
    return f"its content is {what}", _CHOOSE


def _is_text(head: bytes) -> bool:
    """Whether the bytes begin a UTF-8 text; the last character may be cut."""
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def share_present(file: BinaryIO, n_bytes: int) -> float:
    """The share of the sound data a header declares that lies in the file.

    Args:
        file: open for reading; its position is left anywhere.
        n_bytes: the file's size.

    Returns:
        In [0, 1]; 1 where nothing is missing or nothing is declared, and 0 for an OGG file
        without its last page, which does not say how much is missing.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        return _share_of_chunk(file, n_bytes, b"data", "little")
    if head[:4] == b"RIFX" and head[8:] == b"WAVE":
        return _share_of_chunk(file, n_bytes, b"data", "big")
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return _share_of_chunk(file, n_bytes, b"SSND", "big")
    if head[:4] == b"OggS":
        return 1.0 if _has_last_ogg_page(file, n_bytes) else 0.0
    return 1.0


def _share_of_chunk(file: BinaryIO, n_bytes: int, wanted: bytes, order: str) -> float:
    """Walk the chunks of a RIFF or IFF file to the one that holds the sound."""
    byteorder: Final = "little" if order == "little" else "big"
    at, n_declared_wide = 12, 0
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8:
            break
        n_declared = int.from_bytes(header[4:], byteorder)
        if header[:4] == b"ds64":
            n_declared_wide = int.from_bytes(file.read(16)[8:], "little")
        if header[:4] == wanted:
            if n_declared == 0xFFFFFFFF and 0 < n_declared_wide < 2**62:
                n_declared = n_declared_wide
            elif n_declared == 0 or n_declared >= _LEAST_PLACEHOLDER:
                return 1.0
            return min(1.0, max(0, n_bytes - at - 8) / n_declared)
        at += 8 + n_declared + n_declared % 2
    return 1.0


def _has_last_ogg_page(file: BinaryIO, n_bytes: int) -> bool:
    """Whether the last page is whole and flagged as the end of its stream."""
    file.seek(max(0, n_bytes - 2 * _OGG_PAGE_MAX))
    tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    if len(page) < 27 or len(page) < 27 + page[26]:
        return False
    n_page = 27 + page[26] + sum(page[27 : 27 + page[26]])
    return len(page) >= n_page and bool(page[5] & 4)


def n_frames_promised(n_frames: int, share: float) -> float:
    """How many frames a whole file would hold, from those in it and the share they are."""
    return n_frames / share if share > 0.0 else math.inf
