"""What a report shows, in the order it shows it: views of the boards for the page's template."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from synthgym import metrics
from synthgym.errors import UnknownNameError
from synthgym.leaderboard.boards import Board, TaskResult
from synthgym.leaderboard.figures import Figure, anytime_figure, runtime_figure
from synthgym.leaderboard.measures import WEIGHTS
from synthgym.leaderboard.recordings import MatchedRecording
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.sounds import TaskSounds
from synthgym.tasks import LADDER_DB, get_task

N_COLOURS = 8
"""Colours, and as many dash patterns, in `templates/style.css`."""

NEVER = "∞"
"""How an infinite cost or distance is written."""


@dataclass(frozen=True)
class BadRecord:
    """A file that is not a whole record: its place under the folder, and what is wrong."""

    place: str
    fault: str


@dataclass(frozen=True)
class TaskView:
    """One task of a board.

    Args:
        id: of the task.
        anchor: of its section.
        summary: one line, empty for a task that is not installed.
        facts: dimension, budget and runs, as text.
        anytime: best distance against cost.
        runtime: the runtime distribution.
        results: one per solver, in the order of the ranking.
        best: the smallest expected running time per rung.
        solved_rung: position on the ladder of the distance that counts as solved, or None.
        sounds: targets and matches.
    """

    id: str
    anchor: str
    summary: str
    facts: str
    anytime: Figure
    runtime: Figure
    results: tuple[TaskResult, ...]
    best: tuple[float, ...]
    solved_rung: int | None
    sounds: TaskSounds


@dataclass(frozen=True)
class BoardView:
    """One board: results that may be compared with each other."""

    board: Board
    anchor: str
    heading: str
    runtime: Figure
    tasks: tuple[TaskView, ...]
    score_top: float
    """End of the scale that the scores are drawn on."""
    moved: Mapping[tuple[str, int], int]
    """By solver and weight: places gained (positive) against the default weight."""


@dataclass(frozen=True)
class Page:
    """All that the template needs."""

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
    ladder_db: tuple[float, ...] = LADDER_DB
    weights: tuple[int, ...] = WEIGHTS
    metrics: tuple[metrics.Card, ...] = tuple(metrics.build(n).card for n in metrics.REPORTED)


def make_page(
    title: str,
    boards: Sequence[Board],
    sounds: Mapping[tuple[int, str], TaskSounds],
    bad_records: Sequence[BadRecord],
    folder_name: str,
    out_name: str,
    recordings: Sequence[MatchedRecording] = (),
) -> Page:
    """Gather what the template shows.

    Args:
        title: heading of the page.
        boards: from `score_records`, at least one.
        sounds: by position of the board and task.
        bad_records: files that could not be read.
        folder_name: of the folder of records, for the commands.
        out_name: of the report's folder, for the commands.
        recordings: matches of sounds from outside.
    """
    records = [record for board in boards for record in board.records]
    headers = [record.header for record in records]
    names = sorted({header.solver for header in headers})
    return Page(
        title=title,
        boards=tuple(
            _board_view(number, board, len({b.suite_version for b in boards}) > 1, sounds)
            for number, board in enumerate(boards)
        ),
        styles={name: line_style(position) for position, name in enumerate(names)},
        n_runs=len(records),
        n_tasks=len({header.task for header in headers}),
        n_targets=len({(header.task, header.split, header.index) for header in headers}),
        suite_versions=tuple(dict.fromkeys(board.suite_version for board in boards)),
        splits=tuple(dict.fromkeys(board.split for board in boards)),
        dates=_dates(header.started_at for header in headers),
        versions=_versions(records),
        errors=tuple(record for record in records if record.final.status == "error"),
        bad_records=tuple(bad_records),
        commands=(
            *(c for board in boards for c in run_commands(board, folder_name)),
            f"synthgym bench verify {shlex.quote(folder_name)}",
            f"synthgym bench report {shlex.quote(folder_name)} --out {shlex.quote(out_name)}",
        ),
        recordings=tuple(recordings),
    )


def line_style(position: int) -> str:
    """A colour and a dash pattern: no two of the first 64 solvers share both."""
    turn, colour = divmod(position, N_COLOURS)
    return f"c{colour} d{(colour + turn) % N_COLOURS}"


def _board_view(
    number: int, board: Board, with_version: bool, sounds: Mapping[tuple[int, str], TaskSounds]
) -> BoardView:
    heading = f"{board.track.capitalize()} track, {board.split} split"
    if with_version:
        heading += f", suite version {board.suite_version}"
    runs = {
        task: {s: cell for s in board.solvers if (cell := board.runs(task, s))}
        for task in board.tasks
    }
    anchor = f"board-{number + 1}"
    ranked = [standing.solver for standing in board.standings if standing.rank is not None]
    drawn = [
        {s: cell for s, cell in runs[task].items() if s in ranked or not ranked}
        for task in board.compared
    ]
    return BoardView(
        board=board,
        anchor=anchor,
        heading=heading,
        runtime=runtime_figure(counted(len(board.compared), "task"), drawn),
        tasks=tuple(
            _task_view(board, task, f"{anchor}-{task}", runs[task], sounds[number, task])
            for task in board.tasks
        ),
        score_top=math.ceil(10 * max(s.score.high for s in board.standings) + 0.01) / 10,
        moved={
            (standing.solver, weight): standing.rank - rank
            for standing in board.standings
            for weight, rank in standing.rank_at.items()
            if standing.rank is not None and rank is not None
        },
    )


def _task_view(
    board: Board,
    task: str,
    anchor: str,
    runs: Mapping[str, Sequence[Record]],
    sounds: TaskSounds,
) -> TaskView:
    headers = [record.header for cell in runs.values() for record in cell]
    results = tuple(board.results[task, solver] for solver in runs)
    solved_db = headers[0].solved_db
    try:
        summary = get_task(task).summary
    except UnknownNameError:
        summary = ""
    budgets = {header.budget for header in headers if header.budget is not None}
    targets = {header.index for header in headers}
    facts = [
        f"dimension {headers[0].dimension}",
        f"budget {count(max(budgets))}" if budgets else "no budget",
        counted(len(targets), "target"),
        counted(len({header.seed for header in headers}), "seed"),
    ]
    return TaskView(
        id=task,
        anchor=anchor,
        summary=summary,
        facts=" · ".join(facts),
        anytime=anytime_figure(task, runs, solved_db),
        runtime=runtime_figure(task, [runs]),
        results=results,
        best=tuple(min(result.ert[rung] for result in results) for rung in range(len(LADDER_DB))),
        solved_rung=LADDER_DB.index(solved_db) if solved_db in LADDER_DB else None,
        sounds=sounds,
    )


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


def run_commands(board: Board, folder_name: str) -> list[str]:
    """The commands that make the runs of a board anew, one for each budget asked for."""
    headers = [record.header for record in board.records]
    commands = []
    for budget in sorted({_asked_budget(h.task, h.budget) for h in headers}):
        chosen = [h for h in headers if _asked_budget(h.task, h.budget) == budget]
        words = [
            *("synthgym", "bench", "run"),
            *("--tasks", ",".join(t for t in board.tasks if any(h.task == t for h in chosen))),
            *("--solvers", ",".join(sorted({h.solver_spec for h in chosen}))),
            *("--split", board.split),
            *("--targets", indices({h.index for h in chosen})),
            *("--seeds", indices({h.seed for h in chosen})),
            *(("--budget", str(budget)) if budget else ()),
            *("--out", folder_name),
        ]
        commands.append(shlex.join(words))
    return commands


def _asked_budget(task: str, budget: int | None) -> int:
    """The budget that had to be asked for, 0 where it is the task's own."""
    try:
        return 0 if budget is None or budget == get_task(task).budget else budget
    except UnknownNameError:
        return budget or 0


def indices(chosen: Iterable[int]) -> str:
    """A set of indices as the command line takes it: `3` is the first three, else `1,4-6`."""
    ordered = sorted(chosen)
    if ordered == list(range(len(ordered))):
        return str(len(ordered))
    spans: list[list[int]] = []
    for index in ordered:
        if spans and index == spans[-1][-1] + 1:
            spans[-1][1:] = [index]
        else:
            spans.append([index])
    text = ",".join("-".join(map(str, span)) for span in spans)
    # A lone number would be read as a count.
    return text if len(ordered) > 1 else f"{text}-{text}"


def counted(n: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def count(value: float) -> str:
    """A cost: whole, with thousands apart; `∞` where it is infinite."""
    if math.isinf(value):
        return NEVER
    return f"{value:,.0f}" if value < 1e6 else f"{value / 1e6:,.2f} M"


def decibels(value: float) -> str:
    """A distance with three figures; `∞` where nothing was evaluated."""
    if math.isinf(value):
        return NEVER
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def significant(value: float | None) -> str:
    """A number with three figures; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def share(value: float) -> str:
    """A share in whole per cent; what is not all or nothing never reads 100% or 0%."""
    percent = round(100 * value)
    if 0 < value < 1:
        percent = min(max(percent, 1), 99)
    return f"{percent}%"


def duration(seconds: float) -> str:
    """A time with two figures, in the unit that suits it."""
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= size:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{1000 * seconds:.0f} ms"


def sort_key(value: float | None) -> str:
    """A number for the page's sorting script; what is missing sorts last."""
    return json.dumps(1e300 if value is None or math.isinf(value) else float(value))
