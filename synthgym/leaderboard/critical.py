"""Critical differences: which solvers rank apart over the tasks, by tests on ranks.

Each task is one block of a randomized block design. The Friedman test asks whether the solvers'
mean ranks differ at all; if they do, every pair is compared by a Wilcoxon signed-rank test over
the tasks, with Holm's correction for the number of pairs. Tests on pairs, not Nemenyi's critical
difference of mean ranks: whether two solvers differ by mean ranks depends on who else takes part
(Benavoli et al.).

Arrays in, numbers out; nothing here knows what a record is.

Sources:
    Demšar: "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006,
    sections 3.1.3 (Wilcoxon) and 3.2.2 (Friedman, with the correction of Iman and Davenport).
    Holm: "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
    Statistics 6, 1979.
    Benavoli, Corani, Mangili: "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?",
    JMLR 17, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from types import MappingProxyType

import numpy as np
from scipy import stats

from synthgym.errors import ParameterError
from synthgym.leaderboard.statistics import Floats

ALPHA = 0.05
"""Level of the tests."""


@dataclass(frozen=True)
class CriticalDifferences:
    """Which solvers the tasks tell apart.

    Args:
        mean_ranks: mean rank over the tasks by solver, best (lowest) first; ties share a rank.
        n_tasks: blocks of the tests.
        friedman_p: p-value of the Friedman test in Iman and Davenport's form; None where two
            solvers, or a single task, leave nothing for it to test.
        p_values: p-values of the pairs after Holm's correction, by both orders of a pair.
        least_p: the smallest corrected p-value that this many tasks could give; above `ALPHA`
            the tests could not tell any two solvers apart, whatever the scores.
        cliques: groups of solvers neighbouring in mean rank, no two of which differ, as long as
            they can be and longer than one.
    """

    mean_ranks: Mapping[str, float]
    n_tasks: int
    friedman_p: float | None
    p_values: Mapping[tuple[str, str], float]
    least_p: float
    cliques: tuple[tuple[str, ...], ...]

    @property
    def rejected(self) -> bool:
        """Whether the Friedman test lets the pairs be looked at."""
        return self.friedman_p is None or self.friedman_p < ALPHA

    def differ(self, first: str, second: str) -> bool:
        """Whether two solvers differ at the level `ALPHA`."""
        return self.rejected and self.p_values.get((first, second), 1.0) < ALPHA


def critical_differences(scores: Mapping[str, Sequence[float]]) -> CriticalDifferences:
    """Rank solvers on each task and test which of them differ.

    Args:
        scores: by solver its score on each task, higher better, the tasks in one order.

    Raises:
        ParameterError: fewer than two solvers, no task, or lists of different lengths.
    """
    lengths = {len(own) for own in scores.values()}
    if len(scores) < 2 or lengths in ({0}, set()) or len(lengths) > 1:
        raise ParameterError(
            f"scores has {len(scores)} solvers with {sorted(lengths)} tasks: give two or more "
            "solvers, each with its score on the same tasks"
        )
    table = np.array([list(own) for own in scores.values()], dtype=np.float64)
    ranks = stats.rankdata(-table, axis=0).mean(axis=1)
    by_rank = sorted(zip(ranks.tolist(), scores, strict=True))
    n_tasks = table.shape[1]
    pairs = list(combinations(scores, 2))
    raw = [_wilcoxon(np.array(scores[a]) - np.array(scores[b])) for a, b in pairs]
    p_values = dict(zip(pairs, holm(raw), strict=True))
    found = CriticalDifferences(
        mean_ranks=MappingProxyType({solver: rank for rank, solver in by_rank}),
        n_tasks=n_tasks,
        friedman_p=_friedman(table),
        p_values=MappingProxyType({**p_values, **{(b, a): p for (a, b), p in p_values.items()}}),
        # All differences of one sign: one of 2^n outcomes, on two sides. The smallest p-value of
        # all is multiplied by the number of pairs.
        least_p=min(1.0, len(pairs) * 2.0 ** (1 - n_tasks)),
        cliques=(),
    )
    return _with_cliques(found)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the k-th smallest of m times m - k + 1, never decreasing."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.maximum.accumulate(np.asarray(p_values, dtype=np.float64)[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in corrected]


def _wilcoxon(differences: Floats) -> float:
    """Two-sided p-value; differences of zero are shared between the signs (Demšar, 3.1.3)."""
    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="zsplit").pvalue)


def _friedman(table: Floats) -> float | None:
    """p-value of Iman and Davenport's F, from scores (n_solvers, n_tasks)."""
    n_solvers, n_tasks = table.shape
    if n_solvers < 3 or n_tasks < 2:
        return None
    if not np.ptp(table, axis=0).any():
        return 1.0  # all tied everywhere: the statistic would be 0 / 0
    chi2 = float(stats.friedmanchisquare(*table).statistic)
    # F is an approximation, infinite where one order holds on every task. By chance alone that
    # happens with this probability, below which no p-value of the exact test lies.
    least = math.exp((1 - n_tasks) * math.lgamma(n_solvers + 1))
    rest = n_tasks * (n_solvers - 1) - chi2
    if rest <= 1e-9 * n_tasks:
        return least
    f = (n_tasks - 1) * chi2 / rest
    p = float(stats.f.sf(f, n_solvers - 1, (n_solvers - 1) * (n_tasks - 1)))
    return max(p, least)


def _with_cliques(found: CriticalDifferences) -> CriticalDifferences:
    solvers = list(found.mean_ranks)
    cliques: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(solvers)):
        end = start + 1
        while end < len(solvers) and not any(
            found.differ(inside, solvers[end]) for inside in solvers[start:end]
        ):
            end += 1
        # One that ends where an earlier one ended is a part of it.
        if end - start > 1 and end > reached:
            cliques.append(tuple(solvers[start:end]))
        reached = max(reached, end)
    return replace(found, cliques=tuple(cliques))
