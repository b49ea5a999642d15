"""Butterworth filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.synth.dsp.butterworth import butterworth, check
from synthgym.synth.modules.base import Inputs, Module, Port
from synthgym.synth.modules.filters import CUTOFF
from synthgym.synth.params import Linear, Log


@dataclass(frozen=True)
class Butterworth(Module):
    """A steep filter without a peak, 6 dB an octave for each order.

    Args:
        mode: `"lowpass"` or `"highpass"`.
        order: number of poles, 1 to 32.
        cutoff: in Hz; the gain there is -3 dB.

    Raises:
        UnknownNameError: there is no such mode.
        ParameterError: the order is not a whole number from 1 to 32.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"),)
    settings: ClassVar[tuple[str, ...]] = ("order",)

    mode: str = "lowpass"
    order: int = 4
    cutoff: Log | Linear | float = CUTOFF

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.mode, self.order)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        audio, cutoff = inputs.required("audio"), inputs.values["cutoff"]
        return butterworth(self.mode, self.order, audio, cutoff, inputs.clock)
