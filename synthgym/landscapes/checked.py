"""A loss, called with checks: what it returns decides what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from synthgym.errors import LossError, SynthgymError
from synthgym.losses import Loss

ROWS = 16
"""Sounds per call: the spectrograms of more no longer fit the caches, and cost more each."""


def rows_of(n_sounds: int) -> Iterator[slice]:
    """Slices of `ROWS` sounds that make up `n_sounds`."""
    for at in range(0, n_sounds, ROWS):
        yield slice(at, min(at + ROWS, n_sounds))


def embedded(loss: Loss, audio: Tensor) -> Any:
    """What the loss keeps of sounds `(batch, n_samples)`.

    Raises:
        LossError: it failed.
    """
    # A loss of its own may write to what it is given, and the next one is tried on the same sounds.
    given = audio if audio.requires_grad else audio.clone()
    with _said_of(loss, "embed"):
        return loss.embed(given)


def compared(loss: Loss, kept: Any, kept_target: Any, n_sounds: int) -> Tensor:
    """Values `(n_sounds,)` of the loss, checked.

    Raises:
        LossError: it failed, or did not return `(batch,)` finite numbers.
    """
    with _said_of(loss, "compare"):
        values = loss.compare(kept, kept_target)
    if not isinstance(values, Tensor):
        raise LossError(
            f"loss {name_of(loss)!r} returned {type(values).__name__} from compare; "
            f"it must be a tensor of shape (batch,)"
        )
    if values.shape != (n_sounds,):
        raise LossError(
            f"loss {name_of(loss)!r} returned shape {tuple(values.shape)} for {n_sounds} sounds; "
            f"it must be (batch,), here ({n_sounds},): reduce over all axes but the first"
        )
    _check_finite(loss, values, "value")
    return values


def gradient(loss: Loss, values: Tensor, leaf: Tensor) -> Tensor:
    """Derivative of the sum of `values` by `leaf`, in the shape of `leaf`, checked.

    Raises:
        LossError: the values do not depend on `leaf` as far as autograd can see, or the gradient
            is not finite.
    """
    if not values.requires_grad:
        raise LossError(
            f"loss {name_of(loss)!r} has no gradient; compute it with torch functions of the "
            "sound, without detach(), .numpy() or torch.no_grad()"
        )
    with _said_of(loss, "its backward pass"):
        (found,) = torch.autograd.grad(values.sum(), leaf, allow_unused=True)
    if found is None:
        raise LossError(f"loss {name_of(loss)!r} has no gradient with respect to the sound")
    _check_finite(loss, found, "gradient")
    return found


def name_of(loss: Loss) -> str:
    """The attribute `name` of a loss, or the name of its class."""
    name = getattr(loss, "name", None)
    return name if isinstance(name, str) and name else type(loss).__name__


def _check_finite(loss: Loss, found: Tensor, what: str) -> None:
    finite = found.detach().isfinite()
    n_bad = len(found) - int(finite.view(len(found), -1).all(1).sum())
    if n_bad:
        raise LossError(
            f"loss {name_of(loss)!r} has a {what} that is NaN or infinite for {n_bad} of "
            f"{len(found)} sounds; keep logarithms and roots away from 0"
        )


@contextmanager
def _said_of(loss: Loss, method: str) -> Iterator[None]:
    """Make whatever a loss raises speak of the loss."""
    try:
        yield
    except SynthgymError:
        raise
    except (Exception, SystemExit) as error:  # a loss is not to end the program
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise LossError(f"loss {name_of(loss)!r} failed in {method}: {text}") from error
