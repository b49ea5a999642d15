"""What a loss costs: evaluations and gradients per second, the target embedded once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from synthgym.landscapes.checked import compared, embedded, gradient
from synthgym.landscapes.pitch import PitchTrials
from synthgym.losses import Loss
from synthgym.synth.clock import Clock


@dataclass(frozen=True)
class Cost:
    """How fast a loss is.

    Args:
        batch: sounds in each call.
        evaluations_per_s: sounds compared with the target per second.
        gradients_per_s: sounds per second whose gradient was worked out too.
    """

    batch: int
    evaluations_per_s: float
    gradients_per_s: float

    @property
    def ms_per_evaluation(self) -> float:
        """Milliseconds for each sound."""
        return 1e3 / self.evaluations_per_s

    @property
    def ms_per_gradient(self) -> float:
        """Milliseconds for each sound with its gradient."""
        return 1e3 / self.gradients_per_s


def check(loss: Loss) -> None:
    """Try a loss on two sounds and one target, before any long work.

    Raises:
        LossError: it failed, did not return `(batch,)`, or a value or gradient is not finite.
    """
    sounds = PitchTrials("saw", n_trials=2, cents=()).rendered()
    with torch.no_grad():
        target = embedded(loss, sounds.target[:1])
    with torch.enable_grad():
        leaf = sounds.prediction.clone().requires_grad_()
        gradient(loss, compared(loss, embedded(loss, leaf), target, len(leaf)), leaf)


def cost(loss: Loss, batch: int = 64, clock: Clock | None = None, budget_s: float = 0.5) -> Cost:
    """Time a loss on saws of random pitch, with as many threads as torch has.

    Args:
        loss: what is timed.
        batch: sounds in each call.
        clock: their length; 1.024 s at 16 kHz if there is none.
        budget_s: seconds for either figure, two calls at least; the best call counts.

    Raises:
        LossError: the loss failed, or a value or gradient is not finite.
    """
    check(loss)  # before the clock runs
    sounds = PitchTrials("saw", n_trials=batch, cents=(), clock=clock or Clock()).rendered()
    leaf = sounds.prediction.clone().requires_grad_()
    with torch.no_grad():
        target = embedded(loss, sounds.target[:1])

    def evaluate() -> None:
        with torch.no_grad():
            loss.compare(loss.embed(sounds.prediction), target)

    def differentiate() -> None:
        with torch.enable_grad():
            values = loss.compare(loss.embed(leaf), target)
            torch.autograd.grad(values.sum(), leaf)

    return Cost(
        batch, batch / best_time_s(evaluate, budget_s), batch / best_time_s(differentiate, budget_s)
    )


def best_time_s(call: Callable[[], object], budget_s: float) -> float:
    """Seconds of the fastest of the calls that fit the budget, two at least.

    The first call of all does not count; other load on the machine only ever adds time.
    """
    call()
    times: list[float] = []
    end = time.perf_counter() + budget_s
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
