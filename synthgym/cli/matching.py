"""One recording matched: what `synthgym match` and the demo do, without any terminal.

```python
job = open_match("cello.wav", MatchSettings())   # every input checked, nothing computed
match = run_match(job)                           # the search; job.problem tells how it goes
files = write_match(match, Path("out"))          # sound, patch and picture, whole or not at all
```
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym import audio, metrics
from synthgym.cli.options import MAX_SECONDS
from synthgym.cli.output import Writer, write_whole
from synthgym.cli.picture import draw_match
from synthgym.errors import AudioError, MissingExtraError, SolverError, unknown_name
from synthgym.solvers import Outcome, Solver, load_solver, run_solver, solver_seed
from synthgym.synth import Clock, document
from synthgym.tasks import Problem, Task, custom_task, get_task, make_problem, task_for_clock

DEFAULT_TASK: Final = "DiffMoog-Subtractive-v0"
DEFAULT_SOLVER: Final = "differential-evolution"

COST_SECONDS: Final = 16_000
"""The default budget is this divided by the sound's seconds, for about half a minute of search."""

AUTO_SECONDS: Final = (0.25, 5.0)
"""Shortest and longest sound that `duration_s=None` makes of a recording."""

_PATCH_SUFFIX: Final = ".patch.json"
_SUFFIXES: Final = (".match.wav", _PATCH_SUFFIX, ".png")

_END_DB: Final = -60.0
"""The recording ends where it stays under this, in dB re its peak."""


@dataclass(frozen=True)
class MatchSettings:
    """How to match a recording.

    Args:
        task: id of the task whose synthesizer is used.
        patch: in place of the task, a patch of one's own: a .toml or .json file.
        solver: a registered name, `path/file.py:Name` or `module:Name`.
        budget: cost units; None for one that takes about half a minute.
        seed: of the search; the same seed finds the same patch.
        duration_s: how much of the recording is matched; None for all of it, from its onset to
            its end, within `AUTO_SECONDS`.
    """

    task: str = DEFAULT_TASK
    solver: str = DEFAULT_SOLVER
    budget: int | None = None
    seed: int = 0
    duration_s: float | None = None
    patch: Path | None = None

    @property
    def synthesizer(self) -> str:
        """What is matched with, for titles and records: the task's id, or the patch's file name."""
        return self.task if self.patch is None else self.patch.name


@dataclass(frozen=True, eq=False)
class MatchJob:
    """A match that can start: the recording is read, task and solver are made."""

    settings: MatchSettings
    task: Task
    target: audio.TargetSound
    problem: Problem
    solver: Solver
    solver_name: str


@dataclass(frozen=True, eq=False)
class Match:
    """What a search found."""

    job: MatchJob
    x: NDArray[np.float64]
    """The best unit vector, (d,)."""
    samples: NDArray[np.float32]
    """Its sound, (n_samples,)."""
    distance_db: float
    status: str
    """Why the search ended, in words."""

    @property
    def parameters(self) -> dict[str, dict[str, dict[str, float | str | bool]]]:
        """Physical values: `{"osc": {"freq": {"value": 440.0, "unit": "Hz"}}}`."""
        return self.job.task.patch.space.describe(torch.as_tensor(self.x))

    @cached_property
    def metrics(self) -> dict[str, float | None]:
        """Every metric of the match, by name; None where it is undefined."""
        target = self.job.target.samples[None]
        values = metrics.evaluate(self.samples[None], target, self.job.task.clock.sample_rate)
        return {name: _defined(float(value[0])) for name, value in values.items()}


@dataclass(frozen=True)
class MatchFiles:
    """Where the results lie."""

    sound: Path
    patch: Path
    picture: Path | None
    """None where matplotlib is not installed."""
    kept: tuple[Path, ...] = ()
    """What would have been written over: a file for each name that was taken."""


def open_match(recording: str, settings: MatchSettings) -> MatchJob:
    """Read the recording and make the problem and the solver; nothing is searched yet.

    Args:
        recording: path of a sound file, or the name of a sample note that ships with synthgym.
        settings: how to match it.

    Raises:
        AudioError: the recording cannot be used, or there is none.
        UnknownNameError: no such task or solver.
        PatchError: the patch's file cannot be used.
        SolverError, MissingExtraError: the solver cannot be loaded or made.
        ParameterError: a setting is outside its domain.
    """
    if settings.patch is None:
        suite_task = get_task(settings.task)
    else:
        suite_task = custom_task(settings.patch, id=settings.synthesizer)
    factory = load_solver(settings.solver)
    path = find_recording(recording)
    sample_rate = suite_task.clock.sample_rate
    seconds = settings.duration_s
    if seconds is None:
        seconds = sounding_seconds(path, sample_rate)
    clock = Clock(sample_rate, max(round(seconds * sample_rate), 1))
    target = audio.load_target(path, sample_rate, clock.n_samples, max_seconds=MAX_SECONDS)
    task = task_for_clock(suite_task, clock)
    seed = solver_seed(suite_task.id, factory.name, "match", 0, settings.seed)
    budget = settings.budget
    if budget is None:
        budget = default_budget(clock.duration_s)
    return MatchJob(
        settings=settings,
        task=task,
        target=target,
        problem=make_problem(task, target=target.samples, budget=budget),
        solver=factory(dimension=task.dimension, seed=seed),
        solver_name=factory.name,
    )


def run_match(job: MatchJob) -> Match:
    """Search until the budget is spent or the solver stops.

    Raises:
        SolverError: the solver failed, or evaluated nothing.
        KeyboardInterrupt: passed through; `best_so_far` holds what was found until then.
    """
    outcome: Outcome = run_solver(job.solver, job.problem)
    found = best_so_far(job, outcome.message)
    if found is None:
        raise SolverError(f"solver {job.solver_name!r} stopped without trying a single sound")
    return found


def best_so_far(job: MatchJob, status: str) -> Match | None:
    """The best that the job's search has found by now, or None before its first sound.

    Args:
        job: a job whose search has ended or was interrupted.
        status: why, in words.
    """
    x = job.problem.best_x
    if x is None:
        return None
    with torch.no_grad():
        unit = torch.as_tensor(x[None], dtype=torch.float32)
        samples = job.task.patch.render(unit, job.task.clock)[0].numpy()
    return Match(job, x.copy(), samples, job.problem.best_distance, status)


def write_match(match: Match, folder: Path) -> MatchFiles:
    """Write `<stem>.match.wav`, `<stem>.patch.json` and `<stem>.png` into the folder.

    Each file is whole or not touched. What another search found stays, as does any other file of
    such a name, and the stem gets a number: `<stem>-2`. Without matplotlib there is no picture.

    Raises:
        OSError, AudioError: a file cannot be written.
    """
    name = match.job.target.name
    stem, kept = _stem_for(match, folder)
    sample_rate = match.job.task.clock.sample_rate
    sound, patch, picture = (folder / f"{stem}{suffix}" for suffix in _SUFFIXES)
    content = json.dumps(match_document(match), indent=2, allow_nan=False) + "\n"

    def write_sound(path: Path) -> None:
        audio.write(path, within_full_scale(match.samples), sample_rate)

    def write_patch(path: Path) -> None:
        path.write_text(content, encoding="utf-8")

    def write_picture(path: Path) -> None:
        made_by = f"{match.job.settings.synthesizer}, {match.job.solver_name}"
        titles = (f"recording: {name}", f"{made_by}: {match.distance_db:.2f} dB away")
        draw_match(path, match.job.target.samples, match.samples, sample_rate, titles)

    needed: dict[Path, Writer] = {sound: write_sound, patch: write_patch}
    try:
        write_whole({**needed, picture: write_picture})
    except MissingExtraError:
        write_whole(needed)
        return MatchFiles(sound, patch, None, kept)
    return MatchFiles(sound, patch, picture, kept)


def is_matched(job: MatchJob, folder: Path) -> bool:
    """Whether the folder holds what the job's search found."""
    patches = folder.glob(f"{job.target.name}*{_PATCH_SUFFIX}")
    return any(_distance_by(job, patch) is not None for patch in patches)


def _stem_for(match: Match, folder: Path) -> tuple[str, tuple[Path, ...]]:
    """Under which name to write, and the files that stand in the way of plainer ones.

    The same search writes over its own files, unless it had come nearer before.
    """
    name, kept = match.job.target.name, list[Path]()
    while True:
        stem = name if not kept else f"{name}-{len(kept) + 1}"
        there = [p for suffix in _SUFFIXES if os.path.lexists(p := folder / f"{stem}{suffix}")]
        former_db = _distance_by(match.job, folder / f"{stem}{_PATCH_SUFFIX}")
        if not there or (former_db is not None and former_db >= match.distance_db):
            return stem, tuple(kept)
        kept.append(there[0])


def _distance_by(job: MatchJob, patch: Path) -> float | None:
    """The distance in dB that the same search came to before; None of what else a file holds."""
    try:
        document = json.loads(patch.read_text(encoding="utf-8"))
        made, n_samples = document["match"], document["clock"]["n_samples"]
        same = all(made[name] == value for name, value in _conditions(job).items())
        return (
            float(made["distance_db"]) if same and n_samples == job.task.clock.n_samples else None
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _conditions(job: MatchJob) -> dict[str, Any]:
    """What tells searches apart, beside the length of the sound."""
    return {
        "recording": Path(job.target.source).name,
        "recording_gain_db": job.target.gain_db,
        "task": job.settings.synthesizer,
        "solver": job.solver_name,
        "solver_spec": job.settings.solver,
        "seed": job.settings.seed,
        "budget": job.problem.budget,
    }


def match_document(match: Match) -> dict[str, Any]:
    """The patch as a document that `synthgym render` reads, with how it was found under `match`."""
    job = match.job
    patch = document.dump(
        job.task.chain,
        job.task.patch,
        torch.as_tensor(match.x),
        job.task.clock,
        job.task.clock.duration_s,
    )
    patch["match"] = {
        **_conditions(job),
        "n_evaluations": job.problem.n_evaluations,
        "n_gradients": job.problem.n_gradients,
        "distance_db": match.distance_db,
        "metrics": match.metrics,
        "status": match.status,
    }
    return patch


def find_recording(recording: str) -> Path:
    """The path of a recording, or of the sample note of that name, such as `trumpet`.

    Raises:
        AudioError: there is neither; the nearest sample note is named.
    """
    notes = audio.sample_notes()
    files = {name: path for path in notes.values() for name in (path.stem, path.name)}
    by_name = {**files, **notes}
    path = Path(recording)
    if os.path.lexists(path):
        return path
    if recording in by_name:
        return by_name[recording]
    if path.name == recording and not path.suffix:
        missing = unknown_name("sample note", recording, notes)
        raise AudioError(f"there is no file {recording!r} here; {missing}")
    return path


def sounding_seconds(path: Path, sample_rate: int) -> float:
    """How long a recording sounds, from its onset to its end, within `AUTO_SECONDS`.

    Raises:
        AudioError: the recording cannot be used.
    """
    shortest_s, longest_s = AUTO_SECONDS
    samples = audio.read(path, sample_rate, max_seconds=MAX_SECONDS).samples
    fitted = audio.fit(samples, samples.size, sample_rate).samples
    magnitude = np.abs(fitted)
    last = int(np.flatnonzero(magnitude >= magnitude.max() * 10.0 ** (_END_DB / 20.0))[-1])
    return min(max((last + 1) / sample_rate, shortest_s), longest_s)


def default_budget(seconds: float) -> int:
    """The budget for a sound of this length where none is asked for: rendering takes as long."""
    return max(math.ceil(COST_SECONDS / seconds / 100) * 100, 100)


def within_full_scale(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples, turned down as a whole where a peak passes full scale."""
    peak = float(np.abs(samples).max())
    return samples if peak <= 1.0 else np.asarray(samples / peak, dtype=np.float32)


PARAMETER_HEADER: Final = ("module", "parameter", "value", "unit")


def parameter_rows(
    parameters: Mapping[str, Mapping[str, Mapping[str, float | str | bool]]],
) -> list[tuple[str, str, str, str]]:
    """Rows of text for a table of physical values."""
    return [
        (node, name, _readable(entry["value"]), str(entry["unit"]))
        for node, group in parameters.items()
        for name, entry in group.items()
    ]


METRIC_HEADER: Final = ("metric", "value", "unit", "better")


def metric_rows(match: Match) -> list[tuple[str, str, str, str]]:
    """Rows of text for a table of the metrics that reports show."""
    rows: list[tuple[str, str, str, str]] = []
    for name in metrics.REPORTED:
        metric, value = metrics.build(name), match.metrics[name]
        shown = "none" if value is None else f"{value:.4g}"
        rows.append((name, shown, metric.unit, metric.better))
    return rows


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _readable(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else f"{value:.4g}"
