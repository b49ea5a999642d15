"""Sound sources: oscillator, low-frequency oscillator, frequency-modulated oscillator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.synth.dsp.oscillators import selected_waveform, waveform
from synthgym.synth.dsp.phase import constant_phase, modulated_phase
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
        values = inputs.values
        weights, shapes = one_of(self.shape, values)
        phase = constant_phase(values["freq"], values["phase"], inputs.clock)
        increment = values["freq"][:, None] / inputs.clock.sample_rate
        signal = selected_waveform(weights, shapes, phase, increment, self.naive)
        return values["amp"][:, None] * signal


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
        values, clock = inputs.values, inputs.clock
        weights, shapes = one_of(self.shape, values)
        modulator = inputs.signal("modulator")
        increment = values["freq"][:, None] / clock.sample_rate
        if modulator is None:
            phase = constant_phase(values["freq"], values["phase"], clock)
        else:
            phase = modulated_phase(
                values["freq"], values["depth"], modulator, values["phase"], clock
            )
            if shapes != ("sine",):
                increment = increment + values["depth"][:, None] / clock.sample_rate * modulator
        signal = selected_waveform(weights, shapes, phase, increment, self.naive)
        return values["amp"][:, None] * signal


def _check_shapes(shape: Choice | str) -> None:
    for name in shape.options if isinstance(shape, Choice) else (shape,):
        waveform(name)
