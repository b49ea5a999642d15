"""`synthgym bench compare`: a solver of one's own beside the reference results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from synthgym.cli.errors import one_line
from synthgym.cli.options import CostUnits, Names, Running, flatten, running_options, targets_option

if TYPE_CHECKING:
    from synthgym.leaderboard.compare import Comparison
    from synthgym.leaderboard.run import Summary


@click.command()
@click.argument("solvers", nargs=-1, required=True, type=Names())
@click.option(
    "--quick", is_flag=True, help="A first look: a few tasks and targets, a small budget."
)
@click.option(
    "--tasks", type=Names(), multiple=True, help="Task ids.  [default: all of the reference]"
)
@targets_option("all of the reference")
@click.option(
    "--budget",
    type=CostUnits(),
    help="Cost units for each run; the reference runs are cut there.  [default: the reference's]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("comparison"),
    show_default=True,
    help="Folder for records and page; runs that are complete there are not done again.",
)
@click.option(
    "--sounds",
    type=click.Choice(["best", "all", "none"]),
    default="best",
    show_default=True,
    help="Which matches can be listened to on the page.",
)
@click.option("--replace", is_flag=True, help="Let a solver take the place of the one of its name.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="Folder of the runs to compare with.  [default: those that come with synthgym]",
)
@running_options
def compare(
    solvers: tuple[tuple[str, ...], ...],
    quick: bool,
    tasks: tuple[tuple[str, ...], ...],
    targets: tuple[int, ...] | None,
    budget: int | None,
    out: Path,
    sounds: Literal["best", "all", "none"],
    replace: bool,
    reference: Path | None,
    running: Running,
) -> None:
    """Run SOLVERS on the suite and put them into the reference results.

    SOLVERS are path/file.py:Name, module:Name or registered names. Only they are run; the runs of
    the others come with synthgym, and are cut where the targets or the budget are fewer. The same
    command goes on where it was stopped.
    """
    from synthgym.cli import comparing
    from synthgym.cli.benching import carry_out, check_failures
    from synthgym.leaderboard import compare as comparison
    from synthgym.leaderboard.commands import compare_commands
    from synthgym.leaderboard.plan import Plan

    specs = flatten(solvers)
    runs = comparison.read_reference(reference or comparison.reference_folder())
    names = comparison.check_newcomers(specs, runs, replace=replace)
    asked = comparison.conditions(
        runs,
        flatten(tasks) or (comparing.QUICK_TASKS if quick else ()),
        comparing.QUICK_TARGETS if quick and targets is None else targets,
        comparing.QUICK_BUDGET if quick and budget is None else budget,
    )
    plan = Plan(
        tasks=asked.tasks,
        solvers=specs,
        folder=out / "records",
        indices=asked.indices,
        seeds=asked.seeds,
        budget=asked.budget,
        n_jobs=running.n_jobs,
        backend=running.backend,
        redo_errors=running.redo_errors,
        on_stale=running.on_stale,
    )
    summary = carry_out(plan)
    found = comparison.assemble(plan, runs, names)
    remarks = tuple(comparing.remarks(found))
    _print_tables(found, summary, remarks)
    words = [
        *(("--replace",) if replace else ()),
        *(("--reference", str(reference)) if reference is not None else ()),
        *(("--sounds", sounds) if sounds != "best" else ()),
    ]
    _write_page(found, out, sounds, compare_commands(found.own, out.name, words), remarks)
    check_failures(plan, summary)


def _print_tables(found: Comparison, summary: Summary, remarks: Sequence[str]) -> None:
    """Print where the newcomers stand, overall and task by task, and what limits that."""
    from synthgym.cli import comparing
    from synthgym.cli.table import print_table
    from synthgym.leaderboard.score import score_records

    names = found.newcomers
    boards = [b for b in score_records(found.records) if set(names) & set(b.solvers)]
    header = comparing.ranking_header(names)
    for board in boards:
        print_table(header, comparing.ranking_rows(board, names), numeric=range(3, len(header)))
        click.echo()
        print_table(comparing.TASK_HEADER, comparing.task_rows(board, names), numeric=(2, 3, 5, 6))
        click.echo()
    flags = (flag.message for board in boards for flag in board.flags)
    for line in (*remarks, *flags):
        click.echo(one_line(f"- {line}"))
    for line in comparing.time_lines(found.records, names, summary.n_done, summary.wall_s):
        click.echo(line)


def _write_page(
    found: Comparison,
    out: Path,
    sounds: Literal["best", "all", "none"],
    commands: Sequence[str],
    remarks: Sequence[str],
) -> None:
    """Write the page on the records, where the extra for it is installed."""
    from synthgym.errors import MissingExtraError
    from synthgym.leaderboard.report import write_report

    click.echo(f"records  {out / 'records'}")
    try:
        title = f"{', '.join(found.newcomers)} compared"
        page = write_report(
            out / "records",
            out,
            sounds=sounds,
            title=title,
            commands=commands,
            remarks=remarks,
            marked=found.newcomers,
        )
    except MissingExtraError as error:  # what was asked for is there: the page is an extra
        click.echo(one_line(f"no page: {error}"))
    else:
        click.echo(f"report   {page}")
