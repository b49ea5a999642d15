"""Envelopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from synthgym.synth.dsp.control import amplified
from synthgym.synth.dsp.envelopes import adsr, bent_adsr
from synthgym.synth.modules.base import Inputs, Module, Port, check_range
from synthgym.synth.params import Linear, Log

REFERENCE_S = 1.024


@dataclass(frozen=True)
class ADSR(Module):
    """Attack, decay, sustain, release: shapes the sound at its input, or is a control signal.

    A control at the port `hold` takes the place of that parameter, so that envelopes may share it.

    Args:
        attack: in seconds.
        decay: in seconds.
        sustain: level in [0, 1].
        hold: seconds from the start to the release (the length of the note).
        release: in seconds.

    Raises:
        ParameterError: attack, decay or release can be 0 or less, the hold less than 0, or the
            sustain outside [0, 1].
    """

    ports: ClassVar[tuple[Port, ...]] = (
        Port("audio", optional=True),
        Port("hold", optional=True),
    )

    attack: Log | Linear | float = Log("attack", 0.002, 0.5, unit="s")
    decay: Log | Linear | float = Log("decay", 0.01, 1.0, unit="s")
    sustain: Linear | float = Linear("sustain", 0.0, 1.0)
    hold: Linear | float = Linear("hold", 0.1, 1.0, unit="s")
    release: Log | Linear | float = Log("release", 0.01, 1.0, unit="s")

    def __post_init__(self) -> None:
        super().__post_init__()
        for stage in ("attack", "decay", "release"):
            check_range(self, stage, 0.0, above=True)
        check_range(self, "hold", 0.0)
        check_range(self, "sustain", 0.0, 1.0)

    @classmethod
    def spanning(cls, duration_s: float) -> Self:
        """An envelope whose longest times grow with the sound: the defaults are for 1.024 s."""
        scale = duration_s / REFERENCE_S
        return cls(
            attack=Log("attack", 0.002, max(0.5 * scale, 0.02), unit="s"),
            decay=Log("decay", 0.01, max(scale, 0.02), unit="s"),
            hold=Linear("hold", 0.1 * scale, scale, unit="s"),
            release=Log("release", 0.01, max(scale, 0.02), unit="s"),
        )

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        envelope = self._envelope(inputs)
        audio = inputs.signal("audio")
        return envelope if audio is None else envelope * audio

    def _envelope(self, inputs: Inputs) -> Tensor:
        v, hold_s = inputs.values, self._hold_s(inputs)
        return adsr(v["attack"], v["decay"], v["sustain"], hold_s, v["release"], inputs.clock)

    def _hold_s(self, inputs: Inputs) -> Tensor:
        shared = inputs.control("hold")
        return inputs.values["hold"] if shared is None else shared[:, 0]


@dataclass(frozen=True)
class BentADSR(ADSR):
    """An envelope as analog circuits make it; other arguments as in `ADSR`.

    Args:
        attack: see there.
        decay: see there.
        sustain: see there.
        hold: see there.
        release: see there.
        curve: how far a stage bends: the time constants that it lasts.

    Raises:
        ParameterError: the curve can be 0 or less; and see there.
    """

    curve: Log | Linear | float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "curve", 0.0, above=True)

    def _envelope(self, inputs: Inputs) -> Tensor:
        v = inputs.values
        return bent_adsr(
            v["attack"],
            v["decay"],
            v["sustain"],
            self._hold_s(inputs),
            v["release"],
            v["curve"],
            inputs.clock,
        )


@dataclass(frozen=True)
class VCA(Module):
    """Amplifies a sound by a control signal, such as an envelope: their product."""

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"), Port("control"))
    glides: ClassVar[tuple[str, ...]] = ("control",)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        audio, control = inputs.required("audio"), inputs.required_control("control")
        return amplified(audio, control, inputs.hop("control"), inputs.clock)
