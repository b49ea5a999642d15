"""Newcomers beside the reference results: only the newcomers are run.

The reference runs come with the package, with every improvement and its cost. So they can be cut
to what they had come to on fewer targets and within a smaller budget, and a newcomer that is run
under those conditions stands in one table with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from synthgym.errors import ParameterError, RecordError, SolverError
from synthgym.leaderboard.cut import cut_record
from synthgym.leaderboard.outside import is_outside
from synthgym.leaderboard.packs import pack_path, write_packs
from synthgym.leaderboard.plan import Plan
from synthgym.leaderboard.records import Record, find_records, read_records
from synthgym.leaderboard.run_id import RECORD_SUFFIX, RunId
from synthgym.solvers import load_solver
from synthgym.tasks import SUITE_VERSION, get_task

REFERENCE = "reference"
"""Folder of the reference runs within the records of a comparison."""

SPLIT = "test"

Place = tuple[str, int, int]
"""Task, target and seed: what runs of two solvers have in common."""


@dataclass(frozen=True)
class Conditions:
    """Under which newcomers and reference are compared.

    Args:
        tasks: ids of the tasks.
        indices: targets of the test split.
        seeds: repetitions.
        budget: cost units of every run; None for each task's own.
    """

    tasks: tuple[str, ...]
    indices: tuple[int, ...]
    seeds: tuple[int, ...]
    budget: int | None


@dataclass(frozen=True)
class Comparison:
    """The records of a comparison.

    Args:
        newcomers: names of the solvers that are compared now.
        own: the runs that were made in this folder, now or before.
        records: all runs, those of the reference as they were cut.
        n_cut: reference runs that a smaller budget cut short.
        cut_at: the smaller budgets, one for each that occurs.
        budget_seen: reference solvers that looked at a larger budget than the one they are held
            against here: with this one their runs might have gone otherwise.
    """

    newcomers: tuple[str, ...]
    own: tuple[Record, ...]
    records: tuple[Record, ...]
    n_cut: int
    cut_at: tuple[int, ...]
    budget_seen: tuple[str, ...]


def reference_folder() -> Path:
    """Where the reference results of this suite version are installed.

    Raises:
        RecordError: there are none.
    """
    folder = Path(str(files("synthgym.results"))) / f"suite-{SUITE_VERSION}"
    if not any(folder.glob(f"*{RECORD_SUFFIX}")):
        raise RecordError(
            f"no reference results of suite version {SUITE_VERSION} are installed (in {folder}); "
            "name a folder of records with --reference"
        )
    return folder


def read_reference(folder: Path) -> list[Record]:
    """The runs of the search track on the test split of this suite version.

    Raises:
        RecordError: there are none, or a record is damaged.
    """
    records = [
        record
        for record in read_records(folder)
        if record.header.split == SPLIT
        and record.header.track == "search"
        and record.header.suite_version == SUITE_VERSION
        and not is_outside(record)
    ]
    if not records:
        raise RecordError(
            f"{folder} holds no search runs on the {SPLIT} split of suite version {SUITE_VERSION}"
        )
    return records


def conditions(
    reference: Sequence[Record],
    tasks: Sequence[str] = (),
    indices: Sequence[int] | None = None,
    budget: int | None = None,
) -> Conditions:
    """What can be compared with a reference, and is asked for.

    Args:
        reference: the reference runs.
        tasks: ids; all of the reference if left empty.
        indices: targets; all that the reference has on these tasks if None.
        budget: cost units; that of the reference if None.

    Raises:
        UnknownNameError: there is no such task.
        ParameterError: the reference lacks a task or a target, or had a smaller budget, or
            several of them.
    """
    known = list(dict.fromkeys(record.header.task for record in reference))
    for task in tasks:
        get_task(task)
        if task not in known:
            raise ParameterError(
                f"task {task} is not in the reference, which has {', '.join(known)}"
            )
    of_tasks = [r.header for r in reference if not tasks or r.header.task in tasks]
    found = sorted({header.index for header in of_tasks})
    chosen = found if indices is None else list(indices)
    missing = sorted(set(chosen) - set(found))
    if missing:
        raise ParameterError(
            f"target {missing[0]} is not in the reference, which has {', '.join(map(str, found))}"
        )
    least = min((h.budget for h in of_tasks if h.budget is not None), default=None)
    if budget is None and any(h.budget != get_task(h.task).budget for h in of_tasks):
        budgets = sorted({str(header.budget) for header in of_tasks})
        if len(budgets) > 1 or least is None:
            raise ParameterError(
                f"the reference runs have several budgets ({', '.join(budgets)}), which are not "
                "the suite's; say at which one to compare (--budget)"
            )
        budget = least
    if budget is not None and least is not None and budget > least:
        raise ParameterError(
            f"budget is {budget}; the reference runs on these tasks had {least}, and cannot be "
            "prolonged: give at most that"
        )
    return Conditions(
        tasks=tuple(task for task in known if not tasks or task in tasks),
        indices=tuple(chosen),
        seeds=tuple(sorted({header.seed for header in of_tasks})),
        budget=budget,
    )


def check_newcomers(
    specs: Sequence[str], reference: Sequence[Record], *, replace: bool = False
) -> tuple[str, ...]:
    """Names of the solvers to be compared.

    Args:
        specs: what `load_solver` takes.
        reference: the reference runs.
        replace: a solver may have the name of one in the reference, and takes its place.

    Raises:
        SolverError: a solver is not of the search track, or has the name of one in the reference
            and `replace` is not set.
        UnknownNameError, MissingExtraError, SolverError: from `load_solver`.
    """
    taken = {record.header.solver for record in reference}
    names = []
    for spec in specs:
        factory = load_solver(spec)
        if factory.track != "search":
            raise SolverError(
                f"solver {spec!r} is of the track {factory.track!r}; the reference holds the "
                "search track, and the two are never merged. See synthgym bench run"
            )
        if factory.name in taken and not replace:
            raise SolverError(
                f"solver {spec!r} is named {factory.name!r}, as one of the reference; give it "
                "another name, or --replace to let it take that one's place"
            )
        names.append(factory.name)
    return tuple(dict.fromkeys(names))


def assemble(plan: Plan, reference: Sequence[Record], newcomers: Sequence[str]) -> Comparison:
    """Put the reference, cut to the newcomers' conditions, beside their records on disk.

    Solvers that were compared in the same folder before are newcomers too, and stay in it.

    Args:
        plan: as it was carried out.
        reference: the reference runs.
        newcomers: names of its solvers.

    Raises:
        RecordError: a record is damaged.
        OSError: the folder cannot be written.
    """
    folder = Path(plan.folder)
    mine = _own_records(folder)
    names = {record.header.solver for record in mine}
    budgets: dict[Place, int] = {}
    for record in mine:
        if record.header.budget is not None:
            place = _place(record.run_id)
            budgets[place] = min(record.header.budget, budgets.get(place, record.header.budget))
    pairs = [
        (record, cut_record(record, min(budgets[_place(record.run_id)], record.header.budget)))
        for record in reference
        if _place(record.run_id) in budgets
        and record.header.solver not in names
        and record.header.budget is not None
    ]
    beside = [cut for _, cut in pairs]
    smaller = [cut for cut in beside if cut.header.cut_from is not None]
    _write_reference(beside, folder / REFERENCE)
    return Comparison(
        newcomers=tuple(newcomers),
        own=tuple(mine),
        records=tuple(sorted([*mine, *beside], key=lambda record: record.run_id)),
        n_cut=sum(cut.cost < whole.cost for whole, cut in pairs),
        cut_at=tuple(sorted({r.header.budget for r in smaller if r.header.budget is not None})),
        budget_seen=tuple(sorted({r.header.solver for r in smaller if r.final.budget_seen})),
    )


def _own_records(folder: Path) -> list[Record]:
    """The records that were made here, not those of the reference beside them."""
    own = []
    for found in find_records(folder):
        if found.path.parent == folder / REFERENCE:
            continue
        if found.error is not None:
            raise found.error
        if found.record is not None and found.record.header.split == SPLIT:
            own.append(found.record)
    return own


def _place(run_id: RunId) -> Place:
    return run_id.task, run_id.index, run_id.seed


def _write_reference(records: Iterable[Record], folder: Path) -> None:
    packs = write_packs(records, folder)
    written = {pack_path(folder, pack.solver) for pack in packs}
    for path in folder.glob(f"*{RECORD_SUFFIX}"):
        if path not in written:
            path.unlink()
