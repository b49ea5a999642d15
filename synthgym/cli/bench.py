"""`synthgym bench run | report | verify | table | pack | compare`: leaderboards for the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from synthgym.cli.compare import compare
from synthgym.cli.errors import EXIT_FAILED, OneLineGroup, one_line
from synthgym.cli.options import (
    CostUnits,
    Indices,
    Names,
    Running,
    flatten,
    running_options,
    targets_option,
)

QUICK_BUDGET = 500
QUICK_TARGETS = (0, 1)

_FOLDER = click.argument("folder", type=click.Path(path_type=Path))
_RECORDINGS = click.option(
    "--recordings",
    type=click.Path(path_type=Path),
    help="Folder of sound files, the targets of the tasks `recordings`.  "
    "[default: the notes that come with synthgym]",
)


@click.group(cls=OneLineGroup)
def bench() -> None:
    """Compare solvers: run them, verify the records, report."""


@bench.command()
@click.option(
    "--tasks",
    type=Names(),
    multiple=True,
    help="Task ids or families of them, by commas or repeated.  [default: diffmoog, the suite]",
)
@click.option(
    "--solvers",
    type=Names(),
    multiple=True,
    help="Solvers, by commas or repeated: names, path/file.py:Name or module:Name.  "
    "[default: the search solvers that run by default and can run here]",
)
@targets_option("all of the split")
@click.option(
    "--seeds",
    type=Indices(),
    default="1",
    show_default=True,
    help="How many seeds for each target, or which.",
)
@click.option(
    "--split",
    type=click.Choice(["dev", "test"]),
    default="test",
    show_default=True,
    help="Tune on dev, report on test.",
)
@click.option("--budget", type=CostUnits(), help="Cost units for each run.  [default: the task's]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("records"),
    show_default=True,
    help="Folder for the records; runs that are complete there are not done again.",
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"A first look: {len(QUICK_TARGETS)} targets and a budget of {QUICK_BUDGET}, "
    "unless told otherwise.",
)
@_RECORDINGS
@running_options
def run(
    tasks: tuple[tuple[str, ...], ...],
    solvers: tuple[tuple[str, ...], ...],
    targets: tuple[int, ...] | None,
    seeds: tuple[int, ...],
    split: str,
    budget: int | None,
    out: Path,
    quick: bool,
    recordings: Path | None,
    running: Running,
) -> None:
    """Run solvers on tasks; one record for each run.

    Ctrl-C or a crash loses only the runs that were going on: the same command goes on where it
    was. Several of them, started with the same options, share the work.
    """
    from synthgym.cli.benching import carry_out, check_failures, search_solvers
    from synthgym.leaderboard.plan import Plan
    from synthgym.tasks import get_task, task_ids
    from synthgym.tasks.catalogue import FAMILIES, RECORDINGS

    named = flatten(tasks) or ("diffmoog",)
    chosen_tasks = tuple(
        id
        for name in named
        for id in (task_ids(name) if name in (*FAMILIES, RECORDINGS) else (name,))
    )
    for task in chosen_tasks:
        get_task(task)  # a misspelt one is said before the solvers are looked through
    chosen, left_out = (flatten(solvers), ()) if solvers else search_solvers()
    plan = Plan(
        tasks=chosen_tasks,
        solvers=chosen,
        folder=out,
        split=split,
        indices=QUICK_TARGETS if quick and targets is None else targets,
        seeds=seeds,
        budget=QUICK_BUDGET if quick and budget is None else budget,
        n_jobs=running.n_jobs,
        backend=running.backend,
        redo_errors=running.redo_errors,
        on_stale=running.on_stale,
        recordings=recordings,
    )
    plan.jobs()  # a solver that cannot be loaded is said first
    for line in left_out:
        click.echo(one_line(line), err=True)
    summary = carry_out(plan)
    click.echo(f"next: synthgym bench report {out} --out report")
    check_failures(plan, summary)


@bench.command()
@_FOLDER
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    help="Folder for the pages; it is made if need be.",
)
@click.option(
    "--sounds",
    type=click.Choice(["best", "all", "none"]),
    default="best",
    show_default=True,
    help="Which matches can be listened to: the best of each target, and every solver's for the "
    "hardest of each task; every solver's for every target; or none. A sound takes 10 to 20 KB: "
    "about 10 MB for the best of 14 solvers on the suite, 30 to 60 MB for all.",
)
@click.option(
    "--matches",
    type=click.Path(path_type=Path),
    help="A folder that `synthgym match` wrote to: the index shows the recordings too.",
)
@click.option("--title", default="Sound matching benchmark", show_default=True, help="Heading.")
@_RECORDINGS
def report(
    folder: Path,
    out: Path,
    sounds: Literal["best", "all", "none"],
    matches: Path | None,
    title: str,
    recordings: Path | None,
) -> None:
    """Make pages (HTML) of the records in FOLDER: tables, plots and sounds."""
    from synthgym.leaderboard.report import report_size, write_report

    page = write_report(
        folder, out, sounds=sounds, title=title, matches=matches, recordings=recordings
    )
    of_pages, of_sounds = (size / 1e6 for size in report_size(out))
    click.echo(f"report   {page}")
    click.echo(f"         pages {of_pages:.1f} MB, sounds {of_sounds:.1f} MB")


@bench.command()
@_FOLDER
@click.option(
    "--by-task", is_flag=True, help="Solved runs and the expected cost of solving, task by task."
)
def table(folder: Path, by_task: bool) -> None:
    """Print the ranking of the records in FOLDER as Markdown."""
    from synthgym.leaderboard.report import write_summary, write_task_table

    click.echo(write_task_table(folder) if by_task else write_summary(folder))


@bench.command()
@_FOLDER
@click.option("--rerun", is_flag=True, help="Carry out each run again too, and compare.")
@_RECORDINGS
def verify(folder: Path, rerun: bool, recordings: Path | None) -> None:
    """Check the records in FOLDER: render each final sound again and compare.

    Exit code 1 if a record does not hold; each one is listed with the reason.
    """
    from rich.console import Console
    from rich.progress import Progress

    from synthgym.cli.benching import VERDICT_HEADER, verdict_rows
    from synthgym.cli.table import print_table
    from synthgym.errors import RecordError
    from synthgym.leaderboard.records import count_records
    from synthgym.leaderboard.verify import verify_records

    n_records = count_records(folder)
    if n_records == 0:
        raise RecordError(f"{folder} holds no complete records; make some with synthgym bench run")
    with Progress(console=Console(stderr=True), transient=True) as bar:
        bar_id = bar.add_task("verifying", total=n_records)
        verdicts = verify_records(
            folder, rerun=rerun, recordings=recordings, progress=lambda _: bar.advance(bar_id)
        )
    fallen = [verdict for verdict in verdicts if not verdict.ok]
    if fallen:
        for verdict in fallen:
            click.echo(one_line(f"does not hold: {verdict.run_id}: {verdict.reason}"))
        click.echo(f"{len(fallen)} of {len(verdicts)} records do not hold")
        raise click.exceptions.Exit(EXIT_FAILED)
    print_table(VERDICT_HEADER, verdict_rows(verdicts), numeric=(2,))
    click.echo(f"all {len(verdicts)} records hold")


@bench.command()
@_FOLDER
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for the packs; packs of other solvers in it stay.",
)
@click.option("--replace", is_flag=True, help="Write over packs that hold other runs.")
def pack(folder: Path, out: Path, replace: bool) -> None:
    """Pack the records in FOLDER for git: one file for each solver.

    Nothing is lost: the other commands read packs like the records they were made of.
    """
    from synthgym.cli.table import print_table
    from synthgym.leaderboard.packs import pack_records

    packs = pack_records(folder, out, replace=replace)
    rows = [
        (str(one.path), str(one.n_records), str(one.n_errors), f"{one.n_bytes / 1e6:.3f}")
        for one in packs
    ]
    print_table(("pack", "records", "errors", "MB"), rows, numeric=(1, 2, 3))
    total_mb = sum(one.n_bytes for one in packs) / 1e6
    click.echo(f"{sum(one.n_records for one in packs)} records, {total_mb:.3f} MB")


bench.add_command(compare)
