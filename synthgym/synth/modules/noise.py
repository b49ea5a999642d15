"""Noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.errors import unknown_name
from synthgym.synth.dsp.noise import COLORS, noise
from synthgym.synth.modules.base import Inputs, Module
from synthgym.synth.modules.oscillators import AMP
from synthgym.synth.params import Linear, Log


@dataclass(frozen=True)
class Noise(Module):
    """Noise: always the same for a node's name and a seed, whatever is rendered beside it.

    Args:
        color: `"white"` or `"pink"`, which falls by 3 dB per octave, up to the Nyquist frequency by
            2 dB less.
        amp: peak amplitude of the white noise, four times the root mean square of the pink one.
        seed: for another noise in a node of the same name.

    Raises:
        UnknownNameError: there is no such color.
    """

    settings: ClassVar[tuple[str, ...]] = ("seed",)

    color: str = "white"
    amp: Log | Linear | float = AMP
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.color not in COLORS:
            raise unknown_name("color of noise", self.color, COLORS)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        amp = inputs.values["amp"]
        row = noise(self.color, f"{inputs.node}/{self.seed}", inputs.clock, amp)
        # A row for all, where all are as loud: a batch of copies would cost more than what uses it.
        return row.clone().expand(len(amp), -1) if self.amp == 1.0 else amp[:, None] * row
