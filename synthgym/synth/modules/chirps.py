"""Tones of rising frequency."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.synth.dsp.chirps import exponential_chirp
from synthgym.synth.modules.base import Inputs, Module
from synthgym.synth.params import Linear, Log


@dataclass(frozen=True)
class Chirp(Module):
    """A sine whose frequency rises exponentially: `exp(speed t) + pitch`, t in seconds.

    Args:
        speed: by which the frequency grows e-fold each second.
        pitch: in Hz; the frequency at the start is 1 Hz above it.
        naive: the closed form, which folds back at the Nyquist frequency, instead of a tone that
            fades out there.

    Raises:
        ParameterError: the speed can be 0 or less.
    """

    speed: Log | Linear | float = Linear("speed", 1.0, 20.0, unit="1/s")
    pitch: Log | Linear | float = Linear("pitch", 30.0, 100.0, unit="Hz")
    naive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        least = self.speed if isinstance(self.speed, float | int) else self.speed.low
        if not least > 0:
            raise ParameterError(f"Chirp speed starts at {least}; it must be above 0")

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        return exponential_chirp(v["speed"], v["pitch"], inputs.clock, self.naive)
