"""The recorded notes that ship with the package."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1] / "data" / "notes"


def sample_notes() -> dict[str, Path]:
    """Recorded instrument notes to try things on, by instrument name.

    Four seconds each at 16 kHz, held for three, from the FluidR3 GM soundfont; their licence
    (MIT) lies beside them. File names are `<instrument>-<midi note>-<velocity>.flac`.
    """
    return {file.stem.rsplit("-", 2)[0]: file for file in sorted(_FOLDER.glob("*.flac"))}
