"""Filters: windowed-sinc as in the paper, state-variable, ladder.

The cutoff of `SVF` and `Ladder` follows a control signal at their port "cutoff" by octaves: it is
`cutoff * 2 ** (intensity * control)`, held under 0.45 of the sample rate. An LFO in [-1, 1] moves
it both ways, an ADSR in [0, 1] up from `cutoff`, or down where the intensity is negative.

DiffMoog's filter shaper (`lowpass_filter_adsr`) is an `SVF` with an `ADSR` at that port. Its
intensity p in [0, 1] moves the cutoff f by `p (nyquist - f)` Hz at the envelope's peak; the same
peak is reached by an intensity of `log2(1 + p (nyquist / f - 1))` octaves (`peak_octaves`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from synthgym.errors import ParameterError, unknown_name
from synthgym.synth.dsp.ladder import moog_ladder
from synthgym.synth.dsp.sinc import EDGES, windowed_sinc_highpass, windowed_sinc_lowpass
from synthgym.synth.dsp.svf import MODES, state_variable_filter
from synthgym.synth.modules.base import Inputs, Module, Port, one_of
from synthgym.synth.params import Choice, Linear, Log

CUTOFF = Log("cutoff", 100.0, 8000.0, unit="Hz")
# Of the sample rate. At the Nyquist frequency itself a filter passes everything, but its state,
# unheard, alternates and grows: a cutoff that then falls would let it out as a bang.
HIGHEST_MOVED = 0.45
# The shares of the sound below the cutoff, and of the rest.
SINC_MODES = {"lowpass": (1.0, 0.0), "highpass": (0.0, 1.0)}


def peak_octaves(share: float, cutoff_hz: float, nyquist_hz: float) -> float:
    """The intensity that moves a cutoff as far up as DiffMoog's filter shaper does.

    Args:
        share: the shaper's intensity, in [0, 1].
        cutoff_hz: the cutoff at an envelope of 0.
        nyquist_hz: half the sample rate.
    """
    return math.log2(1 + share * (nyquist_hz / cutoff_hz - 1))


@dataclass(frozen=True)
class _WindowedSinc(Module):
    """What the paper's two filters share.

    Args:
        cutoff: in Hz, held under the Nyquist frequency.
        zeros: zero crossings of the kernel; more make it steeper.
        edge: beyond the sound's ends: `"silent"`, or its first and last sample: `"repeat"`.
        rounded: the kernel's half length is a whole number of samples, as in the paper: for
            reproductions, as the sound then jumps where the cutoff changes it.

    Raises:
        ParameterError: the cutoff can be 0 or less, or there are no zeros.
        UnknownNameError: there is no such edge.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"),)
    settings: ClassVar[tuple[str, ...]] = ("zeros",)

    cutoff: Log | Linear | float = CUTOFF
    zeros: int = 8
    edge: str = "silent"
    rounded: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        kind = type(self).__name__
        if not self._least_hz > 0:
            raise ParameterError(
                f"{kind} cutoff starts at {self._least_hz} Hz; it must be above 0, as the "
                "kernel's length is in proportion to its period"
            )
        if self.zeros < 1:
            raise ParameterError(f"{kind} zeros is {self.zeros}; it must be at least 1")
        if self.edge not in EDGES:
            raise unknown_name(f"edge of {kind}", self.edge, EDGES)

    @property
    def _least_hz(self) -> float:
        return _least(self.cutoff)


@dataclass(frozen=True)
class Lowpass(_WindowedSinc):
    """DiffMoog's windowed-sinc lowpass, zero-phase; from the Nyquist frequency on it passes all.

    Args:
        cutoff: in Hz.
        zeros: zero crossings of the kernel; more make it steeper.
        edge: beyond the sound's ends: `"silent"`, or its first and last sample: `"repeat"`.
        rounded: the kernel's half length is a whole number of samples, as in the paper: for
            reproductions, as the sound then jumps where the cutoff changes it.

    Raises:
        ParameterError: the cutoff can be 0 or less, or there are no zeros.
        UnknownNameError: there is no such edge.
    """

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        audio, cutoff = inputs.required("audio"), inputs.values["cutoff"]
        return windowed_sinc_lowpass(
            audio, cutoff, inputs.clock, self._least_hz, self.zeros, self.edge, self.rounded
        )


@dataclass(frozen=True)
class Highpass(_WindowedSinc):
    """What is left of the sound without `Lowpass`, as in DiffMoog. Arguments as there."""

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        audio, cutoff = inputs.required("audio"), inputs.values["cutoff"]
        return windowed_sinc_highpass(
            audio, cutoff, inputs.clock, self._least_hz, self.zeros, self.edge, self.rounded
        )


@dataclass(frozen=True)
class Filter(_WindowedSinc):
    """DiffMoog's filter of either kind: `Lowpass` or `Highpass`. Other arguments as there.

    Args:
        cutoff: see there.
        zeros: see there.
        edge: see there.
        rounded: see there.
        mode: `"lowpass"`, `"highpass"` or a Choice of them.

    Raises:
        ParameterError: see there.
        UnknownNameError: there is no such mode or edge.
    """

    mode: Choice | str = Choice("mode", ("lowpass", "highpass"))

    def __post_init__(self) -> None:
        super().__post_init__()
        for mode in self.mode.options if isinstance(self.mode, Choice) else (self.mode,):
            if mode not in SINC_MODES:
                raise unknown_name("mode of Filter", mode, SINC_MODES)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        audio, cutoff = inputs.required("audio"), inputs.values["cutoff"]
        weights, modes = one_of(self.mode, inputs.values)
        low = windowed_sinc_lowpass(
            audio, cutoff, inputs.clock, self._least_hz, self.zeros, self.edge, self.rounded
        )
        of_low, of_rest = (weights @ weights.new_tensor([SINC_MODES[m] for m in modes])).unbind(1)
        return of_low[:, None] * low + of_rest[:, None] * (audio - low)


@dataclass(frozen=True)
class SVF(Module):
    """A resonant filter of two poles (state-variable), whose cutoff may follow a control signal.

    Args:
        mode: `"lowpass"`, `"highpass"`, `"bandpass"` or a Choice of them.
        cutoff: in Hz, at a control of 0 or without one.
        q: resonance: the gain at the cutoff of lowpass and highpass; 0.71 is without a peak.
        intensity: octaves by which a control of 1 moves the cutoff.

    Raises:
        ParameterError: q can be 0 or less.
        UnknownNameError: there is no such mode.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"), Port("cutoff", optional=True))

    mode: Choice | str = Choice("mode", tuple(MODES))
    cutoff: Log | Linear | float = CUTOFF
    q: Log | Linear | float = Log("q", 0.5, 20.0)
    intensity: Linear | float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _least(self.q) > 0:
            raise ParameterError(f"SVF q starts at {_least(self.q)}; it must be above 0")
        for mode in self.mode.options if isinstance(self.mode, Choice) else (self.mode,):
            if mode not in MODES:
                raise unknown_name("mode of SVF", mode, MODES)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        weights, modes = one_of(self.mode, inputs.values)
        return state_variable_filter(
            weights,
            modes,
            inputs.required("audio"),
            _moved_cutoff(inputs),
            inputs.values["q"],
            inputs.clock,
        )


@dataclass(frozen=True)
class Ladder(Module):
    """The Moog ladder, a lowpass of four poles, whose cutoff may follow a control signal.

    Args:
        cutoff: in Hz, at a control of 0 or without one.
        resonance: feedback; from 4 on the filter oscillates by itself.
        drive: how strongly the loop's input saturates; it is held within 1 / drive. 0 is linear,
            and then the oscillation at a resonance over 4 grows to a thousand.
        intensity: octaves by which a control of 1 moves the cutoff.

    Raises:
        ParameterError: the resonance or the drive can be below 0.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"), Port("cutoff", optional=True))

    cutoff: Log | Linear | float = CUTOFF
    resonance: Linear | float = Linear("resonance", 0.0, 4.2)
    drive: Log | Linear | float = 1.0
    intensity: Linear | float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("resonance", self.resonance), ("drive", self.drive)):
            if not _least(value) >= 0:
                raise ParameterError(
                    f"Ladder {name} starts at {_least(value)}; it must be at least 0"
                )

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        v = inputs.values
        audio, cutoff = inputs.required("audio"), _moved_cutoff(inputs)
        return moog_ladder(audio, cutoff, v["resonance"], v["drive"], inputs.clock)


def _least(value: Log | Linear | float) -> float:
    return value if isinstance(value, float | int) else value.low


def _moved_cutoff(inputs: Inputs) -> Tensor:
    """The cutoff in Hz, `(batch,)`, or `(batch, n_samples)` where a control signal moves it."""
    cutoff, control = inputs.values["cutoff"], inputs.control("cutoff")
    if control is None:
        return cutoff
    # Not by exp2: torch rounds that in one way within a vector and in another at a row's end, so
    # that a row would not sound the same in every batch.
    octaves = inputs.values["intensity"][:, None] * control
    moved = cutoff[:, None] * torch.exp(octaves * math.log(2))
    moved = moved.clamp_max(HIGHEST_MOVED * inputs.clock.sample_rate)
    return moved[:, 0] if moved.shape[1] == 1 else moved
