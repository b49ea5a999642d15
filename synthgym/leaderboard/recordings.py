"""Recordings that `synthgym match` has matched, as a report shows them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from synthgym.errors import RecordError
from synthgym.leaderboard.commands import match_command

_PATCH, _MATCH, _PICTURE = ".patch.json", ".match.wav", ".png"


@dataclass(frozen=True)
class MatchedRecording:
    """A recording and what was found for it; the files as links from the page.

    Args:
        name: of the recording, without its suffix.
        how: task or patch, and solver.
        distance_db: of the match.
        sound: the match.
        patch: its parameters.
        recording: the recording itself, or None where it does not lie beside its match.
        picture: both spectrograms, or None where there is none.
        command: what makes the match anew.
    """

    name: str
    how: str
    distance_db: float
    sound: str
    patch: str
    recording: str | None
    picture: str | None
    command: str


def matched_recordings(folder: Path, out_dir: Path) -> tuple[MatchedRecording, ...]:
    """The matches in a folder that `synthgym match` wrote to, by name.

    Args:
        folder: where the matches are.
        out_dir: the report's folder, from which they are linked.

    Raises:
        RecordError: there are none, or a patch cannot be read.
    """
    found = tuple(_found(folder, out_dir))
    if not found:
        raise RecordError(
            f"{folder} holds no matched recordings (*{_PATCH}); make one with `synthgym match`"
        )
    return found


def _found(folder: Path, out_dir: Path) -> Iterator[MatchedRecording]:
    for patch in sorted(folder.glob(f"*{_PATCH}")):
        stem = patch.name.removesuffix(_PATCH)
        try:
            document = json.loads(patch.read_text(encoding="utf-8"))
            made = document["match"]
            how, distance_db = f"{made['task']}, {made['solver']}", float(made["distance_db"])
            original = folder / Path(made["recording"]).name
            place = folder.resolve().name
            at = f"{place}/{original.name}" if original.is_file() else original.name
            command = match_command(document, at, place)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise RecordError(
                f"{patch}: not a patch that `synthgym match` wrote ({error!r}); move it away, "
                "or match the recording again"
            ) from error
        picture = folder / f"{stem}{_PICTURE}"
        yield MatchedRecording(
            name=stem,
            how=how,
            distance_db=distance_db,
            sound=_link(folder / f"{stem}{_MATCH}", out_dir),
            patch=_link(patch, out_dir),
            recording=_link(original, out_dir) if original.is_file() else None,
            picture=_link(picture, out_dir) if picture.is_file() else None,
            command=command,
        )


def _link(path: Path, out_dir: Path) -> str:
    relative = os.path.relpath(path.resolve(), out_dir.resolve())
    return quote(Path(relative).as_posix())
