"""A problem: one target to match, with every evaluation counted."""

from __future__ import annotations

import numbers
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd import forward_ad

from synthgym.errors import BudgetExceeded, ParameterError, TargetReached
from synthgym.losses import Loss, MelDistance
from synthgym.synth import Clock, Patch
from synthgym.synth.surrogates import surrogate_patch
from synthgym.tasks.counting import (
    GRADIENT_COST,
    Count,
    CountedBackward,
    Improvement,
    checked_units,
    readable,
)
from synthgym.tasks.points import as_points, as_rows
from synthgym.tasks.targets import checked_samples

Array = npt.NDArray[np.float64]

# Rows rendered at once: bounds memory, and keeps the working set near the caches.
CHUNK_SAMPLES = 1 << 20
# Targets embedded by other losses that are kept: a solver may make a new loss for each step.
MAX_EMBEDDED = 8


class Problem:
    """Find the unit vector whose sound is nearest to a target; counts what it is asked.

    Cost is `n_evaluations + 3 * n_gradients`: a gradient evaluation includes its forward pass, and
    a batch of n costs n. What was evaluated before the budget ran out is recorded. The parameters
    behind the target are not on the object.

    Args:
        patch: the synthesizer.
        clock: time base of the target.
        target: the sound to match, `(n_samples,)`.
        distance: what is returned and scored.
        task_id: for messages and records.
        target_name: likewise.
        budget: cost units, or None for no limit.
        solved_db: the distance from which the target counts as solved.
        stop_at_db: raise `TargetReached` once this distance is reached; None for never.
        gradient_cost: cost units of a gradient evaluation, for others' ways of counting.

    Raises:
        ParameterError: the target does not fit the clock or is not finite, or the budget or
            `gradient_cost` is not a whole number above zero, or `stop_at_db` no number.
    """

    def __init__(
        self,
        patch: Patch,
        clock: Clock,
        target: npt.ArrayLike,
        distance: MelDistance,
        *,
        task_id: str = "custom",
        target_name: str = "target",
        budget: float | None = None,
        solved_db: float = 1.0,
        stop_at_db: float | None = None,
        gradient_cost: int = GRADIENT_COST,
    ) -> None:
        limit = None if budget is None else checked_units("budget", budget, ", or None")
        if stop_at_db is not None and (
            not isinstance(stop_at_db, numbers.Real) or stop_at_db != stop_at_db
        ):
            raise ParameterError(f"stop_at_db is {stop_at_db!r}; it must be a number, or None")
        self.target = checked_samples(target, clock)
        self.target.setflags(write=False)
        self.clock = clock
        self.dimension = patch.space.dimension
        self.names = patch.space.names
        self.task_id = task_id
        self.target_name = target_name
        self._budget = limit
        self._budget_seen = False
        self._gradient_cost = checked_units("gradient_cost", gradient_cost)
        self.solved_db = solved_db
        self.stop_at_db = stop_at_db
        self.on_improvement: Callable[[Improvement], None] | None = None
        self._n_evaluations = 0
        self._n_gradients = 0
        self._best_distance = float("inf")
        self.history: list[Improvement] = []
        self._best_x: Array | None = None
        self._patch = patch
        self._distance = distance
        self._embedded: dict[tuple[int, torch.dtype, torch.device], tuple[Loss, Any]] = {}
        self._started = time.perf_counter()

    def __repr__(self) -> str:
        return (
            f"Problem({self.task_id!r}, {self.target_name!r}, dimension={self.dimension}, "
            f"cost={self.cost}, budget={self._budget}, best_distance={self.best_distance:.3f})"
        )

    @property
    def budget(self) -> int | None:
        """Cost units of the run, or None for no limit."""
        self._budget_seen = True
        return self._budget

    @property
    def budget_seen(self) -> bool:
        """Whether `budget` or `remaining` has been looked at: the search may depend on them."""
        return self._budget_seen

    @property
    def exhausted(self) -> bool:
        """Whether the budget is spent to the last unit."""
        return self._budget is not None and self.cost >= self._budget

    @property
    def n_evaluations(self) -> int:
        """Evaluations without a gradient, counted so far."""
        return self._n_evaluations

    @property
    def n_gradients(self) -> int:
        """Gradient evaluations, counted so far."""
        return self._n_gradients

    @property
    def best_distance(self) -> float:
        """The smallest distance so far, in dB; infinity before the first."""
        return self._best_distance

    @property
    def best_x(self) -> Array | None:
        """The best point so far `(dimension,)`, as an array of its own; None before the first."""
        return None if self._best_x is None else self._best_x.copy()

    @property
    def gradient_cost(self) -> int:
        """Cost units of a gradient evaluation: 3, unless the problem was made otherwise."""
        return self._gradient_cost

    @property
    def cost(self) -> int:
        """Cost units spent."""
        return self.n_evaluations + self.gradient_cost * self.n_gradients

    @property
    def remaining(self) -> int | None:
        """Cost units left, or None without a budget."""
        self._budget_seen = True
        return None if self._budget is None else self._budget - self.cost

    @property
    def solved(self) -> bool:
        """Whether the best distance so far is at most `solved_db`."""
        return self.best_distance <= self.solved_db

    @property
    def has_surrogate(self) -> bool:
        """Whether any oscillator has a gradient that finds frequencies from far away.

        See `synthgym.synth.dsp.surrogate`. Others keep their own gradient beside it.
        """
        return self._surrogate is not None

    @cached_property
    def _surrogate(self) -> Patch | None:
        return surrogate_patch(self._patch) if isinstance(self._patch, Patch) else None

    @property
    def wall_s(self) -> float:
        """Seconds since the problem was made."""
        return time.perf_counter() - self._started

    def __call__(self, x: npt.ArrayLike) -> float:
        """Distance in dB of one unit vector `(dimension,)`; counts 1 evaluation."""
        point = as_points(x)
        if point.ndim != 1:
            raise ParameterError(
                f"x has shape {point.shape}; it must be ({self.dimension},); "
                "for several at once call problem.batch(X)"
            )
        return float(self.batch(point[None])[0])

    def batch(self, X: npt.ArrayLike) -> Array:
        """Distances `(n,)` in dB of unit vectors `(n, dimension)`; counts n evaluations.

        Raises:
            ParameterError: wrong shape, NaN or infinity, or an entry outside [0, 1].
            BudgetExceeded: the budget does not suffice; what fitted was evaluated and recorded.
            TargetReached: `stop_at_db` is reached.
        """
        points = as_rows(X, self.names)
        values, left_out = self._in_chunks(points, None)
        self._end_if_over(left_out)
        return values[:, 0]

    def value_and_grad(self, X: npt.ArrayLike, surrogate: bool = False) -> tuple[Any, Array]:
        """Distances and their gradients; counts one gradient evaluation for each vector.

        Args:
            X: `(dimension,)` or `(n, dimension)`.
            surrogate: take the surrogate's gradient, see `has_surrogate`. Distances are the same.

        Returns:
            `(float, (dimension,))` or `((n,), (n, dimension))`, in dB and dB per unit entry. The
            gradient of a discrete entry is the straight-through one.

        Raises:
            ParameterError: as `batch`, or there is no surrogate.
            RunOver: as `batch`.
        """
        points = as_points(X)
        single = points.ndim == 1
        points = as_rows(points[None] if single else points, self.names)
        values, left_out = self._in_chunks(points, self._patch_for(surrogate))
        self._end_if_over(left_out)
        if single:
            return float(values[0, 0]), values[0, 1:].copy()
        return values[:, 0].copy(), values[:, 1:].copy()

    def loss(self, unit: Tensor, loss: Loss | None = None, surrogate: bool = False) -> Tensor:
        """Losses `(n,)` of unit vectors as a differentiable tensor.

        Counts n gradient evaluations if a gradient can be asked of the result, else n evaluations.
        Each backward pass after the first through one result counts again, and raises where the
        budget does not suffice. The distance is recorded in either case, from the same rendering.

        Args:
            unit: `(n, dimension)` in [0, 1], float32 or float64.
            loss: another loss to descend; by default the suite's distance.
            surrogate: as in `value_and_grad`.

        Raises:
            ParameterError: wrong shape, not finite or outside [0, 1], or there is no surrogate.
            BudgetExceeded: the budget does not suffice for all n; nothing was evaluated.
            TargetReached: `stop_at_db` is reached.
        """
        points, audio, count = self._counted_render(unit, self._patch_for(surrogate))
        chosen = self._distance if loss is None else loss
        losses = chosen.compare(chosen.embed(audio), self._target_of(chosen, audio))
        self._score(points, audio, count, losses.detach() if loss is None else None)
        return losses

    def render(self, X: npt.ArrayLike | Tensor) -> Any:
        """Sounds of unit vectors; counted like evaluations, and scored.

        Args:
            X: `(n, dimension)`; an array gives a float32 array `(n, n_samples)`, a tensor gives a
                tensor, differentiable where the input is and then counted as gradient evaluations.

        Raises:
            as `loss`.
        """
        as_tensor = isinstance(X, Tensor)
        unit = X if isinstance(X, Tensor) else torch.tensor(as_rows(X, self.names)).float()
        points, audio, count = self._counted_render(unit, self._patch)
        self._score(points, audio, count, None)
        return audio if as_tensor else audio.detach().numpy()

    def _patch_for(self, surrogate: bool) -> Patch:
        """The patch whose gradient is asked for; raises `ParameterError` where there is none."""
        if not surrogate:
            return self._patch
        if self._surrogate is None:
            raise ParameterError(
                f"surrogate is True, but no oscillator of {self.task_id} has a surrogate; leave "
                "it out, or ask problem.has_surrogate first"
            )
        return self._surrogate

    def _in_chunks(self, points: Array, gradient_of: Patch | None) -> tuple[Array, int]:
        """Evaluate what the budget allows, with the gradient of a patch of the same sound.

        Returns:
            Rows of distance, followed by the gradient if asked for, and how many were left out.
        """
        fitting = len(points)
        if self._budget is not None:
            unit_cost = self.gradient_cost if gradient_of else 1
            fitting = min(fitting, max(self._budget - self.cost, 0) // unit_cost)
        size = max(1, CHUNK_SAMPLES // self.clock.n_samples)
        rows = np.empty((fitting, 1 + self.dimension * (gradient_of is not None)))
        for at in range(0, fitting, size):
            chunk = slice(at, min(at + size, fitting))
            rows[chunk] = self._evaluate(points[chunk], gradient_of)
        return rows, len(points) - fitting

    def _evaluate(self, points: Array, gradient_of: Patch | None) -> Array:
        gradients, patch = gradient_of is not None, gradient_of or self._patch
        count = self._count(len(points), gradients)
        # What is cached on the way serves later gradients: so never under inference mode.
        with torch.inference_mode(False), torch.set_grad_enabled(gradients):
            unit = torch.tensor(points, dtype=torch.float32, requires_grad=gradients)
            distances = self._compare(patch.render(unit, self.clock))
            rows = distances.detach().double().numpy()[:, None]
            if gradients:
                (gradient,) = torch.autograd.grad(distances.sum(), unit)
                rows = np.concatenate([rows, gradient.double().numpy()], axis=1)
        self._record(points, rows[:, 0], count)
        return rows

    def _counted_render(self, unit: Tensor, patch: Patch) -> tuple[Array, Tensor, Count]:
        """Check, count and render a tensor of unit vectors."""
        if not isinstance(unit, Tensor) or unit.dtype not in (torch.float32, torch.float64):
            found = unit.dtype if isinstance(unit, Tensor) else type(unit).__name__
            raise ParameterError(f"unit is {found}; it must be a tensor of float32 or float64")
        points = as_rows(readable(unit), self.names)
        tangent = forward_ad.unpack_dual(unit).tangent  # type: ignore[no-untyped-call]
        backward = torch.is_grad_enabled() and unit.requires_grad
        differentiable = backward or tangent is not None
        self._require(len(points) * (self.gradient_cost if differentiable else 1), len(points))
        count = self._count(len(points), differentiable)
        if backward:
            unit = unit.clone()
            count_again = CountedBackward(lambda: self._count_backward(len(points)))
            unit.register_hook(count_again)  # type: ignore[no-untyped-call]
        return points, patch.render(unit.clamp(0, 1), self.clock), count

    def _score(self, points: Array, audio: Tensor, count: Count, distances: Tensor | None) -> None:
        """Record distances of sounds that are already counted."""
        if distances is None:
            with torch.no_grad():
                distances = self._compare(audio.detach())
        self._record(points, distances.cpu().double().numpy(), count)
        self._end_if_over(0)

    def _compare(self, audio: Tensor) -> Tensor:
        distance = self._distance
        return distance.compare(distance.embed(audio), self._target_of(distance, audio))

    def _target_of(self, loss: Loss, like: Tensor) -> Any:
        key = (id(loss), like.dtype, like.device)
        if key not in self._embedded:
            with torch.inference_mode(False), torch.no_grad():
                target = torch.tensor(self.target, dtype=like.dtype, device=like.device)
                embedded = loss.embed(target[None])
            while len(self._embedded) >= MAX_EMBEDDED:
                del self._embedded[next(iter(self._embedded))]
            # The loss is kept beside its embedding, so that its id is not used again.
            self._embedded[key] = (loss, embedded)
        return self._embedded[key][1]

    def _count(self, n: int, gradients: bool) -> Count:
        """Count n evaluations, or gradient evaluations; every evaluation passes here once."""
        before = Count(self.n_evaluations, self.n_gradients, gradients)
        if gradients:
            self._n_gradients += n
        else:
            self._n_evaluations += n
        return before

    def _require(self, cost: int, n: int) -> None:
        if self._budget is not None and self.cost + cost > self._budget:
            raise BudgetExceeded(self._over(n))

    def _count_backward(self, n: int) -> None:
        self._require(self.gradient_cost * n, n)
        self._count(n, True)

    def _record(self, points: Array, distances: Array, before: Count) -> None:
        """Keep each of the counted evaluations, in order, that improves on the best."""
        finite = np.where(np.isfinite(distances), distances, np.inf)
        best_before = np.minimum.accumulate(np.concatenate([[self.best_distance], finite]))[:-1]
        for i in np.flatnonzero(finite < best_before):
            self._best_distance = float(finite[i])
            self._best_x = points[i].copy()
            n_evaluations, n_gradients = before.after(int(i) + 1)
            improvement = Improvement(n_evaluations, n_gradients, self.wall_s, self.best_distance)
            self.history.append(improvement)
            if self.on_improvement is not None:
                self.on_improvement(improvement)

    def _end_if_over(self, left_out: int) -> None:
        if self.stop_at_db is not None and self.best_distance <= self.stop_at_db:
            raise TargetReached(
                f"{self.task_id}: {self.best_distance:.3f} dB, at most {self.stop_at_db} dB"
            )
        if left_out:
            raise BudgetExceeded(self._over(left_out))

    def _over(self, n: int) -> str:
        return (
            f"{self.task_id}: the budget of {self._budget} cost units does not suffice for {n} "
            f"more evaluations after {self.cost}; best distance {self.best_distance:.3f} dB in "
            "problem.best_distance, its point in problem.best_x"
        )
