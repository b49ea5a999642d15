"""What a module is: parameter definitions and one call into `dsp`."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

import torch
from torch import Tensor

from synthgym.errors import ParameterError, PatchError
from synthgym.synth.clock import Clock
from synthgym.synth.params import Choice, Linear, Log, Spec, Switch

ACTIVE = "active"
"""Name of the Switch that turns a node on and off."""


@dataclass(frozen=True)
class Port:
    """An input of a module.

    Args:
        name: as patches name it.
        optional: whether it may stay unconnected.
        many: whether it takes several signals.
    """

    name: str
    optional: bool = False
    many: bool = False


@dataclass(frozen=True)
class Inputs:
    """What one node is rendered from.

    Args:
        values: physical parameter values by name, `(batch,)`; one-hot `(batch, k)` for a Choice.
        signals: the signals at each connected port, each `(batch, n_samples)`, or `(batch, 1)` if
            it stands still.
        clock: time base.
        node: the node's name: what tells two sources of noise apart.
        gates: what is left to the module to switch, 0 or 1, `(batch,)`; see `Module.folds`.
        hops: by port, how many samples the points of its signal lie apart; see `Module.glides`.
    """

    values: Mapping[str, Tensor]
    signals: Mapping[str, tuple[Tensor, ...]]
    clock: Clock
    node: str = ""
    gates: Mapping[str, Tensor] = field(default_factory=dict)
    hops: Mapping[str, int] = field(default_factory=dict)

    def gated(self, name: str, value: Tensor) -> Tensor:
        """A value `(batch,)`, 0 where the gate of this name is closed."""
        return value * self.gates[name] if name in self.gates else value

    def hop(self, port: str) -> int:
        """How many samples the points of a port's signal lie apart; 1 if it has them all."""
        return self.hops.get(port, 1)

    def signal(self, port: str) -> Tensor | None:
        """The signal at a port, `(batch, n_samples)`, or None where it is not connected."""
        control = self.control(port)
        return None if control is None else control.expand(-1, self.clock.n_samples)

    def control(self, port: str) -> Tensor | None:
        """As `signal`, but `(batch, 1)` if it stands still."""
        signals = self.signals.get(port, ())
        return signals[0] if signals else None

    def required(self, port: str) -> Tensor:
        """The signal at a port that a patch is not built without.

        Raises:
            PatchError: the module was rendered without a patch, and the port left empty.
        """
        return self.required_control(port).expand(-1, self.clock.n_samples)

    def required_control(self, port: str) -> Tensor:
        """As `required`, but `(batch, 1)` if it stands still."""
        control = self.control(port)
        if control is None:
            raise PatchError(f"node {self.node!r} has no signal at port {port!r}; connect it")
        return control


@dataclass(frozen=True)
class Module(abc.ABC):
    """A building block of patches: a frozen dataclass whose fields are its parameters.

    A field that holds a `Linear`, `Log`, `Choice` or `Switch` of its own name is an entry of the
    unit vector; a plain number in its place is a constant; other fields are settings.
    """

    ports: ClassVar[tuple[Port, ...]] = ()
    settings: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that hold a number which is no parameter."""
    folds: ClassVar[tuple[str, ...]] = ()
    """Switches that `render` applies itself, to a number in place of a signal: of a port by its
    name, of the node by `ACTIVE`. A class with a `render` of its own names its own."""

    glides: ClassVar[tuple[str, ...]] = ()
    """Ports whose signal `render` takes as points, where it comes at a rate of its own. Others are
    given the straight lines between them. As `folds`, not inherited past another `render`."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "render" in vars(cls):
            cls.folds = vars(cls).get("folds", ())
            cls.glides = vars(cls).get("glides", ())

    def __post_init__(self) -> None:
        for own in fields(self):
            value = getattr(self, own.name)
            if isinstance(value, Linear | Log | Choice | Switch) and value.name != own.name:
                raise PatchError(
                    f"{type(self).__name__}.{own.name} holds a parameter named {value.name!r}; "
                    f"name it {own.name!r}"
                )
            takes_number = any(kind in str(own.type) for kind in ("Log", "Linear"))
            if takes_number and not isinstance(value, Linear | Log | Choice | Switch | int | float):
                raise PatchError(
                    f"{type(self).__name__}.{own.name} is {value!r}; it must be a number, or a "
                    f'parameter with a range such as Log("{own.name}", 20, 200)'
                )

    @property
    def specs(self) -> tuple[Spec, ...]:
        """The parameters that the unit vector drives."""
        values = (getattr(self, own.name) for own in fields(self))
        return tuple(v for v in values if isinstance(v, Linear | Log | Choice | Switch))

    @property
    def constants(self) -> dict[str, float]:
        """The parameters that are fixed to a number."""
        values = {own.name: getattr(self, own.name) for own in fields(self)}
        return {
            name: float(value)
            for name, value in values.items()
            if isinstance(value, int | float)
            and not isinstance(value, bool)
            and name not in self.settings
        }

    @abc.abstractmethod
    def render(self, inputs: Inputs) -> Tensor:
        """The module's signal: `(batch, n_samples)`, or `(batch, 1)` where it stands still."""


def check_range(
    module: Module, name: str, least: float, most: float = math.inf, *, above: bool = False
) -> None:
    """Raise `ParameterError` if a number or range in a field reaches beyond its domain.

    Args:
        module: whose field it is.
        name: of the field.
        least: the lower end of the domain.
        most: the upper end.
        above: whether the lower end itself is out of it.
    """
    value = getattr(module, name)
    low, high = (value, value) if isinstance(value, float | int) else (value.low, value.high)
    kind = type(module).__name__
    if low < least or (above and low == least):
        must = f"above {least:g}" if above else f"at least {least:g}"
        raise ParameterError(f"{kind} {name} starts at {low:g}; it must be {must}")
    if high > most:
        raise ParameterError(f"{kind} {name} goes to {high:g}; it must be at most {most:g}")


def one_of(shape: Choice | str, values: Mapping[str, Tensor]) -> tuple[Tensor, tuple[str, ...]]:
    """One-hot weights and option names of a Choice, or of a fixed option as a choice of one."""
    if isinstance(shape, Choice):
        return values[shape.name], shape.options
    batch = next(iter(values.values()))
    return torch.ones(len(batch), 1, dtype=batch.dtype, device=batch.device), (shape,)
