"""The command line, `synthgym match | render | draw | dataset | bench | loss | ...`.

This package is the composition root: the only place that sees tasks, solvers and leaderboard
at once. Each command imports what it needs when it runs, so that `synthgym --help` is instant.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from importlib import metadata

import click

from synthgym.cli import bench, compiling, dataset, draw, listing, loss, match, render
from synthgym.cli.errors import OneLineGroup

__all__ = ["main"]

_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "THP_MEM_ALLOC_ENABLE": "1"}
"""How many threads torch and NumPy share one operation between; and large pages for torch's sounds,
where the system has them: their first touch costs less."""


def _print_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(f"synthgym {metadata.version('synthgym')}")
        ctx.exit()


@click.group(cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Sound matching: find the synthesizer settings that reproduce a sound.

    `synthgym match note.wav` matches one recording; `synthgym bench run` compares optimizers.
    """
    # Operations this short lose by being shared, and lose much on a busy machine. What is said in
    # the environment holds. Both libraries are imported later, by the commands.
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot show is no fault
    ctx.with_resource(warnings.catch_warnings())
    if not sys.warnoptions:  # those of libraries are for programmers, who can ask with -W
        warnings.simplefilter("ignore")


for _command in (
    match.match,
    render.render,
    draw.draw,
    dataset.dataset,
    bench.bench,
    loss.loss,
    listing.tasks,
    listing.solvers,
    compiling.compile_kernels,
):
    main.add_command(_command)
