"""What a loss is."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor


class Loss(Protocol):
    """A differentiable distance between sounds.

    `embed` is called once for a target, so what it returns is kept; it may be anything that
    `compare` understands. Losses know no step, schedule or logging.
    """

    def embed(self, audio: Tensor) -> Any:
        """What the loss keeps of sounds `(batch, n_samples)`."""

    def compare(self, embedded: Any, embedded_target: Any) -> Tensor:
        """Losses `(batch,)`; the target has the same batch size or a batch of one."""
