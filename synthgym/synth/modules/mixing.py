"""Mixers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.synth.modules.base import Inputs, Module, Port


@dataclass(frozen=True)
class Mix(Module):
    """The mean of its inputs, as in DiffMoog."""

    ports: ClassVar[tuple[Port, ...]] = (Port("audio", many=True),)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        signals = inputs.signals["audio"]
        total = signals[0]
        for signal in signals[1:]:
            total = total + signal
        return total / len(signals)
