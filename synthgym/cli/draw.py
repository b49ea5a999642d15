"""`synthgym draw`: a patch in, a picture of its nodes and connections out."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("patch")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write: .svg, or .dot for Graphviz.",
)
def draw(patch: str, out: Path) -> None:
    """Draw PATCH: its nodes with their parameters and ranges, and what feeds what.

    PATCH is the name of a chain, such as FM; a patch of your own (.toml, .json); or a document
    that `synthgym match` wrote.
    """
    from synthgym.cli.output import write_text
    from synthgym.cli.patch_file import find_patch
    from synthgym.errors import ParameterError
    from synthgym.synth import draw

    pictures = {".svg": draw.svg, ".dot": draw.dot, ".gv": draw.dot}
    picture = pictures.get(out.suffix.lower())
    if picture is None:
        raise ParameterError(f"--out is {out}; a picture is named .svg, or .dot for Graphviz")
    write_text(out, picture(find_patch(patch)))
    click.echo(f"picture  {out}")
