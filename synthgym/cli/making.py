"""Datasets on the command line: which patch is meant, and how the making is watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from synthgym.errors import ParameterError
from synthgym.synth import Clock, Patch, chains, graph
from synthgym.tasks import get_task, task_for_clock

PLAIN_INTERVAL_S: Final = 5.0
"""Time between two plain lines, where the output is not a terminal."""


@dataclass(frozen=True)
class PatchChoice:
    """The options that name a synthesizer; exactly one of them is to be given."""

    task: str | None
    chain: str | None
    patch: Path | None


def choose_patch(
    choice: PatchChoice, sample_rate: int | None, seconds: float | None
) -> tuple[Patch, Clock]:
    """The patch that is meant, and the clock to render it with.

    Raises:
        ParameterError: none or several were given.
        UnknownNameError: no such task or chain.
        PatchError: the patch's file cannot be used.
        OSError: it cannot be read.
    """
    given = {name: value for name, value in vars(choice).items() if value is not None}
    if len(given) != 1:
        found = " and ".join(f"--{name}" for name in given) or "none of them is there"
        raise ParameterError(f"give one of --task, --chain and --patch: {found}")
    task = None if choice.task is None else get_task(choice.task)
    usual = Clock() if task is None else task.clock
    rate_hz = usual.sample_rate if sample_rate is None else sample_rate
    length_s = usual.duration_s if seconds is None else seconds
    clock = Clock(rate_hz, max(round(length_s * rate_hz), 1))
    if task is not None:
        return task_for_clock(task, clock).patch, clock
    if choice.chain is not None:
        return chains.build(choice.chain, clock.duration_s), clock
    assert choice.patch is not None
    return graph.load(choice.patch), clock


@contextmanager
def watch_making(n_total: int, console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show how many sounds there are; yields what `create_dataset` takes as its progress.

    Args:
        n_total: sounds of the dataset.
        console: where to; a terminal gets a bar, anything else a line now and then.
    """
    if console.is_terminal:
        columns = (
            TextColumn("sounds"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as bar:
            bar_id = bar.add_task("sounds", total=n_total)
            yield lambda n_there, _n_total: bar.update(bar_id, completed=n_there)
        return
    last_s = time.monotonic()

    def print_line(n_there: int, n_all: int) -> None:
        nonlocal last_s
        if n_there == n_all or time.monotonic() - last_s >= PLAIN_INTERVAL_S:
            last_s = time.monotonic()
            console.print(f"{n_there:,} of {n_all:,} sounds", highlight=False, soft_wrap=True)

    yield print_line
