"""The report: static HTML pages with tables, plots and sounds, made from records alone.

Nothing is run and nothing is fetched: the pages open from disk, without a network. They are a
pure function of the records (and of the tasks, through which final unit vectors are rendered), so
two reports of one folder are equal to the byte.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from synthgym.errors import ParameterError, RecordError, require
from synthgym.leaderboard.boards import Board, TaskResult
from synthgym.leaderboard.commands import (
    DEFAULT_SOUNDS,
    DEFAULT_TITLE,
    all_commands,
    report_command,
)
from synthgym.leaderboard.distance_page import distance_view
from synthgym.leaderboard.distances import (
    DistanceBoard,
    distance_summary,
    distance_table,
    score_distances,
)
from synthgym.leaderboard.formatting import count, counted, decibels, share
from synthgym.leaderboard.measures import DEFAULT_WEIGHT, WEIGHTS
from synthgym.leaderboard.page import PAGES_FOLDER
from synthgym.leaderboard.recordings import MatchedRecording, matched_recordings
from synthgym.leaderboard.records import Record, read_records
from synthgym.leaderboard.rendering import INDEX, render
from synthgym.leaderboard.score import score_records
from synthgym.leaderboard.site import BadRecord, make_site
from synthgym.leaderboard.sounds import SOUNDS_FOLDER, Selection, TaskSounds, task_sounds

__all__ = ["report_size", "write_report", "write_summary", "write_task_table"]

_GENERATOR = '<meta name="generator" content="synthgym">'
_SOUND_FILE = re.compile(r".+-[0-9a-f]{10}\.(flac|wav|png)")
_PAGE_FILE = re.compile(r"board-[0-9]+-(level|task|sounds)-.+\.html")


def write_report(
    folder: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    sounds: Selection = DEFAULT_SOUNDS,
    title: str = DEFAULT_TITLE,
    matches: str | os.PathLike[str] | None = None,
    commands: Sequence[str] | None = None,
    recordings: str | os.PathLike[str] | None = None,
    remarks: Sequence[str] = (),
    marked: Iterable[str] = (),
    seed: int = 0,
) -> Path:
    """Write the report on a folder of records.

    Whoever has the old pages open, or looks while new ones are made, sees whole pages: all are made
    first, each is put in place in one step, the index last, and sounds are named by their content.

    Args:
        folder: where `bench run` wrote the records.
        out_dir: where to write; made where it is not there.
        sounds: `"best"` for the best match of each target (and every solver's for the hardest
            target of each task), `"all"` for every solver's, `"none"` for a report without.
        title: heading of the report.
        matches: a folder that `synthgym match` wrote to; the index links what is there.
        commands: what makes records and report anew; None for what the records tell of it.
        recordings: folder of the recordings that runs were on, if not of the shipped notes.
        remarks: what has to be known to read the rankings, beside what the records tell.
        marked: solvers whose rows stand out, such as newcomers among others.
        seed: of the bootstrap.

    Returns:
        The path of the index, `out_dir/index.html`.

    Raises:
        RecordError: there are no records under `folder`, or no matches in `matches`.
        ParameterError: `sounds` is unknown, or `out_dir` is not a folder or holds another page.
        MissingExtraError: jinja2 or matplotlib is not installed.
        AudioError: a sound cannot be written.
    """
    _check_request(sounds)
    source, target = Path(folder), Path(out_dir)
    records, bad_records = _read(source)
    _check_destination(target)
    matched = () if matches is None else matched_recordings(Path(matches), target)
    boards, outside = score_records(records, seed=seed), score_distances(records, seed=seed)
    of_runs = None if recordings is None else Path(recordings)
    shelves = _shelves(boards, sounds, target, of_runs)
    outer = _shelves(outside, sounds, target, of_runs)
    if commands is None:
        commands = _commands(
            [*boards, *outside], source, target, sounds, title, matches, of_runs, matched
        )
    site = make_site(
        title,
        boards,
        shelves,
        bad_records=bad_records,
        commands=commands,
        recordings=matched,
        outside=tuple(map(distance_view, range(len(outside)), outside, outer)),
        remarks=remarks,
        marked=marked,
        seed=seed,
    )
    _put_in_place(render(site), target, [*shelves, *outer])
    return target / INDEX


def _shelves(
    boards: Sequence[Board | DistanceBoard], sounds: Selection, out_dir: Path, of_runs: Path | None
) -> list[dict[str, TaskSounds]]:
    """Write the sounds of each board; by task."""
    (out_dir / SOUNDS_FOLDER).mkdir(parents=True, exist_ok=True)
    return [
        {task: task_sounds(board, task, sounds, out_dir, of_runs) for task in board.tasks}
        for board in boards
    ]


def _commands(
    boards: Sequence[Board | DistanceBoard],
    source: Path,
    target: Path,
    sounds: Selection,
    title: str,
    matches: str | os.PathLike[str] | None,
    recordings: Path | None,
    matched: Sequence[MatchedRecording],
) -> list[str]:
    """The commands that make records, matches and report anew, by names of folders."""
    name = source.resolve().name
    matches_name = None if matches is None else Path(matches).resolve().name
    heard = None if recordings is None else recordings.resolve().name
    last = report_command(
        name,
        target.name,
        title=title,
        sounds=sounds,
        matches_name=matches_name,
        recordings_name=heard,
    )
    return [*all_commands(boards, name, heard), *(one.command for one in matched), last]


def report_size(out_dir: str | os.PathLike[str]) -> tuple[int, int]:
    """Bytes of a report's pages, and of its sounds with their pictures."""
    folder = Path(out_dir)
    pages = [folder / INDEX, *(folder / PAGES_FOLDER).glob("*.html")]
    sounds = (folder / SOUNDS_FOLDER).glob("*")
    return sum(p.stat().st_size for p in pages), sum(p.stat().st_size for p in sounds)


def write_summary(folder: str | os.PathLike[str], *, seed: int = 0) -> str:
    """The ranking as Markdown tables, one per board, for a README.

    Args:
        folder: where `bench run` wrote the records.
        seed: of the bootstrap.

    Raises:
        RecordError: there are no records under `folder`.
    """
    records, _ = _read(Path(folder))
    tables = [_summary(board) for board in score_records(records, seed=seed)]
    tables += [distance_summary(board) for board in score_distances(records, seed=seed)]
    return "\n".join(tables)


def write_task_table(folder: str | os.PathLike[str]) -> str:
    """What each solver did on each task, as Markdown tables, one per board.

    A cell has the runs that solved their target, of how many, and the expected running time to
    that in cost units; of recordings, each one's final distance in dB.

    Args:
        folder: where `bench run` wrote the records, or packs of them.

    Raises:
        RecordError: there are no records under `folder`.
    """
    records, _ = _read(Path(folder))
    tables = [_task_table(board) for board in score_records(records)]
    tables += [distance_table(board) for board in score_distances(records)]
    return "\n".join(tables)


def _read(folder: Path) -> tuple[list[Record], list[BadRecord]]:
    bad: list[BadRecord] = []

    def note(path: Path, error: RecordError) -> None:
        fault = str(error).removeprefix(str(path)).lstrip(":0123456789 ")
        bad.append(BadRecord(path.relative_to(folder).as_posix(), fault or str(error)))

    records = read_records(folder, on_bad=note)
    if not records:
        damaged = f", only {len(bad)} damaged ones ({bad[0].place}: {bad[0].fault})" if bad else ""
        raise RecordError(
            f"{folder} holds no complete records{damaged}; make some with `synthgym bench run`, "
            "or give the folder that it wrote to"
        )
    return records, bad


def _check_request(sounds: str) -> None:
    """What can be asked for, and is there to make it with."""
    if sounds not in get_args(Selection):
        known = ", ".join(map(repr, get_args(Selection)))
        raise ParameterError(f"sounds is {sounds!r}; it must be one of {known}")
    for module in ("jinja2", "matplotlib"):
        require(module, "report")


def _check_destination(out_dir: Path) -> None:
    """A report replaces a report, and nothing else."""
    if out_dir.exists() and not out_dir.is_dir():
        raise ParameterError(f"out_dir {out_dir} is not a folder; give a new one")
    old = out_dir / INDEX
    if old.exists() and _GENERATOR not in old.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise ParameterError(
            f"out_dir {out_dir} holds an {INDEX} that is not a report of synthgym; "
            "give another folder, or move that page away"
        )


def _put_in_place(
    pages: Mapping[str, str], out_dir: Path, shelves: Sequence[Mapping[str, TaskSounds]]
) -> None:
    """Write the pages, the index last, and remove what they do not use."""
    for file, content in pages.items():
        _replace(out_dir / file, content)
    sounds = {file for own in shelves for kept in own.values() for file in kept.files}
    _remove_unused(out_dir, {*pages, *sounds})


def _replace(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}-{secrets.token_hex(6)}.part")
    try:
        partial.write_text(content, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _remove_unused(out_dir: Path, used: set[str]) -> None:
    """Remove what earlier reports left, and the folders of pages and sounds when empty."""
    for folder, made in ((SOUNDS_FOLDER, _SOUND_FILE), (PAGES_FOLDER, _PAGE_FILE)):
        here = out_dir / folder
        if not here.is_dir():
            continue
        for path in here.iterdir():
            if f"{folder}/{path.name}" not in used and made.fullmatch(path.name):
                path.unlink()
        if not any(here.iterdir()):
            here.rmdir()


def _summary(board: Board) -> str:
    others = [weight for weight in WEIGHTS if weight != DEFAULT_WEIGHT]
    head = ["Rank", "Solver", "Score (95 % interval)", "Solved", "Final distance (dB)"]
    head += [f"Score at weight {weight}" for weight in others] + ["Runs"]
    rows = [head, [":--" if name == "Solver" else "--:" for name in head]]
    for standing in board.standings:
        score = standing.score
        rows.append(
            [
                str(standing.rank or "–"),
                standing.solver,
                f"{score.value:.3f} ({score.low:.3f}–{score.high:.3f})",
                share(standing.solved),
                decibels(standing.final_db.value),
                *(f"{standing.score_at[weight]:.3f}" for weight in others),
                str(standing.n_runs),
            ]
        )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    flips = [
        f"The order of {flip.first} and {flip.second} flips at gradient weight "
        f"{' and '.join(map(str, flip.weights))}."
        for flip in board.flips
    ]
    notes = "".join(f"\n- {note}" for note in [*flips, *(flag.message for flag in board.flags)])
    heading = (
        f"**{board.track.capitalize()} track, {board.split} split, "
        f"{counted(len(board.tasks), 'task')}, suite version {board.suite_version}**"
    )
    return f"{heading}\n\n{table}\n{notes}\n"


def _task_table(board: Board) -> str:
    solvers = [standing.solver for standing in board.standings]
    rows = [["Task", *solvers], [":--", *["--:"] * len(solvers)]]
    for task in board.tasks:
        rows.append([task, *(_cell(board.results.get((task, solver))) for solver in solvers)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _cell(result: TaskResult | None) -> str:
    if result is None:
        return ""
    return f"{result.n_solved}/{result.n_runs} ({count(result.solved_ert)})"
