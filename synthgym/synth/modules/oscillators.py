"""Sound sources: oscillator, low-frequency oscillator, frequency-modulated oscillator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.synth.dsp.oscillators import waveform
from synthgym.synth.dsp.tones import fm_tone, tone
from synthgym.synth.modules.base import Inputs, Module, Port, one_of
from synthgym.synth.params import Choice, Linear, Log

SHAPES = ("sine", "square", "saw")

# DiffMoog's ranges (aisynth/diffmoog, synth_constants.py): three octaves around middle C both ways;
# its modulation index of 0.1 radians per sample at 16 kHz is a deviation of 255 Hz.
FREQ = Log("freq", 32.703, 2093.0, unit="Hz")
LFO_FREQ = Log("freq", 0.5, 15.0, unit="Hz")
AMP = Log("amp", 0.01, 1.0)
DEPTH = Log("depth", 2.5, 255.0, unit="Hz")


@dataclass(frozen=True)
class Oscillator(Module):
    """A steady tone.

    Args:
        shape: `"sine"`, `"square"`, `"saw"` or a Choice of them.
        freq: in Hz.
        amp: peak amplitude.
        phase: at the first sample, in cycles.
        naive: closed-form waveforms, as in the paper, instead of band-limited ones.
    """

    shape: Choice | str = Choice("shape", SHAPES)
    freq: Log | Linear | float = FREQ
    amp: Log | Linear | float = AMP
    phase: Linear | float = 0.0
    naive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_shapes(self.shape)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        weights, shapes = one_of(self.shape, v)
        return tone(weights, shapes, v["freq"], v["phase"], v["amp"], inputs.clock, self.naive)


@dataclass(frozen=True)
class LFO(Oscillator):
    """A low-frequency oscillator: a control signal in [-1, 1]. Arguments as in `Oscillator`."""

    freq: Log | Linear | float = LFO_FREQ
    amp: Log | Linear | float = 1.0


@dataclass(frozen=True)
class FMOscillator(Module):
    """A tone whose frequency follows a modulator. Without one it is a steady tone.

    Args:
        shape: `"sine"`, `"square"`, `"saw"` or a Choice of them.
        freq: carrier frequency in Hz.
        depth: peak frequency deviation in Hz at a modulator of 1, whatever the sample rate.
        amp: peak amplitude.
        phase: at the first sample, in cycles.
        naive: closed-form waveforms, as in the paper, instead of band-limited ones.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("modulator", optional=True),)

    shape: Choice | str = Choice("shape", SHAPES)
    freq: Log | Linear | float = FREQ
    depth: Log | Linear | float = DEPTH
    amp: Log | Linear | float = AMP
    phase: Linear | float = 0.0
    naive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_shapes(self.shape)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v, clock = inputs.values, inputs.clock
        weights, shapes = one_of(self.shape, v)
        modulator = inputs.signal("modulator")
        if modulator is None:
            return tone(weights, shapes, v["freq"], v["phase"], v["amp"], clock, self.naive)
        return fm_tone(
            weights,
            shapes,
            v["freq"],
            v["depth"],
            v["phase"],
            v["amp"],
            modulator,
            clock,
            self.naive,
        )


def _check_shapes(shape: Choice | str) -> None:
    for name in shape.options if isinstance(shape, Choice) else (shape,):
        waveform(name)
