"""The parameter loss on unit vectors (arXiv 2401.12570, equation 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor

from synthgym.errors import ParameterError, unknown_name
from synthgym.losses.base import check_sides
from synthgym.losses.terms import Norm, check_norm

_KINDS = ("linear", "log", "choice", "switch")


@dataclass(frozen=True)
class ParameterLayout:
    """Which entries of a unit vector are numbers, and which choose.

    Args:
        continuous: entries that are numbers.
        choices: for each Choice its first entry and one past its last.
        switches: entries that are on from 0.5.
        dimension: length of the unit vector.

    Raises:
        ParameterError: an entry is out of range, or belongs to two.
    """

    continuous: tuple[int, ...]
    choices: tuple[tuple[int, int], ...] = ()
    switches: tuple[int, ...] = ()
    dimension: int = field(kw_only=True)

    def __post_init__(self) -> None:
        chosen = [entry for first, end in self.choices for entry in range(first, end)]
        entries = [*self.continuous, *chosen, *self.switches]
        if len(set(entries)) != len(entries):
            raise ParameterError(f"entries {sorted(entries)}: one belongs to two parameters")
        if entries and not 0 <= min(entries) <= max(entries) < self.dimension:
            raise ParameterError(
                f"entries go from {min(entries)} to {max(entries)}; "
                f"they must be from 0 to {self.dimension - 1}"
            )

    @classmethod
    def of(cls, parameters: Iterable[tuple[str, int]]) -> ParameterLayout:
        """The layout of parameters in order: for each its kind and its number of entries.

        Of a patch: `ParameterLayout.of((type(spec).__name__, len(spec.entry_names)) for _, spec in
        patch.space.specs)`.

        Args:
            parameters: kinds are `"linear"`, `"log"`, `"choice"` and `"switch"`, in any case.

        Raises:
            UnknownNameError: another kind.
        """
        entries: dict[str, list[int]] = {kind: [] for kind in _KINDS}
        choices: list[tuple[int, int]] = []
        at = 0
        for kind, width in parameters:
            if kind.lower() not in _KINDS:
                raise unknown_name("kind of parameter", kind, _KINDS)
            if kind.lower() == "choice":
                choices.append((at, at + width))
            else:
                entries[kind.lower()].extend(range(at, at + width))
            at += width
        numbers = sorted(entries["linear"] + entries["log"])
        return cls(tuple(numbers), tuple(choices), tuple(entries["switch"]), dimension=at)


@dataclass(frozen=True)
class ParameterLoss:
    """Sum over parameters of the difference of numbers and the cross-entropy of choices.

    In unit entries, so that a parameter's range does not matter. A Choice's entries over
    `temperature` are logits, its target is the option that wins there; a Switch is a choice of two
    by its distance from 0.5. As any cross-entropy that part is above 0 at equality too, but where
    the entries leave no doubt. Takes unit vectors in place of sounds.

    Args:
        layout: what the entries are.
        norm: 1 for absolute, 2 for squared differences of numbers.
        temperature: of the softmax, in unit entries; `Choice`'s own default is the same.
        name: for reports.

    Raises:
        ParameterError: another norm, or a temperature that is not above 0.
    """

    layout: ParameterLayout
    norm: Norm = 1
    temperature: float = 0.25
    name: str = field(default="parameters", kw_only=True)

    def __post_init__(self) -> None:
        check_norm(self.norm)
        if not self.temperature > 0:
            raise ParameterError(f"temperature is {self.temperature}; it must be above 0")

    def embed(self, unit: Tensor) -> Tensor:
        """Unit vectors `(batch, dimension)`, as they are.

        Raises:
            ParameterError: another shape.
        """
        if unit.ndim != 2 or unit.shape[1] != self.layout.dimension:
            raise ParameterError(
                f"unit has shape {tuple(unit.shape)}; it must be (batch, {self.layout.dimension})"
            )
        return unit

    def compare(self, embedded: Tensor, embedded_target: Tensor) -> Tensor:
        """Losses `(batch,)` of unit vectors; the target's batch may be one.

        Raises:
            ParameterError: dtypes or devices differ, or the target's batch is neither as large nor
                one.
        """
        check_sides(embedded, embedded_target)
        unit, target = embedded, embedded_target.expand(len(embedded), -1)
        layout = self.layout
        error = unit[:, list(layout.continuous)] - target[:, list(layout.continuous)]
        total: Tensor = (error.abs() if self.norm == 1 else error.square()).sum(1)
        for first, end in layout.choices:
            logits, winner = unit[:, first:end] / self.temperature, target[:, first:end].argmax(1)
            total = total + F.cross_entropy(logits, winner, reduction="none")
        if layout.switches:
            logits = (unit[:, list(layout.switches)] - 0.5) / self.temperature
            on = (target[:, list(layout.switches)] >= 0.5).to(unit.dtype)
            each = F.binary_cross_entropy_with_logits(logits, on, reduction="none")
            total = total + each.sum(1)
        return total

    def __call__(self, unit: Tensor, target: Tensor) -> Tensor:
        """Losses `(batch,)` of unit vectors and targets, both `(batch, dimension)`."""
        return self.compare(self.embed(unit), self.embed(target))
