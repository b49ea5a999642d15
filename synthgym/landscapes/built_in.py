"""The built-in losses that can run here."""

from __future__ import annotations

from collections.abc import Iterable

from synthgym import losses
from synthgym.errors import MissingExtraError
from synthgym.landscapes.cost import check
from synthgym.losses import Loss


def built_in(names: Iterable[str], sample_rate: int = 16000) -> tuple[dict[str, Loss], list[str]]:
    """Build losses of the catalogue and try each once.

    Args:
        names: of `losses.names()`.
        sample_rate: of the sounds, in Hz.

    Returns:
        Losses by name, and for each one left out for want of an extra a line that says so.

    Raises:
        UnknownNameError: there is no such loss.
        LossError: one failed.
    """
    built: dict[str, Loss] = {}
    left_out = []
    for name in names:
        try:
            loss = losses.build(name, sample_rate)
            check(loss)  # some miss their extra only when they first see a sound
            built[name] = loss
        except MissingExtraError as error:
            left_out.append(f"left out: {name}: {error}")
    return built, left_out
