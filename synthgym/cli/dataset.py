"""`synthgym dataset create`: sounds and their parameters, as files."""

from __future__ import annotations

from pathlib import Path

import click

from synthgym.cli.errors import EXIT_INTERRUPTED, OneLineGroup
from synthgym.cli.options import SAMPLE_RATES_HZ, Seconds

_COUNT = click.IntRange(min=0)


@click.group(cls=OneLineGroup)
def dataset() -> None:
    """Make datasets of sounds and their parameters."""


@dataset.command()
@click.option("--task", help="Task whose synthesizer is used; `synthgym tasks` lists them.")
@click.option("--chain", help="In place of a task, a chain, such as FM.")
@click.option(
    "--patch",
    type=click.Path(path_type=Path),
    help="In place of a task, a patch of your own: a .toml or .json file.",
)
@click.option("--train", type=_COUNT, default=0, help="Sounds to learn from.")
@click.option("--dev", type=_COUNT, default=0, help="Sounds to tune on.")
@click.option("--test", type=_COUNT, default=0, help="Sounds to report on.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder; it is made if need be."
)
@click.option(
    "--format",
    "audio_format",
    type=click.Choice(["wav", "flac"]),
    default="wav",
    show_default=True,
    help="Of the sound files, both of 24 bit.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed makes the same files.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Worker processes."
)
@click.option(
    "--sample-rate",
    type=click.IntRange(*SAMPLE_RATES_HZ),
    help="Samples per second.  [default: the task's, or 16000]",
)
@click.option("--seconds", type=Seconds(), help="Length.  [default: the task's, or 1.024]")
def create(
    task: str | None,
    chain: str | None,
    patch: Path | None,
    train: int,
    dev: int,
    test: int,
    out: Path,
    audio_format: str,
    seed: int,
    jobs: int,
    sample_rate: int | None,
    seconds: float | None,
) -> None:
    """Make a dataset: sound files in train, dev and test, and a table of their parameters.

    The table, parameters.parquet, needs pip install "synthgym[dataset]". Ctrl-C or a crash loses
    little: the same command goes on where it was, and comes to the same files.
    """
    from rich.console import Console

    from synthgym.cli.making import PatchChoice, choose_patch, watch_making
    from synthgym.tasks.dataset import Counts, Recipe
    from synthgym.tasks.dataset_files import TABLE, create_dataset

    counts = Counts(train, dev, test)
    made_of, clock = choose_patch(PatchChoice(task, chain, patch), sample_rate, seconds)
    recipe = Recipe(made_of, clock, counts, seed, audio_format)
    try:
        with watch_making(counts.total, Console(stderr=True)) as progress:
            created = create_dataset(recipe, out, n_jobs=jobs, progress=progress)
    except KeyboardInterrupt:
        click.echo("stopped: the same command goes on where it was", err=True)
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    click.echo(
        f"dataset  {created.folder} ({created.n_made} sounds made, {created.n_kept} were there; "
        f"{created.wall_s:.1f} s)"
    )
    click.echo(f"table    {created.folder / TABLE}")
