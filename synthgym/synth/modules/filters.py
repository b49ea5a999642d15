"""Filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.errors import ParameterError, PatchError
from synthgym.synth.dsp.filters import windowed_sinc_lowpass
from synthgym.synth.modules.base import Inputs, Module, Port
from synthgym.synth.params import Linear, Log


@dataclass(frozen=True)
class Lowpass(Module):
    """DiffMoog's windowed-sinc lowpass, zero-phase.

    Args:
        cutoff: in Hz; above the Nyquist frequency the filter passes everything.
        zeros: zero crossings of the kernel; more make it steeper.

    Raises:
        ParameterError: the cutoff can be 0 or less, or there are no zeros.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"),)

    cutoff: Log | Linear | float = Log("cutoff", 100.0, 8000.0, unit="Hz")
    zeros: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self._least_hz > 0:
            raise ParameterError(
                f"Lowpass cutoff starts at {self._least_hz} Hz; it must be above 0, as the "
                "kernel's length is in proportion to its period"
            )
        if self.zeros < 1:
            raise ParameterError(f"Lowpass zeros is {self.zeros}; it must be at least 1")

    @property
    def _least_hz(self) -> float:
        return self.cutoff if isinstance(self.cutoff, float | int) else self.cutoff.low

    @property
    def constants(self) -> dict[str, float]:
        """See `Module.constants`; `zeros` is a setting."""
        return {name: value for name, value in super().constants.items() if name != "zeros"}

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        audio = inputs.signal("audio")
        if audio is None:
            raise PatchError("Lowpass has no audio; connect its port 'audio'")
        return windowed_sinc_lowpass(
            audio, inputs.values["cutoff"], inputs.clock, self._least_hz, self.zeros
        )
