"""The losses that a command line names: built in, in a file, or in a module."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from synthgym import losses
from synthgym.errors import LossError, SynthgymError, unknown_name
from synthgym.landscapes import built_in, check
from synthgym.losses import Loss
from synthgym.solvers.importing import Imports
from synthgym.solvers.protocol import describe_error

SAMPLE_RATE = 16000

_IMPORTS = Imports("loss", LossError)


def contenders(specs: Sequence[str], only: bool) -> tuple[Mapping[str, Loss], list[str]]:
    """The losses to rank, those named first and tried once, so that a fault is said at once.

    Args:
        specs: names of built-in losses, `path/file.py:Name` or `module:Name`.
        only: leave out built-in losses that are not named.

    Returns:
        Losses by the spec they were named with, and a line for each built-in loss that is left out
        because an extra is missing.

    Raises:
        UnknownNameError: there is no such loss.
        MissingExtraError: a loss that is named needs something that is not installed.
        LossError: a loss cannot be made, breaks the protocol or fails; or none is named.
    """
    if only and not specs:
        raise LossError("--only ranks the losses that are named; name one or more")
    chosen = {spec: load_loss(spec) for spec in dict.fromkeys(specs)}
    for found in chosen.values():
        check(found)
    others = [] if only else [name for name in losses.names() if name not in chosen]
    built, left_out = built_in(others, SAMPLE_RATE)
    return {**chosen, **built}, left_out


def load_loss(spec: str) -> Loss:
    """A loss by its name, or from a file or module.

    What is found there is a loss, or is called to make one, with `sample_rate` if it takes that.

    Raises:
        UnknownNameError: there is no such loss.
        MissingExtraError: it needs something that is not installed.
        LossError: the file or module cannot be imported, or what is named there is no loss.
    """
    place, colon, name = spec.rpartition(":")
    if not colon:
        if spec.endswith(".py"):
            raise LossError(f"{spec!r} names a file; say which loss in it: {spec}:MyLoss")
        return losses.build(spec, SAMPLE_RATE)
    if place.endswith(".py"):
        return _made(spec, _IMPORTS.from_file(Path(place).expanduser().absolute()), name)
    return _made(spec, _IMPORTS.from_module(place, spec), name)


def _made(spec: str, module: ModuleType, name: str) -> Loss:
    if not hasattr(module, name):
        candidates = [
            other
            for other, value in vars(module).items()
            if _has_methods(value) and getattr(value, "__module__", "") == module.__name__
        ]
        raise unknown_name(f"loss in {module.__file__ or module.__name__}", name, candidates)
    found = getattr(module, name)
    if inspect.isclass(found) or (callable(found) and not _has_methods(found)):
        found = _called(spec, found)
    if not _has_methods(found):
        raise LossError(
            f"loss {spec!r} is {found!r:.60}; it must have embed(audio) and "
            "compare(embedded, embedded_target)"
        )
    return cast(Loss, found)


def _called(spec: str, make: Any) -> Any:
    try:
        takes_rate = "sample_rate" in inspect.signature(make).parameters
    except ValueError:  # written in C, without a signature to look at
        takes_rate = False
    try:
        return make(sample_rate=SAMPLE_RATE) if takes_rate else make()
    except SynthgymError:
        raise
    except (Exception, SystemExit) as error:  # a loss is not to end the program
        with_rate = f"sample_rate={SAMPLE_RATE}" if takes_rate else ""
        made_by = getattr(make, "__name__", type(make).__name__)
        raise LossError(
            f"loss {spec!r} could not be made by {made_by}({with_rate}): {describe_error(error)}"
        ) from error


def _has_methods(value: Any) -> bool:
    return all(callable(getattr(value, method, None)) for method in ("embed", "compare"))
