"""What a report shows, in the order it shows it: views of the boards for the templates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from synthgym.errors import UnknownNameError
from synthgym.leaderboard.boards import Board, TaskResult
from synthgym.leaderboard.critical import CriticalDifferences, critical_differences
from synthgym.leaderboard.figures import (
    Figure,
    anytime_figure,
    anytime_per_dimension_figure,
    profile_figure,
    running_time_figure,
    runtime_figure,
)
from synthgym.leaderboard.formatting import count, counted
from synthgym.leaderboard.hardest import TargetStanding, hardest_first, in_order
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.rows import RowFigure, critical_figure, finals_figure
from synthgym.leaderboard.score import level_boards
from synthgym.leaderboard.sounds import TaskSounds
from synthgym.tasks import LADDER_DB, get_task

N_HARDEST = 10
"""Targets that a list of the hardest over several tasks holds."""

PAGES_FOLDER = "pages"

Runs = Mapping[str, Mapping[str, Sequence[Record]]]
"""By task and solver, the solvers in the order of the ranking."""


@dataclass(frozen=True)
class TaskView:
    """One task of a board: the content of its page and of the page of its sounds.

    Args:
        id: of the task.
        file: its page, relative to the index.
        sounds_file: the page of its sounds; empty where there are none.
        level: of the task, None for one that is not installed.
        summary: one line, empty for a task that is not installed.
        facts: dimension, budget and runs, as text.
        anytime: best distance against cost.
        runtime: the runtime distribution.
        running_times: expected running time to each rung, None on the amortized track.
        finals: final distances.
        results: one per solver, in the order of the ranking.
        best: the smallest expected running time per rung.
        solved_rung: position on the ladder of the distance that counts as solved, or None.
        targets: hardest first.
        sounds: targets and matches.
    """

    id: str
    file: str
    sounds_file: str
    level: int | None
    summary: str
    facts: str
    anytime: Figure
    runtime: Figure
    running_times: Figure | None
    finals: RowFigure
    results: tuple[TaskResult, ...]
    best: tuple[float, ...]
    solved_rung: int | None
    targets: tuple[TargetStanding, ...]
    sounds: TaskSounds

    @property
    def leader(self) -> TaskResult:
        """The result with the least expected running time to solve it, then the best score."""
        return min(self.results, key=lambda r: (r.solved_ert, -r.score))


@dataclass(frozen=True)
class RankingView:
    """A ranking as its table draws it.

    Args:
        board: what is ranked.
        heading: what it is called.
        score_top: end of the scale that the scores are drawn on.
        moved: by solver and weight, places gained (positive) against the default weight.
    """

    board: Board
    heading: str
    score_top: float
    moved: Mapping[tuple[str, int], int]


@dataclass(frozen=True)
class LevelTimes:
    """Expected running times of one solver over the tasks of a level.

    Args:
        solver: its name.
        times: per rung, the geometric mean over the tasks of the expected running time per
            dimension; `inf` unless it reached the rung on every task.
        n_reached: per rung, on how many tasks it did.
    """

    solver: str
    times: tuple[float, ...]
    n_reached: tuple[int, ...]


@dataclass(frozen=True)
class LevelView:
    """One level of a board: the content of its page.

    Args:
        level: which.
        file: its page, relative to the index.
        ranking: over its tasks alone.
        anytime: best distance against cost per dimension.
        runtime: the runtime distribution.
        profile: the performance profile, None on the amortized track.
        running_times: expected running time to each rung, None on the amortized track.
        finals: final distances.
        times: what `running_times` draws, as numbers.
        tasks: of this level.
        hardest: targets of its tasks, hardest first.
    """

    level: int
    file: str
    ranking: RankingView
    anytime: Figure
    runtime: Figure
    profile: Figure | None
    running_times: Figure | None
    finals: RowFigure
    times: tuple[LevelTimes, ...]
    tasks: tuple[TaskView, ...]
    hardest: tuple[TargetStanding, ...]


@dataclass(frozen=True)
class BoardView:
    """One board: results that may be compared with each other.

    Args:
        anchor: of its section on the index.
        ranking: of its solvers.
        anytime: best distance against cost per dimension.
        runtime: the runtime distribution.
        profile: the performance profile, None on the amortized track.
        critical: the tests on ranks, None where less than two solvers ran two tasks or more.
        critical_figure: the same, drawn.
        levels: simplest first.
        tasks: in suite order.
        hardest: targets of all tasks, hardest first.
    """

    anchor: str
    ranking: RankingView
    anytime: Figure
    runtime: Figure
    profile: Figure | None
    critical: CriticalDifferences | None
    critical_figure: RowFigure | None
    levels: tuple[LevelView, ...]
    tasks: tuple[TaskView, ...]
    hardest: tuple[TargetStanding, ...]


def board_view(
    number: int, board: Board, heading: str, sounds: Mapping[str, TaskSounds], seed: int
) -> BoardView:
    """The view of one board.

    Args:
        number: its position among the boards of the report.
        board: from `score_records`.
        heading: what it is called.
        sounds: by task.
        seed: of the bootstrap.
    """
    anchor = f"board-{number + 1}"
    runs = _by_task(board)
    tasks = tuple(_task_view(board, task, anchor, runs[task], sounds[task]) for task in board.tasks)
    ranked = [standing.solver for standing in board.standings if standing.rank is not None]
    drawn = [
        {s: cell for s, cell in runs[task].items() if s in ranked or not ranked}
        for task in board.compared
    ]
    critical = _critical(board, ranked)
    return BoardView(
        anchor=anchor,
        ranking=_ranking_view(board, heading),
        anytime=anytime_per_dimension_figure(
            counted(len(board.compared), "task"), _pooled(drawn), _solved_db(board)
        ),
        runtime=runtime_figure(counted(len(board.compared), "task"), drawn),
        profile=_profile(board, board.compared, ranked or board.solvers),
        critical=critical,
        critical_figure=None if critical is None else critical_figure(critical),
        levels=tuple(
            _level_view(level, own, anchor, heading, runs, tasks)
            for level, own in level_boards(board, seed=seed)
        ),
        tasks=tasks,
        hardest=_hardest(tasks),
    )


def _by_task(board: Board) -> Runs:
    runs: dict[str, dict[str, list[Record]]] = {
        task: {solver: [] for solver in board.solvers} for task in board.tasks
    }
    for record in board.records:
        runs[record.header.task][record.header.solver].append(record)
    return {task: {s: cell for s, cell in own.items() if cell} for task, own in runs.items()}


def _ranking_view(board: Board, heading: str) -> RankingView:
    return RankingView(
        board=board,
        heading=heading,
        score_top=math.ceil(10 * max(s.score.high for s in board.standings) + 0.01) / 10,
        moved={
            (standing.solver, weight): standing.rank - rank
            for standing in board.standings
            for weight, rank in standing.rank_at.items()
            if standing.rank is not None and rank is not None
        },
    )


def _critical(board: Board, ranked: Sequence[str]) -> CriticalDifferences | None:
    if len(ranked) < 2 or len(board.compared) < 2:
        return None
    return critical_differences(
        {
            solver: [board.results[task, solver].score for task in board.compared]
            for solver in ranked
        }
    )


def _profile(board: Board, tasks: Sequence[str], solvers: Sequence[str]) -> Figure | None:
    """Over (task, rung) pairs; None on the amortized track, which is not about running times."""
    if board.track == "amortized":
        return None
    never = (math.inf,) * len(LADDER_DB)
    return profile_figure(
        counted(len(tasks), "task"),
        {
            solver: list(
                chain.from_iterable(
                    board.results[task, solver].ert if (task, solver) in board.results else never
                    for task in tasks
                )
            )
            for solver in solvers
        },
    )


def _hardest(tasks: Sequence[TaskView]) -> tuple[TargetStanding, ...]:
    return in_order([target for task in tasks for target in task.targets])[:N_HARDEST]


def _level_view(
    level: int,
    board: Board,
    anchor: str,
    heading: str,
    runs: Runs,
    tasks: Sequence[TaskView],
) -> LevelView:
    own = tuple(task for task in tasks if task.id in board.tasks)
    pooled = _pooled([runs[task] for task in board.tasks])
    solved_db = _solved_db(board)
    scope = f"level {level}"
    dimensions = {r.header.task: r.header.dimension for r in board.records}
    times = tuple(_level_times(board, solver, dimensions) for solver in board.solvers)
    return LevelView(
        level=level,
        file=f"{PAGES_FOLDER}/{anchor}-level-{level}.html",
        ranking=_ranking_view(board, f"Level {level}, {heading}"),
        anytime=anytime_per_dimension_figure(scope, pooled, solved_db),
        runtime=runtime_figure(scope, [runs[task] for task in board.tasks]),
        profile=_profile(board, board.tasks, board.solvers),
        running_times=None
        if board.track == "amortized"
        else running_time_figure(
            scope,
            {own.solver: own.times for own in times},
            "expected running time / dimension",
            _solved_rung(solved_db),
        ),
        finals=finals_figure(scope, _finals(pooled), solved_db),
        times=times,
        tasks=own,
        hardest=_hardest(own),
    )


def _level_times(board: Board, solver: str, dimensions: Mapping[str, int]) -> LevelTimes:
    per_task = np.array(
        [
            np.array(board.results[task, solver].ert) / dimensions[task]
            for task in board.tasks
            if (task, solver) in board.results
        ]
    )
    reached = np.isfinite(per_task).sum(axis=0)
    logs = np.log(np.maximum(per_task, 1e-12))
    means = np.where(reached == len(board.tasks), np.exp(logs.mean(axis=0)), np.inf)
    return LevelTimes(solver, tuple(means.tolist()), tuple(reached.tolist()))


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
        installed = get_task(task)
        level, summary = installed.level, installed.summary
    except UnknownNameError:
        level, summary = None, ""
    budgets = {header.budget for header in headers if header.budget is not None}
    facts = [
        f"dimension {headers[0].dimension}",
        f"budget {count(max(budgets))}" if budgets else "no budget",
        counted(len({header.index for header in headers}), "target"),
        counted(len({header.seed for header in headers}), "seed"),
    ]
    times = {result.solver: result.ert for result in results}
    return TaskView(
        id=task,
        file=f"{PAGES_FOLDER}/{anchor}-task-{task}.html",
        sounds_file=f"{PAGES_FOLDER}/{anchor}-sounds-{task}.html" if sounds.groups else "",
        level=level,
        summary=summary,
        facts=" · ".join(facts),
        anytime=anytime_figure(task, runs, solved_db),
        runtime=runtime_figure(task, [runs]),
        running_times=None
        if board.track == "amortized"
        else running_time_figure(
            task, times, "expected running time (cost)", _solved_rung(solved_db)
        ),
        finals=finals_figure(task, _finals(runs), solved_db),
        results=results,
        best=tuple(min(result.ert[rung] for result in results) for rung in range(len(LADDER_DB))),
        solved_rung=_solved_rung(solved_db),
        targets=hardest_first(board, task),
        sounds=sounds,
    )


def _pooled(strata: Sequence[Mapping[str, Sequence[Record]]]) -> dict[str, list[Record]]:
    """The runs of several tasks together, by solver."""
    pooled: dict[str, list[Record]] = {}
    for runs in strata:
        for solver, cell in runs.items():
            pooled.setdefault(solver, []).extend(cell)
    return pooled


def _solved_db(board: Board) -> float:
    return board.records[0].header.solved_db


def _finals(runs: Mapping[str, Sequence[Record]]) -> dict[str, list[float]]:
    return {solver: [record.final.distance_db for record in own] for solver, own in runs.items()}


def _solved_rung(solved_db: float) -> int | None:
    return LADDER_DB.index(solved_db) if solved_db in LADDER_DB else None
