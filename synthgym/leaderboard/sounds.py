"""Sounds of a report: targets and their matches, rendered from records, with their spectrograms.

A sound of one second at 16 kHz takes 10 to 20 KB with its picture (FLAC, PNG with a palette).

Rendering is not running: the final unit vector of a record goes through the task's patch once.
Files are named by what they hold, so that a new report never overwrites a sound that an older
page still plays.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym import audio, metrics
from synthgym.errors import SynthgymError, require
from synthgym.leaderboard.boards import Board
from synthgym.leaderboard.distances import DistanceBoard
from synthgym.leaderboard.hardest import TargetStanding, hardest_first
from synthgym.leaderboard.outside import recording_label, task_of
from synthgym.leaderboard.records import Record
from synthgym.losses import MelDistance
from synthgym.losses.mel import Resolution
from synthgym.tasks import Task

Selection = Literal["best", "all", "none"]
"""Which matches to show: the best one of each target (and every solver's for the hardest target),
every solver's for every target, or none."""

SOUNDS_FOLDER = "sounds"

_PEAK = 10 ** (-1 / 20)
_PICTURE = Resolution(window_s=0.064, n_bands=128)
_FRAMES_PER_WINDOW = 8
_RANGE_DB = 80.0
_N_SHADES = 64
"""Steps of 1.25 dB: what the eye takes for continuous, in files of a few kilobytes."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """A sound of the page: its files, relative to the page, and what it is.

    Args:
        solver: the solver that found it, or None for the target.
        distance_db: its distance to the target, 0 for the target itself.
        seed: of the run that found it, or None.
        sound: path of the FLAC file.
        picture: path of the PNG file.
        picture_size: width and height of the picture in pixels.
        metrics: those of `metrics.REPORTED` by name, None where one is undefined; the target has
            none.
    """

    solver: str | None
    distance_db: float
    seed: int | None
    sound: str
    picture: str
    picture_size: tuple[int, int]
    metrics: Mapping[str, float | None]


@dataclass(frozen=True)
class TargetSounds:
    """A target with matches, best first, and how the solvers fared on it."""

    name: str
    standing: TargetStanding
    target: Clip
    matches: tuple[Clip, ...]


@dataclass(frozen=True)
class TaskSounds:
    """The sounds of one task on one board.

    Args:
        groups: the targets, hardest first; the first of them with every solver's best match.
        duration_s: length of each sound, the width of its picture.
        nyquist_hz: highest frequency, the height of its picture.
        fault: why there are no sounds, or empty.
        silent: solvers some of whose runs have no sound, cut at a budget short of where they ended.
    """

    groups: tuple[TargetSounds, ...]
    duration_s: float = 0.0
    nyquist_hz: float = 0.0
    fault: str = ""
    silent: tuple[str, ...] = ()

    @property
    def files(self) -> set[str]:
        """Paths of all sounds and pictures, relative to the index."""
        clips = [clip for group in self.groups for clip in (group.target, *group.matches)]
        return {path for clip in clips for path in (clip.sound, clip.picture)}


def task_sounds(
    board: Board | DistanceBoard,
    task_id: str,
    selection: Selection,
    out_dir: Path,
    recordings: Path | None = None,
) -> TaskSounds:
    """Render the sounds of one task and write their files under `out_dir`.

    A task that the installed suite does not know, or has changed, or whose recordings are not
    there, has no sounds; the report then says why.

    Args:
        board: whose runs are heard.
        task_id: the task.
        selection: which matches.
        out_dir: the report's folder.
        recordings: folder of the recordings that were targets, other than the shipped notes.

    Raises:
        AudioError: a file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    runs = [r for r in board.records if r.header.task == task_id and r.final.x is not None]
    if selection == "none" or not runs:
        return TaskSounds(())
    try:
        task = _task_of(runs, task_id, recordings)
    except SynthgymError as error:
        return TaskSounds((), fault=str(error))
    best = _best_by_target(runs)
    shelf = _Shelf(task, board.split, out_dir)
    heard = [standing for standing in hardest_first(board, task_id) if standing.index in best]
    return TaskSounds(
        groups=tuple(
            shelf.put(
                standing,
                sorted(best[standing.index].values(), key=_by_distance)[: None if all_of else 1],
            )
            for number, standing in enumerate(heard)
            for all_of in [selection == "all" or number == 0]
        ),
        duration_s=task.clock.duration_s,
        nyquist_hz=task.clock.nyquist_hz,
        silent=tuple(
            sorted(
                {
                    r.header.solver
                    for r in board.records
                    if r.header.task == task_id and r.final.x is None and r.header.cut_from
                }
            )
        ),
    )


def _task_of(records: Sequence[Record], task_id: str, recordings: Path | None) -> Task:
    """The installed task, if the records can have been made with it."""
    task = task_of(records[0].header, recordings)
    for record in records:
        header, x = record.header, record.final.x
        if task.dimension != header.dimension or (x is not None and len(x) != task.dimension):
            raise SynthgymError(
                f"the installed {task_id} has {task.dimension} dimensions and {record.run_id} has "
                f"{header.dimension if x is None else len(x)}: install the version that made it "
                "to hear it"
            )
        n_targets = task.n_targets(header.split)
        if n_targets is not None and header.index >= n_targets:
            raise SynthgymError(
                f"{record.run_id} is about a target that the installed {task_id} does not have"
            )
        if recording_label(task, header.index) != header.recording:
            raise SynthgymError(
                f"runs at place {header.index} are on several recordings; report on each folder of "
                "recordings apart"
            )
    return task


def _best_by_target(runs: Sequence[Record]) -> dict[int, dict[str, Record]]:
    """The best run of each solver, by index of the target."""
    best: dict[int, dict[str, Record]] = {}
    for record in runs:
        found = best.setdefault(record.header.index, {})
        other = found.get(record.header.solver)
        if other is None or record.final.distance_db < other.final.distance_db:
            found[record.header.solver] = record
    return best


def _by_distance(record: Record) -> tuple[float, str]:
    return record.final.distance_db, record.header.solver


class _Shelf:
    """Writes the sounds of one task and split."""

    def __init__(self, task: Task, split: str, out_dir: Path) -> None:
        self._task = task
        self._split = split
        self._out_dir = out_dir
        self._mel = MelDistance(task.clock.sample_rate, resolutions=(_PICTURE,))
        (out_dir / SOUNDS_FOLDER).mkdir(parents=True, exist_ok=True)

    def put(self, standing: TargetStanding, records: Sequence[Record]) -> TargetSounds:
        """Write a target and its matches at one common gain and one common colour scale."""
        index = standing.index
        target = self._task.target(self._split, index)
        sounds = [target.audio, *(self._render(record) for record in records)]
        gain = _PEAK / max(max(float(np.abs(s).max()) for s in sounds), 1e-9)
        top = float(self._mel_power(sounds[0]).max())
        measured = [{}, *self._metrics(sounds[1:], sounds[0])]
        clips = [
            self._clip(record, sound, gain, top, index, values)
            for record, sound, values in zip([None, *records], sounds, measured, strict=True)
        ]
        return TargetSounds(target.name, standing, clips[0], tuple(clips[1:]))

    def _render(self, record: Record) -> Samples:
        unit = torch.tensor(record.final.x, dtype=torch.float32)[None].clamp(0, 1)
        with torch.no_grad():
            rendered = self._task.patch.render(unit, self._task.clock)
        return np.asarray(rendered[0].numpy(), dtype=np.float32)

    def _metrics(self, sounds: Sequence[Samples], target: Samples) -> list[dict[str, float | None]]:
        """The metrics of each sound, at the level that it has and not at the page's gain."""
        values = metrics.evaluate(
            np.stack(sounds), target[None], self._task.clock.sample_rate, metrics.REPORTED
        )
        return [
            {
                name: None if math.isnan(row[number]) else float(row[number])
                for name, row in values.items()
            }
            for number in range(len(sounds))
        ]

    def _clip(
        self,
        record: Record | None,
        sound: Samples,
        gain: float,
        top: float,
        index: int,
        measured: Mapping[str, float | None],
    ) -> Clip:
        scaled = np.clip(sound * np.float32(gain), -1.0, 1.0)
        solver = None if record is None else record.header.solver
        stem = f"{self._task.id}-{self._split}-{index}-{solver or 'target'}-{_digest(scaled, top)}"
        sound_path = f"{SOUNDS_FOLDER}/{stem}.flac"
        picture_path = f"{SOUNDS_FOLDER}/{stem}.png"
        rate = self._task.clock.sample_rate
        # Named by content: what is there already is what would be written.
        if not (self._out_dir / sound_path).exists():
            audio.write(self._out_dir / sound_path, scaled, rate, subtype="PCM_16")
        size = self._picture(self._out_dir / picture_path, sound, top)
        return Clip(
            solver=solver,
            distance_db=0.0 if record is None else record.final.distance_db,
            seed=None if record is None else record.header.seed,
            sound=sound_path,
            picture=picture_path,
            picture_size=size,
            metrics=measured,
        )

    def _picture(self, path: Path, sound: Samples, top: float) -> tuple[int, int]:
        """Write the mel spectrogram, from the target's loudest cell down to 80 dB below it."""
        floor = top * 10 ** (-_RANGE_DB / 10)
        level = 10 * np.log10(np.maximum(self._mel_power(sound), floor) / top)
        if not path.exists():
            _write_picture(path, np.clip(1 + level / _RANGE_DB, 0.0, 1.0).T[::-1])
        return level.shape[0], level.shape[1]

    def _mel_power(self, sound: Samples) -> NDArray[np.float64]:
        """(n_frames, n_bands), floored above zero: the distance's own mel scale, finer in time."""
        hop = round(_PICTURE.window_s * self._mel.sample_rate / _FRAMES_PER_WINDOW)
        # The distance's frames overlap by half; embedding shifted copies fills in those between.
        shifts = [
            np.roll(np.pad(sound, (0, hop * _FRAMES_PER_WINDOW)), -k * hop)
            for k in range(_FRAMES_PER_WINDOW // 2)
        ]
        power = self._mel.embed(torch.tensor(np.stack(shifts))).powers[0].double().numpy()
        n_frames = len(sound) // hop
        frames = power.transpose(1, 0, 2).reshape(-1, power.shape[2])[:n_frames]
        return np.asarray(np.maximum(frames, 1e-16))


def _write_picture(path: Path, shades: NDArray[np.float64]) -> None:
    """Write shades in [0, 1], the top row first, as a PNG with a palette: half of one in RGB."""
    image = require("PIL.Image", "report")
    colours = require("matplotlib", "report").colormaps["magma"]
    palette = colours(np.linspace(0.0, 1.0, _N_SHADES), bytes=True)[:, :3]
    made = image.fromarray(np.round(shades * (_N_SHADES - 1)).astype(np.uint8), mode="P")
    made.putpalette(palette.tobytes())
    partial = path.with_suffix(".part")
    made.save(partial, format="PNG", optimize=True)
    os.replace(partial, path)


def _digest(samples: Samples, top: float) -> str:
    return hashlib.sha256(samples.tobytes() + np.float64(top).tobytes()).hexdigest()[:10]
