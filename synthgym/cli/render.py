"""`synthgym render`: a patch in, a sound out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from synthgym.cli.options import SAMPLE_RATES_HZ, Seconds


@click.command()
@click.argument("patch")
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
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NODE.PARAMETER=VALUE",
    help="Set a parameter, in its unit: osc.freq=220. May be repeated.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of a random sound of a patch that holds none.  [default: the middle of all ranges]",
)
def render(
    patch: str,
    out: Path,
    sample_rate: int | None,
    seconds: float | None,
    use: Literal["unit", "parameters"] | None,
    settings: tuple[str, ...],
    seed: int | None,
) -> None:
    """Render PATCH to a sound file.

    PATCH is a document that `synthgym match` wrote; a patch of your own (.toml, .json), which holds
    no sound: its parameters are at the middle of their ranges, random or set; or the name of a
    chain, such as FM.
    """
    from synthgym import audio
    from synthgym.cli.matching import within_full_scale
    from synthgym.cli.patch_file import open_patch, render_patch, resized, with_settings

    opened = with_settings(open_patch(patch, use, seed), settings)
    opened = resized(opened, sample_rate, seconds)
    samples = render_patch(opened)
    audio.write(out, within_full_scale(samples), opened.clock.sample_rate)
    click.echo(f"sound    {out} ({opened.clock.duration_s:.3f} s, {opened.clock.sample_rate} Hz)")
