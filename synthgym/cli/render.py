"""`synthgym render`: a patch document in, a sound out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from synthgym.cli.options import SAMPLE_RATES_HZ, Seconds


@click.command()
@click.argument("patch", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Sound file to write: .wav, .flac, .ogg or .mp3.",
)
@click.option(
    "--sample-rate",
    type=click.IntRange(*SAMPLE_RATES_HZ),
    help="Samples per second.  [default: the patch's]",
)
@click.option("--seconds", type=Seconds(), help="Length of the sound.  [default: the patch's]")
@click.option(
    "--use",
    type=click.Choice(["unit", "parameters"]),
    help="Which of the two to render where they differ: the unit vector or the parameters in "
    "physical units, such as after an edit.",
)
def render(
    patch: Path,
    out: Path,
    sample_rate: int | None,
    seconds: float | None,
    use: Literal["unit", "parameters"] | None,
) -> None:
    """Render PATCH, a document that `synthgym match` wrote, to a sound file."""
    from synthgym import audio
    from synthgym.cli.matching import within_full_scale
    from synthgym.cli.patch_file import read_patch, render_patch, resized

    opened = resized(read_patch(patch, use), sample_rate, seconds)
    samples = render_patch(opened)
    audio.write(out, within_full_scale(samples), opened.clock.sample_rate)
    click.echo(f"sound    {out} ({opened.clock.duration_s:.3f} s, {opened.clock.sample_rate} Hz)")
