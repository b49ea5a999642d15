"""`synthgym match`: one recording in, sound, patch and picture out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthgym.cli.errors import EXIT_INTERRUPTED, one_line
from synthgym.cli.options import CostUnits, Seconds

if TYPE_CHECKING:
    from synthgym.cli.matching import Match, MatchFiles, MatchJob


@click.command()
@click.argument("file")
@click.option(
    "--task",
    help="Task whose synthesizer is used; `synthgym tasks` lists them.  "
    "[default: DiffMoog-Subtractive-v0]",
)
@click.option(
    "--patch",
    type=click.Path(path_type=Path),
    help="In place of a task, a patch of your own: a .toml or .json file.",
)
@click.option(
    "--solver",
    default="differential-evolution",
    show_default=True,
    help="Solver: a name of `synthgym solvers`, path/file.py:Name or module:Name.",
)
@click.option(
    "--budget",
    type=CostUnits(),
    help="Cost units to spend: one for each sound tried, three with its gradient.  "
    "[default: about half a minute's worth]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the search; the same seed finds the same patch.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("."),
    show_default="the current folder",
    help="Folder for the results; it is made if need be.",
)
@click.option(
    "--duration",
    type=Seconds(auto=True),
    default="auto",
    show_default=True,
    help="Seconds of the recording to match; auto: from its onset to its end, up to 5 s.",
)
def match(
    file: str,
    task: str | None,
    patch: Path | None,
    solver: str,
    budget: int | None,
    seed: int,
    out: Path,
    duration: float | None,
) -> None:
    """Find the synthesizer settings that sound like FILE.

    FILE is a recording (WAV, FLAC, OGG, MP3, AIFF), or the name of a sample note that comes with
    synthgym, such as trumpet. Ctrl-C stops the search and keeps the best so far. What another
    search found stays, and this one gets a number: FILE-2.

    Sample notes: clean_guitar, drawbar_organ, kalimba, saw_lead, trumpet.
    """
    import torch
    from rich.console import Console

    from synthgym.cli.matching import (
        DEFAULT_TASK,
        MatchSettings,
        best_so_far,
        open_match,
        run_match,
    )
    from synthgym.cli.output import make_folder
    from synthgym.cli.progress import watch
    from synthgym.errors import ParameterError

    if task is not None and patch is not None:
        raise ParameterError("both --task and --patch name a synthesizer; give one of them")

    # One thread: sounds this short gain nothing from more, and on a busy machine more are slower.
    torch.set_num_threads(1)
    chosen = DEFAULT_TASK if task is None else task
    settings = MatchSettings(chosen, solver, budget, seed, duration, patch)
    job = open_match(file, settings)
    make_folder(out)
    console = Console(stderr=True)
    for note in job.target.notes:
        click.echo(one_line(f"{job.target.name}: {note}"), err=True)
    found: Match | None
    interrupted = False
    try:
        with watch(job.problem, one_line(f"{job.target.name}: {job.solver_name}"), console):
            found = run_match(job)
    except KeyboardInterrupt:
        interrupted = True
        found = best_so_far(job, "stopped by Ctrl-C")
        click.echo("stopped: keeping the best so far", err=True)
    if found is None:
        click.echo("stopped before the first sound was tried; nothing is written", err=True)
    else:
        _report_and_write(job, found, out)
    if interrupted:
        raise click.exceptions.Exit(EXIT_INTERRUPTED)


def _report_and_write(job: MatchJob, found: Match, out: Path) -> None:
    """Print what was found and write the files."""
    from synthgym.cli.matching import (
        METRIC_HEADER,
        PARAMETER_HEADER,
        metric_rows,
        parameter_rows,
        write_match,
    )
    from synthgym.cli.table import print_table

    # The tables first: should the disk be full, the values are on the screen.
    print_table(PARAMETER_HEADER, parameter_rows(found.parameters), numeric=(2,))
    print_table(METRIC_HEADER, metric_rows(found), numeric=(1,))
    click.echo(_verdict(job, found))
    _print_files(write_match(found, out))


def _verdict(job: MatchJob, found: Match) -> str:
    solved = job.problem.solved_db
    near = "solved" if found.distance_db <= solved else f"{solved:g} dB or less counts as solved"
    return (
        f"distance {found.distance_db:.2f} dB ({near}) after {job.problem.cost:,} cost units in "
        f"{job.problem.wall_s:.1f} s: {found.status}"
    )


def _print_files(files: MatchFiles) -> None:
    for patch in files.kept:
        click.echo(one_line(f"kept {patch}, which is of another search"), err=True)
    click.echo(f"sound    {files.sound}")
    click.echo(f"patch    {files.patch}")
    if files.picture is not None:
        click.echo(f"picture  {files.picture}")
    else:
        click.echo('no picture: pip install "synthgym[report]" brings matplotlib', err=True)
