"""What functions with derivatives of their own have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch

from synthgym.errors import ParameterError

T = TypeVar("T")


def first_order(backward: Callable[..., T]) -> Callable[..., T]:
    """A backward pass that cannot be differentiated again, and says so.

    Torch would take what was worked out in place or by a compiled loop for a constant, and give a
    wrong second derivative without a word. Its own `once_differentiable` refuses `backward()` but
    not `torch.autograd.grad()`, which leaves out what is not on the way to its inputs.
    """

    @wraps(backward)
    def checked(ctx: Any, *gradients: Any) -> T:
        if torch.is_grad_enabled():
            raise ParameterError(
                "create_graph is True, but the synthesizer and its distance have first derivatives "
                "only; leave it out, and take differences of gradients for second ones"
            )
        return backward(ctx, *gradients)

    return checked
