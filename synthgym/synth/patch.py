"""A patch: a graph of named modules, checked when built, rendered as a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Literal, overload

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.errors import ParameterError, PatchError, unknown_name
from synthgym.synth.clock import Clock
from synthgym.synth.modules.base import Inputs, Module
from synthgym.synth.params import ParamSpace, Spec, Switch


@dataclass(frozen=True)
class Switched:
    """A connection that the unit vector can open and close.

    Args:
        source: name of the node that the signal comes from.
    """

    source: str


Connection = str | Switched

ACTIVE = "active"

# Without gradients, rows are rendered so many samples at a time, so that a batch of any size needs
# no more memory. Patches of many nodes go by fewer: a node then finds the signals of those before
# it in the cache. Those of few gain nothing by that, and lose by the calls.
MANY_NODES = 8
CACHE_SAMPLES = 1 << 19
MEMORY_SAMPLES = 1 << 23


@dataclass(frozen=True)
class Node:
    """A named module and where its inputs come from.

    Args:
        name: unique within the patch.
        module: what it computes.
        inputs: by port: a node's name, a `Switched` one, or a tuple of these where the port takes
            many.
        position: DiffMoog's (channel, layer) cell, kept for reference.
        switched: whether the unit vector can turn the node off, by a Switch named `active`. Off, a
            module with a port `audio` passes that on, any other is silent.
    """

    name: str
    module: Module
    inputs: Mapping[str, Connection | tuple[Connection, ...]] = field(default_factory=dict)
    position: tuple[int, int] | None = None
    switched: bool = False

    @property
    def connections(self) -> list[tuple[str, Connection]]:
        """`(port, connection)` in order, one for each signal."""
        pairs: list[tuple[str, Connection]] = []
        for port, given in self.inputs.items():
            pairs.extend((port, c) for c in (given if isinstance(given, tuple) else (given,)))
        return pairs

    @property
    def specs(self) -> tuple[Spec, ...]:
        """Parameters of the module, and Switches of the node and of its switched connections."""
        connections = tuple(
            Switch(_switch_name(port, c)) for port, c in self.connections if isinstance(c, Switched)
        )
        return self.module.specs + ((Switch(ACTIVE),) if self.switched else ()) + connections


@dataclass(frozen=True)
class Rendered:
    """A rendering with the signal of every node.

    Args:
        audio: the output, `(batch, n_samples)`.
        taps: by node name, `(batch, n_samples)` each.
    """

    audio: Tensor
    taps: Mapping[str, Tensor]


@dataclass(frozen=True)
class Patch:
    """A graph of nodes, driven by a unit vector.

    Args:
        nodes: in any order; the order of the unit vector's entries is theirs.
        output: name of the node that is heard; by default the one that feeds no other.

    Raises:
        PatchError: a node or parameter name is used twice, a port does not exist or is missing its
            input, the graph has a cycle, or there is not exactly one candidate for the output.
        UnknownNameError: a connection or `output` names a node that does not exist.
    """

    nodes: tuple[Node, ...]
    output: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        if not self.nodes:
            raise PatchError("the patch has no nodes; give it at least one")
        names = [node.name for node in self.nodes]
        for name in names:
            if names.count(name) > 1:
                raise PatchError(f"two nodes are named {name!r}; rename one")
        for node in self.nodes:
            _check_connections(node, names)
        if self.output and self.output not in names:
            raise unknown_name("output node", self.output, names)
        _ = self._order
        object.__setattr__(self, "output", self.output or _only_sink(self.nodes))

    @cached_property
    def space(self) -> ParamSpace:
        """The parameters of all nodes."""
        return ParamSpace(tuple((node.name, spec) for node in self.nodes for spec in node.specs))

    @cached_property
    def _order(self) -> tuple[Node, ...]:
        by_name = {node.name: node for node in self.nodes}
        graph = {n.name: [_source(c) for _, c in n.connections] for n in self.nodes}
        try:
            return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
        except CycleError as error:
            cycle = " -> ".join(error.args[1])
            raise PatchError(f"the connections form a cycle: {cycle}; break it") from None

    @overload
    def render(
        self,
        unit: Tensor,
        clock: Clock,
        taps: Literal[False] = False,
        generator: torch.Generator | None = None,
    ) -> Tensor: ...
    @overload
    def render(
        self,
        unit: Tensor,
        clock: Clock,
        taps: Literal[True],
        generator: torch.Generator | None = None,
    ) -> Rendered: ...
    def render(
        self,
        unit: Tensor,
        clock: Clock,
        taps: bool = False,
        generator: torch.Generator | None = None,
    ) -> Tensor | Rendered:
        """Render unit vectors to sound; a pure function, differentiable, each row on its own.

        Args:
            unit: `(batch, dimension)` in [0, 1]; sets device and precision.
            clock: time base.
            taps: return a `Rendered` with the signal of every node.
            generator: where given, Choices are sampled with Gumbel noise from it.

        Returns:
            Audio `(batch, n_samples)`, or `Rendered`.

        Raises:
            ParameterError: wrong shape or dtype.
        """
        decoded = self.space.decode(unit, generator)
        if taps:
            signals = self._signals(decoded, unit, clock)
            whole = {name: _whole(signal, clock) for name, signal in signals.items()}
            return Rendered(whole[self.output], whole)
        most = CACHE_SAMPLES if len(self.nodes) >= MANY_NODES else MEMORY_SAMPLES
        n_together = max(1, most // clock.n_samples)
        if len(unit) <= n_together or not _separable(unit):
            return _whole(self._signals(decoded, unit, clock)[self.output], clock)
        audio = unit.new_empty(len(unit), clock.n_samples)
        for first in range(0, len(unit), n_together):
            rows = slice(first, first + n_together)
            own = {
                node: {name: value[rows] for name, value in values.items()}
                for node, values in decoded.items()
            }
            audio[rows] = self._signals(own, unit[rows], clock)[self.output]
        return audio

    def _signals(
        self, decoded: Mapping[str, Mapping[str, Tensor]], unit: Tensor, clock: Clock
    ) -> dict[str, Tensor]:
        """Every node's signal, by name."""
        signals: dict[str, Tensor] = {}
        for node in self._order:
            own = decoded.get(node.name, {})
            values = _with_constants(node.module, own, unit)
            inputs = Inputs(values, _gather(node, own, signals), clock, node.name)
            signal = node.module.render(inputs)
            signals[node.name] = _gated(signal, inputs) if node.switched else signal
        return signals

    def unit(self, values: Mapping[str, Mapping[str, float | str | bool]]) -> Tensor:
        """The unit vector `(dimension,)`, float64, of physical values; see `ParamSpace.encode`."""
        return self.space.encode(values)


def check_unit_values(unit: Tensor) -> None:
    """Raise `ParameterError` if an entry of a unit vector is not finite or outside [0, 1]."""
    if not bool(torch.isfinite(unit).all()):
        raise ParameterError("unit holds NaN or infinity; every entry must be in [0, 1]")
    if not bool(((unit >= 0) & (unit <= 1)).all()):
        raise ParameterError(
            f"unit has entries from {float(unit.min()):g} to {float(unit.max()):g}; "
            "every entry must be in [0, 1]"
        )


def _separable(unit: Tensor) -> bool:
    """Whether rows may be rendered one after the other: on the CPU, with no derivative to keep."""
    needs_gradient = torch.is_grad_enabled() and unit.requires_grad
    return unit.device.type == "cpu" and not needs_gradient and not kernels.has_tangent(unit)


def _whole(signal: Tensor, clock: Clock) -> Tensor:
    """A signal of all samples, also of a control that stands still."""
    if signal.shape[1] == clock.n_samples:
        return signal
    return signal.expand(-1, clock.n_samples).contiguous()


def _gated(signal: Tensor, inputs: Inputs) -> Tensor:
    """A switched node's signal: its own where it is on, else what came in, or silence."""
    on = inputs.values[ACTIVE][:, None]
    past = inputs.signal("audio")
    return on * signal if past is None else on * signal + (1 - on) * past


def _source(connection: Connection) -> str:
    return connection.source if isinstance(connection, Switched) else connection


def _switch_name(port: str, connection: Switched) -> str:
    return f"{port}_from_{connection.source}"


def _check_connections(node: Node, names: list[str]) -> None:
    ports = {port.name: port for port in node.module.ports}
    kind = type(node.module).__name__
    for port, given in node.inputs.items():
        if port not in ports:
            error = unknown_name(f"port of node {node.name!r} ({kind})", port, ports)
            raise PatchError(str(error))
        if isinstance(given, tuple) and not ports[port].many:
            raise PatchError(
                f"node {node.name!r}: port {port!r} of {kind} takes one signal, not {len(given)}; "
                "put a Mix in front of it"
            )
    for _, connection in node.connections:
        if _source(connection) not in names:
            raise unknown_name(f"node, an input of {node.name!r},", _source(connection), names)
    connected = {port for port, _ in node.connections}
    for name, expected in ports.items():
        if not expected.optional and name not in connected:
            raise PatchError(
                f"node {node.name!r}: port {name!r} of {kind} has no input; connect it"
            )
    entries = [spec.name for spec in node.specs]
    for entry in entries:
        if entries.count(entry) > 1:
            raise PatchError(
                f"node {node.name!r} has two parameters named {entry!r}; connect each source only "
                "once to a port"
            )


def _only_sink(nodes: Iterable[Node]) -> str:
    used = {_source(c) for node in nodes for _, c in node.connections}
    sinks = [node.name for node in nodes if node.name not in used]
    if len(sinks) != 1:
        raise PatchError(f"nodes that feed no other: {', '.join(sinks)}; name one as the output")
    return sinks[0]


def _with_constants(
    module: Module, values: Mapping[str, Tensor], unit: Tensor
) -> Mapping[str, Tensor]:
    constants = module.constants
    if not constants:
        return values
    full = {name: unit.new_full((len(unit),), value) for name, value in constants.items()}
    return {**full, **values}


def _gather(
    node: Node, values: Mapping[str, Tensor], signals: Mapping[str, Tensor]
) -> dict[str, tuple[Tensor, ...]]:
    gathered: dict[str, tuple[Tensor, ...]] = {}
    for port, connection in node.connections:
        signal = signals[_source(connection)]
        if isinstance(connection, Switched):
            signal = signal * values[_switch_name(port, connection)][:, None]
        gathered[port] = (*gathered.get(port, ()), signal)
    return gathered
