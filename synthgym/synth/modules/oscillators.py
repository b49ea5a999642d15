"""Sound sources: oscillators, steady, low-frequency, frequency-modulated, and made of two waves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from synthgym.synth.dsp.control import glide_tone, interpolated
from synthgym.synth.dsp.modulation import bent
from synthgym.synth.dsp.oscillators import waveform
from synthgym.synth.dsp.pulses import pulse_tone, saw_square_tone
from synthgym.synth.dsp.tones import fm_tone, tone
from synthgym.synth.modules.base import ACTIVE, Inputs, Module, Port, one_of
from synthgym.synth.params import Choice, Linear, Log

SHAPES = ("sine", "square", "saw")
ALL_SHAPES = (*SHAPES, "triangle")

# DiffMoog's ranges (aisynth/diffmoog, synth_constants.py): three octaves around middle C both ways;
# its modulation index of 0.1 radians per sample at 16 kHz is a deviation of 255 Hz.
FREQ = Log("freq", 32.703, 2093.0, unit="Hz")
LFO_FREQ = Log("freq", 0.5, 15.0, unit="Hz")
AMP = Log("amp", 0.01, 1.0)
DEPTH = Log("depth", 2.5, 255.0, unit="Hz")
# Its index of an LFO that modulates an LFO, 0.0001 to 0.01 radians per sample.
LFO_DEPTH = Log("depth", 0.25, 25.5, unit="Hz")


@dataclass(frozen=True)
class Oscillator(Module):
    """A steady tone.

    Args:
        shape: `"sine"`, `"square"`, `"saw"`, `"triangle"` or a Choice of them.
        freq: in Hz.
        amp: peak amplitude.
        phase: at the first sample, in cycles.
        naive: closed-form waveforms, as in the paper, instead of band-limited ones.
    """

    folds: ClassVar[tuple[str, ...]] = (ACTIVE,)

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
        amp = inputs.gated(ACTIVE, v["amp"])
        return tone(weights, shapes, v["freq"], v["phase"], amp, inputs.clock, self.naive)


@dataclass(frozen=True)
class LFO(Oscillator):
    """A low-frequency oscillator: a control signal in [-1, 1]. Arguments as in `Oscillator`."""

    freq: Log | Linear | float = LFO_FREQ
    amp: Log | Linear | float = 1.0


@dataclass(frozen=True)
class FMOscillator(Module):
    """A tone whose frequency follows a modulator. Without one it is a steady tone.

    A signal at the port `depth`, such as an envelope, multiplies the depth.

    Args:
        shape: `"sine"`, `"square"`, `"saw"`, `"triangle"` or a Choice of them.
        freq: carrier frequency in Hz.
        depth: peak frequency deviation in Hz at a modulator of 1, whatever the sample rate.
        amp: peak amplitude.
        phase: at the first sample, in cycles.
        naive: closed-form waveforms, as in the paper, instead of band-limited ones.
    """

    ports: ClassVar[tuple[Port, ...]] = (
        Port("modulator", optional=True),
        Port("depth", optional=True),
    )
    folds: ClassVar[tuple[str, ...]] = ("modulator", ACTIVE)

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
        modulator, amp = inputs.signal("modulator"), inputs.gated(ACTIVE, v["amp"])
        if modulator is None:
            return tone(weights, shapes, v["freq"], v["phase"], amp, clock, self.naive)
        depth = inputs.control("depth")
        if depth is not None:
            modulator = modulator * depth
        return fm_tone(
            weights,
            shapes,
            v["freq"],
            inputs.gated("modulator", v["depth"]),
            v["phase"],
            amp,
            modulator,
            clock,
            self.naive,
        )


@dataclass(frozen=True)
class FMLFO(FMOscillator):
    """An LFO whose frequency follows another. Arguments as in `FMOscillator`."""

    freq: Log | Linear | float = LFO_FREQ
    depth: Log | Linear | float = LFO_DEPTH
    amp: Log | Linear | float = 1.0


@dataclass(frozen=True)
class VCO(Module):
    """A voltage-controlled oscillator: a tone at the pitch, in Hz, that comes in at its port.

    A signal at the port `bend` moves it in semitones. Where both come as points at a rate of their
    own, the frequency is worked out at these, and goes in straight lines between them.

    Args:
        shape: `"sine"`, `"square"`, `"saw"`, `"triangle"` or a Choice of them.
        tune: semitones above the pitch.
        bend: semitones up at a signal of 1 at the port `bend`.
        amp: peak amplitude.
        phase: at the first sample, in cycles.
        naive: closed-form waveforms instead of band-limited ones.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("pitch"), Port("bend", optional=True))
    glides: ClassVar[tuple[str, ...]] = ("pitch", "bend")

    shape: Choice | str = Choice("shape", ALL_SHAPES)
    tune: Linear | float = 0.0
    bend: Linear | Log | float = 1.0
    amp: Log | Linear | float = 1.0
    phase: Linear | float = 0.0
    naive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_shapes(self.shape)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        weights, shapes = one_of(self.shape, v)
        pitch, bend = inputs.required_control("pitch"), inputs.control("bend")
        semitones, clock = v["tune"][:, None], inputs.clock
        moving = {"pitch": pitch, "bend": pitch if bend is None else bend}
        hops = {inputs.hop(port) for port, signal in moving.items() if signal.shape[1] > 1}
        hop = max(hops, default=1)
        if len(hops) > 1:
            pitch = interpolated(pitch, inputs.hop("pitch"), clock)
            bend = None if bend is None else interpolated(bend, inputs.hop("bend"), clock)
            hop = 1
        if bend is not None:
            semitones = semitones + v["bend"][:, None] * bend
        freq_hz = bent(pitch, semitones)
        return glide_tone(weights, shapes, freq_hz, hop, v["phase"], v["amp"], clock, self.naive)


@dataclass(frozen=True)
class PulseOscillator(Module):
    """A steady pulse wave.

    Args:
        freq: in Hz.
        width: of the high part, in cycles; one half is the square.
        amp: half the height.
        phase: at the first sample, in cycles.
        naive: the closed form instead of the band-limited one.
    """

    freq: Log | Linear | float = FREQ
    width: Linear | float = Linear("width", 0.05, 0.95)
    amp: Log | Linear | float = AMP
    phase: Linear | float = 0.0
    naive: bool = False

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        return pulse_tone(v["freq"], v["width"], v["phase"], v["amp"], inputs.clock, self.naive)


@dataclass(frozen=True)
class SawSquareOscillator(Module):
    """DiffMoog's mix of a saw and a square of one frequency (`saw_square_osc`).

    Args:
        freq: in Hz.
        factor: share of the square.
        saw_amp: peak amplitude of the saw.
        square_amp: peak amplitude of the square.
        phase: at the first sample, in cycles.
        naive: closed-form waveforms, as in the paper, instead of band-limited ones.
    """

    freq: Log | Linear | float = FREQ
    factor: Linear | float = Linear("factor", 0.0, 1.0)
    saw_amp: Log | Linear | float = replace(AMP, name="saw_amp")
    square_amp: Log | Linear | float = replace(AMP, name="square_amp")
    phase: Linear | float = 0.0
    naive: bool = False

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        return saw_square_tone(
            v["freq"],
            v["factor"],
            v["saw_amp"],
            v["square_amp"],
            v["phase"],
            inputs.clock,
            self.naive,
        )


def _check_shapes(shape: Choice | str) -> None:
    for name in shape.options if isinstance(shape, Choice) else (shape,):
        waveform(name)
