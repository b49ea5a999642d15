"""Batches of sounds with all that an environment keeps of them, made and replaced row by row."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from synthgym.envs.observations import Observer
from synthgym.tasks import Task

__all__ = ["Sounds", "Studio", "join_rows", "replace_rows", "take_rows"]

T = TypeVar("T")

# Samples rendered at once per thread: larger chunks fall out of the processor's cache and take
# longer per sound. A row's values do not depend on the chunk that it is in.
CHUNK_SAMPLES = 1 << 18

# The process that this module was imported in.
_HOME_PID = os.getpid()


@dataclasses.dataclass(frozen=True)
class Sounds:
    """A batch of `n` sounds."""

    audio: Tensor
    """The samples, float32, shape (n, n_samples)."""
    embedded: Any
    """What the task's distance keeps of them."""
    features: Mapping[str, Tensor]
    """What the observer keeps of them, each (n, ...)."""


class Studio:
    """Makes sounds: renders patches, and computes what distance and observer keep of them."""

    def __init__(self, task: Task, observer: Observer) -> None:
        """A studio for one task and one observer."""
        if os.getpid() != _HOME_PID:
            # A fork has none of its parent's worker threads, and torch would wait for them for
            # ever. Gymnasium's AsyncVectorEnv makes its environments in forks.
            torch.set_num_threads(1)
        self._task = task
        self._observer = observer

    def hear(self, audio: Tensor) -> Sounds:
        """The given samples, shape (n, n_samples), float32, as sounds."""
        with torch.no_grad():
            embedded = self._task.distance.embed(audio)
            return Sounds(audio, embedded, dict(self._observer.features(audio, embedded)))

    def make(self, unit: Tensor) -> Sounds:
        """The sounds of unit vectors, shape (n, d), float32."""
        n_rows = CHUNK_SAMPLES * torch.get_num_threads() // self._task.clock.n_samples
        with torch.no_grad():
            return join_rows(
                [
                    self.hear(self._task.patch.render(chunk, self._task.clock))
                    for chunk in torch.split(unit, max(n_rows, 1))
                ]
            )


def take_rows(whole: T, rows: Tensor) -> T:
    """The given rows (int64 indices, shape (k,)) of every tensor in `whole`."""
    taken: T = _map_tensors(lambda tensor: tensor[rows], whole)
    return taken


def replace_rows(whole: T, rows: Tensor, part: T) -> T:
    """`whole` with `part` in the given rows (int64 indices, shape (k,))."""
    replaced: T = _map_tensors(lambda old, new: old.index_copy(0, rows, new), whole, part)
    return replaced


def join_rows(parts: Sequence[T]) -> T:
    """The rows of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    joined: T = _map_tensors(lambda *tensors: torch.cat(tensors), *parts)
    return joined


def repeat_rows(single: T, n_rows: int) -> T:
    """A batch of one as a batch of `n_rows` equal rows, without copying."""
    repeated: T = _map_tensors(lambda tensor: tensor.expand(n_rows, *tensor.shape[1:]), single)
    return repeated


def _map_tensors(function: Callable[..., Tensor], first: Any, *others: Any) -> Any:
    """`first` rebuilt, with `function` applied to each tensor and its partners in `others`.

    Tensors are found in dataclasses, mappings and tuples, and have the batch first. Dataclasses
    are made anew and not changed, as they may keep values derived from their tensors.
    """
    if isinstance(first, Tensor):
        return function(first, *others)
    if isinstance(first, tuple):
        return tuple(
            _map_tensors(function, *entries) for entries in zip(first, *others, strict=True)
        )
    if isinstance(first, Mapping):
        return {
            key: _map_tensors(function, entry, *(other[key] for other in others))
            for key, entry in first.items()
        }
    if dataclasses.is_dataclass(first) and not isinstance(first, type):
        return dataclasses.replace(
            first,
            **{
                field.name: _map_tensors(
                    function, *(getattr(each, field.name) for each in (first, *others))
                )
                for field in dataclasses.fields(first)
            },
        )
    return first
