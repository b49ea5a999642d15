"""The signal-chain loss: sounds compared at every stage of a patch (arXiv 2401.12570, eq. 2-4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from synthgym.errors import ParameterError, unknown_name
from synthgym.losses.base import Loss
from synthgym.losses.frames import check_audio
from synthgym.losses.parameters import ParameterLoss
from synthgym.losses.resampling import at_rate

Taps = Mapping[str, Tensor]
"""Signals `(batch, n_samples)` by the name of the node that makes them."""


@dataclass(frozen=True)
class AtRate:
    """A loss of signals that are brought to another sample rate first, such as a control rate.

    Args:
        loss: compares at `rate_hz`.
        sample_rate: of the signals, in Hz.
        rate_hz: the new one; DiffMoog's for low-frequency oscillators is 100 Hz.
        name: for reports.

    Raises:
        ParameterError: a rate is below 1.
    """

    loss: Loss
    sample_rate: int = 16000
    rate_hz: int = 100
    name: str = field(default="at-rate", kw_only=True)

    def __post_init__(self) -> None:
        if self.sample_rate < 1 or self.rate_hz < 1:
            raise ParameterError(
                f"sample_rate is {self.sample_rate} and rate_hz {self.rate_hz}; "
                "both must be 1 Hz or more"
            )

    def embed(self, audio: Tensor) -> Any:
        """What the loss keeps of the resampled signals `(batch, n_samples)`.

        Raises:
            ParameterError: another shape or dtype, or no samples.
        """
        return self.loss.embed(at_rate(check_audio(audio), self.sample_rate, self.rate_hz))

    def compare(self, embedded: Any, embedded_target: Any) -> Tensor:
        """Losses `(batch,)`."""
        return self.loss.compare(embedded, embedded_target)

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Losses `(batch,)` of signals and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


@dataclass(frozen=True)
class Stage:
    """A node whose signal is compared.

    Args:
        node: its name in the patch.
        loss: compares its signal.
        weight: of this stage; a caller's schedule may bring stages in one after the other.
    """

    node: str
    loss: Loss
    weight: float = 1.0


@dataclass(frozen=True)
class ChainLoss:
    """Weighted sum over stages of a patch of the loss of each one's signal (equations 2 and 3).

    Takes taps in place of sounds: `patch.render(unit, clock, taps=True).taps`. Equation 3's FFT
    sizes and processing types are those of the losses, such as one of DiffMoog's presets.

    Args:
        stages: any subset of the patch's nodes, at least one.
        name: for reports.

    Raises:
        ParameterError: no stage, or a node is named twice.
    """

    stages: tuple[Stage, ...]
    name: str = field(default="chain", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        nodes = [stage.node for stage in self.stages]
        if not nodes or len(set(nodes)) != len(nodes):
            raise ParameterError(f"stages are {nodes}; name one or more nodes, each one once")

    def embed(self, taps: Taps) -> dict[str, Any]:
        """What each stage's loss keeps of its node's signals.

        Raises:
            ParameterError: a sound in place of taps.
            UnknownNameError: a stage's node is not among the taps.
        """
        if not isinstance(taps, Mapping):
            raise ParameterError(
                f"taps is a {type(taps).__name__}; give the signals by node, as in "
                "patch.render(unit, clock, taps=True).taps"
            )
        for stage in self.stages:
            if stage.node not in taps:
                raise unknown_name("tap", stage.node, taps)
        return {stage.node: stage.loss.embed(taps[stage.node]) for stage in self.stages}

    def compare(self, embedded: Mapping[str, Any], embedded_target: Mapping[str, Any]) -> Tensor:
        """Losses `(batch,)`."""
        parts = [
            stage.weight * stage.loss.compare(embedded[stage.node], embedded_target[stage.node])
            for stage in self.stages
        ]
        return torch.stack(parts).sum(0)

    def __call__(self, taps: Taps, target_taps: Taps) -> Tensor:
        """Losses `(batch,)` of the signals of two renderings."""
        return self.compare(self.embed(taps), self.embed(target_taps))


def chain_loss(
    nodes: tuple[str, ...],
    loss: Loss,
    control_nodes: tuple[str, ...] = (),
    control: Loss | None = None,
) -> ChainLoss:
    """One loss at all stages, and another one for control signals.

    Args:
        nodes: compared by `loss`.
        loss: for audio.
        control_nodes: compared by `control`.
        control: for control signals, such as an `AtRate`.

    Raises:
        ParameterError: control nodes without their loss, or no node, or one named twice.
    """
    stages = [Stage(node, loss) for node in nodes]
    if control is not None:
        stages += [Stage(node, control) for node in control_nodes]
    elif control_nodes:
        raise ParameterError("control_nodes are given without control, the loss for them")
    return ChainLoss(tuple(stages))


@dataclass(frozen=True)
class MatchingLoss:
    """Parameter loss plus `beta` times signal-chain loss (equation 4).

    `beta` is no part of an embedding: a schedule outside sets it from step to step by
    `dataclasses.replace(loss, beta=ramp(step))`, and an embedded target stays good.

    Args:
        parameters: of the unit vector.
        chain: of the taps.
        beta: weight of the second.
        name: for reports.
    """

    parameters: ParameterLoss
    chain: ChainLoss
    beta: float = 1.0
    name: str = field(default="matching", kw_only=True)

    def embed(self, unit: Tensor, taps: Taps) -> tuple[Tensor, dict[str, Any]]:
        """What both keep of unit vectors `(batch, dimension)` and of what they render to."""
        return self.parameters.embed(unit), self.chain.embed(taps)

    def compare(
        self,
        embedded: tuple[Tensor, Mapping[str, Any]],
        embedded_target: tuple[Tensor, Mapping[str, Any]],
    ) -> Tensor:
        """Losses `(batch,)`."""
        (unit, signals), (target_unit, target_signals) = embedded, embedded_target
        of_parameters = self.parameters.compare(unit, target_unit)
        return of_parameters + self.beta * self.chain.compare(signals, target_signals)
