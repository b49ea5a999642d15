"""Patches as JSON documents: a synthesizer, a clock, the unit vector, and its physical values.

The unit vector is what a rendering is made from; the physical values are there to be read. The
synthesizer is the name of a chain (`synthgym-patch-1`), or for a custom patch its whole graph
(`synthgym-patch-2`; see `synthgym.synth.graph`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from synthgym.errors import ParameterError, PatchError, UnknownNameError
from synthgym.synth import chains, graph
from synthgym.synth.clock import Clock
from synthgym.synth.patch import Patch
from synthgym.synth.unit_values import check_unit_values

FORMAT = "synthgym-patch-1"
GRAPH_FORMAT = "synthgym-patch-2"
FORMATS = (FORMAT, GRAPH_FORMAT)


def dump(
    chain: str | None, patch: Patch, unit: Tensor, clock: Clock, duration_s: float | None = None
) -> dict[str, Any]:
    """The document of a patch at a unit vector.

    Args:
        chain: name of the chain the patch was built from; None puts the whole graph in.
        patch: the patch.
        unit: `(dimension,)` in [0, 1].
        clock: time base.
        duration_s: what the chain was built with; by default the clock's length.

    Raises:
        ParameterError: the unit vector has another shape, or entries outside [0, 1].
        PatchError: the graph cannot be written; see `graph.to_document`.
    """
    if unit.shape != (patch.space.dimension,):
        raise ParameterError(
            f"unit has shape {tuple(unit.shape)}; it must be ({patch.space.dimension},)"
        )
    check_unit_values(unit[None])
    if chain is None:
        source: dict[str, Any] = {"format": GRAPH_FORMAT, "graph": graph.to_document(patch)}
    else:
        built_s = clock.duration_s if duration_s is None else duration_s
        source = {"format": FORMAT, "chain": chain, "duration_s": built_s}
    return {
        **source,
        "clock": {"sample_rate": clock.sample_rate, "n_samples": clock.n_samples},
        "unit": [float(entry) for entry in unit],
        "parameters": patch.space.describe(unit),
    }


def load(document: Mapping[str, Any]) -> tuple[Patch, Tensor, Clock]:
    """The patch, the unit vector `(dimension,)` (float64) and the clock of a document.

    Raises:
        PatchError: something is missing, of the wrong type or out of range; the message names it.
    """
    if not isinstance(document, Mapping):
        raise PatchError(f"the patch document is a {type(document).__name__}, not an object")
    if document.get("format") not in FORMATS:
        raise PatchError(
            f"format is {document.get('format')!r}; this version reads {' and '.join(FORMATS)}"
        )
    times = _field(document, "clock", dict)
    entries = _field(document, "unit", list)
    try:
        patch = _load_patch(document)
        clock = Clock(times.get("sample_rate"), times.get("n_samples"))
    except (ParameterError, UnknownNameError) as error:
        raise PatchError(f"the patch document does not fit: {error}") from None
    if len(entries) != patch.space.dimension:
        source = document["chain"] if document["format"] == FORMAT else "the graph"
        raise PatchError(f"unit has {len(entries)} entries; {source} takes {patch.space.dimension}")
    for name, entry in zip(patch.space.names, entries, strict=True):
        if isinstance(entry, bool) or not isinstance(entry, int | float) or not 0 <= entry <= 1:
            raise PatchError(f"unit entry {name} is {entry!r}; it must be a number in [0, 1]")
    return patch, torch.tensor(entries, dtype=torch.float64), clock


def _load_patch(document: Mapping[str, Any]) -> Patch:
    if document["format"] == FORMAT:
        return chains.build(_field(document, "chain", str), _number(document, "duration_s"))
    nodes = _field(document, "graph", dict)
    try:
        return graph.from_document(nodes)
    except PatchError as error:
        raise PatchError(f"graph: {error}") from error


def _field(document: Mapping[str, Any], name: str, kind: type) -> Any:
    value = document.get(name)
    if not isinstance(value, kind):
        found = "missing" if name not in document else f"a {type(value).__name__}"
        raise PatchError(f"{name} is {found}; the patch document needs it as a {kind.__name__}")
    return value


def _number(document: Mapping[str, Any], name: str) -> float:
    value = document.get(name)
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        number = math.inf
    if isinstance(value, bool) or not math.isfinite(number):
        raise PatchError(f"{name} is {value!r}; it must be a finite number")
    return number
