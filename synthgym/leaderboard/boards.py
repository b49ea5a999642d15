"""Results as they stand on a leaderboard: boards, standings, results per task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synthgym.leaderboard.flags import Flag
from synthgym.leaderboard.records import Record, Track
from synthgym.leaderboard.statistics import Estimate


@dataclass(frozen=True)
class TaskResult:
    """What one solver achieved on one task.

    Args:
        task: id of the task.
        solver: name of the solver.
        n_runs: targets times seeds.
        score: interquartile mean of the scores of its runs.
        n_solved: runs that reached the distance at which the task counts as solved.
        solved_ert: expected running time to that distance, in cost units.
        n_hits: per rung of the ladder, how many runs reached it.
        ert: per rung, the expected running time, `inf` where no run reached it.
        final_db: first quartile, median and third quartile of the final distance.
        guesses_db: median distance after 1, 10 and 100 guesses.
        n_evaluations: median number of evaluations of a run.
        n_gradients: median number of gradient evaluations of a run.
        wall_s: median time of a run.
    """

    task: str
    solver: str
    n_runs: int
    score: float
    n_solved: int
    solved_ert: float
    n_hits: tuple[int, ...]
    ert: tuple[float, ...]
    final_db: tuple[float, float, float]
    guesses_db: tuple[float, ...]
    n_evaluations: float
    n_gradients: float
    wall_s: float


@dataclass(frozen=True)
class Standing:
    """One line of the ranking.

    Args:
        rank: 1 is best; equal scores share a rank; None where a compared task is missing, or
            every run ended in an error.
        solver: name of the solver.
        n_runs: runs that the score is over.
        n_tasks: tasks that the score is over.
        score: interquartile mean of the scores of its runs, with its 95 % interval.
        score_at: the same at each weight of a gradient.
        rank_at: the rank at each weight.
        solved: share of runs that solved their target, each task weighing the same.
        final_db: interquartile mean of the final distance, with its 95 % interval.
        n_evaluations: evaluations of all these runs together.
        n_gradients: their gradient evaluations.
        wall_s: median time of a run.
        total_wall_s: time of all these runs, one after the other.
        training_cost: what an amortized solver says its training cost, or None.
    """

    rank: int | None
    solver: str
    n_runs: int
    n_tasks: int
    score: Estimate
    score_at: Mapping[int, float]
    rank_at: Mapping[int, int | None]
    solved: float
    final_db: Estimate
    n_evaluations: int
    n_gradients: int
    wall_s: float
    total_wall_s: float
    training_cost: float | None


@dataclass(frozen=True)
class Flip:
    """Two solvers whose order depends on what a gradient evaluation is taken to cost.

    Args:
        first: the one that leads at the default weight.
        second: the other.
        weights: the weights at which `second` leads.
    """

    first: str
    second: str
    weights: tuple[int, ...]


@dataclass(frozen=True)
class Board:
    """The results of one track on one split of one family of tasks.

    Args:
        suite_version: version of the suite of tasks.
        family: of the tasks; see `score.family_of`.
        split: split of the targets.
        track: `"search"` or `"amortized"`.
        tasks: ids, in suite order.
        compared: the tasks that the ranking is over: those that more than one solver ran.
        standings: best first; solvers without a rank come last.
        results: by (task, solver).
        improvement: by ordered pair of solvers, the probability that a run of the first scores
            above a run of the second on a random task that both ran.
        flips: pairs whose order changes with the weight of a gradient.
        flags: reasons to read the numbers with care.
        records: the runs, ordered by id.
    """

    suite_version: str
    family: str
    split: str
    track: Track
    tasks: tuple[str, ...]
    compared: tuple[str, ...]
    standings: tuple[Standing, ...]
    results: Mapping[tuple[str, str], TaskResult]
    improvement: Mapping[tuple[str, str], Estimate]
    flips: tuple[Flip, ...]
    flags: tuple[Flag, ...]
    records: tuple[Record, ...]

    @property
    def solvers(self) -> tuple[str, ...]:
        """Names of the solvers, in the order of the standings."""
        return tuple(standing.solver for standing in self.standings)

    def runs(self, task: str, solver: str) -> tuple[Record, ...]:
        """The runs of one solver on one task, ordered by id."""
        return tuple(r for r in self.records if r.header.task == task and r.header.solver == solver)
