"""A patch: a graph of named modules, checked when built, rendered as a pure function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Literal, overload

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.errors import ParameterError, PatchError, unknown_name
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.control import control_clock, interpolated, samples_per_point
from synthgym.synth.modules.base import ACTIVE, Inputs, Module
from synthgym.synth.params import ParamSpace, Spec, Switch
from synthgym.synth.shares import KEPT_SAMPLES, rendered_in_shares, shares, traced_in_shares
from synthgym.synth.unit_values import check_unit_values


@dataclass(frozen=True)
class Switched:
    """A connection that the unit vector can open and close.

    Args:
        source: name of the node that the signal comes from.
    """

    source: str


Connection = str | Switched


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
        rate_hz: renders the node at so many points a second, or a few more: at a rate that divides
            the sample rate. What it feeds is given straight lines between them. For controls.

    Raises:
        PatchError: `rate_hz` is not above 0.
    """

    name: str
    module: Module
    inputs: Mapping[str, Connection | tuple[Connection, ...]] = field(default_factory=dict)
    position: tuple[int, int] | None = None
    switched: bool = False
    rate_hz: float | None = None

    def __post_init__(self) -> None:
        if self.rate_hz is not None and not 0 < self.rate_hz < float("inf"):
            raise PatchError(
                f"node {self.name!r}: rate_hz is {self.rate_hz}; it must be a number above 0, or "
                "left out for a value at each sample"
            )

    def hop(self, clock: Clock) -> int:
        """How many samples its points lie apart on a clock."""
        return samples_per_point(clock.sample_rate, self.rate_hz) if self.rate_hz else 1

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
            input, a node takes a signal of a higher rate than its own, the graph has a cycle, or
            there is not exactly one candidate for the output.
        UnknownNameError: a connection or `output` names a node that does not exist.
    """

    nodes: tuple[Node, ...]
    output: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        if not self.nodes:
            raise PatchError("the patch has no nodes; give it at least one")
        names = [node.name for node in self.nodes]
        known = dict.fromkeys(names)
        if len(known) < len(names):
            twice = next(name for name, n_times in Counter(names).items() if n_times > 1)
            raise PatchError(f"two nodes are named {twice!r}; rename one")
        for node in self.nodes:
            _check_connections(node, known)
        _check_rates(self.nodes)
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

    @cached_property
    def _used_up(self) -> dict[str, list[str]]:
        """Whose signals no later node takes in, by node."""
        last = {_source(c): node.name for node in self._order for _, c in node.connections}
        found: dict[str, list[str]] = {node.name: [] for node in self._order}
        for name, user in last.items():
            if name != self.output:
                found[user].append(name)
        return found

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
            ParameterError: wrong shape or dtype, an entry is NaN or outside [0, 1], or no clock.
        """
        if not isinstance(clock, Clock):
            raise ParameterError(
                f"clock is {clock!r:.40}; give sample rate and length: Clock(16000, 16384)"
            )
        decoded = self.space.decode(unit, generator)
        check_unit_values(unit)
        if taps:
            signals = self._signals(decoded, unit, clock)
            whole = {
                node.name: _whole(signals[node.name], node.hop(clock), clock)
                for node in self._order
            }
            return Rendered(whole[self.output], whole)
        return self._audio(decoded, unit, clock)

    def _audio(
        self, decoded: Mapping[str, Mapping[str, Tensor]], unit: Tensor, clock: Clock
    ) -> Tensor:
        """The output, of a few rows at a time where the batch is large."""
        kernels.keep_freed_memory()
        names = [(node, name) for node, values in decoded.items() for name in values]
        tensors = [decoded[node][name] for node, name in names]
        like, hops = unit.detach(), {node.name: node.hop(clock) for node in self.nodes}

        def render(rows: slice, own: Sequence[Tensor]) -> Tensor:
            values: dict[str, dict[str, Tensor]] = {}
            for (node, name), value in zip(names, own, strict=True):
                values.setdefault(node, {})[name] = value
            signal = self._signals(values, like[rows], clock, keep=False)[self.output]
            return _whole(signal, hops[self.output], clock)

        everything = slice(0, len(unit))
        pieces = shares(len(unit), clock.n_samples, len(self.nodes), unit.device)
        if len(pieces) == 1 or kernels.has_tangent(unit):
            return render(everything, tensors)
        if not (torch.is_grad_enabled() and unit.requires_grad):
            out = unit.new_empty(len(unit), clock.n_samples)
            return rendered_in_shares(render, tensors, out, pieces)
        if not kernels.serve(unit):
            return render(everything, tensors)
        n_whole = sum(hop == 1 for hop in hops.values())
        keep = len(unit) * clock.n_samples * n_whole <= KEPT_SAMPLES
        return traced_in_shares(render, tensors, clock.n_samples, pieces, keep)

    def _signals(
        self,
        decoded: Mapping[str, Mapping[str, Tensor]],
        unit: Tensor,
        clock: Clock,
        keep: bool = True,
    ) -> dict[str, Tensor]:
        """Every node's signal, by name, at the node's own rate; or only those no other takes in.

        Signals that are not kept make room as soon as they are used, for the next ones to be
        written where the cache still has them.
        """
        signals: dict[str, Tensor] = {}
        hops = {node.name: node.hop(clock) for node in self.nodes}
        for node in self._order:
            own, hop = decoded.get(node.name, {}), hops[node.name]
            gathered, apart = _gather(node, own, signals, hops, clock)
            inputs = Inputs(
                _with_constants(node.module, own, unit),
                gathered,
                control_clock(clock, hop),
                node.name,
                _folded_gates(node, own),
                apart,
            )
            signal = node.module.render(inputs)
            whole = node.switched and ACTIVE not in inputs.gates
            signals[node.name] = _gated(signal, inputs) if whole else signal
            for name in () if keep else self._used_up[node.name]:
                del signals[name]
        return signals

    def unit(self, values: Mapping[str, Mapping[str, float | str | bool]]) -> Tensor:
        """The unit vector `(dimension,)`, float64, of physical values; see `ParamSpace.encode`."""
        return self.space.encode(values)


def _whole(signal: Tensor, hop: int, clock: Clock) -> Tensor:
    """A signal of all samples, also of a control that stands still or has points of its own."""
    lines = interpolated(signal, hop, clock)
    if lines.shape[1] == clock.n_samples:
        return lines.contiguous()
    return lines.expand(-1, clock.n_samples).contiguous()


def _gated(signal: Tensor, inputs: Inputs) -> Tensor:
    """A switched node's signal: its own where it is on, else what came in, or silence."""
    on = inputs.values[ACTIVE][:, None]
    past = inputs.signal("audio")
    return on * signal if past is None else on * signal + (1 - on) * past


def _source(connection: Connection) -> str:
    return connection.source if isinstance(connection, Switched) else connection


def _switch_name(port: str, connection: Switched) -> str:
    return f"{port}_from_{connection.source}"


def _check_connections(node: Node, names: Collection[str]) -> None:
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


def _check_rates(nodes: Iterable[Node]) -> None:
    rates = {node.name: node.rate_hz for node in nodes}
    for node in nodes:
        for _, connection in node.connections:
            source = _source(connection)
            if node.rate_hz is not None and rates[source] != node.rate_hz:
                raise PatchError(
                    f"node {node.name!r} has a rate_hz of {node.rate_hz}, but its input {source!r} "
                    f"one of {rates[source]}; give both the same, or none to {node.name!r}"
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
    node: Node,
    values: Mapping[str, Tensor],
    signals: Mapping[str, Tensor],
    hops: Mapping[str, int],
    clock: Clock,
) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, int]]:
    """The signals at each port, and at which ports they are points, so many samples apart."""
    gathered: dict[str, tuple[Tensor, ...]] = {}
    apart: dict[str, int] = {}
    for port, connection in node.connections:
        source = _source(connection)
        signal = signals[source]
        if isinstance(connection, Switched) and port not in node.module.folds:
            signal = signal * values[_switch_name(port, connection)][:, None]
        if hops[source] != hops[node.name]:
            if port in node.module.glides:
                apart[port] = hops[source]
            else:
                signal = interpolated(signal, hops[source], clock)
        gathered[port] = (*gathered.get(port, ()), signal)
    return gathered, apart


def _folded_gates(node: Node, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The switches that the module applies itself."""
    gates = {
        port: values[_switch_name(port, connection)]
        for port, connection in node.connections
        if isinstance(connection, Switched) and port in node.module.folds
    }
    if node.switched and ACTIVE in node.module.folds:
        gates[ACTIVE] = values[ACTIVE]
    return gates
