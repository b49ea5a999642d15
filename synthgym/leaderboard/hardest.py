"""Which targets are hard: ranked by how few solvers solve them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgym.leaderboard.boards import Board
from synthgym.leaderboard.distances import DistanceBoard
from synthgym.leaderboard.records import Record


@dataclass(frozen=True)
class TargetStanding:
    """How the solvers fared on one target.

    Args:
        task: id of the task.
        index: of the target in the split.
        n_solvers: solvers that ran it.
        n_solved: those of them that solved it in at least one run.
        best_db: smallest distance that any run reached, `inf` where none evaluated anything.
        best_solver: the one that reached it, or None.
        median_db: median of the final distances of all runs.
    """

    task: str
    index: int
    n_solvers: int
    n_solved: int
    best_db: float
    best_solver: str | None
    median_db: float


def hardest_first(board: Board | DistanceBoard, task: str) -> tuple[TargetStanding, ...]:
    """The targets of a task: fewest solvers first, then the greatest best distance."""
    by_target: dict[int, list[Record]] = {}
    for record in board.records:
        if record.header.task == task:
            by_target.setdefault(record.header.index, []).append(record)
    return in_order([_standing(task, index, runs) for index, runs in by_target.items()])


def in_order(targets: list[TargetStanding]) -> tuple[TargetStanding, ...]:
    """Targets, of any tasks, hardest first."""
    return tuple(
        sorted(targets, key=lambda t: (t.n_solved / t.n_solvers, -t.best_db, t.task, t.index))
    )


def _standing(task: str, index: int, runs: list[Record]) -> TargetStanding:
    best = min(runs, key=lambda r: (r.final.distance_db, r.header.solver))
    solved = {r.header.solver for r in runs if r.final.distance_db <= r.header.solved_db}
    return TargetStanding(
        task=task,
        index=index,
        n_solvers=len({r.header.solver for r in runs}),
        n_solved=len(solved),
        best_db=best.final.distance_db,
        best_solver=None if best.final.x is None else best.header.solver,
        median_db=float(np.median([r.final.distance_db for r in runs])),
    )
