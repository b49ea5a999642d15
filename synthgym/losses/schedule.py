"""Weights that change from step to step. Losses know nothing of them: the caller asks one."""

from __future__ import annotations

from dataclasses import dataclass

from synthgym.errors import ParameterError


@dataclass(frozen=True)
class Ramp:
    """A weight that goes in a straight line from one value to another, and stays there.

    Args:
        first_step: up to here it is `low`.
        last_step: from here on it is `high`.
        low: value before.
        high: value after.

    Raises:
        ParameterError: the last step is before the first.
    """

    first_step: int
    last_step: int
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.last_step < self.first_step:
            raise ParameterError(
                f"first_step is {self.first_step} and last_step {self.last_step}; "
                "they must be in order"
            )

    def __call__(self, step: int) -> float:
        """The weight at a step."""
        if step >= self.last_step:
            return self.high
        if step <= self.first_step:
            return self.low
        share = (step - self.first_step) / (self.last_step - self.first_step)
        return self.low + share * (self.high - self.low)
