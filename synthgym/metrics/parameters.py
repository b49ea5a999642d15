"""How far two unit vectors are apart: error of parameters, with interchangeable parts.

A patch's entries are known here by their names alone (`patch.space.names`, `problem.names`):
`"osc.freq"` is a number, `"osc.shape=saw"` one option of a choice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from synthgym.errors import ParameterError, unknown_name
from synthgym.metrics.base import Card, Floats, Sounds, check_pair

Block = tuple[str, ...]
"""Names of entries that belong together, such as those of one oscillator."""

ON = 0.5
"""A switch is on from this entry up."""

_NAMES = ("unit", "target_unit", "dimension")


def interchangeable(names: Iterable[str], nodes: Sequence[str]) -> tuple[Block, ...]:
    """The blocks of nodes that may be swapped without changing the sound, for `ParameterDistance`.

    Args:
        names: of the entries, such as `patch.space.names`.
        nodes: names of two nodes or more with the same parameters, such as `("osc_1", "osc_2")`.

    Raises:
        UnknownNameError: a node has no entries.
        ParameterError: there are fewer than two nodes, or their parameters differ.
    """
    owned: dict[str, dict[str, str]] = {}
    for name in names:
        node, _, entry = name.partition(".")
        owned.setdefault(node, {})[entry] = name
    if len(set(nodes)) < 2 or len(set(nodes)) != len(nodes):
        raise ParameterError(f"nodes is {tuple(nodes)}; name two or more different ones")
    for node in nodes:
        if node not in owned:
            raise unknown_name("node", node, owned)
        if owned[node].keys() != owned[nodes[0]].keys():
            different = sorted(owned[node].keys() ^ owned[nodes[0]].keys())
            raise ParameterError(
                f"nodes {nodes[0]!r} and {node!r} differ in {', '.join(different)}; only nodes "
                "with the same parameters are interchangeable"
            )
    order = list(owned[nodes[0]])
    return tuple(tuple(owned[node][entry] for entry in order) for node in nodes)


@dataclass(frozen=True)
class ParameterDistance:
    """Mean error over parameters in [0, 1], under the best exchange of interchangeable parts.

    A number counts by its absolute difference, a choice by 0 for the same option and 1 for another,
    a switch by 0 or 1.

    Args:
        names: of the entries of the unit vector, in order.
        groups: each a tuple of blocks that may be exchanged, as `interchangeable` makes them;
            the blocks of a group hold the same parameters in the same order.
        switches: names of the entries that are on or off.

    Raises:
        UnknownNameError: a group or `switches` names an entry that does not exist.
        ParameterError: an entry is named twice, or a group's blocks differ in length or kind.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[Block, ...], ...] = ()
    switches: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        grouped = [name for group in self.groups for block in group for name in block]
        for name in (*grouped, *self.switches):
            if name not in self.names:
                raise unknown_name("parameter", name, self.names)
        if not self.names:
            raise ParameterError("names is empty; give the name of each entry")
        for listed in (list(self.names), grouped):
            twice = sorted({name for name in listed if listed.count(name) > 1})
            if twice:
                raise ParameterError(f"{', '.join(twice)} named twice; name an entry once")
        for group in self.groups:
            kinds = [[self._kind(name) for name in block] for block in group]
            if len(group) < 2 or any(kind != kinds[0] for kind in kinds):
                raise ParameterError(
                    f"the blocks {group} are not interchangeable; give two or more with the same "
                    "parameters in the same order"
                )

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="parameter_error",
            unit="unit",
            better="lower",
            range=(0.0, 1.0),
            definition="mean over parameters: absolute difference of numbers, 0 or 1 for choices "
            "and switches; the smallest over exchanges of interchangeable parts",
            settings="in the unit interval of each parameter",
            level="of the sound: none",
            silence="as for any sound",
            source="this project; exchange by optimal assignment as in Hayes et al. 2025 (arXiv "
            "2506.07199)",
        )

    def __call__(self, unit: Sounds, target_unit: Sounds) -> Floats:
        """Errors `(batch,)` of unit vectors `(batch, dimension)`; the target may be one row.

        Raises:
            ParameterError: a shape does not fit.
        """
        own, theirs = _units(unit, target_unit, len(self.names))
        theirs = np.broadcast_to(theirs, own.shape)
        in_groups = {name for group in self.groups for block in group for name in block}
        alone = tuple(name for name in self.names if name not in in_groups)
        total = self._cost(own, theirs, alone, alone)
        for group in self.groups:
            total = total + self._assigned(own, theirs, group)
        return np.asarray(total / len(self._parameters(self.names)))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.names)}

    def _kind(self, name: str) -> tuple[str, bool]:
        """What makes two entries comparable: the option if they are one, and being a switch."""
        return name.partition("=")[2], name in self.switches

    def _parameters(self, names: Sequence[str]) -> dict[str, list[int]]:
        """Entries of each parameter: all options of a choice are one."""
        parameters: dict[str, list[int]] = {}
        for name in names:
            parameters.setdefault(name.partition("=")[0], []).append(self._index[name])
        return parameters

    def _cost(self, own: Floats, theirs: Floats, names: Block, others: Block) -> Floats:
        """Sum of errors `(batch,)` of the first's parameters `names` from the second's `others`."""
        total = np.zeros(len(own))
        pairs = zip(self._parameters(names).items(), self._parameters(others).values(), strict=True)
        for (name, mine), yours in pairs:
            a, b = own[:, mine], theirs[:, yours]
            if "=" in self.names[mine[0]]:
                total += a.argmax(1) != b.argmax(1)
            elif name in self.switches:
                total += (a[:, 0] >= ON) != (b[:, 0] >= ON)
            else:
                total += np.abs(a[:, 0] - b[:, 0])
        return total

    def _assigned(self, own: Floats, theirs: Floats, group: tuple[Block, ...]) -> Floats:
        """The least sum of errors `(batch,)` over which block stands for which."""
        cost = np.stack(
            [[self._cost(own, theirs, mine, yours) for yours in group] for mine in group]
        )
        matrices = np.moveaxis(cost, -1, 0)
        return np.array([matrix[linear_sum_assignment(matrix)].sum() for matrix in matrices])


@dataclass(frozen=True)
class PLoss:
    """Euclidean distance of unit vectors, entry by entry: the published "P-loss"."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="p_loss",
            unit="unit",
            better="lower",
            range=(0.0, math.inf),
            definition="‖x - y‖ of the unit vectors; at most the square root of the dimension",
            settings="in the unit cube of all entries, no exchange of parts",
            level="of the sound: none",
            silence="as for any sound",
            source="Salimi et al. (arXiv 2506.22628), P-Loss; imilas/realtime_soundmatching, which "
            "reports the median over trials",
        )

    def __call__(self, unit: Sounds, target_unit: Sounds) -> Floats:
        """Distances `(batch,)` of unit vectors `(batch, dimension)`; the target may be one row.

        Raises:
            ParameterError: a shape does not fit.
        """
        own, theirs = check_pair(unit, target_unit, _NAMES)
        return np.asarray(np.sqrt(((own - theirs) ** 2).sum(-1)))


def _units(unit: Sounds, target_unit: Sounds, dimension: int) -> tuple[Floats, Floats]:
    own, theirs = check_pair(unit, target_unit, _NAMES)
    if own.shape[1] != dimension:
        raise ParameterError(
            f"unit has {own.shape[1]} entries; the metric was made for {dimension} names"
        )
    return own, theirs
