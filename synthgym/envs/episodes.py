"""What `reset(options=...)` may ask for: which target, and which patch to begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import ParameterError, unknown_name
from synthgym.tasks import SPLITS, Target, Task
from synthgym.tasks.targets import checked_samples, recorded_target

__all__ = ["EpisodeRequest", "choose_target", "options_per_member"]

Outside: TypeAlias = "str | PathLike[str] | NDArray[np.floating[Any]]"
"""A sound file, or samples as a 1-D array at the task's sample rate."""

OPTION_NAMES = ("target", "index", "split", "x")

# How far outside [0, 1] a coordinate of `x` may lie by rounding alone.
UNIT_SLACK = 1e-6

# A train split has no last target, so a plain reset draws below this bound.
N_TRAIN_INDICES = 2**31 - 1


@dataclass(frozen=True, eq=False)
class EpisodeRequest:
    """What one episode is to begin with; `None` leaves the choice to the environment."""

    target: Outside | None = None
    index: int | None = None
    split: str | None = None
    x: NDArray[np.float64] | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, Any] | None, dimension: int) -> EpisodeRequest:
        """Read and check the options of one member's reset.

        Args:
            options: `{"target": path or samples}` or `{"index": int}`, with `"split"` to choose
                where the index (or a drawn target) is from; `"x"` is the patch to begin with,
                a unit vector of shape (dimension,).
            dimension: the length of the task's unit vector.

        Raises:
            UnknownNameError: an option or split that does not exist.
            ParameterError: a value of the wrong kind, or options that contradict each other.
        """
        if not options:
            return cls()
        for name in options:
            if name not in OPTION_NAMES:
                raise unknown_name("reset option", str(name), OPTION_NAMES)
        target, index, split = (options.get(name) for name in ("target", "index", "split"))
        if target is not None and (index is not None or split is not None):
            raise ParameterError(
                "the reset options 'target' and 'index' (or 'split') both choose the target; "
                "give one of them"
            )
        if split is not None and split not in SPLITS:
            raise unknown_name("split", str(split), SPLITS)
        x = options.get("x")
        return cls(target, index, split, None if x is None else unit_vector(x, dimension))


def choose_target(
    task: Task, request: EpisodeRequest, split: str, generator: np.random.Generator
) -> tuple[Target, int]:
    """The target of an episode and its index.

    Args:
        task: where it is from.
        request: what was asked for.
        split: where it is from if the request names no split.
        generator: draws the index if the request leaves it open; not touched otherwise.

    Returns:
        The target, and its index in the split or -1 for a sound from outside.

    Raises:
        ParameterError: there is no target of that index, or the samples do not fit the task.
        AudioError: a sound file cannot be used.
    """
    if request.target is not None:
        return _outside_target(request.target, task), -1
    split = split if request.split is None else request.split
    index = request.index
    if index is None:
        n_targets = task.n_targets(split)
        index = int(generator.integers(N_TRAIN_INDICES if n_targets is None else n_targets))
    return task.target(split, index), int(index)


def _outside_target(source: Outside, task: Task) -> Target:
    if isinstance(source, (str, PathLike)):
        return recorded_target(Path(source), task.clock)
    if np.ndim(source) == 0:
        raise ParameterError(
            f"the reset option 'target' is {source!r}; it must be a path, or samples of shape "
            f"({task.clock.n_samples},) at {task.clock.sample_rate} Hz"
        )
    return Target(checked_samples(source, task.clock, "the reset option 'target'"), "array")


def unit_vector(x: Any, dimension: int) -> NDArray[np.float64]:
    """`x` as float64, checked to be a unit vector: shape (dimension,), within [0, 1].

    Raises:
        ParameterError: the wrong shape, a value that is not finite, or one outside [0, 1].
    """
    try:
        unit = np.array(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"the reset option 'x' is not an array of numbers: {error}") from error
    if unit.shape != (dimension,):
        raise ParameterError(
            f"the reset option 'x' has shape {unit.shape}; "
            f"it must be one unit vector of shape ({dimension},)"
        )
    outside = ~((unit >= -UNIT_SLACK) & (unit <= 1.0 + UNIT_SLACK))
    if outside.any():
        i = int(np.flatnonzero(outside)[0])
        raise ParameterError(
            f"the reset option 'x' has {unit[i]} at index {i}; unit vectors lie in [0, 1]"
        )
    return np.clip(unit, 0.0, 1.0)


def options_per_member(options: Mapping[str, Any] | None, n_members: int) -> list[dict[str, Any]]:
    """Deal the options of a batched reset out to its members.

    An option is the same for all members, unless it comes as one entry per member: a list,
    tuple or 1-D array of indices, a list or tuple of targets, a 2-D array of samples or of
    unit vectors.

    Raises:
        ParameterError: a list whose length is not the number of members.
    """
    dealt: list[dict[str, Any]] = [{} for _ in range(n_members)]
    for name, value in (options or {}).items():
        each = _per_member(name, value)
        if each is None:
            each = [value] * n_members
        elif len(each) != n_members:
            raise ParameterError(
                f"the reset option {name!r} has {len(each)} entries; give one for all members, "
                f"or one for each of the {n_members}"
            )
        for member, entry in zip(dealt, each, strict=True):
            member[name] = entry
    return dealt


def _per_member(name: str, value: Any) -> Sequence[Any] | None:
    """The entries of an option that is given per member, or `None` if it is one for all."""
    n_dimensions = np.ndim(value) if isinstance(value, np.ndarray) else None
    if name == "index":
        return list(value) if isinstance(value, (list, tuple)) or n_dimensions == 1 else None
    if name == "target":
        return list(value) if isinstance(value, (list, tuple)) or n_dimensions == 2 else None
    if name == "x":
        return list(value) if np.ndim(value) == 2 else None
    return None
