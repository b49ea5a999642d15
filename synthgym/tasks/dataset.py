"""Datasets of sounds and their parameters: rendered on the fly, or kept as files.

Item `i` of a split has a seed of its own, derived from (seed, split, i): so splits share no sound,
an item is the same in whatever order, batch or process it is made, and the stream holds what the
files hold.

```python
stream = RenderedSounds(patch, Clock(), seed=0, batch_size=64)
for unit, audio, indices in torch.utils.data.DataLoader(stream, batch_size=None, num_workers=4):
    ...
```
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from synthgym import kernels
from synthgym.errors import ParameterError, unknown_name
from synthgym.synth import Clock, Patch, graph
from synthgym.tasks.sampling import draw_sounds
from synthgym.tasks.targets import SPLITS, stable_seed

FORMAT: Final = "synthgym-dataset-1"
AUDIO_FORMATS: Final = ("wav", "flac")


class RenderedBatch(NamedTuple):
    """Sounds and the patches that make them."""

    unit: Tensor
    """Unit vectors, float32 `(batch, dimension)`."""
    audio: Tensor
    """Their sounds, float32 `(batch, n_samples)`."""
    indices: Tensor
    """Which items of the split they are, int64 `(batch,)`."""


class RenderedSounds(IterableDataset[RenderedBatch]):
    """Random patches and their sounds, rendered on the fly, batch by batch.

    Under a `DataLoader` the workers share the batches out among them, and their order is that of a
    single process. Give it `batch_size=None`: batches are made here, and any other size would stack
    several of them. Each iteration begins at `start` again.

    Args:
        patch: the synthesizer.
        clock: time base.
        seed: another one makes other sounds.
        split: `"train"`, `"dev"` or `"test"`; they have no sound in common.
        n_items: number of sounds; None for a stream without end.
        start: index of the first item, to go on where an earlier stream was left.
        batch_size: sounds in a batch; the last one may be smaller.

    Raises:
        UnknownNameError: no such split.
        ParameterError: a number outside its domain, or something else in the place of a patch or
            clock.
    """

    def __init__(
        self,
        patch: Patch,
        clock: Clock,
        *,
        seed: int = 0,
        split: str = "train",
        n_items: int | None = None,
        start: int = 0,
        batch_size: int = 64,
    ) -> None:
        if not isinstance(patch, Patch):
            raise ParameterError(
                f"the patch is {patch!r} and no Patch; chains.build makes one of a chain's name"
            )
        if not isinstance(clock, Clock):
            raise ParameterError(f"the clock is {clock!r}; write Clock(sample_rate, n_samples)")
        if split not in SPLITS:
            raise unknown_name("split", str(split), SPLITS)
        check_whole("seed", seed, 0)
        check_whole("start", start, 0)
        check_whole("batch_size", batch_size, 1)
        if n_items is not None:
            check_whole("n_items", n_items, 1)
        self.patch = patch
        self.clock = clock
        self.seed = seed
        self.split = split
        self.n_items = n_items
        self.start = start
        self.batch_size = batch_size

    def __len__(self) -> int:
        """Number of batches. Raises `TypeError` for a stream without end."""
        if self.n_items is None:
            raise TypeError("a stream without end has no length; give n_items")
        return math.ceil(self.n_items / self.batch_size)

    def __iter__(self) -> Iterator[RenderedBatch]:
        """Batches from `start` on; in a worker of a DataLoader, its share of them."""
        info = get_worker_info()
        worker, n_workers = (0, 1) if info is None else (info.id, info.num_workers)
        first = self.start + worker * self.batch_size
        stop = math.inf if self.n_items is None else self.start + self.n_items
        while first < stop:
            indices = range(first, int(min(first + self.batch_size, stop)))
            seeds = [item_seed(self.seed, self.split, i) for i in indices]
            unit, audio = draw_sounds(self.patch, self.clock, seeds)
            yield RenderedBatch(unit, audio, torch.tensor(indices))
            first += n_workers * self.batch_size


@dataclass(frozen=True)
class Counts:
    """How many sounds each split has.

    Raises:
        ParameterError: a count is no whole number of at least 0, or there are no sounds at all.
    """

    train: int = 0
    dev: int = 0
    test: int = 0

    def __post_init__(self) -> None:
        for split in SPLITS:
            check_whole(split, getattr(self, split), 0)
        if self.total == 0:
            raise ParameterError("there is nothing to make; ask for sounds in train, dev or test")

    def of(self, split: str) -> int:
        """The count of a split."""
        return int(getattr(self, split))

    @property
    def total(self) -> int:
        """The count of all splits."""
        return self.train + self.dev + self.test


@dataclass(frozen=True)
class Recipe:
    """What a dataset is made of; with the version of synthgym it sets every file of it.

    Args:
        patch: the synthesizer, of modules that a document can name.
        clock: time base.
        counts: sounds of each split.
        seed: another one makes other sounds.
        audio_format: `"wav"` or `"flac"`, both of 24 bit.

    Raises:
        ParameterError: a number outside its domain, or a patch without parameters.
        PatchError: the patch cannot be written to a document.
        UnknownNameError: no such format.
    """

    patch: Patch
    clock: Clock
    counts: Counts
    seed: int = 0
    audio_format: str = "wav"
    document: Mapping[str, Any] = field(init=False, repr=False)
    """The same as plain values, as `dataset.json` holds it."""

    def __post_init__(self) -> None:
        if self.audio_format not in AUDIO_FORMATS:
            raise unknown_name("audio format", str(self.audio_format), AUDIO_FORMATS)
        check_whole("seed", self.seed, 0)
        if self.patch.space.dimension == 0:
            raise ParameterError(
                "the patch has no parameters: every sound would be the same; give one a range"
            )
        document = {
            "format": FORMAT,
            "synthgym": metadata.version("synthgym"),
            "compiled": kernels.ready(),  # compiled functions round differently
            "seed": self.seed,
            "audio_format": self.audio_format,
            "clock": asdict(self.clock),
            "counts": asdict(self.counts),
            "unit_names": self.patch.space.names,
            "graph": graph.to_document(self.patch),
        }
        object.__setattr__(self, "document", document)

    def sounds(self, split: str, indices: range) -> tuple[Tensor, Tensor]:
        """Unit vectors and sounds of items, as `draw_sounds` gives them."""
        return draw_sounds(
            self.patch, self.clock, [item_seed(self.seed, split, i) for i in indices]
        )

    def file(self, split: str, index: int) -> str:
        """Where an item's sound is, under the dataset's folder."""
        return f"{split}/{index:06d}.{self.audio_format}"


def item_seed(seed: int, split: str, index: int) -> int:
    """The seed of one item."""
    return stable_seed("dataset", str(seed), split, str(index))


def check_whole(name: str, value: int, least: int) -> None:
    """Raise `ParameterError` if a value is no whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ParameterError(f"{name} is {value!r}; it must be a whole number of at least {least}")
