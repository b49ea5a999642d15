"""How faults leave the command line: one line on stderr and exit code 2.

A wrong option, a damaged file and a full disk read alike to whoever runs the program: one
line, `error: ...`, that names the value, the limit and the remedy. A traceback is for faults of
synthgym itself; with `SYNTHGYM_DEBUG=1` the expected ones show theirs too.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from synthgym.errors import SynthgymError

DEBUG_VARIABLE = "SYNTHGYM_DEBUG"
"""Environment variable: set to 1, expected faults show their traceback before the line."""

EXIT_FAILED = 1
"""Exit code where all was done, and a record does not hold or every run of a solver failed."""

EXIT_FAULT = 2
"""Exit code of every expected fault: usage, input, environment."""

EXIT_INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it (128 + SIGINT)."""


class Fault(click.ClickException):
    """An expected fault: click prints it as one line `error: ...` and exits with 2."""

    exit_code = EXIT_FAULT

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line to stderr, after the traceback where debugging is on."""
        cause = self.__cause__
        if cause is not None and os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
            click.echo("".join(traceback.format_exception(cause)), file=file, err=True, nl=False)
        click.echo(f"error: {self.format_message()}", file=file, err=True)


def one_line(text: str) -> str:
    """The text with every run of white space, line ends among them, made one space."""
    return " ".join(text.split())


def message_of(error: BaseException) -> str:
    """What an expected fault says, in one line.

    An `OSError` reads `path: reason` instead of Python's `[Errno 28] ...`.
    """
    if isinstance(error, click.UsageError):
        where = f" (see '{error.ctx.command_path} --help')" if error.ctx is not None else ""
        return one_line(error.format_message()) + where
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename is not None else ""
        return one_line(f"{place}{error.strerror}")
    if isinstance(error, MemoryError):
        return "out of memory; ask for a shorter sound or fewer jobs"
    return one_line(str(error)) or type(error).__name__


@contextmanager
def faults() -> Iterator[None]:
    """Turn the expected exceptions raised inside into a `Fault`; let all others through."""
    try:
        yield
    except Fault:
        raise
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output went away: click's business
            raise
        raise Fault(message_of(error)) from error
    except (SynthgymError, MemoryError, click.UsageError) as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 shows a bare group's help so
            raise
        raise Fault(message_of(error)) from error


class OneLineGroup(click.Group):
    """A command group whose faults, and those of its commands, are one line each."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the group's own options; without any argument, show its help."""
        with faults():
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from synthgym.errors import unknown_name

            raise unknown_name("command", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with faults():
            return super().invoke(ctx)
