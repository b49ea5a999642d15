"""The fields of modules as plain values: ranges, options, switches, constants and settings."""

from __future__ import annotations

import dataclasses
import inspect
import math
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from synthgym.errors import PatchError, SynthgymError, unknown_name
from synthgym.synth import modules
from synthgym.synth.modules.base import Module
from synthgym.synth.params import Choice, Linear, Log, Switch

_SCALES: dict[str, type[Linear] | type[Log]] = {"linear": Linear, "log": Log}
_RANGE_FIELDS = ("low", "high", "unit", "scale")
_CHOICE_FIELDS = ("options", "temperature")
# Products of a few such numbers are still numbers in float32, or nearly.
_MAX_MAGNITUDE = 1e30
_MAX_DEPTH = 3


@cache
def module_types() -> Mapping[str, type[Module]]:
    """Every module that `synthgym.synth.modules` exports, by name."""
    exported = {name: getattr(modules, name) for name in modules.__all__}
    return {
        name: kind
        for name, kind in exported.items()
        if isinstance(kind, type) and issubclass(kind, Module) and not inspect.isabstract(kind)
    }


def encode_parameters(place: str, module: Module) -> dict[str, Any]:
    """All fields of a module as plain values.

    Args:
        place: what an error begins with, such as `"node 'osc'"`.
        module: of a registered type.

    Raises:
        PatchError: a value that a document has no place for.
    """
    encoded = {}
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        if not field.init or (value is None and field.default is None):
            continue
        encoded[field.name] = _encode(f"{place}, parameters.{field.name}", value)
    return encoded


def decode_parameters(place: str, kind: type[Module], given: Mapping[str, Any]) -> Module:
    """A module of plain values; what is left out is its default.

    Raises:
        PatchError: an unknown parameter, one that is missing, or a value that does not fit it.
    """
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    hints = get_type_hints(kind)
    for name in given:
        if name not in fields:
            missing = unknown_name(f"parameter of {kind.__name__}", name, fields)
            raise PatchError(f"{place}: {missing}")
    values = {
        name: _decode(f"{place}, parameters.{name}", fields[name], hints[name], value)
        for name, value in given.items()
    }
    for name, field in fields.items():
        has_default = (field.default, field.default_factory) != (dataclasses.MISSING,) * 2
        if name not in values and not has_default:
            raise PatchError(f"{place}, parameters.{name} is missing; {kind.__name__} needs it")
    try:
        return kind(**values)
    except (SynthgymError, TypeError, ValueError) as error:
        raise PatchError(f"{place} ({kind.__name__}): {error}") from error


def _encode(place: str, value: Any) -> Any:
    if isinstance(value, Linear | Log):
        return {
            "low": _encode(place, value.low),
            "high": _encode(place, value.high),
            "unit": value.unit,
            "scale": "log" if isinstance(value, Log) else "linear",
        }
    if isinstance(value, Choice):
        usual = Choice(value.name, value.options).temperature
        options = {"options": list(value.options)}
        return (
            options if value.temperature == usual else {**options, "temperature": value.temperature}
        )
    if isinstance(value, Switch):
        return {"switch": True}
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating) and math.isfinite(value):
        return float(value)
    if isinstance(value, tuple):
        return [_encode(place, entry) for entry in value]
    raise PatchError(
        f"{place} is {value!r}, a {type(value).__name__}; a document holds finite numbers, texts, "
        "booleans, and Linear, Log, Choice and Switch"
    )


def _decode(place: str, field: dataclasses.Field[Any], hint: Any, value: Any) -> Any:
    """The value of one field, of a kind that its annotation admits."""
    decoded: Any
    if not isinstance(value, Mapping):
        decoded = _plain(place, value)
    elif "options" in value:
        decoded = _choice(place, field.name, value)
    elif "switch" in value:
        decoded = _switch(place, field.name, value)
    else:
        decoded = _range(place, field, value)
    if not _admits(hint, decoded):
        raise PatchError(f"{place} is {value!r}; it must be {_in_words(hint)}")
    return decoded


def _plain(place: str, value: Any, depth: int = 0) -> Any:
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return tuple(_plain(place, entry, depth + 1) for entry in value)
    if isinstance(value, bool | str):
        return value
    # Whole numbers in a document may be of any length; larger ones overflow a float.
    if isinstance(value, int | float) and -_MAX_MAGNITUDE <= value <= _MAX_MAGNITUDE:
        return value
    raise PatchError(f"{place} is {_short(value)}; it must be a finite number, a text or a boolean")


def _range(place: str, field: dataclasses.Field[Any], given: Mapping[str, Any]) -> Linear | Log:
    """A range; what it leaves out is as in the field's default, if that is a range too."""
    _check_names(place, given, _RANGE_FIELDS)
    usual = field.default
    values: dict[str, Any] = {"unit": "", "scale": "linear"}
    if isinstance(usual, Linear | Log):
        scale = "log" if isinstance(usual, Log) else "linear"
        values = {"low": usual.low, "high": usual.high, "unit": usual.unit, "scale": scale}
    values |= given
    for end in ("low", "high"):
        value = values.get(end)
        if isinstance(value, bool) or not isinstance(value, int | float):
            found = "missing" if value is None else _short(value)
            raise PatchError(f"{place}: {end} is {found}; it must be a number")
        _plain(f"{place}.{end}", value)
    if not isinstance(values["unit"], str):
        raise PatchError(f"{place}: unit is {values['unit']!r}; it must be a text such as 'Hz'")
    if not isinstance(values["scale"], str) or values["scale"] not in _SCALES:
        raise PatchError(f"{place}: {unknown_name('scale', str(values['scale']), _SCALES)}")
    try:
        return _SCALES[values["scale"]](field.name, values["low"], values["high"], values["unit"])
    except SynthgymError as error:
        raise PatchError(f"{place}: {error}") from error


def _choice(place: str, name: str, given: Mapping[str, Any]) -> Choice:
    _check_names(place, given, _CHOICE_FIELDS)
    options = given["options"]
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise PatchError(f"{place}: options is {options!r}; it must be a list of texts")
    temperature = given.get("temperature", Choice(name, ("", " ")).temperature)
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise PatchError(f"{place}: temperature is {temperature!r}; it must be a number")
    try:
        return Choice(name, tuple(options), _plain(f"{place}.temperature", temperature))
    except SynthgymError as error:
        raise PatchError(f"{place}: {error}") from error


def _switch(place: str, name: str, given: Mapping[str, Any]) -> Switch:
    if dict(given) != {"switch": True}:
        raise PatchError(f"{place} is {dict(given)!r}; a switch is written {{ switch = true }}")
    return Switch(name)


def _check_names(place: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise PatchError(f"{place}: {unknown_name('field', name, known)}")


def _admits(hint: Any, value: Any) -> bool:
    """Whether an annotation admits a value; a range in either scale wherever one is."""
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_admits(option, value) for option in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin is tuple:
        return isinstance(value, tuple) and _admits_entries(get_args(hint), value)
    if isinstance(value, bool):
        return hint is bool
    if hint in (Linear, Log):
        return isinstance(value, Linear | Log)
    if hint is float:
        return isinstance(value, int | float)
    return isinstance(hint, type) and isinstance(value, hint)


def _admits_entries(hints: tuple[Any, ...], values: tuple[Any, ...]) -> bool:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return all(_admits(hints[0], value) for value in values)
    return len(hints) == len(values) and all(map(_admits, hints, values))


_WORDS = {
    Linear: "a range { low, high, unit, scale }",
    Log: "a range { low, high, unit, scale }",
    Choice: "a choice { options = [...] }",
    Switch: "{ switch = true }",
    float: "a number",
    int: "a whole number",
    str: "a text",
    bool: "true or false",
}


def _in_words(hint: Any) -> str:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        words = [_in_words(option) for option in get_args(hint) if option is not types.NoneType]
        return " or ".join(dict.fromkeys(words))
    if origin is Literal:
        return "one of " + ", ".join(repr(option) for option in get_args(hint))
    if origin is tuple:
        return f"a list, each entry {' or '.join(map(_in_words, get_args(hint)[:1]))}"
    return _WORDS.get(hint, str(hint))


def _short(value: Any) -> str:
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a huge number"  # of more digits than Python turns into text, perhaps
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
