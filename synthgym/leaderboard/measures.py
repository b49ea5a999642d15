"""What one run achieved, and at what cost: pure functions of one record.

Cost is `C = n_evaluations + w * n_gradients`. The suite's weight is `w = 3` (a gradient
evaluation includes its forward pass); results are also shown at 1 and 5, because what a gradient
costs depends on the machine. A rung of the ladder is *hit* at the cost of the first improvement
at or below it; a rung that is never reached costs infinity.

The definitions, with their reasons and sources, are in `docs/scoring.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from synthgym.leaderboard.records import Record
from synthgym.leaderboard.statistics import Floats
from synthgym.tasks import GRADIENT_COST, LADDER_DB

WEIGHTS = (1, 3, 5)
"""Costs of a gradient evaluation, in function evaluations, at which results are shown."""

DEFAULT_WEIGHT = GRADIENT_COST
"""The weight that budgets are counted in and that the ranking uses."""

MISS_FACTOR = 10
"""A miss is priced as this many budgets (PAR10, the convention of algorithm selection)."""

GUESSES = (1, 10, 100)
"""Costs at which the amortized track is scored."""


def spent(record: Record, weight: float = DEFAULT_WEIGHT) -> float:
    """Cost of the whole run."""
    return float(record.final.n_evaluations + weight * record.final.n_gradients)


def trace(record: Record, weight: float = DEFAULT_WEIGHT) -> tuple[Floats, Floats]:
    """The improvements of a run as arrays.

    Returns:
        Costs (n,), not decreasing, and distances in dB (n,), not increasing.
    """
    steps = record.improvements
    costs = np.array([s.n_evaluations + weight * s.n_gradients for s in steps], dtype=np.float64)
    distances = np.array([s.distance_db for s in steps], dtype=np.float64)
    # True of every honest record; whether a record is honest is the business of `verify`.
    return np.maximum.accumulate(costs), np.minimum.accumulate(distances)


def hit_costs(
    record: Record,
    weight: float = DEFAULT_WEIGHT,
    ladder_db: Sequence[float] = LADDER_DB,
) -> Floats:
    """Cost at which each rung was first reached.

    Returns:
        (len(ladder_db),) float64, `inf` for a miss.
    """
    costs, distances = trace(record, weight)
    first = np.searchsorted(-distances, -np.asarray(ladder_db, dtype=np.float64), side="left")
    return np.append(costs, np.inf)[first]


def best_within(record: Record, cost_limits: ArrayLike, weight: float = DEFAULT_WEIGHT) -> Floats:
    """Best distance in dB found within each cost; `inf` before the first evaluation.

    Args:
        record: the run.
        cost_limits: (m,) costs.
        weight: cost of a gradient evaluation.

    Returns:
        (m,) float64. After its end a run keeps its last value.
    """
    costs, distances = trace(record, weight)
    limits = np.asarray(cost_limits, dtype=np.float64)
    return np.concatenate([[np.inf], distances])[np.searchsorted(costs, limits, side="right")]


def horizon(budget: float, dimension: int) -> float:
    """Cost at which a hit is worth nothing: ten budgets, where a miss is priced."""
    return MISS_FACTOR * max(budget, dimension)


def anytime_score(hits: ArrayLike, dimension: int, horizon_cost: float) -> float:
    """Score of a run on the search track, in [0, 1].

    The mean over rungs of `1 - log(C / d) / log(H / d)`, limited to [0, 1]: 1 for a rung reached
    within `d` evaluations, falling by an equal amount with every doubling of the cost, 0 for a
    miss, which is priced at the horizon `H` of ten budgets. With the budget of `1000 d` a rung
    reached at the very end is still worth one quarter. Equal to the area under the run's
    runtime distribution over log cost between `d` and `H`.

    Args:
        hits: (n_rungs,) cost of each rung, `inf` for a miss.
        dimension: number of entries of the unit vector, `d`.
        horizon_cost: `H`; see `horizon`.
    """
    # No honest hit costs nothing; a record that says so gets what a hit within `d` gets.
    costs = np.maximum(np.asarray(hits, dtype=np.float64), 1.0)
    ratio = np.log(costs / dimension) / np.log(horizon_cost / dimension)
    return float(np.clip(1.0 - ratio, 0.0, 1.0).mean())


def guess_score(hits: ArrayLike) -> float:
    """Score of a run on the amortized track, in [0, 1].

    The share of (rung, allowance) pairs in which the rung is reached within the allowance, over
    allowances of 1, 10 and 100 guesses.

    Args:
        hits: (n_rungs,) cost of each rung, `inf` for a miss.
    """
    reached = np.asarray(hits, dtype=np.float64)[:, None] <= np.asarray(GUESSES)
    return float(reached.mean())
