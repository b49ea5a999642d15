"""Benchmarks on the command line: what is run when nothing is said, and how it is watched."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from synthgym.cli.errors import EXIT_FAILED, EXIT_INTERRUPTED, one_line
from synthgym.cli.output import make_folder
from synthgym.cli.progress import decibels
from synthgym.cli.solver_list import list_solvers
from synthgym.errors import MissingExtraError
from synthgym.leaderboard import run
from synthgym.leaderboard.plan import Plan
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.run import Progress as OnRecord
from synthgym.leaderboard.run import Summary
from synthgym.leaderboard.verify import Verdict

VERDICT_HEADER = ("task", "solver", "records", "notes")


def search_solvers() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The registered search solvers that can run here, and a line for each that cannot.

    A class with `runs_by_default = False` runs only when it is named.

    Raises:
        MissingExtraError: none can.
    """
    listed = list_solvers()
    ready = tuple(
        s.name for s in listed if s.is_available and s.track == "search" and s.runs_by_default
    )
    left_out = tuple(f"{s.name} is left out: {s.state}" for s in listed if not s.is_available)
    if not ready:
        raise MissingExtraError(f"no search solver can run here. {'. '.join(left_out)}")
    return ready, left_out


class BenchView:
    """What is complete, and which solver leads on each task; a rich renderable.

    Args:
        n_total: runs of the plan.
    """

    def __init__(self, n_total: int) -> None:
        self._bar = Progress(
            TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        )
        self._bar_id = self._bar.add_task("runs", total=n_total)
        self._distances_db: dict[str, dict[str, list[float]]] = {}

    def add(self, n_complete: int, record: Record) -> None:
        """Take in a run that has ended."""
        of_task = self._distances_db.setdefault(record.header.task, {})
        of_task.setdefault(record.header.solver, []).append(record.final.distance_db)
        self._bar.update(self._bar_id, completed=n_complete)

    def leaders(self) -> list[tuple[str, str, str]]:
        """For each task that has runs: its id, the leading solver, its median distance."""
        rows = []
        for task, solvers in self._distances_db.items():
            medians = {name: statistics.median(found) for name, found in solvers.items()}
            leader = min(medians, key=lambda name: (medians[name], name))
            rows.append((task, leader, decibels(medians[leader])))
        return rows

    def __rich__(self) -> RenderableType:
        """The overall bar, and a line for each task under it."""
        table = Table.grid(padding=(0, 2))
        for row in self.leaders():
            table.add_row(*row)
        return Group(self._bar, table)


@contextmanager
def watch_plan(n_total: int, console: Console) -> Iterator[OnRecord]:
    """Show how a plan goes; yields what `run_plan` takes as its progress.

    Args:
        n_total: runs of the plan.
        console: where to; a terminal gets a live view, anything else a line for each run.
    """
    view = BenchView(n_total)
    if console.is_terminal:
        with Live(view, console=console, refresh_per_second=4):
            yield lambda n_complete, _n_total, record: view.add(n_complete, record)
        return

    def print_line(n_complete: int, n_runs: int, record: Record) -> None:
        console.print(
            f"[{n_complete}/{n_runs}] {run_line(record)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    yield print_line


def carry_out(plan: Plan) -> Summary:
    """Carry out a plan under the eyes of the user.

    Raises:
        Exit: Ctrl-C; how to go on has been said.
    """
    n_runs = len(plan.jobs())
    make_folder(Path(plan.folder))
    try:
        with watch_plan(n_runs, Console(stderr=True)) as progress:
            summary = run.run_plan(plan, progress)
    except run.Interrupted as stop:
        click.echo(one_line(str(stop)), err=True)
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    for line in summary_lines(summary):
        click.echo(one_line(line))
    return summary


def check_failures(plan: Plan, summary: Summary) -> None:
    """Tell of solvers of which no run succeeded.

    Raises:
        Exit: there are such; the runs stay.
    """
    n_runs = Counter(job.run_id.solver for job in plan.jobs())
    n_failed = Counter(failure.run_id.solver for failure in summary.failures)
    fallen = [name for name, n in n_runs.items() if n_failed[name] == n]
    if fallen:
        click.echo(
            f"error: every run of {', '.join(fallen)} failed; the records of all runs are kept. "
            "When that is mended, the same command with --redo-errors does them again",
            err=True,
        )
        raise click.exceptions.Exit(EXIT_FAILED)


def run_line(record: Record) -> str:
    """One run in one line."""
    final = record.final
    end = f"{final.status}: {final.message}" if final.status == "error" else final.status
    return f"{record.run_id}  {decibels(final.distance_db)}  {end}  {final.wall_s:.1f} s"


def summary_lines(summary: Summary) -> list[str]:
    """What carrying out a plan came to, for people."""
    elsewhere = f", {summary.n_elsewhere} done by another runner" if summary.n_elsewhere else ""
    lines = [
        f"{summary.n_total} runs in {summary.folder}: {summary.n_done} done now, "
        f"{summary.n_kept} were complete{elsewhere}; {summary.wall_s:.1f} s"
    ]
    lines += [f"done again, its record was damaged: {d.path}" for d in summary.damaged]
    if summary.n_stale:
        lines.append(f"{summary.n_stale} records were kept that were made under other conditions")
    lines += [f"failed: {failure.run_id}: {failure.message}" for failure in summary.failures]
    return lines


def verdict_rows(verdicts: Sequence[Verdict]) -> list[tuple[str, str, str, str]]:
    """One row for each task and solver: how many records hold, and what is unusual about them."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        task, solver, *_ = verdict.run_id.split("/")
        groups.setdefault((task, solver), []).append(verdict)
    return [
        (task, solver, str(len(group)), _tally(note for one in group for note in one.notes))
        for (task, solver), group in groups.items()
    ]


def _tally(notes: Iterable[str]) -> str:
    return "; ".join(f"{n} x {note}" for note, n in Counter(map(one_line, notes)).items())
