"""Tables on standard output."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_PIPED_WIDTH = 400
"""Width where the output is no terminal: a reader such as grep wants whole lines."""


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numeric: Collection[int] = (),
) -> None:
    """Print a table to stdout; where that is no terminal, no line is wrapped or cut.

    Args:
        header: the column names.
        rows: one text per column each.
        numeric: the columns to align right.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, highlight=False)
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if i in numeric else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
