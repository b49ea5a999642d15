"""The built-in losses by name."""

from __future__ import annotations

from collections.abc import Callable

from synthgym.errors import ParameterError, unknown_name
from synthgym.losses.base import Loss
from synthgym.losses.mel import MelDistance

_LOSSES: dict[str, Callable[[int], Loss]] = {
    "mel": MelDistance,
}


def names() -> list[str]:
    """Names of the built-in losses."""
    return list(_LOSSES)


def build(name: str, sample_rate: int = 16000) -> Loss:
    """A built-in loss with its usual settings.

    Args:
        name: one of `names()`.
        sample_rate: of the sounds to compare, in Hz.

    Raises:
        UnknownNameError: there is no such loss; the message suggests the nearest name.
        ParameterError: `sample_rate` is below 1.
    """
    if name not in _LOSSES:
        raise unknown_name("loss", name, _LOSSES)
    if sample_rate < 1:
        raise ParameterError(f"sample_rate is {sample_rate}; it must be 1 Hz or more")
    return _LOSSES[name](sample_rate)
