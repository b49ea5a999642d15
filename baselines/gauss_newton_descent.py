"""Descents of `gauss_newton`: sounds heard, Jacobians measured, steps in several views.

Sources: Levenberg, "A Method for the Solution of Certain Non-Linear Problems in Least Squares",
Quarterly of Applied Mathematics 2 (1944); Marquardt, SIAM Journal 11 (1963), for damping by the
diagonal; Broyden, Mathematics of Computation 19 (1965), for the update of a Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from synthgym.baselines.learned_inverse import LearnedInverse
from synthgym.baselines.linear_steps import (
    Guess,
    Jacobian,
    damped_step,
    next_damping,
    norms_after_step,
    worth,
)
from synthgym.baselines.patch_layout import OFF, ON, read_layout
from synthgym.baselines.sound_residuals import SoundResiduals
from synthgym.tasks import Problem

Array = NDArray[np.float64]
Derivatives = Callable[["Descent", Guess, Sequence[int]], dict[str, Array]]
# Rendered and compared at once: bounds memory.
CHUNK = 64


class Descent:
    """Goes downhill from a guess, in several views of the sound at once.

    Args:
        problem: what is to be solved.
        settings: of `GaussNewton`.
        rng: of its draws.
        derivatives: gives those of the residuals at a guess by some smooth entries (their places
            among all smooth ones), by view `(k, n)`.
    """

    def __init__(
        self,
        problem: Problem,
        settings: Mapping[str, Any],
        rng: np.random.Generator,
        derivatives: Derivatives,
    ) -> None:
        self.problem = problem
        self.settings = settings
        self.rng = rng
        self.hear = SoundResiduals(problem.target, problem.clock)
        self.layout = read_layout(problem.names)
        self.forget()
        self.smooth = list(self.layout.smooth)
        self._derivatives = derivatives
        self._moved = np.zeros(problem.dimension, dtype=bool)
        self._asleep: dict[tuple[int, ...], dict[int, int]] = {}
        self._success = dict.fromkeys(settings["step_views"], 0.5)

    def forget(self) -> None:
        """Learn anew which entries make what sound."""
        own = self.settings
        self.learned = LearnedInverse(
            self.hear.powers_of_target,
            self.problem.clock,
            own["jitter"],
            own["n_near"],
            own["n_most"],
        )

    def spread(self, n: int, width: int) -> Array:
        """A Latin hypercube, `(n, width)`."""
        return np.asarray(qmc.LatinHypercube(width, rng=self.rng).random(n))

    def heard(self, points: Iterable[Array]) -> list[Guess]:
        """Render points and compare them; each costs one evaluation."""
        rows = self.layout.settled(np.array(list(points)).reshape(-1, self.problem.dimension))
        guesses: list[Guess] = []
        for at in range(0, len(rows), CHUNK):
            some = rows[at : at + CHUNK]
            if self.problem.remaining is not None and len(some) > self.problem.remaining:
                self.problem.batch(some)  # evaluates what still fits, and ends the run
            guesses += self.supposed(some, self.hear.powers(self.problem.render(some)))
        return guesses

    def supposed(self, points: Array, powers: list[NDArray[np.float32]]) -> list[Guess]:
        """Guesses of points `(n, d)` by the powers that their sounds have, or would have."""
        own, heard = self.settings, self.hear.compare(powers)
        return [
            Guess(
                x,
                {view: values[i].astype(np.float64) for view, values in heard.items()},
                dict.fromkeys(own["step_views"], own["damping"]),
                own["radius"],
                [power[i] for power in powers],
            )
            for i, x in enumerate(points)
        ]

    def merit(self, guess: Guess) -> float:
        """Mean logarithm of the norms of several views: halving any of them counts the same."""
        views = self.settings["merit_views"]
        return float(np.mean([np.log(guess.norms[view] + 0.01) for view in views]))

    # Steps

    def descend(
        self,
        guess: Guess,
        n_steps: int,
        flip: bool = True,
        free: Sequence[int] | None = None,
        measure: Callable[[Guess], float] | None = None,
    ) -> Guess:
        """Step until nothing is gained any more.

        Args:
            guess: where to start.
            n_steps: at most.
            flip: try other options on the way.
            free: which smooth entries move, by their places among these; all by default.
            measure: what gains are of; all views together by default.
        """
        own, n_stalled = self.settings, 0
        measure = measure or self.merit
        for i in range(n_steps):
            if flip and i in own["flip_after"]:
                guess = self.flipped(guess)
            found = self._stepped(guess, free, measure)
            n_stalled = n_stalled + 1 if _gain(measure, guess, found) < own["stall_gain"] else 0
            guess = found
            if n_stalled >= own["stall_steps"]:
                break
        if free is not None:
            guess.jacobian = None  # it knows of the free entries only
        return guess

    def finish(self, guess: Guess, flip: bool = True) -> Guess:
        """Descend by all views together, and then by the search's own.

        The others may keep a guess where one of them is fitted closely and the search's own is
        not, with a filter too low and sources too loud.
        """
        n_steps = self.settings["descent_steps"]
        guess = self.descend(guess, n_steps, flip)
        guess.radius = self.settings["radius"]
        return self.descend(guess, n_steps, flip=False, measure=self.nearness)

    def nearness(self, guess: Guess) -> float:
        """Logarithm of what the search is after."""
        return float(np.log(worth(guess) + 0.01))

    def _stepped(
        self, guess: Guess, free: Sequence[int] | None, measure: Callable[[Guess], float]
    ) -> Guess:
        """The best step of several views with the same Jacobian, if it gains.

        The views that gained most of late come first, and the others only if those gain little.
        """
        own, jacobian = self.settings, self.jacobian(guess, free)
        views = sorted(own["step_views"], key=lambda view: -self._success[view])
        tried: dict[str, Guess] = {}
        for some in (views[:1], views[1:3], views[3:]):
            points = [self.step(guess, jacobian, view) for view in some]
            tried.update(zip(some, self.heard(points), strict=True))
            best = min(tried.values(), key=measure)
            gain = _gain(measure, guess, best)
            if gain > own["enough_gain"]:
                break
        damping = dict(guess.damping)
        for view, new in tried.items():
            ratio = new.norms[view] / max(guess.norms[view], 1e-12)
            damping[view] = next_damping(guess.damping[view], ratio)
            self._success[view] += own["success_rate"] * (
                max(_gain(measure, guess, new), 0.0) - self._success[view]
            )
        if gain <= 0:
            guess.damping = {view: 3 * value for view, value in damping.items()}
            guess.radius *= 0.4
            if jacobian.age:
                guess.jacobian = None
            return guess
        self.learned.add(best.x, best.powers)
        best.damping = damping
        best.radius = min(0.5, guess.radius * 1.5) if gain > 0.2 else guess.radius
        best.step = (best.x - guess.x)[self.smooth]
        if not jacobian.age and gain > own["broyden_gain"]:
            best.jacobian = jacobian.updated(best.step, guess, best)
        return best

    def jacobian(self, guess: Guess, free: Sequence[int] | None = None) -> Jacobian:
        """The Jacobian at a guess; zero in the columns that are not free."""
        if guess.jacobian is None:
            columns = self._awake(guess, range(len(self.smooth)) if free is None else free)
            by_view = {
                view: np.zeros((len(r), len(self.smooth))) for view, r in guess.residuals.items()
            }
            if columns:
                for view, slopes in self._derivatives(self, guess, columns).items():
                    by_view[view][:, columns] = slopes
            self._note(guess, columns, np.abs(by_view["mel"][:, columns]).max(axis=0) > 0)
            guess.jacobian = Jacobian(by_view)
        return guess.jacobian

    def _awake(self, guess: Guess, columns: Iterable[int]) -> list[int]:
        """Those that moved the sound when last measured under the same options and switches.

        What is switched off cannot move it. The others are measured now and then all the same.
        """
        asleep = self._asleep.setdefault(self._setting(guess), {})
        found = []
        for column in columns:
            if asleep.get(column, 0) > 0:
                asleep[column] -= 1
            else:
                found.append(column)
        return found

    def _note(self, guess: Guess, columns: Sequence[int], moves: NDArray[np.bool_]) -> None:
        """Remember which columns moved the sound of a guess."""
        moved = self._moved.copy()
        moved[np.array(self.smooth)[columns]] |= moves
        if (moved != self._moved).any():
            self._moved = moved
            self._asleep = {}
        asleep = self._asleep.setdefault(self._setting(guess), {})
        for column, moving in zip(columns, moves, strict=True):
            asleep[column] = 0 if moving else self.settings["sleep"]

    def _setting(self, guess: Guess) -> tuple[int, ...]:
        """Options, and the sides of what has never moved the sound, which may be switches."""
        options = [int(guess.x[list(choice)].argmax()) for choice in self.layout.choices]
        sides = [int(guess.x[e] >= 0.5) for e in self.smooth if not self._moved[e]]
        return (*options, *sides)

    def beside(
        self, guess: Guess, size: Array, columns: Sequence[int]
    ) -> tuple[list[Guess], Array]:
        """A guess for each of some smooth entries, moved by its size; and signed sizes."""
        entries = np.array(self.smooth)[columns]
        signed = np.where(guess.x[entries] > 0.5, -size, size)
        # What may be a switch is not moved across 0.5: it would seem to slide.
        across = ~self._moved[entries] & (np.abs(guess.x[entries] - 0.5) <= size)
        signed = np.where(across, np.where(guess.x[entries] >= 0.5, size, -size), signed)
        points = np.repeat(guess.x[None], len(entries), axis=0)
        points[np.arange(len(entries)), entries] += signed
        return self.heard(points), signed

    def step(self, guess: Guess, jacobian: Jacobian, view: str) -> Array:
        """Where a guess would go in a view, by the Jacobian of a guess near it."""
        moved = guess.x.copy()
        x = moved[self.smooth]
        low, high = np.maximum(-x, -guess.radius), np.minimum(1 - x, guess.radius)
        residuals, damping = guess.residuals[view], guess.damping[view]
        step = damped_step(jacobian, view, residuals, damping, low, high)
        moved[self.smooth] = np.clip(x + step, 0.0, 1.0)
        return moved

    def promise(self, guesses: Sequence[Guess], jacobian: Jacobian, view: str) -> Array:
        """Norms `(n,)` that would remain after a linear step from each guess."""
        residuals = np.stack([guess.residuals[view] for guess in guesses])
        return norms_after_step(jacobian, view, residuals, self.settings["radius"])

    def most_promising(
        self, tried: Sequence[Guess], jacobian: Jacobian, views: Sequence[str], n: int
    ) -> list[tuple[Guess, str]]:
        """The first n guesses of each view, each once, with the view that named it."""
        picked: dict[int, str] = {}
        for view in views:
            for at in np.argsort(self.promise(tried, jacobian, view), kind="stable")[:n]:
                picked.setdefault(int(at), view)
        return [(tried[at], view) for at, view in picked.items()]

    # Options

    def flipped(self, guess: Guess) -> Guess:
        """The guess, or the same with another option or switch where that promises more."""
        jacobian = self.jacobian(guess)
        points = self._flips(guess)
        if not points:
            return guess
        tried = self.heard(points)
        views = self.settings["merit_views"]
        promises = np.zeros(1 + len(tried))
        for view in views:
            norms = self.promise([guess, *tried], jacobian, view)
            promises += np.log(norms + 0.01) / len(views)
        best = int(promises[1:].argmin())
        if promises[1 + best] > promises[0] - 0.03:
            return guess
        found = tried[best]
        found.damping, found.radius = guess.damping, guess.radius
        return found

    def _flips(self, guess: Guess) -> list[Array]:
        """Every other option, and every entry across 0.5 that may be a switch."""
        points: list[Array] = []
        for choice in self.layout.choices:
            for entry in choice:
                if guess.x[entry] < 1:
                    points.append(guess.x.copy())
                    points[-1][list(choice)] = 0.0
                    points[-1][entry] = 1.0
        for entry in self.smooth:
            if not self._moved[entry]:
                points.append(guess.x.copy())
                points[-1][entry] = OFF if guess.x[entry] >= 0.5 else ON
        return points


def _gain(measure: Callable[[Guess], float], old: Guess, new: Guess) -> float:
    return float(1 - np.exp(measure(new) - measure(old)))


def differ(a: Guess, b: Guess) -> bool:
    """Whether two guesses sound different."""
    return bool(np.abs(a.residuals["mel"] - b.residuals["mel"]).max() > 0)
