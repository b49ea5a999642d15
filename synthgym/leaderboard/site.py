"""All that a report says, over all of its pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from synthgym import metrics
from synthgym.leaderboard.boards import Board
from synthgym.leaderboard.distance_page import DistanceView
from synthgym.leaderboard.distances import DistanceBoard
from synthgym.leaderboard.measures import WEIGHTS
from synthgym.leaderboard.page import BoardView, board_view
from synthgym.leaderboard.recordings import MatchedRecording
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.sounds import TaskSounds
from synthgym.tasks import LADDER_DB

N_COLOURS = 8
"""Colours, and as many dash patterns, in `templates/style.css`."""

_FAMILIES = {"diffmoog": "The suite"}


@dataclass(frozen=True)
class BadRecord:
    """A file that is not a whole record: its place under the folder, and what is wrong."""

    place: str
    fault: str


@dataclass(frozen=True)
class Site:
    """All that the templates need."""

    title: str
    boards: tuple[BoardView, ...]
    styles: Mapping[str, str]
    """Classes of each solver's line: a colour and a dash pattern."""
    n_runs: int
    n_tasks: int
    n_targets: int
    suite_versions: tuple[str, ...]
    splits: tuple[str, ...]
    dates: str
    versions: tuple[str, ...]
    errors: tuple[Record, ...]
    bad_records: tuple[BadRecord, ...]
    commands: tuple[str, ...]
    recordings: tuple[MatchedRecording, ...] = ()
    outside: tuple[DistanceView, ...] = ()
    remarks: tuple[str, ...] = ()
    marked: frozenset[str] = frozenset()
    """Solvers whose rows stand out."""
    ladder_db: tuple[float, ...] = LADDER_DB
    weights: tuple[int, ...] = WEIGHTS
    metrics: tuple[metrics.Card, ...] = tuple(metrics.build(n).card for n in metrics.REPORTED)


def make_site(
    title: str,
    boards: Sequence[Board],
    sounds: Sequence[Mapping[str, TaskSounds]],
    *,
    bad_records: Sequence[BadRecord] = (),
    commands: Sequence[str] = (),
    recordings: Sequence[MatchedRecording] = (),
    outside: Sequence[DistanceView] = (),
    remarks: Sequence[str] = (),
    marked: Iterable[str] = (),
    seed: int = 0,
) -> Site:
    """Gather what the templates show.

    Args:
        title: heading of the report.
        boards: from `score_records`.
        sounds: by task, for each of the boards.
        bad_records: files that could not be read.
        commands: what makes all this anew.
        recordings: matches of sounds from outside.
        outside: boards of runs on recordings; with `boards`, at least one.
        remarks: what else has to be known to read the rankings.
        marked: solvers whose rows stand out.
        seed: of the bootstrap.
    """
    every: list[Board | DistanceBoard] = [*boards, *(view.board for view in outside)]
    records = [record for board in every for record in board.records]
    headers = [record.header for record in records]
    names = sorted({header.solver for header in headers})
    return Site(
        title=title,
        boards=tuple(
            board_view(number, board, heading(board, boards), own, seed)
            for number, (board, own) in enumerate(zip(boards, sounds, strict=True))
        ),
        styles={name: line_style(position) for position, name in enumerate(names)},
        n_runs=len(records),
        n_tasks=len({header.task for header in headers}),
        n_targets=len({(header.task, header.split, header.index) for header in headers}),
        suite_versions=tuple(dict.fromkeys(board.suite_version for board in every)),
        splits=tuple(dict.fromkeys(board.split for board in every)),
        dates=_dates(header.started_at for header in headers),
        versions=_versions(records),
        errors=tuple(record for record in records if record.final.status == "error"),
        bad_records=tuple(bad_records),
        commands=tuple(commands),
        recordings=tuple(recordings),
        outside=tuple(outside),
        remarks=tuple(remarks),
        marked=frozenset(marked),
    )


def heading(board: Board, boards: Sequence[Board]) -> str:
    """What a board is called among others: family and version are said where they differ."""
    text = f"{board.track.capitalize()} track, {board.split} split"
    if len({other.family for other in boards}) > 1:
        family = _FAMILIES.get(board.family, f"{board.family.capitalize()} tasks")
        text = f"{family}: {text[0].lower()}{text[1:]}"
    if len({other.suite_version for other in boards}) > 1:
        text += f", suite version {board.suite_version}"
    return text


def line_style(position: int) -> str:
    """A colour and a dash pattern: no two of the first 64 solvers share both."""
    turn, colour = divmod(position, N_COLOURS)
    return f"c{colour} d{(colour + turn) % N_COLOURS}"


def _dates(started: Iterable[str]) -> str:
    """First and last day on which a run started, or nothing where no record says."""
    days = set()
    for text in started:
        try:
            days.add(datetime.fromisoformat(text).date().isoformat())
        except ValueError:
            continue
    first_and_last = sorted({min(days), max(days)}) if days else []
    return " to ".join(first_and_last)


def _versions(records: Sequence[Record]) -> tuple[str, ...]:
    """The software that made the records, each with all its versions."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, version in record.header.versions.items():
            if name in ("synthgym", "torch", "numpy", "python"):
                found.setdefault(name, set()).add(version)
    return tuple(f"{name} {' and '.join(sorted(found[name]))}" for name in sorted(found))
