"""`synthgym compile`: the compiled kernels, made once."""

from __future__ import annotations

import click


@click.command("compile")
@click.option("--force", is_flag=True, help="Compile again what is there already.")
def compile_kernels(force: bool) -> None:
    """Compile the fast kernels for this machine (half a minute, once).

    Rendering and distance are several times as fast from then on. Without them everything works
    the same, on torch alone. SYNTHGYM_KERNELS=0 in the environment leaves them unused.
    """
    from synthgym import kernels
    from synthgym.errors import require

    require("numba", "fast")
    if kernels.ready() and not force:
        click.echo("The kernels are compiled; --force compiles them again.")
        return
    with click.progressbar(kernels.pending(force), label="Compiling", show_pos=True) as steps:
        for compile_one in steps:
            compile_one()
    click.echo("Compiled: rendering and distance use the kernels from now on.")
