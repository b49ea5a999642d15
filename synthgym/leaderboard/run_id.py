"""The readable id that names a run and places its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from synthgym.errors import RecordError
from synthgym.solvers import SOLVER_NAME

RECORD_SUFFIX = ".jsonl"
PART_SUFFIX = ".jsonl.part"

_ID = re.compile(
    rf"(?P<task>{SOLVER_NAME.pattern})/(?P<solver>{SOLVER_NAME.pattern})"
    r"/(?P<split>[a-z]+)-(?P<index>0|[1-9][0-9]*)/seed-(?P<seed>0|[1-9][0-9]*)"
)


@dataclass(frozen=True, order=True)
class RunId:
    """What identifies a run; as text `"DiffMoog-FM-v0/cma-es/test-3/seed-0"`.

    Args:
        task: id of the task.
        solver: name of the solver.
        split: `"train"`, `"dev"` or `"test"`.
        index: index of the target in the split.
        seed: which repetition; the solver's own seed is derived from the whole id.

    Raises:
        RecordError: a part could not stand in a path (letters, digits and `._+-` can).
    """

    task: str
    solver: str
    split: str
    index: int
    seed: int

    def __post_init__(self) -> None:
        if not _ID.fullmatch(str(self)):
            raise RecordError(
                f"run id {str(self)!r} is not of the form <task>/<solver>/<split>-<index>"
                "/seed-<seed>: names may hold letters, digits and ._+- and start with a letter "
                "or digit, numbers are not negative"
            )

    def __str__(self) -> str:
        return f"{self.task}/{self.solver}/{self.split}-{self.index}/seed-{self.seed}"

    @classmethod
    def parse(cls, text: str) -> RunId:
        """The id written as `text`; `RecordError` when it is not one."""
        match = _ID.fullmatch(text)
        if match is None:
            raise RecordError(
                f"{text!r} is not a run id; one looks like DiffMoog-FM-v0/cma-es/test-3/seed-0"
            )
        return cls(
            match["task"], match["solver"], match["split"], int(match["index"]), int(match["seed"])
        )

    def path(self, folder: Path) -> Path:
        """Where the complete record lies."""
        return folder / f"{self}{RECORD_SUFFIX}"

    def part_path(self, folder: Path) -> Path:
        """Where the record lies while the run is going on."""
        return folder / f"{self}{PART_SUFFIX}"

    def lock_path(self, folder: Path) -> Path:
        """The lock that the process which carries out this run holds."""
        return folder / f"{self}.lock"
