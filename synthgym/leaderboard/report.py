"""The report: a static HTML page with tables, plots and sounds, made from records alone.

Nothing is run and nothing is fetched: the page opens from disk, without a network. It is a pure
function of the records (and of the tasks, through which final unit vectors are rendered), so two
reports of one folder are equal to the byte.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from synthgym.errors import ParameterError, RecordError, require
from synthgym.leaderboard import page
from synthgym.leaderboard.boards import Board
from synthgym.leaderboard.flags import FEW_RUNS
from synthgym.leaderboard.measures import DEFAULT_WEIGHT, GUESSES, MISS_FACTOR, WEIGHTS
from synthgym.leaderboard.page import BadRecord, Page, make_page
from synthgym.leaderboard.recordings import matched_recordings
from synthgym.leaderboard.records import Record, read_records
from synthgym.leaderboard.score import score_records
from synthgym.leaderboard.sounds import SOUNDS_FOLDER, Selection, TaskSounds, task_sounds

__all__ = ["write_report", "write_summary"]

_PAGE = "index.html"
_GENERATOR = '<meta name="generator" content="synthgym">'
_SOUND_FILE = re.compile(r".+-[0-9a-f]{10}\.(wav|png)")


def write_report(
    folder: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    sounds: Selection = "best",
    title: str = "Sound matching benchmark",
    matches: str | os.PathLike[str] | None = None,
    seed: int = 0,
) -> Path:
    """Write the report on a folder of records.

    The page is put in place last and in one step, and sounds are named by their content: whoever
    has the old page open, and whoever looks while a new one is made, sees a whole report.

    Args:
        folder: where `bench run` wrote the records.
        out_dir: where to write; made where it is not there.
        sounds: `"best"` for the best match of each target (and every solver's for the hardest
            target of each task), `"all"` for every solver's, `"none"` for a report without.
        title: heading of the page.
        matches: a folder that `synthgym match` wrote to; the page links what is there.
        seed: of the bootstrap.

    Returns:
        The path of the page, `out_dir/index.html`.

    Raises:
        RecordError: there are no records under `folder`, or no matches in `matches`.
        ParameterError: `sounds` is unknown, or `out_dir` is not a folder or holds another page.
        MissingExtraError: jinja2 or matplotlib is not installed.
        AudioError: a sound cannot be written.
    """
    if sounds not in get_args(Selection):
        known = ", ".join(map(repr, get_args(Selection)))
        raise ParameterError(f"sounds is {sounds!r}; it must be one of {known}")
    for module in ("jinja2", "matplotlib"):
        require(module, "report")
    source, target = Path(folder), Path(out_dir)
    records, bad_records = _read(source)
    _check_destination(target)
    recordings = () if matches is None else matched_recordings(Path(matches), target)
    boards = score_records(records, seed=seed)
    (target / SOUNDS_FOLDER).mkdir(parents=True, exist_ok=True)
    shelves = {
        (number, task): task_sounds(board, task, sounds, target)
        for number, board in enumerate(boards)
        for task in board.tasks
    }
    content = _render(
        make_page(
            title, boards, shelves, bad_records, source.resolve().name, target.name, recordings
        )
    )
    _replace(target / _PAGE, content)
    _remove_unused(target / SOUNDS_FOLDER, shelves)
    return target / _PAGE


def write_summary(folder: str | os.PathLike[str], *, seed: int = 0) -> str:
    """The ranking as Markdown tables, one per board, for a README.

    Args:
        folder: where `bench run` wrote the records.
        seed: of the bootstrap.

    Raises:
        RecordError: there are no records under `folder`.
    """
    records, _ = _read(Path(folder))
    return "\n".join(_summary(board) for board in score_records(records, seed=seed))


def _read(folder: Path) -> tuple[list[Record], list[BadRecord]]:
    bad: list[BadRecord] = []

    def note(path: Path, error: RecordError) -> None:
        fault = str(error).removeprefix(str(path)).lstrip(":0123456789 ")
        bad.append(BadRecord(path.relative_to(folder).as_posix(), fault or str(error)))

    records = read_records(folder, on_bad=note)
    if not records:
        damaged = f", only {len(bad)} damaged ones ({bad[0].place}: {bad[0].fault})" if bad else ""
        raise RecordError(
            f"{folder} holds no complete records{damaged}; make some with `synthgym bench run`, "
            "or give the folder that it wrote to"
        )
    return records, bad


def _check_destination(out_dir: Path) -> None:
    """A report replaces a report, and nothing else."""
    if out_dir.exists() and not out_dir.is_dir():
        raise ParameterError(f"out_dir {out_dir} is not a folder; give a new one")
    old = out_dir / _PAGE
    if old.exists() and _GENERATOR not in old.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise ParameterError(
            f"out_dir {out_dir} holds an {_PAGE} that is not a report of synthgym; "
            "give another folder, or move that page away"
        )


def _render(content: Page) -> str:
    jinja2 = require("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = ("count", "counted", "decibels", "share", "significant", "duration", "sort_key")
    for name in filters:
        environment.filters[name] = getattr(page, name)
    text: str = environment.get_template("report.html.j2").render(
        page=content,
        few_runs=FEW_RUNS,
        default_weight=DEFAULT_WEIGHT,
        guesses=GUESSES,
        miss_factor=MISS_FACTOR,
    )
    return text


def _replace(path: Path, content: str) -> None:
    partial = path.with_name(f".{path.name}-{secrets.token_hex(6)}.part")
    try:
        partial.write_text(content, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _remove_unused(folder: Path, shelves: Mapping[Any, TaskSounds]) -> None:
    """Remove what earlier reports left in the folder of sounds, and the folder when empty."""
    used = {path for sounds in shelves.values() for path in sounds.files}
    for path in folder.iterdir():
        if f"{folder.name}/{path.name}" not in used and _SOUND_FILE.fullmatch(path.name):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _summary(board: Board) -> str:
    others = [weight for weight in WEIGHTS if weight != DEFAULT_WEIGHT]
    head = ["Rank", "Solver", "Score (95 % interval)", "Solved", "Final distance (dB)"]
    head += [f"Score at weight {weight}" for weight in others] + ["Runs"]
    rows = [head, [":--" if name == "Solver" else "--:" for name in head]]
    for standing in board.standings:
        score = standing.score
        rows.append(
            [
                str(standing.rank or "–"),
                standing.solver,
                f"{score.value:.3f} ({score.low:.3f}–{score.high:.3f})",
                page.share(standing.solved),
                page.decibels(standing.final_db.value),
                *(f"{standing.score_at[weight]:.3f}" for weight in others),
                str(standing.n_runs),
            ]
        )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    flips = [
        f"The order of {flip.first} and {flip.second} flips at gradient weight "
        f"{' and '.join(map(str, flip.weights))}."
        for flip in board.flips
    ]
    notes = "".join(f"\n- {note}" for note in [*flips, *(flag.message for flag in board.flags)])
    heading = (
        f"**{board.track.capitalize()} track, {board.split} split, "
        f"{page.counted(len(board.tasks), 'task')}, suite version {board.suite_version}**"
    )
    return f"{heading}\n\n{table}\n{notes}\n"
