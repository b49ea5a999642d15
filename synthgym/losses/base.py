"""What a loss is, and what a sound and its target must share."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from synthgym.errors import ParameterError


class Loss(Protocol):
    """A differentiable distance between sounds.

    `embed` is called once for a target, so what it returns is kept; it may be anything that
    `compare` understands. Losses know no step, schedule or logging.
    """

    def embed(self, audio: Tensor) -> Any:
        """What the loss keeps of sounds `(batch, n_samples)`."""

    def compare(self, embedded: Any, embedded_target: Any) -> Tensor:
        """Losses `(batch,)`; the target has the same batch size or a batch of one."""


def check_sides(own: Tensor, target: Tensor) -> None:
    """Hold a batch against its targets; both are any tensor of the embeddings.

    Without it, a batch worked out in pieces would meet a part of the targets and say nothing.

    Args:
        own: of the sounds, `(batch, ...)`.
        target: of the targets, `(batch, ...)` or `(1, ...)`, of the same dtype and device.

    Raises:
        ParameterError: another number of targets, another dtype or another device.
    """
    if len(target) not in (1, len(own)):
        raise ParameterError(
            f"there are {len(own)} sounds and {len(target)} targets; give one target for each "
            "sound, or one for all"
        )
    for what in ("dtype", "device"):
        mine, theirs = getattr(own, what), getattr(target, what)
        if mine != theirs:
            raise ParameterError(f"sound has {what} {mine} and target {theirs}; make them the same")
