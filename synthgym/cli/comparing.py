"""`synthgym bench compare` for people: what is compared, and the tables it prints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from synthgym.leaderboard.boards import Board, Standing
from synthgym.leaderboard.compare import Comparison
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.statistics import Estimate

QUICK_TASKS = (
    "DiffMoog-Osc-v0",
    "DiffMoog-OscADSR-v0",
    "DiffMoog-FM-v0",
    "DiffMoog-Subtractive-v0",
)
QUICK_TARGETS = (0, 1, 2)
QUICK_BUDGET = 1500

TASK_HEADER = ("task", "solver", "solved", "cost to solve", "best of the reference", "its cost", "")
"""Heads of the columns of `task_rows`."""

_MARK = ">"


def ranking_header(newcomers: Sequence[str]) -> tuple[str, ...]:
    """Heads of the columns of `ranking_rows`."""
    beats = tuple(f"{name} is better" for name in newcomers)
    return ("", "rank", "solver", "score (95 % interval)", "solved", *beats)


def ranking_rows(board: Board, newcomers: Sequence[str]) -> list[tuple[str, ...]]:
    """The ranking, newcomers marked, with each one's probability of improvement on the others."""
    return [
        (
            _MARK if standing.solver in newcomers else "",
            str(standing.rank or "–"),
            standing.solver,
            _score(standing),
            f"{standing.solved:.0%}",
            *(_chance(board.improvement.get((name, standing.solver))) for name in newcomers),
        )
        for standing in board.standings
    ]


def task_rows(board: Board, newcomers: Sequence[str]) -> list[tuple[str, ...]]:
    """For each task, each newcomer's expected running time beside the best of the reference."""
    rows: list[tuple[str, ...]] = []
    for task in board.tasks:
        best, theirs = _best(board, task, newcomers)
        for name in newcomers:
            mine = board.results.get((task, name))
            if mine is not None:
                solved = f"{mine.n_solved} of {mine.n_runs}"
                factor = _times(mine.solved_ert, theirs)
                costs = (_cost(mine.solved_ert), best, _cost(theirs), factor)
                rows.append((task, name, solved, *costs))
    return rows


def remarks(comparison: Comparison) -> Iterator[str]:
    """What has to be known to read the tables, beside the flags of the boards."""
    if comparison.cut_at:
        budgets = ", ".join(f"{budget:,}" for budget in comparison.cut_at)
        yield (
            f"The reference is compared at a budget of {budgets}: {comparison.n_cut} of its runs "
            "went on to a larger one, and count with what they had found by then."
        )
    if comparison.budget_seen:
        yield (
            "These looked at their larger budget, and might have gone otherwise with this one: "
            f"{', '.join(comparison.budget_seen)}."
        )


def time_lines(
    records: Sequence[Record], newcomers: Sequence[str], n_done: int, wall_s: float
) -> list[str]:
    """How long the runs of the newcomers took, and how long it took to do them now."""
    lines = []
    for name in newcomers:
        runs = [record for record in records if record.header.solver == name]
        took_s = sum(record.final.wall_s for record in runs)
        lines.append(f"{name}: {len(runs)} runs, {_duration(took_s)} one after the other")
    lines.append(f"{n_done} runs done now in {_duration(wall_s)}")
    return lines


def _best(board: Board, task: str, newcomers: Sequence[str]) -> tuple[str, float]:
    """The reference solver with the least expected running time on a task, and that time."""
    times = {
        solver: result.solved_ert
        for (of_task, solver), result in board.results.items()
        if of_task == task and solver not in newcomers and math.isfinite(result.solved_ert)
    }
    if not times:
        return "none solves it", math.inf
    solver = min(times, key=lambda name: (times[name], name))
    return solver, times[solver]


def _score(standing: Standing) -> str:
    score = standing.score
    return f"{score.value:.3f} ({score.low:.3f}–{score.high:.3f})"


def _chance(chance: Estimate | None) -> str:
    if chance is None:
        return ""
    return f"{chance.value:.0%} ({chance.low:.0%}–{chance.high:.0%})"


def _cost(cost: float) -> str:
    return f"{cost:,.0f}" if math.isfinite(cost) else "–"


def _times(mine: float, theirs: float) -> str:
    """How many times the cost of the other."""
    if not (math.isfinite(mine) and math.isfinite(theirs)):
        return ""
    return f"{mine / theirs:.2g} x"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
