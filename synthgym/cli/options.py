"""Options of the command line: their types, and those that several commands share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import click

MAX_INDEX = 10_000
"""Indices of targets and seeds are below this."""

MAX_SECONDS = 60.0
"""Longest sound that the command line handles: the search renders many of them at once."""

MAX_UNITS = 2**53
"""Cost units are counted up to this, exactly in JSON."""

SAMPLE_RATES_HZ = (8_000, 192_000)
"""Lowest and highest sample rate of a rendering."""


class Names(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """Comma-separated names, such as `random,cma-es`; converts to a tuple."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split at commas; an empty list is an error."""
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in str(value).split(",") if part.strip())
        if not names:
            self.fail(f"{value!r} names nothing; separate names by commas", param, ctx)
        return names


class Indices(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """Which indices: `3` is the first three, `0,4,7` and `4-6` are these; converts to a tuple."""

    name = "n|list"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Read a count, a comma list, or ranges; sorted, each index once."""
        if isinstance(value, tuple):
            return value
        text = str(value).strip()
        try:
            spans = [f"0-{int(text) - 1}"] if text.isdecimal() else text.split(",")
            indices = {i for part in spans if part.strip() for i in _span(part)}
        except ValueError:
            indices = set()
        if not indices:
            self.fail(
                f"{value!r} is neither a count above 0 (3: the first three), nor a list (0,4,7), "
                f"nor a range (4-6), up to {MAX_INDEX:,}",
                param,
                ctx,
            )
        return tuple(sorted(indices))


class Seconds(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """A length in seconds above 0 and up to `MAX_SECONDS`; `auto` converts to None if allowed."""

    name = "seconds"

    def __init__(self, auto: bool = False) -> None:
        """With `auto`, the word `auto` is allowed too."""
        self.auto = auto

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Read the number."""
        if self.auto and value == "auto":
            return None
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = math.nan
        if not 0.0 < seconds <= MAX_SECONDS:
            choice = "'auto' or a number" if self.auto else "a number"
            self.fail(
                f"{value!r} is not {choice} of seconds above 0 and up to {MAX_SECONDS:g}",
                param,
                ctx,
            )
        return seconds


class CostUnits(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """A whole number of cost units, at least 1; `2e4` and `20_000` are read too."""

    name = "units"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not (1 <= number <= MAX_UNITS and number.is_integer()):
            self.fail(
                f"{value!r} is not a whole number of cost units above 0, such as 1000 or 1e3",
                param,
                ctx,
            )
        return int(number)


def targets_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--targets`, by its other name `--indices`.

    Args:
        default: what is taken where nothing is said.
    """
    return click.option(
        "--targets",
        "--indices",
        "targets",
        type=Indices(),
        help=f"How many targets (3), or which (0,4,7 or 4-6).  [default: {default}]",
    )


@dataclass(frozen=True)
class Running:
    """How runs are carried out, as `running_options` asks for it.

    Args:
        n_jobs: worker processes, -1 for one for each core.
        on_stale: what to do with records made under other conditions.
        redo_errors: do runs again whose solver failed.
        backend: `"loky"` for processes of this machine, `"ray"` for a cluster.
    """

    n_jobs: int
    on_stale: Literal["error", "keep", "redo"]
    redo_errors: bool
    backend: str


_RUNNING = (
    click.option(
        "--jobs", type=click.IntRange(min=1), help="Worker processes.  [default: one for each core]"
    ),
    click.option(
        "--on-stale",
        type=click.Choice(["error", "keep", "redo"]),
        default="error",
        show_default=True,
        help="What to do with records made under other conditions, such as another budget.",
    ),
    click.option("--redo-errors", is_flag=True, help="Do runs again whose solver failed."),
    click.option(
        "--backend",
        type=click.Choice(["loky", "ray"]),
        default="loky",
        show_default=True,
        help="Processes of this machine, or a Ray cluster whose nodes share the folder.",
    ),
)


def running_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of carrying out runs; it takes them as one argument, `running`."""

    @functools.wraps(command)
    def with_running(
        jobs: int | None,
        on_stale: Literal["error", "keep", "redo"],
        redo_errors: bool,
        backend: str,
        **others: Any,
    ) -> Any:
        running = Running(-1 if jobs is None else jobs, on_stale, redo_errors, backend)
        return command(running=running, **others)

    return functools.reduce(lambda made, option: option(made), reversed(_RUNNING), with_running)


def flatten(lists: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """The names of a repeated `Names` option in the order given, each once."""
    return tuple(dict.fromkeys(name for names in lists for name in names))


def _span(part: str) -> range:
    """The indices of `4` or of `4-6` (both ends in)."""
    first, dash, last = part.strip().partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError(part)
    span = range(int(first), int(last if dash else first) + 1)
    if span.stop > MAX_INDEX:
        raise ValueError(part)
    return span
