"""What evaluations cost, and how they are counted."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from synthgym.errors import ParameterError

GRADIENT_COST = 3


def checked_units(name: str, value: float, otherwise: str = "") -> int:
    """A number of cost units as an int.

    Args:
        name: of the argument, for the message.
        value: to be checked.
        otherwise: what else it could be, likewise.

    Raises:
        ParameterError: it is not a whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or value % 1 or value < 1:
        raise ParameterError(
            f"{name} is {value!r}; it must be a whole number of at least 1{otherwise}"
        )
    return int(value)


@dataclass(frozen=True)
class Improvement:
    """The best distance fell.

    Args:
        n_evaluations: counted up to and including the evaluation that found it.
        n_gradients: likewise.
        wall_s: seconds since the problem was made.
        distance_db: the new best distance.
    """

    n_evaluations: int
    n_gradients: int
    wall_s: float
    distance_db: float

    @property
    def cost(self) -> int:
        """Cost units as the suite counts: evaluations plus three times the gradient evaluations.

        A problem with another `gradient_cost` counts its own budget by that.
        """
        return self.n_evaluations + GRADIENT_COST * self.n_gradients


@dataclass(frozen=True)
class Count:
    """The counters before a batch, and which of them the batch moves.

    Args:
        n_evaluations: before the batch.
        n_gradients: before the batch.
        gradients: whether the batch is of gradient evaluations.
    """

    n_evaluations: int
    n_gradients: int
    gradients: bool

    def after(self, n: int) -> tuple[int, int]:
        """The counters after n of the batch."""
        if self.gradients:
            return self.n_evaluations, self.n_gradients + n
        return self.n_evaluations + n, self.n_gradients


class CountedBackward:
    """A gradient hook that counts every backward pass but the first, which is paid beforehand.

    Args:
        count: called before each further pass; what it raises ends the pass.
    """

    def __init__(self, count: Callable[[], object]) -> None:
        self._count = count
        self._first = True

    def __call__(self, gradient: Tensor) -> None:
        """Count the pass that this gradient comes from.

        Raises:
            ParameterError: it carries several gradients at once, which cannot be counted.
        """
        try:
            gradient.data_ptr()
        except RuntimeError:
            raise ParameterError(
                "several gradients in one backward pass (is_grads_batched, vectorize) cannot be "
                "counted; ask for one at a time"
            ) from None
        if not self._first:
            self._count()
        self._first = False


def readable(unit: Tensor) -> NDArray[np.float64]:
    """The values of a tensor.

    Raises:
        ParameterError: it belongs to a transform of `torch.func`, which does not give them away.
    """
    try:
        return unit.detach().cpu().double().numpy()
    except RuntimeError:
        raise ParameterError(
            "unit belongs to a transform of torch.func (grad, jacrev, vmap ...), in which nothing "
            "can be counted; pass a plain tensor, and call backward() or torch.autograd.grad()"
        ) from None
