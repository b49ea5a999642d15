"""Patch documents as files: read, checked whole, rendered."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.cli.options import MAX_SECONDS, SAMPLE_RATES_HZ
from synthgym.errors import ParameterError, PatchError, SynthgymError, unknown_name
from synthgym.synth import Clock, Patch, chains, document, graph
from synthgym.synth.params import Choice, Spec, Switch

MAX_BYTES = 1_000_000
"""A larger file is no patch."""

_SWITCHED = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}

_SAME = 1e-4
"""Relative difference up to which a physical value is the unit vector's own, rounded."""


@dataclass(frozen=True, eq=False)
class OpenedPatch:
    """A patch that can be rendered."""

    patch: Patch
    unit: torch.Tensor
    """(d,) float64 in [0, 1]."""
    clock: Clock


def find_patch(name: str) -> Patch:
    """The patch of a chain's name, of a patch file, or of a document that `match` wrote.

    Raises:
        UnknownNameError: there is neither a chain nor a file of that name.
        PatchError: the file cannot be used.
        OSError: it cannot be read.
    """
    path = Path(name)
    if name in chains.names():
        return chains.build(name)
    if not path.suffix and not path.exists():
        raise unknown_name("chain (nor is there a file of that name)", name, chains.names())
    fields = graph.read(path)
    if not isinstance(fields, dict) or fields.get("format") not in document.FORMATS:
        return graph.load(path)
    try:
        return document.load(fields)[0]
    except PatchError as error:
        raise PatchError(f"{path}: {error}") from error


def open_patch(
    name: str, use: Literal["unit", "parameters"] | None = None, seed: int | None = None
) -> OpenedPatch:
    """What `render` takes: a document that `match` wrote, a patch of one's own, a chain's name.

    A patch without a unit vector gets the middle of all ranges, or a random one; of a Choice the
    middle is the first option, of a switch it is on.

    Args:
        name: path of the document or patch, or name of the chain.
        use: as `read_patch`; for documents only.
        seed: of the random unit vector; for patches without one only.

    Raises:
        ParameterError: `use` or `seed` does not go with this kind of file.
        PatchError, UnknownNameError, OSError: as `read_patch` and `find_patch`.
    """
    path = Path(name)
    if _holds_a_sound(path):
        if seed is not None:
            raise ParameterError(f"{path} says which sound it is; --seed is for patches without")
        return read_patch(path, use)
    patch = find_patch(name)
    if use is not None:
        raise ParameterError(f"{name} is a patch without a sound: there is no {use} to --use")
    if seed is None:
        unit = torch.full((patch.space.dimension,), 0.5, dtype=torch.float64)
    else:
        generator = torch.Generator().manual_seed(seed)
        unit = torch.rand(patch.space.dimension, dtype=torch.float64, generator=generator)
    return OpenedPatch(patch, unit, Clock())


def _holds_a_sound(path: Path) -> bool:
    """Whether this is to be read as a document with a unit vector, or refused as one."""
    if path.suffix.lower() == ".toml" or (not path.suffix and not path.exists()):
        return False
    fields = _read_json(path)
    return not (isinstance(fields, dict) and fields.get("format") == graph.FORMAT)


def with_settings(opened: OpenedPatch, settings: Sequence[str]) -> OpenedPatch:
    """The same patch with some parameters set.

    Args:
        opened: the patch.
        settings: `node.parameter=value`, in the parameter's unit.

    Raises:
        ParameterError: a setting is no such text, or its value is not allowed.
        UnknownNameError: there is no such node, parameter or option.
    """
    if not settings:
        return opened
    space = opened.patch.space
    kinds = {f"{node}.{spec.name}": spec for node, spec in space.specs}
    described = space.describe(opened.unit)
    values = {
        node: {name: entry["value"] for name, entry in group.items()}
        for node, group in described.items()
    }
    for setting in settings:
        place, equals, text = (part.strip() for part in setting.partition("="))
        if not equals:
            raise ParameterError(f"--set is {setting!r}; write node.parameter=value")
        if place not in kinds:
            raise unknown_name("parameter", place, kinds)
        node, _, name = place.rpartition(".")
        values[node][name] = _value(place, text, kinds[place])
    return replace(opened, unit=space.encode(values))


def _value(place: str, text: str, spec: Spec) -> float | str | bool:
    if isinstance(spec, Choice):
        return text
    if isinstance(spec, Switch):
        if text.lower() not in _SWITCHED:
            raise ParameterError(f"--set {place}={text}: a switch is set to on or off")
        return _SWITCHED[text.lower()]
    try:
        return float(text)
    except ValueError:
        unit = f" of {spec.unit}" if spec.unit else ""
        raise ParameterError(f"--set {place}={text}: give a number{unit}") from None


def read_patch(path: Path, use: Literal["unit", "parameters"] | None) -> OpenedPatch:
    """Read a patch document.

    It holds the patch twice: as a unit vector and in physical units. Where somebody has edited
    one of them, the two differ, and it takes `use` to tell which is meant.

    Args:
        path: the JSON file.
        use: what to render; None demands that both agree.

    Raises:
        PatchError: the file is no patch document, a field is missing or wrong, or unit vector and
            parameters differ. Names the file.
        OSError: the file cannot be read.
    """
    fields = _read_json(path)
    try:
        patch, unit, clock = document.load(fields)
        _check_clock(clock)
        if use != "unit":
            values = _values(fields)
            if use == "parameters":
                unit = patch.space.encode(values)
            else:
                _check_agreement(values, patch, unit)
    except SynthgymError as error:
        raise PatchError(f"{path}: {error}") from error
    except OverflowError as error:  # whole numbers in JSON may be of any length
        raise PatchError(f"{path}: a number is out of all range ({error})") from error
    return OpenedPatch(patch, unit, clock)


def resized(opened: OpenedPatch, sample_rate: int | None, seconds: float | None) -> OpenedPatch:
    """The same patch at another sample rate or length; None keeps the document's."""
    rate = opened.clock.sample_rate if sample_rate is None else sample_rate
    length_s = opened.clock.duration_s if seconds is None else seconds
    return replace(opened, clock=Clock(rate, max(round(length_s * rate), 1)))


def render_patch(opened: OpenedPatch) -> NDArray[np.float32]:
    """The sound of the patch, (n_samples,)."""
    with torch.no_grad():
        unit = opened.unit.to(torch.float32)[None]
        samples: NDArray[np.float32] = opened.patch.render(unit, opened.clock)[0].numpy()
    return samples


def _read_json(path: Path) -> Any:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PatchError(f"{path}: more than {MAX_BYTES:,} bytes; this is no patch document")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PatchError(
            f"{path}: not JSON ({error}); give the .patch.json that `synthgym match` wrote"
        ) from error


def _check_clock(clock: Clock) -> None:
    lowest_hz, highest_hz = SAMPLE_RATES_HZ
    if not lowest_hz <= clock.sample_rate <= highest_hz:
        raise PatchError(
            f"clock.sample_rate is {clock.sample_rate}; it must be from {lowest_hz} to "
            f"{highest_hz} Hz"
        )
    if clock.duration_s > MAX_SECONDS:
        raise PatchError(
            f"clock is {clock.duration_s:g} s long; up to {MAX_SECONDS:g} s can be rendered"
        )


def _values(fields: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The physical values of a document, `values[node][parameter]`."""
    parameters = fields.get("parameters")
    if not isinstance(parameters, dict):
        raise PatchError(
            "parameters is missing or no object; render the unit vector alone with --use unit"
        )
    values: dict[str, dict[str, Any]] = {}
    for node, group in parameters.items():
        if not isinstance(group, dict):
            raise PatchError(f"parameters.{node} is {group!r}; it must be an object")
        for name, entry in group.items():
            value = entry.get("value") if isinstance(entry, dict) else None
            if not isinstance(value, float | int | str):
                raise PatchError(
                    f"parameters.{node}.{name} is {entry!r}; it must be an object with a value"
                )
            values.setdefault(node, {})[name] = value
    return values


def _check_agreement(
    values: Mapping[str, Mapping[str, Any]], patch: Patch, unit: torch.Tensor
) -> None:
    """Raise where the physical values are not those of the unit vector."""
    patch.space.encode(values)  # complete, no unknown names, all in range
    for node, group in patch.space.describe(unit).items():
        for name, entry in group.items():
            written, meant = values[node][name], entry["value"]
            if not _same(written, meant):
                raise ParameterError(
                    f"parameters.{node}.{name} is {written!r}, but the unit vector says {meant!r}; "
                    "say which to render: --use parameters or --use unit"
                )


def _same(written: Any, meant: Any) -> bool:
    numbers = [v for v in (written, meant) if isinstance(v, float | int) and v is not True]
    if len(numbers) == 2 and not isinstance(meant, bool):
        return math.isclose(written, meant, rel_tol=_SAME, abs_tol=1e-9)
    return bool(written == meant)
