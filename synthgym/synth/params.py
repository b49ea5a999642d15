"""Parameters: one definition owns name, unit, range and both maps to the unit interval.

A patch with `d` entries is driven by a unit vector of shape `(batch, d)` in [0, 1]. `Linear`,
`Log` and `Switch` take one entry, a `Choice` of `k` options takes `k`, its value is the arg-max.
Discrete values are always hard in the forward pass; their backward pass is straight-through
(Bengio et al. 2013, arXiv 1308.3432; with Gumbel noise: Jang et al. 2017, arXiv 1611.01144).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from synthgym.errors import ParameterError, unknown_name

Value = float | str | bool

LEAST_TEMPERATURE = 1e-3
"""Of a Choice: with entries in [0, 1], a lower one makes its softmax a step, or infinite."""


def _check_range(kind: str, name: str, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ParameterError(f"{kind}({name!r}) has range [{low}, {high}]; low must be below high")


def _check_in_range(name: str, value: Value, low: float, high: float, unit: str) -> float:
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ParameterError(f"{name} is {value!r}; it must be a finite number")
    slack = 1e-6 * (high - low)
    if not low - slack <= value <= high + slack:
        raise ParameterError(f"{name} is {value} {unit}; its range is [{low}, {high}] {unit}")
    return min(max(float(value), low), high)


@dataclass(frozen=True)
class Linear:
    """A number spread evenly over [low, high].

    Args:
        name: parameter name, unique within its module.
        low: value at unit 0.
        high: value at unit 1.
        unit: physical unit, such as `"s"`.
    """

    name: str
    low: float
    high: float
    unit: str = ""

    def __post_init__(self) -> None:
        _check_range("Linear", self.name, self.low, self.high)

    @property
    def entry_names(self) -> tuple[str, ...]:
        """Names of the entries in the unit vector."""
        return (self.name,)

    def to_unit(self, value: Value) -> tuple[float, ...]:
        """Unit entries of a physical value. Raises `ParameterError` outside the range."""
        number = _check_in_range(self.name, value, self.low, self.high, self.unit)
        return ((number - self.low) / (self.high - self.low),)


@dataclass(frozen=True)
class Log:
    """A positive number spread evenly in its logarithm over [low, high].

    Args:
        name: parameter name, unique within its module.
        low: value at unit 0, above zero.
        high: value at unit 1.
        unit: physical unit, such as `"Hz"`.
    """

    name: str
    low: float
    high: float
    unit: str = ""

    def __post_init__(self) -> None:
        _check_range("Log", self.name, self.low, self.high)
        if self.low <= 0:
            raise ParameterError(f"Log({self.name!r}) has low {self.low}; it must be above 0")

    @property
    def entry_names(self) -> tuple[str, ...]:
        """Names of the entries in the unit vector."""
        return (self.name,)

    def to_unit(self, value: Value) -> tuple[float, ...]:
        """Unit entries of a physical value. Raises `ParameterError` outside the range."""
        number = _check_in_range(self.name, value, self.low, self.high, self.unit)
        return (math.log(number / self.low) / math.log(self.high / self.low),)


@dataclass(frozen=True)
class Choice:
    """One of `k` named options; takes `k` entries, the largest wins (the first of equals).

    Args:
        name: parameter name, unique within its module.
        options: at least two different names.
        temperature: of the softmax that the backward pass goes through, in unit entries; at least
            `LEAST_TEMPERATURE`, below which no entry has a gradient to speak of.
    """

    name: str
    options: tuple[str, ...]
    temperature: float = 0.25

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        if len(set(self.options)) < 2 or len(set(self.options)) != len(self.options):
            raise ParameterError(
                f"Choice({self.name!r}) has options {self.options}; give two or more different ones"
            )
        if not LEAST_TEMPERATURE <= self.temperature < math.inf:
            raise ParameterError(
                f"Choice({self.name!r}) has temperature {self.temperature}; it must be finite and "
                f"at least {LEAST_TEMPERATURE}"
            )

    @property
    def entry_names(self) -> tuple[str, ...]:
        """Names of the entries in the unit vector, `"shape=saw"`."""
        return tuple(f"{self.name}={option}" for option in self.options)

    def to_unit(self, value: Value) -> tuple[float, ...]:
        """Unit entries of an option: 1 for it, 0 for the others."""
        if value not in self.options:
            raise unknown_name(f"option of {self.name}", str(value), self.options)
        return tuple(1.0 if option == value else 0.0 for option in self.options)

    def weights(self, unit: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One-hot weights `(batch, k)` of unit entries `(batch, k)`, with a softmax gradient.

        Args:
            unit: entries of this choice.
            generator: where given, Gumbel noise from it is added to the logits first.
        """
        logits = unit / self.temperature
        if generator is not None:
            uniform = torch.rand(
                unit.shape, generator=generator, dtype=unit.dtype, device=unit.device
            )
            tiny = torch.finfo(unit.dtype).tiny
            exponential = -torch.log(uniform.clamp_min(tiny))
            logits = logits - torch.log(exponential.clamp_min(tiny))
        hard = torch.zeros_like(logits).scatter_(-1, logits.argmax(-1, keepdim=True), 1.0)
        if not (torch.is_grad_enabled() and unit.requires_grad):
            return hard
        soft = torch.softmax(logits, -1)
        return hard + (soft - soft.detach())


@dataclass(frozen=True)
class Switch:
    """On or off in one entry: on at 0.5 and above; the backward pass is the identity."""

    name: str

    @property
    def entry_names(self) -> tuple[str, ...]:
        """Names of the entries in the unit vector."""
        return (self.name,)

    def to_unit(self, value: Value) -> tuple[float, ...]:
        """Unit entries: 1 for on, 0 for off."""
        if value not in (0, 1, True, False):
            raise ParameterError(f"switch {self.name} is {value!r}; it must be True or False")
        return (1.0 if value else 0.0,)

    def gate(self, unit: Tensor) -> Tensor:
        """0 or 1, `(batch,)`, from unit entries `(batch,)`, with a straight-through gradient."""
        hard = (unit >= 0.5).to(unit.dtype)
        if not (torch.is_grad_enabled() and unit.requires_grad):
            return hard
        return hard + (unit - unit.detach())


Spec = Linear | Log | Choice | Switch


@dataclass(frozen=True)
class ParamSpace:
    """All parameters of a patch in order: names and units on one side, a unit vector on the other.

    Args:
        specs: `(node name, spec)` in order; entries of the unit vector follow it.
    """

    specs: tuple[tuple[str, Spec], ...]

    @property
    def names(self) -> list[str]:
        """Name of each entry: `"osc.freq"`, `"osc.shape=saw"`."""
        return [f"{node}.{entry}" for node, spec in self.specs for entry in spec.entry_names]

    @cached_property
    def dimension(self) -> int:
        """Number of entries of the unit vector."""
        return sum(self._widths)

    @cached_property
    def _widths(self) -> tuple[int, ...]:
        """How many entries each parameter takes."""
        return tuple(len(spec.entry_names) for _, spec in self.specs)

    def check(self, unit: Tensor) -> Tensor:
        """The unit vector if its shape is `(batch, dimension)`; raises `ParameterError` if not."""
        if not isinstance(unit, Tensor):
            raise ParameterError(
                f"unit is a {type(unit).__name__}; it must be a tensor: torch.as_tensor(unit)"
            )
        if unit.ndim != 2 or unit.shape[1] != self.dimension:
            raise ParameterError(
                f"unit has shape {tuple(unit.shape)}; it must be (batch, {self.dimension}), "
                f"one entry for each of: {', '.join(self.names) or 'none'}"
            )
        if unit.dtype not in (torch.float32, torch.float64):
            raise ParameterError(f"unit has dtype {unit.dtype}; it must be float32 or float64")
        return unit

    def decode(
        self, unit: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, dict[str, Tensor]]:
        """Physical values of unit vectors, by node and parameter.

        Args:
            unit: `(batch, dimension)` in [0, 1].
            generator: where given, Choices are sampled with Gumbel noise from it.

        Returns:
            `values[node][parameter]`: `(batch,)` in the parameter's unit, for a Switch 0 or 1,
            for a Choice one-hot weights `(batch, k)`.

        Raises:
            ParameterError: wrong shape or dtype.
        """
        self.check(unit)
        low, span, log_span, is_log = _range_tensors(self.specs, unit.dtype, unit.device)
        physical = torch.where(is_log, low * torch.exp(unit * log_span), low + unit * span)
        columns = physical.unbind(1)
        values: dict[str, dict[str, Tensor]] = {}
        at = 0
        for (node, spec), width in zip(self.specs, self._widths, strict=True):
            into = values.setdefault(node, {})
            if isinstance(spec, Choice):
                into[spec.name] = spec.weights(unit[:, at : at + width], generator)
            elif isinstance(spec, Switch):
                into[spec.name] = spec.gate(unit[:, at])
            else:
                into[spec.name] = columns[at]
            at += width
        return values

    def encode(self, values: Mapping[str, Mapping[str, Value]]) -> Tensor:
        """The unit vector `(dimension,)`, float64, of physical values.

        Args:
            values: `values[node][parameter]`, one for every parameter.

        Raises:
            ParameterError: a value is missing or outside its range.
            UnknownNameError: a node, parameter or option does not exist.
        """
        owned: dict[str, list[str]] = {}
        for node, spec in self.specs:
            owned.setdefault(node, []).append(spec.name)
        for node, group in values.items():
            if node not in owned:
                raise unknown_name("node", node, owned)
            for name in group:
                if name not in owned[node]:
                    raise unknown_name(f"parameter of {node}", name, owned[node])
        entries: list[float] = []
        for node, spec in self.specs:
            if node not in values or spec.name not in values[node]:
                raise ParameterError(
                    f"no value for {node}.{spec.name}; give one for every parameter"
                )
            entries.extend(spec.to_unit(values[node][spec.name]))
        return torch.tensor(entries, dtype=torch.float64)

    def describe(self, x: Sequence[float] | Tensor) -> dict[str, dict[str, dict[str, Value]]]:
        """Physical values of one unit vector, readable: `{"osc": {"freq": {"value", "unit"}}}`.

        Args:
            x: `(dimension,)` in [0, 1].
        """
        unit = torch.as_tensor(x, dtype=torch.float64).detach().reshape(1, -1)
        decoded = self.decode(unit)
        readable: dict[str, dict[str, dict[str, Value]]] = {}
        for node, spec in self.specs:
            tensor = decoded[node][spec.name][0]
            value: Value
            if isinstance(spec, Choice):
                value, physical_unit = spec.options[int(tensor.argmax())], ""
            elif isinstance(spec, Switch):
                value, physical_unit = bool(tensor > 0), ""
            else:
                value, physical_unit = float(tensor), spec.unit
            readable.setdefault(node, {})[spec.name] = {"value": value, "unit": physical_unit}
        return readable


@lru_cache(maxsize=64)
def _range_tensors(
    specs: tuple[tuple[str, Spec], ...], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Low, span, log span and "is it logarithmic" of each entry, as rows for `decode`."""
    rows: list[tuple[float, float, float, bool]] = []
    for _, spec in specs:
        if isinstance(spec, Linear):
            rows.append((spec.low, spec.high - spec.low, 0.0, False))
        elif isinstance(spec, Log):
            rows.append((spec.low, 0.0, math.log(spec.high / spec.low), True))
        else:
            rows.extend([(0.0, 1.0, 0.0, False)] * len(spec.entry_names))
    low, span, log_span, is_log = zip(*rows, strict=True) if rows else ((), (), (), ())

    def row(entries: Sequence[float]) -> Tensor:
        return torch.tensor(entries, dtype=dtype, device=device)

    # Kept for later calls, which may need gradients: so never an inference tensor.
    with torch.inference_mode(False):
        mask = torch.tensor(is_log, dtype=torch.bool, device=device)
        return row(low), row(span), row(log_span), mask
