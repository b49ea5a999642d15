"""`synthgym loss rank | list`: what losses look like to an optimizer."""

from __future__ import annotations

from pathlib import Path

import click

from synthgym.cli.errors import EXIT_INTERRUPTED, OneLineGroup, one_line

DEFAULT_TRIALS = 24
DEFAULT_TARGETS = 4


@click.group(cls=OneLineGroup)
def loss() -> None:
    """Compare losses, your own among them."""


@loss.command("list")
def list_losses() -> None:
    """List the built-in losses."""
    from synthgym import losses

    click.echo("\n".join(losses.names()))


@loss.command()
@click.argument("names", metavar="[LOSS]...", nargs=-1)
@click.option("--only", is_flag=True, help="Rank the losses named and no others.")
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=DEFAULT_TRIALS,
    show_default=True,
    help="Pairs of tones for each of sine, square and saw.",
)
@click.option(
    "--targets",
    type=click.IntRange(min=1),
    default=DEFAULT_TARGETS,
    show_default=True,
    help="Sounds around which frequency and modulation index are swept.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of all draws; every loss is tried on the same sounds.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Losses at a time.  [default: one for each core]",
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write all figures there too."
)
def rank(
    names: tuple[str, ...],
    only: bool,
    trials: int,
    targets: int,
    seed: int,
    jobs: int | None,
    json_path: Path | None,
) -> None:
    """Rank losses by how often they point towards the right pitch.

    A LOSS is a name of `synthgym loss list`, path/file.py:Name or module:Name; all built-in losses
    are ranked beside it. Name is a loss, or what makes one, such as its class. More trials tell
    nearer losses apart and take longer; the standard error is printed.
    """
    import joblib
    from rich.console import Console

    from synthgym.cli.loss_loading import contenders
    from synthgym.cli.loss_ranking import HEADER, json_text, notes, rank_all, row
    from synthgym.cli.output import make_folder, write_text
    from synthgym.cli.table import print_table
    from synthgym.landscapes import trial

    chosen, left_out = contenders(names, only)
    if json_path is not None:
        make_folder(json_path.parent)
    for line in left_out:
        click.echo(one_line(line), err=True)
    on = trial(trials, targets, seed=seed)
    try:
        found = rank_all(chosen, on, Console(stderr=True), jobs or joblib.cpu_count())
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    print_table(HEADER, [row(one) for one in found], numeric=range(1, len(HEADER)))
    for line in notes(found, on):
        click.echo(line)
    if json_path is not None:
        write_text(json_path, json_text(found, on))
