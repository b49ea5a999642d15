"""The inverse of a synthesizer, learned within a run: from what sounds are like to entries.

The sounds that a search has rendered are examples of which entries make what. Regressions on them,
from pitch, its course, spectrum and envelope to each entry, are evaluated at the target: a pitch, a
rate, an attack or a cutoff is then read off instead of being searched for. Nothing is learned
beforehand, and no sound is rendered for it.

An entry shows in some figures of a sound and in no others, and a few dozen examples do not tell
which of hundreds. So each entry is regressed on each small group of figures, and keeps the
regression that leaves least when each example is left out in turn. Points are then drawn as the
regression plus the error it makes at one of the examples near the target, all entries together:
where an entry cannot be read off, the draws are as wide as its range.

Sources: Beaumont, Zhang and Balding, "Approximate Bayesian Computation in Population Genetics",
Genetics 162 (2002), for draws adjusted by regression and weighted by nearness; Blum and Francois,
"Non-linear regression models for Approximate Bayesian Computation", Statistics and Computing 20
(2010); Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), section 5.4.2, for
what is left without each example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from synthgym.baselines.hearing import PitchDescriptor
from synthgym.losses import MelEmbedding
from synthgym.synth import Clock

Array = NDArray[np.float64]
Powers = Sequence[NDArray[np.float32]]

# Widths of the kernel, in median squared distances, and penalties.
WIDTHS = (1.0, 4.0)
RIDGES = (0.001, 0.01, 0.1, 0.5, 2.0)
# Groups that are also tried together, beside each alone and all of them.
TOGETHER = (
    ("shape", "figures_fast", "figures_slow"),
    ("course", "attack"),
    ("rates_fast", "rates_slow", "figures_fast", "figures_slow"),
)
# Exponents beyond this count the same. Far ones would give subnormal numbers, on which eigenvalue
# routines of LAPACK may fail to converge.
MOST_EXPONENT = 60.0
# A deviation of a figure that counts as none.
LEAST_DEVIATION = 0.05
# A regression must leave this share less than the mean does.
LEAST_GAIN = 0.03
# What is left far from the target counts this much beside what is left near it.
FAR_SHARE = 0.1
# Fewer examples than this tell nothing.
LEAST_EXAMPLES = 4
# Powers take much room, and figures little: no more than this many sounds wait for theirs.
MOST_UNHEARD = 64
N_ATTACK, N_COURSE = 32, 64
RANGE_DB = 20.0


@dataclass
class _Fit:
    """The best regressions so far, by entry: at the target, and what each example leaves."""

    at_target: Array
    left: Array
    score: Array


class LearnedInverse:
    """Draws points whose sounds should be like the target, by the sounds that were rendered.

    Args:
        target: powers of the target, as `SoundResiduals.powers` has them for one sound.
        clock: its time base.
        jitter: deviation of an entry about what is drawn, as a share of what regressions leave.
        n_near: this many examples count as near the target, or an eighth of all if that is more.
        n_most: learns from the examples nearest to the target, at most this many.
    """

    def __init__(
        self, target: Powers, clock: Clock, jitter: float, n_near: int, n_most: int
    ) -> None:
        self._descriptor = PitchDescriptor(nyquist_hz=clock.nyquist_hz)
        self._jitter, self._n_near, self._n_most = jitter, n_near, n_most
        self._target = self._figures([target])
        self._points: list[Array] = []
        self._groups: dict[str, list[Array]] = {name: [] for name in self._target}
        self._unheard: list[Powers] = []

    def __len__(self) -> int:
        return len(self._points)

    def add(self, point: Array, powers: Powers) -> None:
        """Learn that a point `(d,)` has a sound of these powers."""
        self._points.append(point.copy())
        self._unheard.append(powers)
        if len(self._unheard) >= MOST_UNHEARD:
            self._hear()

    def draw(self, n: int, rng: np.random.Generator) -> Array | None:
        """Points `(n, d)` of the unit cube; None if too little is known to tell any."""
        if len(self) < LEAST_EXAMPLES:
            return None
        self._hear()
        rows, gaps = self._gaps()
        if not gaps:
            return None
        points = np.array([self._points[row] for row in rows])
        weights = self._weights(np.sum([gap for _, gap in gaps.values()], axis=0))
        fit = _mean_alone(points, weights)
        alone = [(name,) for name in gaps]
        together = [tuple(n for n in names if n in gaps) for names in TOGETHER]
        for names in (*alone, tuple(gaps), *filter(None, together)):
            between = sum(gaps[name][0] for name in names) / len(names)
            to_target = sum(gaps[name][1] for name in names) / len(names)
            _regress(fit, points, weights, np.asarray(between), np.asarray(to_target))
        picked = rng.choice(len(points), n, p=weights)
        deviation = np.sqrt((fit.left**2 * weights[:, None]).sum(0))
        drawn = fit.at_target + fit.left[picked]
        drawn = drawn + self._jitter * deviation * rng.standard_normal(drawn.shape)
        # Reflected at the ends of the range, where many would pile up otherwise.
        drawn = np.abs(drawn)
        return np.clip(1 - np.abs(1 - drawn), 0.0, 1.0)

    def _hear(self) -> None:
        if self._unheard:
            for name, rows in self._figures(self._unheard).items():
                self._groups[name].extend(rows)
            self._unheard = []

    def _figures(self, sounds: Sequence[Powers]) -> dict[str, Array]:
        """What sounds are like, in groups of figures `(n, k)`."""
        n_mel = 3
        powers = tuple(torch.as_tensor(np.stack([s[i] for s in sounds])) for i in range(n_mel))
        embedded = MelEmbedding(powers, floor_db=0.0)
        if powers[-1].shape[1] > 2:
            groups = self._descriptor.parts(embedded)
        else:  # too short to have a course of its pitch
            groups = self._descriptor.sound.parts(embedded)
        level = powers[0].sum(2)
        loudness = _relative(level, 1e-5)
        groups["shape"] = _relative(powers[-1].mean(1), 1e-6)
        groups["shape"] = groups["shape"] - groups["shape"].mean(1, keepdim=True)
        groups["attack"] = loudness[:, :N_ATTACK]
        groups["course"] = F.adaptive_avg_pool1d(loudness[:, None], N_COURSE)[:, 0]
        # The pitch of silence is at minus infinity.
        return {name: group.double().clamp(-10.0, 10.0).numpy() for name, group in groups.items()}

    def _gaps(self) -> tuple[NDArray[np.intp], dict[str, tuple[Array, Array]]]:
        """The examples nearest to the target; squared distances between them, and to the target.

        By group of figures, in units of a typical one. Groups in which all are alike are left out.
        """
        scaled, far = {}, np.zeros(len(self._points))
        for name, rows in self._groups.items():
            figures = np.array(rows)
            deviation = figures.std(0) + LEAST_DEVIATION
            figures, target = figures / deviation, self._target[name] / deviation
            to_target = ((figures - target) ** 2).sum(1)
            scaled[name] = figures, to_target
            far += to_target / max(float(np.median(to_target)), 1e-9)
        rows_near = np.argsort(far, kind="stable")[: self._n_most]
        gaps = {}
        for name, (figures, to_target) in scaled.items():
            near = figures[rows_near] - figures[rows_near].mean(0)
            square = (near**2).sum(1)
            between = np.maximum(square[:, None] + square - 2 * near @ near.T, 0.0)
            typical = float(np.median(between))
            if typical > 1e-6:
                gaps[name] = between / typical, to_target[rows_near] / typical
        return rows_near, gaps

    def _weights(self, to_target: Array) -> Array:
        """Weights of examples that fall off with their distance, and sum to 1."""
        n = len(to_target)
        last = np.sort(to_target)[min(n - 1, max(self._n_near, n // 8))]
        weights = np.maximum(1 - to_target / max(float(last), 1e-12), 0.0) + 1e-9
        return np.asarray(weights / weights.sum())


def _relative(power: Tensor, floor: float) -> Tensor:
    """Levels of (n, k) under the loudest, in units of RANGE_DB."""
    loudest = power.amax(1, keepdim=True) + 1e-16
    return 10.0 * torch.log10(power / loudest + floor) / RANGE_DB


def _score(left: Array, weights: Array) -> Array:
    """Mean square of what examples leave, by entry; near the target most of all."""
    near = (left**2 * weights[:, None]).sum(0)
    return np.asarray(near + FAR_SHARE * (left**2).mean(0))


def _mean_alone(points: Array, weights: Array) -> _Fit:
    """No regression: the mean of the examples, and what each leaves when it is left out."""
    mean = points.mean(0)
    left = (points - mean) * len(points) / (len(points) - 1)
    return _Fit(mean.copy(), left, (1 - LEAST_GAIN) * _score(left, weights))


def gaussian_kernel(squared: Array, width: float) -> Array:
    """Gaussian kernel of squared distances."""
    return np.asarray(np.exp(-np.minimum(squared / width, MOST_EXPONENT)))


def eigen(symmetric: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors; by a slower method where LAPACK's fast one fails to converge.

    That happens now and then, on matrices that are finite and well scaled.
    """
    try:
        values, vectors = np.linalg.eigh(symmetric)
    except np.linalg.LinAlgError:
        values, vectors = scipy.linalg.eigh(symmetric, driver="ev")
    return np.asarray(values), np.asarray(vectors)


def _regress(fit: _Fit, points: Array, weights: Array, between: Array, to_target: Array) -> None:
    """Kernel ridge regressions of all entries; each entry keeps what leaves least.

    Args:
        fit: is changed.
        points: examples `(n, d)`.
        weights: of the examples.
        between: squared distances of their sounds `(n, n)`.
        to_target: to the target's `(n,)`.
    """
    mean = points.mean(0)
    for width in WIDTHS:
        values, vectors = eigen(gaussian_kernel(between, width))
        toward = gaussian_kernel(to_target, width) @ vectors
        within = vectors.T @ (points - mean)
        for ridge in RIDGES:
            shrunk = 1 / (np.maximum(values, 0.0) + ridge)
            # Left out in turn, without solving anew for each.
            left = vectors @ (shrunk[:, None] * within) / (vectors**2 @ shrunk)[:, None]
            score = _score(left, weights)
            better = score < fit.score
            fit.score[better] = score[better]
            fit.left[:, better] = left[:, better]
            fit.at_target[better] = (mean + toward @ (shrunk[:, None] * within))[better]
