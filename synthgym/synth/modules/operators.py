"""Parameters that several nodes share, and the operators of frequency-modulating synthesizers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.synth.dsp.modulation import bent, operator
from synthgym.synth.modules.base import Inputs, Module, Port
from synthgym.synth.modules.oscillators import FREQ
from synthgym.synth.params import Linear, Log


@dataclass(frozen=True)
class Knob(Module):
    """A parameter as a control signal that stands still: all nodes that it goes to share it.

    Args:
        value: what it is set to, in the unit that the ports it goes to take.
    """

    value: Log | Linear | float = Linear("value", 0.0, 1.0)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        return inputs.values["value"][:, None]


@dataclass(frozen=True)
class Pitch(Module):
    """A frequency in Hz as a control signal, which all nodes that it goes to share.

    It stands still unless something is connected to `bend`, which then moves it in semitones, so
    that equal steps are equal intervals.

    Args:
        freq: in Hz.
        bend: semitones up at a signal of 1 at the port `bend`.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("bend", optional=True),)

    freq: Log | Linear | float = FREQ
    bend: Log | Linear | float = 1.0

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        freq_hz, bend = inputs.values["freq"][:, None], inputs.control("bend")
        return freq_hz if bend is None else bent(freq_hz, inputs.values["bend"][:, None] * bend)


@dataclass(frozen=True)
class Operator(Module):
    """A sine at a multiple of the pitch, whose phase other operators modulate.

    Any algorithm without feedback is a graph of these: operators at the port `modulator` are
    summed and taken in radians.

    Args:
        ratio: of its frequency to the pitch.
        level: amplitude where it is heard, peak phase deviation in radians where it modulates.
    """

    ports: ClassVar[tuple[Port, ...]] = (
        Port("pitch"),
        Port("modulator", optional=True, many=True),
    )

    ratio: Log | Linear | float = Linear("ratio", 0.25, 8.0)
    level: Log | Linear | float = Linear("level", 0.0, 8.0)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        freq_hz = inputs.required_control("pitch") * v["ratio"][:, None]
        return operator(freq_hz, inputs.signals.get("modulator", ()), v["level"], inputs.clock)
