"""The exception tree: everything synthgym raises on purpose.

```
SynthgymError
├── ParameterError      (ValueError)    a unit vector, action or setting out of its domain
├── PatchError          (ValueError)    a patch graph or patch document that cannot be built
├── AudioError          (ValueError)    a sound that cannot be read, or holds no sound
├── DatasetError        (ValueError)    a folder that holds no dataset, or another one
├── RecordError         (ValueError)    a leaderboard record that is damaged or inconsistent
├── UnknownNameError    (LookupError)   a task, chain, solver ... that does not exist
├── SolverError         (RuntimeError)  a solver that broke its protocol or failed
├── LossError           (RuntimeError)  a loss that broke its protocol or failed
├── MissingExtraError   (ImportError)   an optional dependency that is not installed
└── RunOver                             not a fault: the run has ended
    ├── BudgetExceeded                  the budget is spent
    └── TargetReached                   the requested distance is reached
```

Each message names the argument, the value it had, the limit it broke and the remedy.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Iterable
from types import ModuleType


class SynthgymError(Exception):
    """Base of every exception that synthgym raises on purpose."""


class ParameterError(SynthgymError, ValueError):
    """A unit vector, action or setting is outside its domain."""


class PatchError(SynthgymError, ValueError):
    """A patch graph or a patch document cannot be built."""


class AudioError(SynthgymError, ValueError):
    """A sound cannot be read or written, or there is no sound in it."""


class DatasetError(SynthgymError, ValueError):
    """A folder cannot take a dataset: it holds another one, or other things."""


class RecordError(SynthgymError, ValueError):
    """A leaderboard record is damaged or contradicts itself."""


class UnknownNameError(SynthgymError, LookupError):
    """A name (task, chain, solver, parameter ...) is not known."""


class SolverError(SynthgymError, RuntimeError):
    """A solver broke its protocol or failed."""


class LossError(SynthgymError, RuntimeError):
    """A loss broke its protocol or failed."""


class MissingExtraError(SynthgymError, ImportError):
    """An optional dependency is not installed."""


class RunOver(SynthgymError):
    """The run has ended; the best point so far stays on the problem."""


class BudgetExceeded(RunOver):
    """The budget of the problem is spent."""


class TargetReached(RunOver):
    """The distance at which the run was to stop is reached."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """An `UnknownNameError` that suggests the nearest known name and lists them all.

    Args:
        kind: what was looked up, for the message (`"task"`, `"solver"`).
        name: the name that was not found.
        known: the names that exist.
    """
    names = list(dict.fromkeys(known))
    by_lower = {n.lower(): n for n in names}
    near = _nearest(str(name).lower(), list(by_lower))
    hint = f" Did you mean {by_lower[near]!r}?" if near else ""
    listing = ", ".join(names) if names else "none are registered"
    return UnknownNameError(f"unknown {kind} {name!r}.{hint} Known: {listing}.")


def _nearest(name: str, known: list[str]) -> str | None:
    """The known name that is spelled most alike, or has a part so spelled: `fm` of `x-fm-v0`."""
    whole = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if whole:
        return whole[0]
    by_part = {part: n for n in reversed(known) for part in re.split(r"[^a-z0-9]+", n)}
    parts = difflib.get_close_matches(name, by_part, n=1, cutoff=0.7)
    return by_part[parts[0]] if parts else None


def require(module_name: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Args:
        module_name: the module to import, such as `"cma"`.
        extra: the extra of synthgym that brings it, such as `"baselines"`.

    Raises:
        MissingExtraError: it is not installed; the message names the pip command.
    """
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module_name.split(".")[0]:
            raise
        raise MissingExtraError(
            f"{module_name!r} is not installed; it comes with an extra: "
            f'pip install "synthgym[{extra}]"'
        ) from error
