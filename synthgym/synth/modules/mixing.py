"""Mixers, amplifiers, saturation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from synthgym.errors import ParameterError, PatchError
from synthgym.synth.dsp.mixing import mean, soft_clip, weighted_sum
from synthgym.synth.modules.base import Inputs, Module, Port, check_range
from synthgym.synth.params import Linear, Log, Spec

MOST_INPUTS = 1000


@dataclass(frozen=True)
class Mix(Module):
    """The mean of its inputs, as in DiffMoog."""

    ports: ClassVar[tuple[Port, ...]] = (Port("audio", many=True),)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        return mean(inputs.signals["audio"])


@dataclass(frozen=True)
class WeightedMix(Module):
    """The sum of its inputs, each at a level of its own; sounds or control signals.

    Args:
        n_inputs: how many signals it takes, at least 1.
        level: range of every level; the parameters are `level_1`, `level_2` ... in the order of
            the inputs. A number holds them all there.

    Raises:
        ParameterError: `n_inputs` is below 1 or above 1000.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio", many=True),)
    settings: ClassVar[tuple[str, ...]] = ("n_inputs",)

    n_inputs: int = 2
    level: Linear | Log | float = Linear("level", 0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_inputs <= MOST_INPUTS:
            raise ParameterError(
                f"WeightedMix n_inputs is {self.n_inputs}; it must be from 1 to {MOST_INPUTS}"
            )

    @property
    def specs(self) -> tuple[Spec, ...]:
        """See `Module.specs`: one for each input."""
        if not isinstance(self.level, Linear | Log):
            return ()
        return tuple(replace(self.level, name=name) for name in self._names)

    @property
    def _names(self) -> list[str]:
        if not isinstance(self.level, Linear | Log):
            return ["level"] * self.n_inputs
        return [f"level_{i + 1}" for i in range(self.n_inputs)]

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`.

        Raises:
            PatchError: it has more or fewer inputs than levels.
        """
        signals = inputs.signals["audio"]
        if len(signals) != self.n_inputs:
            raise PatchError(
                f"node {inputs.node!r} has {len(signals)} inputs; WeightedMix(n_inputs="
                f"{self.n_inputs}) has as many levels: set n_inputs={len(signals)}"
            )
        return weighted_sum(signals, [inputs.values[name] for name in self._names])


@dataclass(frozen=True)
class Gain(Module):
    """Amplification.

    Args:
        gain: the factor.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"),)

    gain: Log | Linear | float = Log("gain", 0.01, 1.0)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        return inputs.required_control("audio") * inputs.values["gain"][:, None]


@dataclass(frozen=True)
class SoftClip(Module):
    """Saturation by a hyperbolic tangent; leaves full scale where it is.

    Args:
        drive: gain into the saturation.

    Raises:
        ParameterError: the drive can be 0 or less.
    """

    ports: ClassVar[tuple[Port, ...]] = (Port("audio"),)

    drive: Log | Linear | float = Log("drive", 0.1, 20.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "drive", 0.0, above=True)

    def render(self, inputs: Inputs) -> Tensor:
        """See `Module.render`."""
        return soft_clip(inputs.required("audio"), inputs.values["drive"])
