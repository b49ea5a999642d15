"""Datasets as files: sounds, a table of their parameters, and what they were made of.

```
dataset.json           what it was made of
parameters.parquet     one row for each sound; there once all sounds are
train/000000.wav ...   24 bit, mono
```

Work goes in chunks of items. The sounds of a chunk are written first, then a part of the table, so
what a kill leaves is known to be whole or done again.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from synthgym import audio
from synthgym.errors import DatasetError, ParameterError, require
from synthgym.files import PARTIAL, write_bytes
from synthgym.tasks.dataset import Recipe, check_whole
from synthgym.tasks.dataset_table import write_table
from synthgym.tasks.targets import SPLITS

CHUNK_ITEMS: Final = 64
DOCUMENT: Final = "dataset.json"
TABLE: Final = "parameters.parquet"
_PARTS: Final = ".parts"
_LOCK: Final = ".lock"

Progress = Callable[[int, int], object]
"""Called with the number of sounds that are there, and of all."""


@dataclass(frozen=True)
class Created:
    """What making a dataset came to.

    Args:
        folder: where it is.
        n_made: sounds that were made now.
        n_kept: sounds that were there.
        wall_s: how long it took.
    """

    folder: Path
    n_made: int
    n_kept: int
    wall_s: float


@dataclass(frozen=True)
class Chunk:
    """Some items of a split, made and believed together."""

    split: str
    first: int
    stop: int

    @property
    def part(self) -> str:
        """Name of its part of the table."""
        return f"{self.split}-{self.first:09d}.npz"

    def __len__(self) -> int:
        return self.stop - self.first


def create_dataset(
    recipe: Recipe,
    folder: str | os.PathLike[str],
    *,
    n_jobs: int = 1,
    progress: Progress = lambda n_there, n_total: None,
) -> Created:
    """Make a dataset, or what is missing of it.

    The files are the same whatever the number of jobs, and however often it was interrupted.

    Args:
        recipe: what it is made of.
        folder: an empty one, a new one, or one where this dataset was begun.
        n_jobs: worker processes.
        progress: told how it goes.

    Raises:
        DatasetError: the folder holds something else, or another process is making it.
        MissingExtraError: pyarrow is not installed.
        AudioError, OSError: a file cannot be written.
        ParameterError: the patch makes hardly any sound, or sounds that are not finite.
    """
    started = time.perf_counter()
    check_whole("n_jobs", n_jobs, 1)
    require("pyarrow.parquet", "dataset")
    root = Path(folder)
    _check_folder(recipe, root)
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        _check_folder(recipe, root)
        _prepare(recipe, root)
        chunks = list(_chunks(recipe))
        missing = [chunk for chunk in chunks if not _is_complete(recipe, root, chunk)]
        n_missing = sum(map(len, missing))
        n_there = n_kept = recipe.counts.total - n_missing
        progress(n_there, recipe.counts.total)
        with closing(_make_all(recipe, root, missing, n_jobs)) as made:
            for n_items in made:
                n_there += n_items
                progress(n_there, recipe.counts.total)
        if not (root / TABLE).exists():
            write_table(recipe, _parts(recipe, root, chunks), root / _PARTS / TABLE)
            os.replace(root / _PARTS / TABLE, root / TABLE)
        shutil.rmtree(root / _PARTS)
    (root / _LOCK).unlink(missing_ok=True)
    return Created(root, n_missing, n_kept, time.perf_counter() - started)


def _chunks(recipe: Recipe) -> Iterator[Chunk]:
    for split in SPLITS:
        n_items = recipe.counts.of(split)
        for first in range(0, n_items, CHUNK_ITEMS):
            yield Chunk(split, first, min(first + CHUNK_ITEMS, n_items))


def _check_folder(recipe: Recipe, root: Path) -> None:
    """Raise unless the folder is this dataset's, or free to become it."""
    path = root / DOCUMENT
    if not path.exists():
        visible = (
            sorted(p.name for p in root.iterdir() if p.name[0] != ".") if root.is_dir() else []
        )
        if visible:
            raise DatasetError(
                f"{root} holds other things, such as {visible[0]!r}; choose a new or empty folder"
            )
        return
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise DatasetError(f"{path} is damaged ({error}); choose another folder") from error
    if found == recipe.document:
        return
    known = found if isinstance(found, dict) else {}
    names = [name for name in recipe.document if known.get(name) != recipe.document[name]]
    wanted = ", ".join(_in_words(name, known.get(name), recipe.document[name]) for name in names)
    raise DatasetError(
        f"{root} holds a dataset made in another way ({wanted or 'of another format'}); choose "
        "another folder, or give the settings that it was begun with"
    )


def _in_words(name: str, found: Any, wanted: Any) -> str:
    if name in ("graph", "unit_names"):
        return "another patch"
    if name == "compiled":
        how = "with" if found else "without"
        return f"{how} compiled kernels, see `synthgym compile` and SYNTHGYM_KERNELS=0"
    return f"{name} {found!r}, not {wanted!r}"


def _prepare(recipe: Recipe, root: Path) -> None:
    """Make the folders, write what the dataset is made of, remove what a kill left half-written."""
    (root / _PARTS).mkdir(exist_ok=True)
    for split in SPLITS:
        if recipe.counts.of(split):
            (root / split).mkdir(exist_ok=True)
    for folder in (root, root / _PARTS, *(root / split for split in SPLITS)):
        for partial in folder.glob(PARTIAL):
            partial.unlink(missing_ok=True)
    if not (root / DOCUMENT).exists():
        text = json.dumps(recipe.document, indent=2, ensure_ascii=False) + "\n"
        write_bytes(root / DOCUMENT, text.encode("utf-8"))


def _is_complete(recipe: Recipe, root: Path, chunk: Chunk) -> bool:
    """Whether a chunk's part of the table is there (or the whole table), and all of its sounds."""
    return ((root / _PARTS / chunk.part).exists() or (root / TABLE).exists()) and all(
        (root / recipe.file(chunk.split, i)).exists() for i in range(chunk.first, chunk.stop)
    )


def _make_all(
    recipe: Recipe, root: Path, chunks: list[Chunk], n_jobs: int
) -> Generator[int, None, None]:
    """Make chunks; yields the number of sounds of each as it is complete."""
    if n_jobs == 1 or len(chunks) < 2:
        with _one_thread():
            for chunk in chunks:
                yield _make(recipe, root, chunk)
        return
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    runner_pid = os.getpid()
    calls = (joblib.delayed(_make_in_worker)(recipe, root, chunk, runner_pid) for chunk in chunks)
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs, return_as="generator_unordered", batch_size=1)
    try:
        with closing(parallel(calls)) as results:
            yield from results
    except TerminatedWorkerError as error:
        raise DatasetError(
            "a worker process died, out of memory perhaps; what is complete is kept, so the same "
            "call goes on; take fewer jobs"
        ) from error


def _make_in_worker(recipe: Recipe, root: Path, chunk: Chunk, runner_pid: int) -> int:
    _follow(runner_pid)
    with _one_thread():
        return _make(recipe, root, chunk)


def _make(recipe: Recipe, root: Path, chunk: Chunk) -> int:
    """Make the sounds of a chunk, then its part of the table."""
    indices = range(chunk.first, chunk.stop)
    try:
        unit, sounds = recipe.sounds(chunk.split, indices)
    except ParameterError as error:
        place = f"{chunk.split} {chunk.first} to {chunk.stop - 1}"
        raise ParameterError(f"{place}: {error}") from error
    gains_db = np.zeros(len(chunk))
    for row, index in enumerate(indices):
        samples, gains_db[row] = _within_full_scale(sounds[row].numpy())
        path = root / recipe.file(chunk.split, index)
        audio.write(path, samples, recipe.clock.sample_rate, "PCM_24")
    part = io.BytesIO()
    np.savez(part, unit=unit.numpy(), gain_db=gains_db)
    write_bytes(root / _PARTS / chunk.part, part.getvalue())
    return len(chunk)


def _within_full_scale(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """The samples, turned down as a whole where a peak passes full scale, and by how many dB."""
    peak = float(np.abs(samples).max())
    if peak <= 1.0:
        return samples, 0.0
    gain = np.float32(np.nextafter(np.float32(1.0 / peak), np.float32(0.0)))
    return samples * gain, 20.0 * float(np.log10(gain))


def _parts(
    recipe: Recipe, root: Path, chunks: list[Chunk]
) -> Iterator[tuple[str, range, NDArray[np.float32], NDArray[np.float64]]]:
    """What the table is made of: split, indices, unit vectors and gains of each chunk in order."""
    for chunk in chunks:
        with np.load(root / _PARTS / chunk.part) as part:
            yield chunk.split, range(chunk.first, chunk.stop), part["unit"], part["gain_db"]


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Keep other processes out of the folder; a killed one's lock is free."""
    lock = FileLock(root / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DatasetError(
            f"another process is making the dataset in {root}; wait for it, or choose another "
            "folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _one_thread() -> Iterator[None]:
    """One torch thread: sounds this short gain nothing from more, and the result is the same."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _follow(runner_pid: int) -> None:
    """Let a worker live and die with its runner, to which it leaves Ctrl-C."""
    name = "synthgym-follow"
    if any(thread.name == name for thread in threading.enumerate()):
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == runner_pid:
            time.sleep(0.5)
        os._exit(1)

    if os.getppid() == runner_pid:
        threading.Thread(target=watch, name=name, daemon=True).start()
