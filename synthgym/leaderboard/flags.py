"""Flags: reasons to read a comparison with care, found in the records themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from synthgym.leaderboard.records import Record
from synthgym.tasks import LADDER_DB, get_task, task_ids

FEW_RUNS = 15
"""Targets times seeds per solver and task below which a result is flagged."""

FlagKind = Literal[
    "few-runs",
    "lone-task",
    "incomplete",
    "unequal-runs",
    "budgets",
    "stopped",
    "settings",
    "versions",
    "errors",
]


@dataclass(frozen=True)
class Flag:
    """One reason to read the numbers with care.

    Args:
        kind: which check found it.
        message: what it is, in a sentence.
    """

    kind: FlagKind
    message: str


Cells = Mapping[tuple[str, str], Sequence[Record]]


def find_flags(cells: Cells, tasks: Sequence[str], compared: Sequence[str]) -> tuple[Flag, ...]:
    """All flags of one board.

    Args:
        cells: the runs by (task, solver).
        tasks: ids of the tasks, in the order to speak of them.
        compared: those of them that the ranking is over.
    """
    solvers = sorted({solver for _, solver in cells})
    return (
        *_few_runs(cells),
        *_lone_tasks(cells, tasks, compared),
        *_incomplete(cells, compared, solvers),
        *_unequal_runs(cells, tasks),
        *_budgets(cells, tasks),
        *_stopped(cells),
        *_mixed(cells, solvers),
        *_errors(cells, solvers),
    )


def _few_runs(cells: Cells) -> list[Flag]:
    fewest: dict[str, int] = {}
    for (_, solver), runs in cells.items():
        fewest[solver] = min(len(runs), fewest.get(solver, len(runs)))
    few = {solver: n for solver, n in sorted(fewest.items()) if n < FEW_RUNS}
    if not few:
        return []
    if len(few) == len(fewest) and len(set(few.values())) == 1:
        made = f"here each solver has {next(iter(few.values()))}"
    else:
        made = f"the fewest here are {_listing([f'{n} ({solver})' for solver, n in few.items()])}"
    return [
        Flag(
            "few-runs",
            f"Few runs: a comparison needs at least {FEW_RUNS} targets × seeds per task; {made}. "
            "Intervals are wide, and ranks may change.",
        )
    ]


def _lone_tasks(cells: Cells, tasks: Sequence[str], compared: Sequence[str]) -> list[Flag]:
    found = []
    for task in tasks:
        if task not in compared:
            alone = next(solver for t, solver in cells if t == task)
            found.append(
                Flag(
                    "lone-task",
                    f"Only {alone} ran {task}, which therefore does not enter the ranking.",
                )
            )
    return found


def _incomplete(cells: Cells, compared: Sequence[str], solvers: Sequence[str]) -> list[Flag]:
    found = []
    for solver in solvers:
        missing = [task for task in compared if (task, solver) not in cells]
        if missing:
            found.append(
                Flag(
                    "incomplete",
                    f"{solver} has no rank: it has no runs on {_listing(missing)}. Its score "
                    "is of the other tasks alone, not to be compared with those of the ranked.",
                )
            )
    return found


def _unequal_runs(cells: Cells, tasks: Sequence[str]) -> list[Flag]:
    found = []
    for task in tasks:
        made = {
            solver: {(r.header.index, r.header.seed) for r in runs}
            for (t, solver), runs in cells.items()
            if t == task
        }
        every = set().union(*made.values())
        lacking = [
            f"{solver} lacks {len(every - made[solver])}"
            for solver in sorted(made)
            if every - made[solver]
        ]
        if lacking:
            found.append(
                Flag(
                    "unequal-runs",
                    f"On {task} the solvers did not run the same targets and seeds: of "
                    f"{len(every)}, {_listing(lacking)}.",
                )
            )
    return found


def _budgets(cells: Cells, tasks: Sequence[str]) -> list[Flag]:
    found, unlike_suite = [], []
    for task in tasks:
        budgets = {r.header.budget for (t, _), runs in cells.items() if t == task for r in runs}
        shown = [f"{b:,}" for b in sorted(b for b in budgets if b is not None)]
        shown += ["endless"] if None in budgets else []
        if len(budgets) > 1:
            found.append(
                Flag("budgets", f"Runs on {task} had different budgets: {_listing(shown)}.")
            )
        elif task in task_ids() and budgets != {get_task(task).budget}:
            unlike_suite.append(f"{shown[0]} for {get_task(task).budget:,} on {task}")
    if unlike_suite:
        found.append(
            Flag(
                "budgets",
                f"The budgets are not the suite's ({_listing(unlike_suite)}): compare these runs "
                "with each other only.",
            )
        )
    return found


def _stopped(cells: Cells) -> list[Flag]:
    stops = {
        r.header.stop_at_db
        for runs in cells.values()
        for r in runs
        if r.header.stop_at_db is not None and r.header.stop_at_db > min(LADDER_DB)
    }
    if not stops:
        return []
    return [
        Flag(
            "stopped",
            f"Some runs were stopped at {_listing([f'{s:g} dB' for s in sorted(stops)])}: the "
            "rungs below were never tried and count as misses.",
        )
    ]


def _mixed(cells: Cells, solvers: Sequence[str]) -> list[Flag]:
    found = []
    for solver in solvers:
        runs = [r for (_, s), cell in cells.items() if s == solver for r in cell]
        if _differs_within_task(
            runs, lambda r: tuple(sorted(map(repr, r.header.settings.items())))
        ):
            found.append(Flag("settings", f"Runs of {solver} on one task differ in settings."))
        if len({tuple(sorted(_versions(r).items())) for r in runs}) > 1:
            found.append(
                Flag("versions", f"Runs of {solver} were made with different software versions.")
            )
    return found


def _versions(record: Record) -> dict[str, str]:
    """Versions of a record; older ones do not say what the solver imported, others may be empty."""
    return {name: version for name, version in record.header.versions.items() if version}


def _differs_within_task(runs: Sequence[Record], key: Callable[[Record], Hashable]) -> bool:
    values: dict[str, set[Hashable]] = defaultdict(set)
    for record in runs:
        values[record.header.task].add(key(record))
    return any(len(seen) > 1 for seen in values.values())


def _errors(cells: Cells, solvers: Sequence[str]) -> list[Flag]:
    found = []
    for solver in solvers:
        runs = [r for (_, s), cell in cells.items() if s == solver for r in cell]
        n_errors = sum(r.final.status == "error" for r in runs)
        if failed_throughout(runs):
            found.append(
                Flag(
                    "errors",
                    f"{solver} has no rank: every run of it ended in an error; the first: "
                    f"{runs[0].final.message}",
                )
            )
        elif n_errors:
            found.append(
                Flag(
                    "errors",
                    f"{n_errors} of {len(runs)} runs of {solver} ended in an error; they count "
                    "with what they had reached.",
                )
            )
    return found


def failed_throughout(runs: Iterable[Record]) -> bool:
    """Whether every run ended in an error: such a solver has not taken part."""
    return all(record.final.status == "error" for record in runs)


def _listing(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
