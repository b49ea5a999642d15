"""A first look at synthgym, in a few minutes on two cores: `make demo`.

It compares five optimizers on four tasks, matches one recorded note, and leaves

    report/index.html     tables, plots and sounds of the comparison
    report/match/         the note, its match, the patch and a picture of both
    report/records/       the records of the runs

Stopped and started again, it goes on where it was. The comparison is small on purpose: few
targets and a fraction of the budget. `synthgym bench run` makes the real one.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import click
import torch
from rich.console import Console

from synthgym.audio import sample_notes
from synthgym.cli.benching import summary_lines, watch_plan
from synthgym.cli.errors import EXIT_INTERRUPTED, faults, one_line
from synthgym.cli.matching import MatchSettings, is_matched, open_match, run_match, write_match
from synthgym.cli.output import make_folder
from synthgym.cli.progress import watch
from synthgym.leaderboard.plan import Plan
from synthgym.leaderboard.report import write_report, write_summary
from synthgym.leaderboard.run import run_plan


@dataclass(frozen=True)
class Demo:
    """What the demo does.

    Args:
        tasks: ids of the tasks that are compared on.
        solvers: names of the solvers that are compared.
        n_targets: targets of each task.
        budget: cost units for each run.
        n_jobs: worker processes.
        note: the sample note that is matched.
        match: how it is matched.
    """

    tasks: tuple[str, ...] = (
        "DiffMoog-Osc-v0",
        "DiffMoog-OscADSR-v0",
        "DiffMoog-FM-v0",
        "DiffMoog-Subtractive-v0",
    )
    solvers: tuple[str, ...] = (
        "random",
        "cma-es",
        "differential-evolution",
        "adam",
        "gauss-newton",
    )
    n_targets: int = 3
    budget: int = 1500
    n_jobs: int = 2
    note: str = "trumpet"
    match: MatchSettings = field(default_factory=lambda: MatchSettings(budget=3000))


def run_demo(demo: Demo, out: Path, console: Console) -> Path:
    """Compare, match and report; what is complete already is kept.

    Args:
        demo: what to do.
        out: folder of the report, the match and the records.
        console: where progress is shown.

    Returns:
        The report's page.
    """
    records = make_folder(out / "records")
    compare(demo, records, console)
    match_note(demo, out / "match", console)
    console.rule("3. The report")
    return write_report(records, out, title="synthgym demo", matches=out / "match")


def compare(demo: Demo, records: Path, console: Console) -> None:
    """Run every solver on every target and print the ranking."""
    plan = Plan(
        tasks=demo.tasks,
        solvers=demo.solvers,
        folder=records,
        indices=range(demo.n_targets),
        budget=demo.budget,
        n_jobs=demo.n_jobs,
        on_stale="redo",
    )
    n_runs = len(plan.jobs())
    console.rule(f"1. {len(demo.solvers)} optimizers on {len(demo.tasks)} tasks: {n_runs} runs")
    with watch_plan(n_runs, console) as progress:
        summary = run_plan(plan, progress)
    for line in summary_lines(summary):
        click.echo(one_line(line))
    click.echo(write_summary(records))


def match_note(demo: Demo, folder: Path, console: Console) -> None:
    """Match the recorded note, unless that is done already."""
    recording = sample_notes()[demo.note]
    console.rule(f"2. A recorded note, {recording.stem}, matched by {demo.match.solver}")
    job = open_match(demo.note, demo.match)
    if is_matched(job, folder):
        click.echo(f"matched before: {folder}")
        return
    make_folder(folder)
    with watch(job.problem, job.solver_name, console):
        found = run_match(job)
    shutil.copyfile(recording, folder / recording.name)
    files = write_match(found, folder)
    click.echo(
        f"distance {found.distance_db:.2f} dB; sound, patch and picture: {files.sound.parent}"
    )


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    help="Folder of the report.",
)
def main(out: Path) -> None:
    """Compare five optimizers, match a recorded note, write the report."""
    torch.set_num_threads(1)
    with faults():
        try:
            page = run_demo(Demo(), out, Console(stderr=True))
        except KeyboardInterrupt:
            click.echo("stopped; the same command goes on from here", err=True)
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    click.echo(f"Open {page} in a browser; the matched note lies in {out / 'match'}.")


if __name__ == "__main__":
    main()
