"""Results out of domain: how near solvers come to recordings, which no setting need reproduce.

These runs are on boards of their own and in no ranking of the suite. There is no distance at which
such a target counts as solved, so solvers are ranked by where they end: the interquartile mean of
the final distances. Beside it stand how far above the best known match they end, and how much
nearer than random search. Pure functions of records; definitions in `docs/scoring.md`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from synthgym.leaderboard.flags import failed_throughout
from synthgym.leaderboard.formatting import counted, decibels, share
from synthgym.leaderboard.outside import is_outside
from synthgym.leaderboard.records import Record, Track
from synthgym.leaderboard.statistics import Estimate, generator, stratified_iqm
from synthgym.tasks.catalogue import RECORDING_TASKS

RANDOM = "random"
"""Name of the solver that the others are held against."""

Place = tuple[str, str]
"""Task and recording."""


@dataclass(frozen=True)
class DistanceStanding:
    """One line of a ranking by distance.

    Args:
        rank: 1 is best; equal distances share a rank; None where runs are missing that another
            solver has, or all ended in an error.
        solver: name of the solver.
        n_runs: its runs.
        final_db: interquartile mean of their final distances, with its 95 % interval.
        above_best_db: mean over its targets of how far above the best known distance it ends, its
            seeds averaged.
        nearer_than_random: mean over targets of the share of random search's final distance that it
            takes away; None without runs of random search on all of them.
        wall_s: median time of a run.
    """

    rank: int | None
    solver: str
    n_runs: int
    final_db: Estimate
    above_best_db: float
    nearer_than_random: float | None
    wall_s: float


@dataclass(frozen=True)
class DistanceBoard:
    """The runs of one track on recordings.

    Args:
        suite_version: version of the suite, whose chains and distance these are.
        track: `"search"` or `"amortized"`.
        tasks: ids, simplest first.
        places: pairs of task and recording, in this order.
        standings: best first; solvers that miss runs come last, without a rank.
        finals_db: by place and solver, the final distance, its seeds averaged.
        best_db: by place, the smallest distance that any run reached.
        notes: what has to be known to read it.
        records: the runs, ordered by id.
    """

    suite_version: str
    track: Track
    tasks: tuple[str, ...]
    places: tuple[Place, ...]
    standings: tuple[DistanceStanding, ...]
    finals_db: Mapping[Place, Mapping[str, float]]
    best_db: Mapping[Place, float]
    notes: tuple[str, ...]
    records: tuple[Record, ...]

    split = "test"

    @property
    def heading(self) -> str:
        """What the board is called."""
        recordings = len({recording for _, recording in self.places})
        return (
            f"Recordings (out of domain), {self.track} track, "
            f"{counted(len(self.tasks), 'chain')}, {counted(recordings, 'recording')}, "
            f"suite version {self.suite_version}"
        )


def score_distances(
    records: Iterable[Record], *, seed: int = 0, n_resamples: int = 2000
) -> tuple[DistanceBoard, ...]:
    """Boards of the runs on recordings; other runs are left out.

    Args:
        records: complete runs, each once, in any order.
        seed: of the bootstrap.
        n_resamples: bootstrap resamples behind each interval.

    Returns:
        One board for each suite version and track, newest version first, search before amortized.
    """
    groups: dict[tuple[str, Track], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.run_id):
        if is_outside(record):
            groups[record.header.suite_version, record.header.track].append(record)
    keys = sorted(groups, key=lambda key: key[1] != "search")
    keys.sort(key=lambda key: key[0], reverse=True)
    return tuple(_board(*key, groups[key], seed, n_resamples) for key in keys)


def _board(
    suite_version: str, track: Track, records: Sequence[Record], seed: int, n_resamples: int
) -> DistanceBoard:
    runs: dict[Place, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        runs[_place(record)][record.header.solver].append(record.final.distance_db)
    known = list(RECORDING_TASKS)
    tasks = tuple(
        sorted(
            {task for task, _ in runs},
            key=lambda task: (known.index(task) if task in known else len(known), task),
        )
    )
    places = tuple(sorted(runs, key=lambda place: (tasks.index(place[0]), place[1])))
    finals = {p: {s: float(np.mean(own)) for s, own in runs[p].items()} for p in places}
    best = {place: min(map(min, runs[place].values())) for place in places}
    return DistanceBoard(
        suite_version=suite_version,
        track=track,
        tasks=tasks,
        places=places,
        standings=_standings(records, places, finals, best, seed, n_resamples),
        finals_db=MappingProxyType(finals),
        best_db=MappingProxyType(best),
        notes=tuple(_notes(records)),
        records=tuple(records),
    )


def _place(record: Record) -> Place:
    header = record.header
    return header.task, header.recording or f"{header.split}-{header.index}"


def _standings(
    records: Sequence[Record],
    places: Sequence[Place],
    finals: Mapping[Place, Mapping[str, float]],
    best: Mapping[Place, float],
    seed: int,
    n_resamples: int,
) -> tuple[DistanceStanding, ...]:
    made: dict[str, dict[tuple[Place, int], Record]] = defaultdict(dict)
    for record in records:
        made[record.header.solver][_place(record), record.header.seed] = record
    every = {key for own in made.values() for key in own}
    standings = []
    for solver, own in made.items():
        by_task: dict[str, list[float]] = defaultdict(list)
        for (place, _), record in own.items():
            by_task[place[0]].append(record.final.distance_db)
        mine = [place for place in places if solver in finals[place]]
        estimate = stratified_iqm(
            [np.array(found) for found in by_task.values()],
            generator(seed, "recordings", "final", solver),
            n_resamples=n_resamples,
        )
        gains = [
            1 - finals[place][solver] / finals[place][RANDOM]
            for place in mine
            if finals[place].get(RANDOM, 0.0) > 0
        ]
        standings.append(
            DistanceStanding(
                rank=None if every - own.keys() or failed_throughout(own.values()) else 0,
                solver=solver,
                n_runs=len(own),
                final_db=estimate,
                above_best_db=float(np.mean([finals[p][solver] - best[p] for p in mine])),
                nearer_than_random=float(np.mean(gains)) if len(gains) == len(mine) else None,
                wall_s=float(np.median([record.final.wall_s for record in own.values()])),
            )
        )
    return _ranked(standings)


def _ranked(standings: Sequence[DistanceStanding]) -> tuple[DistanceStanding, ...]:
    """In order, with ranks for those that are not without one."""
    whole = [one for one in standings if one.rank is not None]
    ranked = [
        DistanceStanding(
            **{
                **vars(one),
                "rank": 1 + sum(other.final_db.value < one.final_db.value for other in whole),
            }
        )
        if one.rank is not None
        else one
        for one in standings
    ]
    return tuple(sorted(ranked, key=lambda s: (s.rank is None, s.final_db.value, s.solver)))


def _notes(records: Sequence[Record]) -> Iterable[str]:
    budgets: dict[str, set[int | None]] = defaultdict(set)
    made: dict[str, set[tuple[Place, int]]] = defaultdict(set)
    runs: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        budgets[record.header.task].add(record.header.budget)
        made[record.header.solver].add((_place(record), record.header.seed))
        runs[record.header.solver].append(record)
    every = set().union(*made.values())
    for solver, own in sorted(made.items()):
        if every - own:
            yield f"{solver} has no rank: it lacks {counted(len(every - own), 'run')}."
    for task, found in sorted(budgets.items()):
        if len(found) > 1:
            yield f"Runs on {task} had different budgets, and are compared all the same."
    for solver, own_runs in sorted(runs.items()):
        n_errors = sum(record.final.status == "error" for record in own_runs)
        if failed_throughout(own_runs):
            yield f"{solver} has no rank: every run of it ended in an error."
        elif n_errors:
            ended = counted(n_errors, "run")
            yield f"{ended} of {solver} ended in an error; what they had found counts."


def distance_summary(board: DistanceBoard) -> str:
    """The ranking as a Markdown table."""
    head = ["Rank", "Solver", "Final distance (dB, 95 % interval)", "Above the best known (dB)"]
    head += ["Nearer than random", "Runs"]
    rows = [head, [":--" if name == "Solver" else "--:" for name in head]]
    for one in board.standings:
        low, high = decibels(one.final_db.low), decibels(one.final_db.high)
        rows.append(
            [
                str(one.rank or "–"),
                one.solver,
                f"{decibels(one.final_db.value)} ({low}–{high})",
                decibels(one.above_best_db),
                gain(one.nearer_than_random),
                str(one.n_runs),
            ]
        )
    notes = "".join(f"\n- {note}" for note in board.notes)
    return f"**{board.heading}**\n\n{_markdown(rows)}{notes}\n"


def distance_table(board: DistanceBoard) -> str:
    """The final distance in dB of each solver on each recording as a Markdown table."""
    solvers = [standing.solver for standing in board.standings]
    rows = [["Task", "Recording", *solvers], [":--", ":--", *["--:"] * len(solvers)]]
    for place in board.places:
        finals = board.finals_db[place]
        cells = [decibels(finals[s]) if s in finals else "" for s in solvers]
        rows.append([place[0], recording_name(place[1]).replace("|", "\\|"), *cells])
    return _markdown(rows)


def recording_name(recording: str) -> str:
    """The name of a recording without its digest."""
    return recording.rpartition(" ")[0] or recording


def gain(value: float | None) -> str:
    """A share of a distance that was taken away; a dash where there is none."""
    if value is None:
        return "–"
    return share(value) if value >= 0 else f"{100 * value:.0f}%"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
