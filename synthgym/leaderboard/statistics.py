"""Statistics of a comparison: interquartile mean, stratified bootstrap, probability of improvement.

Arrays in, numbers out; nothing here knows what a record, a task or a solver is. A *stratum* is
the scores of one solver on one task. Every stratum weighs the same, whatever its size, so a task
that was run more often does not speak louder.

Sources:
    Agarwal, Schwarzer, Castro, Courville, Bellemare: "Deep Reinforcement Learning at the Edge of
    the Statistical Precipice", NeurIPS 2021 (arXiv 2108.13264), sections 4.1 to 4.3.
    Efron, Tibshirani: "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).
    Hansen, Auger, Ros, Mersmann, Tušar, Brockhoff: "COCO: a platform for comparing continuous
    optimizers in a black-box setting", 2021 (arXiv 1603.08785), for running times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthgym.errors import ParameterError

Floats = NDArray[np.float64]

_BLOCK_ENTRIES = 2_000_000
"""Resampled scores held at once; more are drawn in blocks, so that memory stays flat."""


@dataclass(frozen=True)
class Estimate:
    """A number with the two ends of its interval."""

    value: float
    low: float
    high: float


def generator(seed: int, *labels: str) -> np.random.Generator:
    """A random stream that belongs to `labels` alone.

    The stream follows from the names and not from how many streams were made before it, so a
    solver's interval does not move when another solver joins the table.
    """
    digest = hashlib.sha256("\x1f".join(labels).encode()).digest()
    words = np.frombuffer(digest, dtype=np.uint32).tolist()
    return np.random.default_rng([seed, *words])


def interquartile_mean(values: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Mean of the middle half of the values (25 % trimmed mean).

    Values whose weight straddles a quartile count with the part that lies inside, so the result
    is defined for any number of values; where the number is a multiple of four it is the plain
    trimmed mean of Agarwal et al., section 4.3.

    Args:
        values: (..., n); the mean is taken over the last axis.
        weights: (n,), positive; equal when left out.

    Returns:
        (...,) float64.

    Raises:
        ParameterError: there are no values.
    """
    array = np.asarray(values, dtype=np.float64)
    n_values = array.shape[-1] if array.ndim else 0
    if n_values == 0:
        raise ParameterError("values is empty: an interquartile mean needs at least one value")
    share = np.ones(n_values) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(array, axis=-1, kind="stable")
    ordered = np.take_along_axis(array, order, axis=-1)
    mass = (share / share.sum())[order]
    upper = np.cumsum(mass, axis=-1)
    inside = np.clip(np.minimum(upper, 0.75) - np.maximum(upper - mass, 0.25), 0.0, None)
    # Values outside the middle half are masked, not multiplied by zero: they may be infinite.
    inside = np.where(inside > 1e-12, inside, 0.0)
    kept = np.where(inside > 0, ordered, 0.0)
    return np.asarray((kept * inside).sum(axis=-1) / inside.sum(axis=-1), dtype=np.float64)


def quartiles(values: ArrayLike) -> Floats:
    """First quartile, median and third quartile over the first axis; see `quantiles`.

    Args:
        values: (n, ...), not NaN; positive infinity is allowed.

    Returns:
        (3, ...) float64.
    """
    return quantiles(values, (0.25, 0.5, 0.75))


def quantiles(values: ArrayLike, shares: Sequence[float]) -> Floats:
    """Quantiles over the first axis, by linear interpolation.

    One that lies between a finite and an infinite value is infinite: half a miss is a miss.

    Args:
        values: (n, ...), not NaN; positive infinity is allowed.
        shares: (m,) in [0, 1].

    Returns:
        (m, ...) float64.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    place = np.asarray(shares) * (ordered.shape[0] - 1)
    below, above = np.floor(place).astype(int), np.ceil(place).astype(int)
    share = (place - below).reshape(-1, *[1] * (ordered.ndim - 1))
    finite = np.isfinite(ordered[above])
    upper = np.where(finite, ordered[above], 0.0)
    lower = np.where(finite, ordered[below], 0.0)
    return np.where(finite, lower + share * (upper - lower), np.inf)


def stratified_iqm(
    strata: Sequence[ArrayLike],
    rng: np.random.Generator,
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Estimate:
    """Interquartile mean over all strata, with a stratified percentile-bootstrap interval.

    Runs are drawn with replacement inside each stratum (Agarwal et al., section 4.1), never
    across strata: the tasks are the benchmark, not a sample of tasks.

    Args:
        strata: one (n_k,) array of scores per task, none of them empty.
        rng: the source of chance; see `generator`.
        n_resamples: number of bootstrap resamples.
        level: coverage of the interval.
    """
    arrays = _checked(strata, "strata")
    weights = _equal_strata_weights(arrays)
    value = float(interquartile_mean(np.concatenate(arrays), weights))
    block = max(1, _BLOCK_ENTRIES // weights.size)
    resampled = np.concatenate(
        [
            interquartile_mean(_resample(arrays, min(block, n_resamples - done), rng), weights)
            for done in range(0, n_resamples, block)
        ]
    )
    return _with_interval(value, resampled, level)


def probability_of_improvement(
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    rng: np.random.Generator,
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Estimate:
    """How likely a run of `first` scores above a run of `second` on a random task.

    The mean over tasks of the Mann-Whitney statistic, ties counting one half (Agarwal et al.,
    section 4.3), with a stratified percentile-bootstrap interval.

    Args:
        first: one (n_k,) array of scores per task.
        second: one (m_k,) array of scores per task, the same tasks in the same order.
        rng: the source of chance; see `generator`.
        n_resamples: number of bootstrap resamples.
        level: coverage of the interval.

    Raises:
        ParameterError: the two do not have the same number of strata, or one is empty.
    """
    ours, theirs = _checked(first, "first"), _checked(second, "second")
    if len(ours) != len(theirs):
        raise ParameterError(
            f"first has {len(ours)} strata and second has {len(theirs)}: "
            "give the same tasks in the same order"
        )
    value = 0.0
    resampled = np.zeros(n_resamples)
    for a, b in zip(ours, theirs, strict=True):
        wins = (a[:, None] > b[None, :]) + 0.5 * (a[:, None] == b[None, :])
        value += float(wins.mean())
        # Drawing runs with replacement is drawing how often each one is counted.
        times_a, times_b = _counts(a.size, n_resamples, rng), _counts(b.size, n_resamples, rng)
        resampled += ((times_a @ wins) * times_b).sum(axis=1) / wins.size
    return _with_interval(value / len(ours), resampled / len(ours), level)


def expected_running_time(hit_costs: ArrayLike, total_costs: ArrayLike) -> float:
    """Expected cost until the first success when the solver is restarted until it succeeds.

    All that was spent, by successful runs up to their hit and by failed runs to their end,
    divided by the number of successes; infinite without a success (COCO, section on runtime).

    Args:
        hit_costs: (n,) cost at which each run reached the level, `inf` where it did not.
        total_costs: (n,) cost of each whole run.
    """
    hits = np.asarray(hit_costs, dtype=np.float64)
    totals = np.asarray(total_costs, dtype=np.float64)
    reached = np.isfinite(hits)
    if not reached.any():
        return float("inf")
    return float(np.where(reached, hits, totals).sum() / reached.sum())


def runtime_distribution(
    hit_costs: ArrayLike, costs: ArrayLike, weights: ArrayLike | None = None
) -> Floats:
    """Share of (run, rung) pairs reached within each cost: the empirical runtime distribution.

    Args:
        hit_costs: (n,) cost of each pair, `inf` for a miss; a miss stays in the denominator.
        costs: (m,) costs to evaluate at.
        weights: (n,), positive; equal when left out.

    Returns:
        (m,) in [0, 1], not decreasing in `costs`.
    """
    hits = np.asarray(hit_costs, dtype=np.float64)
    share = np.ones(hits.size) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(hits, kind="stable")
    reached = np.concatenate([[0.0], np.cumsum(share[order] / share.sum())])
    count = np.searchsorted(hits[order], np.asarray(costs, dtype=np.float64), side="right")
    return np.asarray(np.minimum(reached[count], 1.0))


def _checked(strata: Sequence[ArrayLike], name: str) -> list[Floats]:
    arrays = [np.asarray(stratum, dtype=np.float64) for stratum in strata]
    if not arrays or any(a.ndim != 1 or a.size == 0 for a in arrays):
        shapes = [a.shape for a in arrays]
        raise ParameterError(
            f"{name} has the shapes {shapes}: give one non-empty 1-D array of scores per task"
        )
    return arrays


def _equal_strata_weights(strata: Sequence[Floats]) -> Floats:
    return np.concatenate([np.full(s.size, 1 / (s.size * len(strata))) for s in strata])


def _resample(strata: Sequence[Floats], n_resamples: int, rng: np.random.Generator) -> Floats:
    """(n_resamples, sum of sizes): each stratum drawn with replacement from itself."""
    return np.concatenate(
        [s[rng.integers(0, s.size, size=(n_resamples, s.size))] for s in strata], axis=1
    )


def _counts(size: int, n_resamples: int, rng: np.random.Generator) -> Floats:
    """(n_resamples, size): how often each of `size` is drawn in as many draws with replacement."""
    drawn = rng.integers(0, size, size=(n_resamples, size))
    places = drawn + size * np.arange(n_resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=size * n_resamples)
    return counts.reshape(n_resamples, size).astype(np.float64)


def _with_interval(value: float, resampled: Floats, level: float) -> Estimate:
    tail = (1 - level) / 2
    low, high = quantiles(resampled, (tail, 1 - tail))
    return Estimate(value, float(low), float(high))
