"""What a running search shows: one live line on a terminal, a plain line now and then elsewhere.

Both only read the problem, from a thread of their own; the search neither waits for them nor
knows of them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from synthgym.tasks import Problem

PLAIN_INTERVAL_S = 5.0
"""Time between two plain lines, where the output is not a terminal."""

LIVE_PER_SECOND = 8.0
"""How often the live line is drawn anew."""

_BARS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 24
_WIDE = 100


@contextmanager
def watch(problem: Problem, title: str, console: Console) -> Iterator[None]:
    """Show how the search on `problem` goes while the block runs.

    Args:
        problem: the problem that is being searched.
        title: what stands in front, such as the solver's name.
        console: where to; a terminal gets one live line, anything else plain lines.
    """
    if console.is_terminal:
        with Live(
            get_renderable=lambda: _live_line(problem, title, console),
            console=console,
            refresh_per_second=LIVE_PER_SECOND,
        ):
            yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_print_lines, args=(problem, title, console, done))
    thread.daemon = True
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def sparkline(problem: Problem, width: int = _SPARK_WIDTH) -> str:
    """The best distance so far over the cost spent, as `width` block characters.

    The first distance is the full height and 0 dB is the floor.
    """
    history = list(problem.history)
    spent = max(problem.n_evaluations + problem.n_gradients, 1)
    if not history:
        return ""
    top = history[0].distance_db
    bars: list[str] = []
    k = 0
    for column in range(width):
        reached = spent * (column + 1) / width
        while (
            k + 1 < len(history)
            and history[k + 1].n_evaluations + history[k + 1].n_gradients <= reached
        ):
            k += 1
        share = history[k].distance_db / top if top > 0 and math.isfinite(top) else 0.0
        bars.append(_BARS[min(int(share * len(_BARS)), len(_BARS) - 1)])
    return "".join(bars)


def decibels(distance_db: float) -> str:
    """The distance for people: two decimals and the unit, `-` before there is one."""
    return f"{distance_db:.2f} dB" if math.isfinite(distance_db) else "-"


def clock_time(seconds: float) -> str:
    """Minutes and seconds, such as `1:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _renders_per_s(problem: Problem) -> float:
    return (problem.n_evaluations + problem.n_gradients) / max(problem.wall_s, 1e-3)


def _live_line(problem: Problem, title: str, console: Console) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    is_wide = console.width >= _WIDE
    budget = problem.budget
    cells: list[RenderableType] = [Text(title, style="bold")]
    if budget is not None:
        share = f"{min(100 * problem.cost // max(budget, 1), 100):d}%"
        cells += [
            ProgressBar(total=budget, completed=problem.cost, width=20 if is_wide else 10),
            Text(share),
        ]
    cells.append(Text(decibels(problem.best_distance), style="green"))
    if is_wide and not console.options.ascii_only:
        cells.append(Text(sparkline(problem), style="cyan"))
    cells += [
        Text(f"{_renders_per_s(problem):,.0f} renders/s"),
        Text(clock_time(problem.wall_s)),
    ]
    for _ in cells:
        row.add_column(no_wrap=True)
    row.add_row(*cells)
    return row


def _plain_line(problem: Problem, title: str) -> str:
    of_budget = f" of {problem.budget:,}" if problem.budget is not None else ""
    return (
        f"{title}: {decibels(problem.best_distance)} after {problem.cost:,}{of_budget} "
        f"({_renders_per_s(problem):,.0f} renders/s, {clock_time(problem.wall_s)})"
    )


def _print_lines(problem: Problem, title: str, console: Console, done: threading.Event) -> None:
    wait_s = 1.0  # an early first sign of life, then at the interval
    while not done.wait(wait_s):
        console.print(_plain_line(problem, title), highlight=False, soft_wrap=True, markup=False)
        wait_s = PLAIN_INTERVAL_S
    console.print(_plain_line(problem, title), highlight=False, soft_wrap=True, markup=False)
