"""The commands that make a report's records and pages anew."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from synthgym.errors import UnknownNameError
from synthgym.leaderboard.boards import Board
from synthgym.leaderboard.distances import DistanceBoard
from synthgym.leaderboard.records import Record, RunHeader
from synthgym.leaderboard.sounds import Selection
from synthgym.tasks import get_task

DEFAULT_TITLE = "Sound matching benchmark"
DEFAULT_SOUNDS: Selection = "best"


def all_commands(
    boards: Sequence[Board | DistanceBoard], folder_name: str, recordings_name: str | None = None
) -> list[str]:
    """The commands that make the runs of all boards anew and verify them."""
    made = [
        command for board in boards for command in run_commands(board, folder_name, recordings_name)
    ]
    verify = ("synthgym", "bench", "verify", folder_name, *_recordings(recordings_name))
    return [*made, shlex.join(verify)]


def run_commands(
    board: Board | DistanceBoard, folder_name: str, recordings_name: str | None = None
) -> list[str]:
    """The commands that make the runs of a board anew, one for each budget asked for.

    Args:
        board: the runs.
        folder_name: of the folder of records.
        recordings_name: of the folder of recordings, None for the shipped notes.
    """
    of_recordings = _recordings(recordings_name) if isinstance(board, DistanceBoard) else ()
    headers = [record.header for record in board.records]
    commands = []
    for budget in sorted({_asked_budget(h.task, h.budget) for h in headers}):
        chosen = [h for h in headers if _asked_budget(h.task, h.budget) == budget]
        words = [
            *("synthgym", "bench", "run"),
            *("--tasks", ",".join(t for t in board.tasks if any(h.task == t for h in chosen))),
            *("--solvers", ",".join(sorted({h.solver_spec for h in chosen}))),
            *("--split", board.split),
            *("--targets", indices({h.index for h in chosen})),
            *("--seeds", indices({h.seed for h in chosen})),
            *(("--budget", str(budget)) if budget else ()),
            *of_recordings,
            *("--out", folder_name),
        ]
        commands.append(shlex.join(words))
    return commands


def compare_commands(
    newcomers: Sequence[Record], out_name: str, options: Sequence[str] = ()
) -> list[str]:
    """The commands that make a comparison with the reference anew, and verify it.

    One for all newcomers that were compared under the same conditions, in the same folder.

    Args:
        newcomers: their records.
        out_name: of the comparison's folder.
        options: further words of each command, such as `--reference FOLDER`.
    """
    runs_of: dict[str, list[RunHeader]] = {}
    for record in newcomers:
        runs_of.setdefault(record.header.solver_spec, []).append(record.header)
    alike: dict[tuple[str, ...], list[str]] = {}
    for spec, headers in runs_of.items():
        budgets = {_asked_budget(h.task, h.budget) for h in headers} - {0}
        conditions = (
            *("--tasks", ",".join(dict.fromkeys(h.task for h in headers))),
            *("--targets", indices({h.index for h in headers})),
            *(("--budget", str(min(budgets))) if budgets else ()),
        )
        alike.setdefault(conditions, []).append(spec)
    start, end = ("synthgym", "bench", "compare"), (*options, "--out", out_name)
    commands = [
        shlex.join((*start, *specs, *conditions, *end)) for conditions, specs in alike.items()
    ]
    return [*commands, shlex.join(("synthgym", "bench", "verify", f"{out_name}/records"))]


def match_command(document: Mapping[str, Any], recording: str, out_name: str) -> str:
    """The command that makes a matched recording anew.

    Args:
        document: the patch as `synthgym match` wrote it, of which `match` has the recording, the
            task or the file of the patch, and the solver; the rest is said where it is there.
        recording: where the recording is.
        out_name: of the folder of the match.
    """
    made, clock = document["match"], document.get("clock", {})
    own = str(made["task"]).lower().endswith((".json", ".toml"))
    solver = str(made.get("solver_spec", made["solver"]))
    words = ["synthgym", "match", recording]
    words += ["--patch" if own else "--task", str(made["task"]), "--solver", solver]
    words += [w for name in ("budget", "seed") if name in made for w in (f"--{name}", made[name])]
    if {"n_samples", "sample_rate"} <= clock.keys():
        words += ["--duration", clock["n_samples"] / clock["sample_rate"]]
    return shlex.join([*map(str, words), "--out", out_name])


def _recordings(name: str | None) -> tuple[str, ...]:
    return () if name is None else ("--recordings", name)


def _asked_budget(task: str, budget: int | None) -> int:
    """The budget that had to be asked for, 0 where it is the task's own."""
    try:
        return 0 if budget is None or budget == get_task(task).budget else budget
    except UnknownNameError:
        return budget or 0


def indices(chosen: Iterable[int]) -> str:
    """A set of indices as the command line takes it: `3` is the first three, else `1,4-6`."""
    ordered = sorted(chosen)
    if ordered == list(range(len(ordered))):
        return str(len(ordered))
    spans: list[list[int]] = []
    for index in ordered:
        if spans and index == spans[-1][-1] + 1:
            spans[-1][1:] = [index]
        else:
            spans.append([index])
    text = ",".join("-".join(map(str, span)) for span in spans)
    # A lone number would be read as a count.
    return text if len(ordered) > 1 else f"{text}-{text}"


def report_command(
    folder_name: str,
    out_name: str,
    *,
    title: str = DEFAULT_TITLE,
    sounds: str = DEFAULT_SOUNDS,
    matches_name: str | None = None,
    recordings_name: str | None = None,
) -> str:
    """The command that makes a report anew; what is as by default is not said.

    Args:
        folder_name: of the folder of records.
        out_name: of the report's folder.
        title: heading of the report.
        sounds: which matches can be listened to.
        matches_name: of the folder with matched recordings, or None without.
        recordings_name: of the folder of recordings that were targets, or None without.
    """
    words = ["synthgym", "bench", "report", folder_name, "--out", out_name]
    words += ["--sounds", sounds] if sounds != DEFAULT_SOUNDS else []
    words += ["--matches", matches_name] if matches_name is not None else []
    words += _recordings(recordings_name)
    words += ["--title", title] if title != DEFAULT_TITLE else []
    return shlex.join(words)
