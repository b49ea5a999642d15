"""What descents descend: the suite's own distance, or another loss on the way to it.

Every sound is scored by the suite's distance whatever loss is descended, and a gradient costs the
same. A descent goes through its losses one after the other and always ends with the distance.

Sources: Torres, Peeters and Richard, "Unsupervised harmonic parameter estimation using
differentiable DSP and spectral optimal transport", ICASSP 2024, arXiv 2312.14507, for transport,
whose gradient points to a partial that is far away; Hayes, Saitis and Fazekas, "Sinusoidal
frequency estimation by gradient descent", ICASSP 2023, arXiv 2210.14476, for the surrogate's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthgym.losses import (
    Difference,
    LogFrequencyBlur,
    Loss,
    MelDistance,
    SpectralLoss,
    SpectralTransport,
    WaveformDistance,
    overlapping,
)
from synthgym.tasks import Problem

Array = NDArray[np.float64]

# Rows rendered at once, as a problem itself does.
CHUNK = 64
SURROGATE = "surrogate-"


@dataclass(frozen=True)
class BySurrogate:
    """A loss that is descended by the gradient of surrogate oscillators, where there are any."""

    loss: Loss

    def embed(self, audio: Tensor) -> Any:
        """As the loss itself."""
        return self.loss.embed(audio)

    def compare(self, embedded: Any, embedded_target: Any) -> Tensor:
        """As the loss itself."""
        return self.loss.compare(embedded, embedded_target)


def build_losses(names: Sequence[str], sample_rate: int) -> list[Loss | None]:
    """Losses by name: `"distance"` (None here), `"transport"`, `"blurred-1"` for one octave.

    Further `"waveform"`, the mean square of the samples' differences. `"surrogate-waveform"` is the
    same by the surrogate's gradient, and so with all others.
    """
    return [_build(name, sample_rate) for name in names]


def _build(name: str, sample_rate: int) -> Loss | None:
    if name.startswith(SURROGATE):
        loss = _build(name.removeprefix(SURROGATE), sample_rate)
        return BySurrogate(MelDistance(sample_rate) if loss is None else loss)
    if name == "distance":
        return None
    if name == "waveform":
        return WaveformDistance(2)
    if name == "transport":
        return SpectralTransport.at(sample_rate)
    octaves = float(name.removeprefix("blurred-"))
    log_power = Difference("log", floor=1e-6)
    blur = LogFrequencyBlur(octaves)
    return SpectralLoss(overlapping((2048,)), (log_power,), exponent=2, bands=blur)


def values(problem: Problem, x: Array, loss: Loss | None) -> Array:
    """Losses (n,) at points (n, d); n evaluations.

    Raises:
        RunOver: the problem ended the run; what fitted in was scored.
    """
    if loss is None:
        return problem.batch(x)
    fitting = len(x) if problem.remaining is None else min(len(x), problem.remaining)
    chunks = [
        problem.loss(torch.tensor(part, dtype=torch.float32), loss).double().numpy()
        for part in np.split(x[:fitting], range(CHUNK, fitting, CHUNK))
    ]
    if fitting < len(x):
        problem.batch(x[fitting:])  # over the budget: this ends the run
    return np.concatenate(chunks)


def value_and_grad(problem: Problem, x: Array, loss: Loss | None) -> tuple[Array, Array]:
    """Losses (n,) and gradients (n, d) at points (n, d); n gradient evaluations.

    Raises:
        RunOver: as `values`.
    """
    if loss is None:
        found, gradients = problem.value_and_grad(x)
        return found, np.nan_to_num(gradients)
    affordable = len(x)
    if problem.remaining is not None:
        affordable = min(affordable, problem.remaining // problem.gradient_cost)
    if affordable == 0:
        return problem.value_and_grad(x)  # over the budget: this ends the run
    unit = torch.tensor(x[:affordable], dtype=torch.float32, requires_grad=True)
    surrogate = isinstance(loss, BySurrogate) and problem.has_surrogate
    losses = problem.loss(unit, loss, surrogate)
    (slopes,) = torch.autograd.grad(losses.sum(), unit)
    if affordable < len(x):
        problem.value_and_grad(x[affordable:])  # likewise
    return losses.detach().double().numpy(), np.nan_to_num(slopes.double().numpy())


def best_of_random(
    problem: Problem, rng: np.random.Generator, n_starts: int, n_drawn: int, loss: Loss | None
) -> Array:
    """The best `n_starts` of `n_drawn` random points, shape (n_starts, d)."""
    if problem.remaining is not None:
        # Of a small budget, at least half is for the descent.
        n_drawn = max(1, min(n_drawn, problem.remaining // 2))
    drawn = rng.random((n_drawn, problem.dimension))
    if n_drawn == 1:
        return drawn  # there is nothing to choose from
    return drawn[np.argsort(values(problem, drawn, loss), kind="stable")[:n_starts]]
