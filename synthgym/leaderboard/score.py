"""Scores, rankings and comparisons: pure functions of records.

`score_records` sorts records into boards, one for each suite version, family of tasks, split and
track; what stands on two boards is never merged. The result does not depend on the order of the
records, and the intervals follow from the seed alone. Definitions, reasons and sources:
`docs/scoring.md`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from synthgym.errors import RecordError
from synthgym.leaderboard.boards import Board, Flip, Standing, TaskResult
from synthgym.leaderboard.flags import Flag, failed_throughout, find_flags
from synthgym.leaderboard.measures import (
    DEFAULT_WEIGHT,
    GUESSES,
    WEIGHTS,
    anytime_score,
    best_within,
    guess_score,
    hit_costs,
    horizon,
    spent,
)
from synthgym.leaderboard.outside import is_outside
from synthgym.leaderboard.records import Record, Track
from synthgym.leaderboard.statistics import (
    Estimate,
    Floats,
    expected_running_time,
    generator,
    interquartile_mean,
    probability_of_improvement,
    quartiles,
    stratified_iqm,
)
from synthgym.tasks import LADDER_DB, task_ids
from synthgym.tasks.catalogue import CATALOGUE, FAMILIES

__all__ = [
    "Board",
    "Flag",
    "Flip",
    "Standing",
    "TaskResult",
    "family_of",
    "level_boards",
    "run_scores",
    "score_records",
    "task_order",
]

OTHER_FAMILY = "other"
"""Family of the tasks that the installed catalogue does not know."""

Cells = Mapping[tuple[str, str], Sequence[Record]]
Scores = Mapping[str, Mapping[str, Floats]]


class BoardKey(NamedTuple):
    """What all runs of a board have in common."""

    suite_version: str
    family: str
    split: str
    track: Track


def score_records(
    records: Iterable[Record], *, seed: int = 0, n_resamples: int = 2000
) -> tuple[Board, ...]:
    """Score records and sort them into boards.

    Args:
        records: complete runs, in any order. Those on recordings are on no such board: see
            `distances.score_distances`.
        seed: of the bootstrap.
        n_resamples: bootstrap resamples behind each interval.

    Returns:
        One board per suite version, family of tasks, split and track: newest version first, then
        the suite before other families, test before dev before train, search before amortized.
        Empty without records.

    Raises:
        RecordError: a run is given twice.
    """
    ordered = sorted(records, key=lambda record: record.run_id)
    twice = [run_id for run_id, n in Counter(r.run_id for r in ordered).items() if n > 1]
    if twice:
        raise RecordError(f"run {str(twice[0])!r} is given twice: give each run once")
    groups: dict[BoardKey, list[Record]] = defaultdict(list)
    for record in ordered:
        if is_outside(record):
            continue
        header = record.header
        key = BoardKey(header.suite_version, family_of(header.task), header.split, header.track)
        groups[key].append(record)
    places = {"test": 0, "dev": 1, "train": 2}
    families = [*FAMILIES, OTHER_FAMILY]
    keys = sorted(
        groups,
        key=lambda k: (
            families.index(k.family),
            places.get(k.split, 3),
            k.split,
            k.track != "search",
        ),
    )
    keys.sort(key=lambda key: key.suite_version, reverse=True)
    return tuple(_board(key, groups[key], seed, n_resamples) for key in keys)


def level_boards(
    board: Board, *, seed: int = 0, n_resamples: int = 2000
) -> tuple[tuple[int, Board], ...]:
    """The runs of a board scored level by level, each level as a board of its own.

    Args:
        board: from `score_records`.
        seed: of the bootstrap.
        n_resamples: bootstrap resamples behind each interval.

    Returns:
        Pairs of level and board, simplest first; tasks that are not installed have no level.
    """
    by_level: dict[int, list[Record]] = defaultdict(list)
    for record in board.records:
        if record.header.task in CATALOGUE:
            by_level[CATALOGUE[record.header.task].level].append(record)
    key = BoardKey(board.suite_version, board.family, board.split, board.track)
    return tuple(
        (level, _board(key, by_level[level], seed, n_resamples)) for level in sorted(by_level)
    )


def family_of(task: str) -> str:
    """Family of a task: one of `FAMILIES`, or `OTHER_FAMILY` for one that is not installed."""
    return CATALOGUE[task].family if task in CATALOGUE else OTHER_FAMILY


def run_scores(records: Sequence[Record], track: Track, weight: float = DEFAULT_WEIGHT) -> Floats:
    """Score of each run of one task, in [0, 1].

    All runs share one horizon, ten times the largest budget among them, so a run made with a
    smaller budget is not graded on an easier scale.

    Args:
        records: runs of one task, of any solvers.
        track: decides the measure; see `measures.anytime_score` and `measures.guess_score`.
        weight: cost of a gradient evaluation.

    Returns:
        (len(records),) float64.
    """
    if track == "amortized":
        return np.array([guess_score(hit_costs(record, weight)) for record in records])
    budgets = [spent(r) if r.header.budget is None else r.header.budget for r in records]
    return np.array(
        [
            anytime_score(
                hit_costs(record, weight),
                record.header.dimension,
                horizon(max(budgets), record.header.dimension),
            )
            for record in records
        ]
    )


def task_order(tasks: Iterable[str]) -> tuple[str, ...]:
    """The tasks in suite order; those the installed suite does not know come last."""
    known = task_ids()
    return tuple(
        sorted(set(tasks), key=lambda t: (known.index(t) if t in known else len(known), t))
    )


def _board(
    key: BoardKey,
    records: Sequence[Record],
    seed: int,
    n_resamples: int,
) -> Board:
    cells: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        cells[record.header.task, record.header.solver].append(record)
    tasks = task_order(task for task, _ in cells)
    # A task that one solver alone ran compares nothing.
    n_solvers = Counter(task for task, _ in cells)
    compared = tuple(task for task in tasks if n_solvers[task] > 1) or tasks
    scores = {weight: _scores(cells, tasks, key.track, weight) for weight in WEIGHTS}
    # Not the family: a solver's interval is the same whichever family is scored beside it.
    labels = (key.suite_version, key.split, key.track)
    standings = _standings(cells, compared, scores, labels, seed, n_resamples)
    complete = [s for s in standings if s.rank is not None]
    flips = _flips(complete)
    results = {
        (task, solver): _task_result(task, solver, runs, scores[DEFAULT_WEIGHT][solver][task])
        for (task, solver), runs in cells.items()
    }
    return Board(
        **key._asdict(),
        tasks=tasks,
        compared=compared,
        standings=standings,
        results=MappingProxyType(results),
        improvement=MappingProxyType(
            _improvement(scores[DEFAULT_WEIGHT], tasks, labels, seed, n_resamples)
        ),
        flips=flips,
        flags=find_flags(cells, tasks, compared),
        records=tuple(records),
    )


def _scores(cells: Cells, tasks: Sequence[str], track: Track, weight: float) -> Scores:
    """Scores of the runs by solver and task."""
    scores: dict[str, dict[str, Floats]] = defaultdict(dict)
    for task in tasks:
        solvers = [solver for t, solver in cells if t == task]
        runs = [record for solver in solvers for record in cells[task, solver]]
        sizes = [len(cells[task, solver]) for solver in solvers]
        parts = np.split(run_scores(runs, track, weight), np.cumsum(sizes)[:-1])
        for solver, part in zip(solvers, parts, strict=True):
            scores[solver][task] = part
    return scores


def _standings(
    cells: Cells,
    compared: Sequence[str],
    scores: Mapping[int, Scores],
    labels: tuple[str, ...],
    seed: int,
    n_resamples: int,
) -> tuple[Standing, ...]:
    default = scores[DEFAULT_WEIGHT]
    # Who ran none of the compared tasks is listed with what it ran.
    tasks = {s: [t for t in compared if t in default[s]] or list(default[s]) for s in default}
    score_at = {
        solver: {w: _pooled([scores[w][solver][task] for task in own]) for w in WEIGHTS}
        for solver, own in tasks.items()
    }
    complete = [
        solver
        for solver in default
        if set(compared) <= set(default[solver])
        and not failed_throughout(r for (_, s), runs in cells.items() if s == solver for r in runs)
    ]
    ranks = _ranks(score_at, complete)
    standings = []
    for solver, own in tasks.items():
        runs = [cells[task, solver] for task in own]
        finals = [np.array([r.final.distance_db for r in stratum]) for stratum in runs]
        solved = [[r.final.distance_db <= r.header.solved_db for r in s] for s in runs]
        score_rng = generator(seed, *labels, "score", solver)
        final_rng = generator(seed, *labels, "final", solver)
        standings.append(
            Standing(
                rank=ranks[solver][DEFAULT_WEIGHT],
                solver=solver,
                n_runs=sum(map(len, runs)),
                n_tasks=len(own),
                score=stratified_iqm(
                    [default[solver][task] for task in own], score_rng, n_resamples=n_resamples
                ),
                score_at=MappingProxyType(score_at[solver]),
                rank_at=MappingProxyType(ranks[solver]),
                solved=float(np.mean([np.mean(stratum) for stratum in solved])),
                final_db=stratified_iqm(finals, final_rng, n_resamples=n_resamples),
                n_evaluations=sum(r.final.n_evaluations for s in runs for r in s),
                n_gradients=sum(r.final.n_gradients for s in runs for r in s),
                wall_s=float(np.median([r.final.wall_s for s in runs for r in s])),
                total_wall_s=sum(r.final.wall_s for s in runs for r in s),
                training_cost=_training_cost(runs),
            )
        )
    standings.sort(key=lambda s: (s.rank is None, -s.score.value, s.solver))
    return tuple(standings)


def _ranks(
    score_at: Mapping[str, Mapping[int, float]], complete: Sequence[str]
) -> dict[str, dict[int, int | None]]:
    """By solver and weight: 1 + the number of better ones, None for those not complete."""
    return {
        solver: {
            w: 1 + sum(score_at[other][w] > score_at[solver][w] for other in complete)
            if solver in complete
            else None
            for w in WEIGHTS
        }
        for solver in score_at
    }


def _pooled(strata: Sequence[Floats]) -> float:
    weights = [np.full(stratum.size, 1 / stratum.size) for stratum in strata]
    return float(interquartile_mean(np.concatenate(strata), np.concatenate(weights)))


def _training_cost(runs: Sequence[Sequence[Record]]) -> float | None:
    """The sum over tasks of what the solver's settings call `training_cost`, if all say so."""
    costs = [stratum[0].header.settings.get("training_cost") for stratum in runs]
    numbers = [c for c in costs if isinstance(c, (int, float)) and not isinstance(c, bool)]
    return float(sum(numbers)) if len(numbers) == len(costs) else None


def _task_result(task: str, solver: str, runs: Sequence[Record], scores: Floats) -> TaskResult:
    hits = np.array([hit_costs(record) for record in runs])
    solved = np.array([hit_costs(r, ladder_db=(r.header.solved_db,))[0] for r in runs])
    totals = np.array([spent(record) for record in runs])
    finals = np.array([record.final.distance_db for record in runs])
    guesses = np.array([best_within(record, GUESSES) for record in runs])
    low, median, high = quartiles(finals).tolist()
    return TaskResult(
        task=task,
        solver=solver,
        n_runs=len(runs),
        score=float(interquartile_mean(scores)),
        n_solved=int(np.isfinite(solved).sum()),
        solved_ert=expected_running_time(solved, totals),
        n_hits=tuple(np.isfinite(hits).sum(axis=0).tolist()),
        ert=tuple(expected_running_time(hits[:, i], totals) for i in range(len(LADDER_DB))),
        final_db=(low, median, high),
        guesses_db=tuple(quartiles(guesses)[1].tolist()),
        n_evaluations=float(np.median([record.final.n_evaluations for record in runs])),
        n_gradients=float(np.median([record.final.n_gradients for record in runs])),
        wall_s=float(np.median([record.final.wall_s for record in runs])),
    )


def _improvement(
    scores: Scores,
    tasks: Sequence[str],
    labels: tuple[str, ...],
    seed: int,
    n_resamples: int,
) -> dict[tuple[str, str], Estimate]:
    table: dict[tuple[str, str], Estimate] = {}
    for first, second in combinations(sorted(scores), 2):
        common = [t for t in tasks if t in scores[first] and t in scores[second]]
        if not common:
            continue
        estimate = probability_of_improvement(
            [scores[first][task] for task in common],
            [scores[second][task] for task in common],
            generator(seed, *labels, "improvement", first, second),
            n_resamples=n_resamples,
        )
        table[first, second] = estimate
        table[second, first] = Estimate(1 - estimate.value, 1 - estimate.high, 1 - estimate.low)
    return table


def _flips(standings: Sequence[Standing]) -> tuple[Flip, ...]:
    found = []
    for a, b in combinations(standings, 2):
        lead = {w: a.score_at[w] - b.score_at[w] for w in WEIGHTS}
        weights = tuple(w for w in WEIGHTS if lead[w] < 0 < lead[DEFAULT_WEIGHT])
        if weights:
            found.append(Flip(a.solver, b.solver, weights))
    return tuple(found)
