"""Oscillators whose gradient is that of a damped surrogate: see `synthgym.synth.dsp.surrogate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.synth.dsp.surrogate import surrogate_fm_tone, surrogate_tone
from synthgym.synth.modules.base import Inputs, one_of
from synthgym.synth.modules.oscillators import LFO_FREQ, FMOscillator, Oscillator
from synthgym.synth.params import Linear, Log


def _check(kind: str, memory_s: float, naive: bool) -> None:
    if not 0 < memory_s < float("inf"):
        raise ParameterError(f"{kind} memory_s is {memory_s}; it must be a finite number above 0")
    if naive:
        raise ParameterError(f"{kind} has no naive form: its gradient is that of a smooth waveform")


@dataclass(frozen=True)
class SurrogateOscillator(Oscillator):
    """Sounds as `Oscillator` does; the gradient by frequency and phase is the surrogate's.

    Args:
        shape: see there.
        freq: see there.
        amp: see there.
        phase: see there.
        naive: must be False.
        memory_s: in which the surrogate decays by e.

    Raises:
        ParameterError: `memory_s` is not above 0, or `naive` is set.
    """

    settings: ClassVar[tuple[str, ...]] = ("memory_s",)

    memory_s: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(type(self).__name__, self.memory_s, self.naive)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        weights, shapes = one_of(self.shape, v)
        return surrogate_tone(
            weights, shapes, v["freq"], v["phase"], v["amp"], self.memory_s, inputs.clock
        )


@dataclass(frozen=True)
class SurrogateLFO(SurrogateOscillator):
    """A low-frequency oscillator with the surrogate's gradient, which remembers longer."""

    freq: Log | Linear | float = LFO_FREQ
    amp: Log | Linear | float = 1.0
    memory_s: float = 0.5


@dataclass(frozen=True)
class SurrogateFMOscillator(FMOscillator):
    """Sounds as `FMOscillator` does; all that reaches the phase has the surrogate's gradient.

    Args:
        shape: see there.
        freq: see there.
        depth: see there.
        amp: see there.
        phase: see there.
        naive: must be False.
        memory_s: in which the surrogate decays by e.

    Raises:
        ParameterError: `memory_s` is not above 0, or `naive` is set.
    """

    settings: ClassVar[tuple[str, ...]] = ("memory_s",)

    memory_s: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(type(self).__name__, self.memory_s, self.naive)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v, clock = inputs.values, inputs.clock
        weights, shapes = one_of(self.shape, v)
        modulator, depth = inputs.signal("modulator"), inputs.control("depth")
        if modulator is None:
            return surrogate_tone(
                weights, shapes, v["freq"], v["phase"], v["amp"], self.memory_s, clock
            )
        return surrogate_fm_tone(
            weights,
            shapes,
            v["freq"],
            v["depth"],
            v["phase"],
            v["amp"],
            modulator if depth is None else modulator * depth,
            self.memory_s,
            clock,
        )
