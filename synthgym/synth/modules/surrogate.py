"""Oscillators whose gradient is that of a damped surrogate: see `synthgym.synth.dsp.surrogate`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.synth.dsp.surrogate import surrogate_fm_tone, surrogate_tone
from synthgym.synth.modules.base import ACTIVE, Inputs, Module, one_of
from synthgym.synth.modules.oscillators import FMLFO, LFO, LFO_FREQ, FMOscillator, Oscillator
from synthgym.synth.params import Linear, Log

_LOWEST_PITCH_HZ = 20.0


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
    folds: ClassVar[tuple[str, ...]] = (ACTIVE,)

    memory_s: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(type(self).__name__, self.memory_s, self.naive)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        weights, shapes = one_of(self.shape, v)
        amp = inputs.gated(ACTIVE, v["amp"])
        return surrogate_tone(
            weights, shapes, v["freq"], v["phase"], amp, self.memory_s, inputs.clock
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
    folds: ClassVar[tuple[str, ...]] = ("modulator", ACTIVE)

    memory_s: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(type(self).__name__, self.memory_s, self.naive)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v, clock = inputs.values, inputs.clock
        weights, shapes = one_of(self.shape, v)
        modulator, depth = inputs.signal("modulator"), inputs.control("depth")
        amp = inputs.gated(ACTIVE, v["amp"])
        if modulator is None:
            return surrogate_tone(weights, shapes, v["freq"], v["phase"], amp, self.memory_s, clock)
        return surrogate_fm_tone(
            weights,
            shapes,
            v["freq"],
            inputs.gated("modulator", v["depth"]),
            v["phase"],
            amp,
            modulator if depth is None else modulator * depth,
            self.memory_s,
            clock,
        )


_SURROGATES: dict[type[Module], type[SurrogateOscillator] | type[SurrogateFMOscillator]] = {
    Oscillator: SurrogateOscillator,
    LFO: SurrogateLFO,
    FMOscillator: SurrogateFMOscillator,
    FMLFO: SurrogateFMOscillator,
}


def surrogate_of(module: Module) -> Module | None:
    """The module with the same parameters and the same sound whose gradient is the surrogate's.

    Its memory is that of `SurrogateLFO` where the frequency stays below what is heard as a pitch.

    Returns:
        None where there is none: for a naive waveform, and for all but `Oscillator`, `LFO`,
        `FMOscillator` and `FMLFO`.
    """
    kind = _SURROGATES.get(type(module))
    own: dict[str, Any] = {each.name: getattr(module, each.name) for each in fields(module)}
    if kind is None or own["naive"]:
        return None
    freq = own["freq"]
    top_hz = freq if isinstance(freq, int | float) else freq.high
    slow = top_hz <= _LOWEST_PITCH_HZ
    return kind(**own, memory_s=(SurrogateLFO if slow else SurrogateOscillator).memory_s)
