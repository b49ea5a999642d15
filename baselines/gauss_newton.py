"""Gauss-Newton on the sound: least squares with the derivatives of all residuals at once.

A distance says how far a sound is from the target; the sound itself says in which way. Each
rendering gives thousands of residuals (`sound_residuals`), and their Jacobian, one difference of
sounds for each continuous entry, gives a step to where all of them would vanish if the sound
changed linearly. It does so for amplitudes, envelopes and filters, and in the right view for
pitch. What no linear step finds is looked for by enumeration: options are tried one by one, and
entries along which the sound turns out to be far from linear, such as the rate of a modulation or
the pitch of one source in a mixture, are scanned over their whole range.

Derivatives are differences of rendered sounds: one evaluation for each entry, where forward-mode
differentiation costs three, and reverse mode three for each of thousands of residuals.

Sources: Levenberg, "A Method for the Solution of Certain Non-Linear Problems in Least Squares",
Quarterly of Applied Mathematics 2 (1944); Marquardt, SIAM Journal 11 (1963), for damping by the
diagonal; Broyden, Mathematics of Computation 19 (1965), for the update of a Jacobian.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.baselines.linear_steps import (
    Guess,
    Jacobian,
    damped_step,
    next_damping,
    norms_after_step,
    worth,
)
from synthgym.baselines.sound_residuals import SoundResiduals
from synthgym.tasks import Problem

Array = NDArray[np.float64]
# Rendered and compared at once: bounds memory.
CHUNK = 64


class GaussNewton:
    """Levenberg-Marquardt in several views of the sound, with scans of what is not linear.

    Args:
        dimension: number of entries of a unit vector.
        seed: seed of every random draw.
    """

    name = "gauss-newton"
    settings: Mapping[str, Any] = {
        "derivatives": "differences of sounds",
        "step_views": ["onset", "track", "wide", "narrow", "mel"],
        "merit_views": ["track", "wide", "mel"],
        "scan_views": ["onset", "track", "narrow", "mel"],
        "n_drawn": 16,
        "n_drawn_per_entry": 4,
        "n_starts": 2,
        "n_kept": 1,
        "start_steps": 4,
        "descent_steps": 20,
        "flip_after": [1, 4],
        "stall_gain": 0.03,
        "stall_steps": 2,
        "difference": [0.0005, 0.004],
        "difference_share_of_step": 0.3,
        "damping": 0.1,
        "radius": 0.25,
        "broyden_gain": 0.3,
        "linearity_step": 0.06,
        "linearity_limit": 0.5,
        "n_scanned_entries": 4,
        "n_scan": 24,
        "scan_steps": 2,
        "n_failed_rounds": 1,
        "tuned_on": "dev-0 to dev-14",
        "tuning_cost": 600_000,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Search until the problem ends the run."""
        self._problem = problem
        self._hear = SoundResiduals(problem.target, problem.clock)
        names = list(problem.names)
        self._choices = _choices(names)
        chosen = {entry for choice in self._choices for entry in choice}
        self._smooth = [entry for entry in range(len(names)) if entry not in chosen]
        self._moved = np.zeros(len(names), dtype=bool)
        self._switches: list[int] = []
        self._owners = [name.split(".")[0] for name in names]
        while True:
            if self._smooth:
                self._round()
            else:
                problem.batch(self._rng.random((CHUNK, self._dimension)))

    def _round(self) -> None:
        own = self.settings
        starts = [self._descend(start, own["start_steps"]) for start in self._drawn()]
        for guess in sorted(starts, key=worth)[: own["n_kept"]]:
            guess = self._descend(guess, own["descent_steps"])
            n_failed = 0
            while n_failed < own["n_failed_rounds"]:
                found = self._explore(guess)
                n_failed = n_failed + 1 if found is guess else 0
                guess = found

    def _drawn(self) -> list[Guess]:
        """The best of points that are spread evenly over the range of each entry."""
        own = self.settings
        n = own["n_drawn"] + own["n_drawn_per_entry"] * len(self._smooth)
        if self._problem.remaining is not None:
            # Of a small budget, at most half goes into the start.
            n = max(1, min(n, self._problem.remaining // 2))
        guesses = self._heard(self._spread(n, self._dimension))
        return sorted(guesses, key=lambda g: g.norms["track"])[: own["n_starts"]]

    def _spread(self, n: int, width: int) -> Array:
        """A Latin hypercube, `(n, width)`."""
        order = self._rng.permuted(np.tile(np.arange(n)[:, None], (1, width)), axis=0)
        return (order + self._rng.random((n, width))) / n

    def _heard(self, points: Iterable[Array]) -> list[Guess]:
        """Render points and compare them; each costs one evaluation."""
        rows = np.array(list(points)).reshape(-1, self._dimension)
        for choice in self._choices:
            best = rows[:, choice].argmax(axis=1)
            rows[:, choice] = np.eye(len(choice))[best]
        own, guesses = self.settings, []
        for at in range(0, len(rows), CHUNK):
            some = rows[at : at + CHUNK]
            if self._problem.remaining is not None and len(some) > self._problem.remaining:
                self._problem.batch(some)  # evaluates what still fits, and ends the run
            heard = self._hear(self._problem.render(some))
            for i, x in enumerate(some):
                residuals = {view: values[i].astype(np.float64) for view, values in heard.items()}
                damping = dict.fromkeys(own["step_views"], own["damping"])
                guesses.append(Guess(x, residuals, damping, own["radius"]))
        return guesses

    def _merit(self, guess: Guess) -> float:
        """Mean logarithm of the norms of several views: halving any of them counts the same."""
        views = self.settings["merit_views"]
        return float(np.mean([np.log(guess.norms[view] + 0.01) for view in views]))

    def _gain(self, old: Guess, new: Guess) -> float:
        return float(1 - np.exp(self._merit(new) - self._merit(old)))

    # Steps

    def _descend(self, guess: Guess, n_steps: int, flip: bool = True) -> Guess:
        """Step until nothing is gained any more."""
        own, n_stalled = self.settings, 0
        for i in range(n_steps):
            if flip and i in own["flip_after"]:
                guess = self._flipped(guess)
            found = self._stepped(guess)
            n_stalled = n_stalled + 1 if self._gain(guess, found) < own["stall_gain"] else 0
            guess = found
            if n_stalled >= own["stall_steps"]:
                break
        return guess

    def _stepped(self, guess: Guess) -> Guess:
        """One step in each view with the same Jacobian; the best of them, if it gains."""
        own, jacobian = self.settings, self._jacobian(guess)
        views = own["step_views"]
        tried = self._heard(self._step(guess, jacobian, view) for view in views)
        best = min(tried, key=self._merit)
        damping = {
            view: next_damping(guess.damping[view], new.norms[view] / max(guess.norms[view], 1e-12))
            for view, new in zip(views, tried, strict=True)
        }
        gain = self._gain(guess, best)
        if gain <= 0:
            guess.damping = {view: 3 * value for view, value in damping.items()}
            guess.radius *= 0.4
            if jacobian.age:
                guess.jacobian = None
            return guess
        best.damping = damping
        best.radius = min(0.5, guess.radius * 1.5) if gain > 0.2 else guess.radius
        best.step = (best.x - guess.x)[self._smooth]
        if not jacobian.age and gain > own["broyden_gain"]:
            best.jacobian = jacobian.updated(best.step, guess, best)
        return best

    def _jacobian(self, guess: Guess) -> Jacobian:
        """The Jacobian at a guess, from one sound beside it for each smooth entry."""
        if guess.jacobian is None:
            by_view = self._derivatives(guess)
            self._moved[self._smooth] |= np.abs(by_view["mel"]).max(axis=0) > 0
            guess.jacobian = Jacobian(by_view)
        return guess.jacobian

    def _derivatives(self, guess: Guess) -> dict[str, Array]:
        """Derivatives by view `(k, n_smooth)`, from one sound beside the guess for each entry."""
        least, most = self.settings["difference"]
        size = np.full(len(self._smooth), most)
        if guess.step is not None:
            # The finer the steps, the finer the differences: coarse ones look past ripples.
            share = self.settings["difference_share_of_step"]
            size = np.clip(share * np.abs(guess.step), least, most)
        beside, size = self._beside(guess, size)
        return {
            view: (np.stack([b.residuals[view] for b in beside], axis=1) - r[:, None]) / size
            for view, r in guess.residuals.items()
        }

    def _beside(self, guess: Guess, size: Array) -> tuple[list[Guess], Array]:
        """A guess for each smooth entry that is moved by its size, inwards; and signed sizes."""
        signed = np.where(guess.x[self._smooth] > 0.5, -size, size)
        points = np.repeat(guess.x[None], len(self._smooth), axis=0)
        points[np.arange(len(self._smooth)), self._smooth] += signed
        return self._heard(points), signed

    def _step(self, guess: Guess, jacobian: Jacobian, view: str) -> Array:
        """Where a guess would go in a view, by the Jacobian of a guess near it."""
        moved = guess.x.copy()
        x = moved[self._smooth]
        low, high = np.maximum(-x, -guess.radius), np.minimum(1 - x, guess.radius)
        residuals, damping = guess.residuals[view], guess.damping[view]
        step = damped_step(jacobian, view, residuals, damping, low, high)
        moved[self._smooth] = np.clip(x + step, 0.0, 1.0)
        return moved

    def _promise(self, guesses: Sequence[Guess], jacobian: Jacobian, view: str) -> Array:
        """Norms `(n,)` that would remain after a linear step from each guess."""
        residuals = np.stack([guess.residuals[view] for guess in guesses])
        return norms_after_step(jacobian, view, residuals, self.settings["radius"])

    # What no step finds

    def _flipped(self, guess: Guess) -> Guess:
        """The guess, or the same with another option or switch where that promises more."""
        jacobian = self._jacobian(guess)
        points, entries = self._flips(guess)
        if not points:
            return guess
        tried = self._heard(points)
        for entry, new in zip(entries, tried, strict=True):
            # Dead to small changes, and alive to a large one.
            if entry is not None and entry not in self._switches and self._differ(guess, new):
                self._switches.append(entry)
        views = self.settings["merit_views"]
        promises = np.zeros(1 + len(tried))
        for view in views:
            norms = self._promise([guess, *tried], jacobian, view)
            promises += np.log(norms + 0.01) / len(views)
        best = int(promises[1:].argmin())
        if promises[1 + best] > promises[0] - 0.03:
            return guess
        found = tried[best]
        found.damping, found.radius = guess.damping, guess.radius
        return found

    def _flips(self, guess: Guess) -> tuple[list[Array], list[int | None]]:
        """Every other option, and every entry across 0.5 that may be a switch."""
        points: list[Array] = []
        entries: list[int | None] = []
        for choice in self._choices:
            for entry in choice:
                if guess.x[entry] < 1:
                    points.append(guess.x.copy())
                    points[-1][choice] = 0.0
                    points[-1][entry] = 1.0
                    entries.append(None)
        for entry in self._smooth:
            if not self._moved[entry]:
                points.append(guess.x.copy())
                points[-1][entry] = 0.25 if guess.x[entry] >= 0.5 else 0.75
                entries.append(entry)
        return points, entries

    @staticmethod
    def _differ(a: Guess, b: Guess) -> bool:
        return bool(np.abs(a.residuals["mel"] - b.residuals["mel"]).max() > 0)

    def _explore(self, guess: Guess) -> Guess:
        """Scan the entries along which the sound is least linear; the best guess found."""
        own, found = self.settings, guess
        cosines = self._linearity(guess)
        order = [int(i) for i in np.argsort(cosines) if cosines[i] < own["linearity_limit"]]
        for i in (order or [int(cosines.argmin())])[: own["n_scanned_entries"]]:
            found = self._scanned(found, i)
        flipped = self._flipped(found)
        if flipped is not found:
            flipped = self._descend(flipped, own["descent_steps"], flip=False)
            if worth(flipped) < worth(found):
                found = flipped
        return found

    def _linearity(self, guess: Guess) -> Array:
        """Cosines `(n_smooth,)` of the change that the Jacobian foresees and the true one.

        Entries that hardly change the sound get 2.
        """
        jacobian = self._jacobian(guess).by_view["mel"]
        size = np.full(len(self._smooth), self.settings["linearity_step"])
        beside, signed = self._beside(guess, size)
        cosines = np.full(len(self._smooth), 2.0)
        for i, new in enumerate(beside):
            true = new.residuals["mel"] - guess.residuals["mel"]
            foreseen = jacobian[:, i] * signed[i]
            length = float(np.linalg.norm(true))
            if length > 0.05 * guess.norms["mel"]:
                product = length * float(np.linalg.norm(foreseen))
                cosines[i] = true @ foreseen / (product + 1e-12)
        return cosines

    def _scanned(self, guess: Guess, i: int) -> Guess:
        """Try the whole range of smooth entry i, follow up what promises most in each view."""
        own = self.settings
        tried = self._heard(self._scan_points(guess, self._smooth[i]))
        jacobian = self._jacobian(guess).without(i)
        picked = self._most_promising(tried, jacobian, own["scan_views"], 2)
        points = []
        for new, view in picked:
            points.append(self._step(new, jacobian, view))
            for side in (-1, 1):
                points.append(new.x.copy())
                entry = self._smooth[i]
                points[-1][entry] = np.clip(new.x[entry] + side / (3 * own["n_scan"]), 0, 1)
        tried = self._heard(points) + [new for new, _ in picked]
        for new, _ in self._most_promising(tried, jacobian, own["merit_views"], 1)[:2]:
            new = self._descend(new, own["scan_steps"], flip=False)
            if worth(new) < (1 - own["stall_gain"]) * worth(guess):
                return self._descend(new, own["descent_steps"])
        return guess

    def _scan_points(self, guess: Guess, entry: int) -> list[Array]:
        """Values of an entry alone, and with random values of others of the same module."""
        n, points = self.settings["n_scan"], []
        owner = self._owners[entry]
        mates = [j for j in self._smooth if self._owners[j] == owner and j != entry]
        options = [choice for choice in self._choices if self._owners[choice[0]] == owner]
        for value in (np.arange(n) + self._rng.random(n)) / n:
            points.append(guess.x.copy())
            points[-1][entry] = value
        for value in (np.arange(n // 2) + self._rng.random(n // 2)) / (n // 2):
            points.append(guess.x.copy())
            points[-1][entry] = value
            for mate in mates:
                if self._rng.random() < 0.5:
                    points[-1][mate] = self._rng.random()
            for choice in options:
                points[-1][choice] = self._rng.random(len(choice))
        return points

    def _most_promising(
        self, tried: Sequence[Guess], jacobian: Jacobian, views: Sequence[str], n: int
    ) -> list[tuple[Guess, str]]:
        """The first n guesses of each view, each once, with the view that named it."""
        picked: dict[int, str] = {}
        for view in views:
            for at in np.argsort(self._promise(tried, jacobian, view), kind="stable")[:n]:
                picked.setdefault(int(at), view)
        return [(tried[at], view) for at, view in picked.items()]


def _choices(names: Sequence[str]) -> list[list[int]]:
    """The entries of each choice, which are named `node.parameter=option`."""
    by_parameter: dict[str, list[int]] = {}
    for entry, name in enumerate(names):
        if "=" in name:
            by_parameter.setdefault(name.split("=")[0], []).append(entry)
    return list(by_parameter.values())
