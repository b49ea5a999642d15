"""`synthgym tasks` and `synthgym solvers`: what there is to choose from."""

from __future__ import annotations

import click


@click.command()
def tasks() -> None:
    """List the tasks: id, level, parameters, budget and what each one is."""
    from synthgym.cli.table import print_table
    from synthgym.tasks import get_task, task_ids
    from synthgym.tasks.catalogue import RECORDINGS

    rows = []
    for task_id in (*task_ids(), *task_ids(RECORDINGS)):
        task = get_task(task_id)
        rows.append(
            (task.id, str(task.level), str(task.dimension), f"{task.budget:,}", task.summary)
        )
    print_table(("task", "level", "d", "budget", "summary"), rows, numeric=(1, 2, 3))


@click.command()
def solvers() -> None:
    """List the solvers: name, track, where each comes from and whether it can run here."""
    from synthgym.cli.solver_list import list_solvers
    from synthgym.cli.table import print_table

    rows = [(s.name, s.track, s.origin, s.state) for s in list_solvers()]
    print_table(("solver", "track", "from", "state"), rows)
    click.echo("\nA solver of yours: --solver path/file.py:Name or --solver module:Name")
