"""Modulation of amplitude: tremolo and ring modulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from synthgym.synth.dsp.modulation import tremolo
from synthgym.synth.modules.base import ACTIVE, Inputs, Module, Port
from synthgym.synth.params import Linear


@dataclass(frozen=True)
class Tremolo(Module):
    """DiffMoog's tremolo: a control signal makes the sound softer, by at most `amount`.

    Args:
        amount: 0 changes nothing, at 1 the sound dips to silence.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"), Port("control"))
    folds: ClassVar[tuple[str, ...]] = (ACTIVE,)

    amount: Linear | float = Linear("amount", 0.05, 1.0)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        # An amount of nothing lets the sound past, as a tremolo does that is off.
        amount = inputs.gated(ACTIVE, inputs.values["amount"])
        return tremolo(inputs.required("audio"), inputs.required_control("control"), amount)


@dataclass(frozen=True)
class RingModulator(Module):
    """The product of two sounds: every pair of partials becomes their sum and their difference."""

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"), Port("carrier"))

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        return inputs.required("audio") * inputs.required("carrier")
