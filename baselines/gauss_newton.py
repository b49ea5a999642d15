"""Gauss-Newton on the sound: least squares with the derivatives of all residuals at once.

A distance says how far a sound is from the target; the sound itself says in which way. Each
rendering gives thousands of residuals (`sound_residuals`), and their Jacobian, one difference of
sounds for each continuous entry, gives a step to where all of them would vanish if the sound
changed linearly. It does so for amplitudes, envelopes and filters, and in the right view for
pitch (`gauss_newton_descent`). It starts from what can be read off the target, by regressions on
the sounds that the search itself has rendered (`learned_inverse`).

What no linear step finds is looked for by enumeration: options are tried one by one, entries along
which the sound turns out to be far from linear, such as the rate of a modulation or the pitch of
one source in a mixture, are scanned over their whole range, and parts of the patch are drawn anew
while the rest stays (`gauss_newton_moves`).

Derivatives are differences of rendered sounds: one evaluation for each entry, where forward-mode
differentiation costs three, and reverse mode three for each of thousands of residuals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthgym.baselines.gauss_newton_descent import CHUNK, Array, Descent
from synthgym.baselines.gauss_newton_moves import explored, mended, redrawn
from synthgym.baselines.linear_steps import Guess, worth
from synthgym.tasks import Problem


class GaussNewton:
    """Levenberg-Marquardt in several views of the sound, from starts read off the target.

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
        "n_drawn_per_way": 8,
        "most_ways": 30,
        "even_share": 0.15,
        "even_share_again": 0.2,
        "n_rounds": 8,
        "again": 0.7,
        "forgets": 0.5,
        "jitter": 0.3,
        "n_near": 16,
        "n_most": 250,
        "n_starts": 2,
        "start_steps": 4,
        "descent_steps": 20,
        "flip_after": [1, 4],
        "stall_gain": 0.03,
        "stall_steps": 2,
        "difference": [0.0005, 0.004],
        "difference_share_of_step": 0.3,
        "sleep": 3,
        "enough_gain": 0.3,
        "success_rate": 0.3,
        "damping": 0.1,
        "radius": 0.25,
        "broyden_gain": 0.3,
        "linearity_step": 0.06,
        "linearity_limit": 0.5,
        "n_scanned_entries": 2,
        "n_scan": 24,
        "scan_steps": 2,
        "scan_amp": 0.5,
        "gains": [0.03, 0.06, 0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0],
        "exchange_steps": 6,
        "n_redraws": 24,
        "n_redraws_per_entry": 6,
        "redraw_keeps": 0.25,
        "redraw_amp": 0.7,
        "n_redrawn": 3,
        "redraw_steps": 4,
        "redraw_share": 0.5,
        "n_elites": 3,
        "n_valley": 16,
        "valley_radius": 0.3,
        "n_mends": 16,
        "n_mended": 2,
        "hope": 2.0,
        "descent_hope": 1.3,
        "tuned_on": "dev-0 to dev-14 and train-0 to train-61",
        "tuning_cost": 9_000_000,
    }

    def __init__(self, dimension: int, seed: int) -> None:
        self._dimension = dimension
        self._rng = np.random.default_rng(seed)

    def solve(self, problem: Problem) -> None:
        """Search until the problem ends the run."""
        descent = Descent(problem, self.settings, self._rng, self._derivatives)
        elites: list[Guess] = []
        while True:
            if not descent.smooth:
                problem.batch(self._rng.random((CHUNK, self._dimension)))
                continue
            # A new start and a repair of what was found so far take turns.
            elites = self._kept(elites, self._started(descent))
            elites = self._kept(elites, self._repaired(descent, elites))

    def _kept(self, elites: list[Guess], found: Guess | None) -> list[Guess]:
        several = elites if found is None else [*elites, found]
        return sorted(several, key=worth)[: self.settings["n_elites"]]

    def _started(self, descent: Descent) -> Guess:
        own, parts = self.settings, descent.layout.parts
        if len(descent.layout.amps) < 2:
            parts = tuple(part for part in parts if part.amp is None)
        if self._rng.random() < own["forgets"]:
            descent.forget()
        starts = [descent.descend(start, own["start_steps"]) for start in self._drawn(descent)]
        guess = self._finished(descent, min(starts, key=worth))
        # Sources in a mixture one by one, until none of them gets better beside the others.
        kept: set[int] = set()
        while len(kept) < len(parts):
            for i in self._rng.permutation(len(parts)):
                if i not in kept:
                    found = redrawn(descent, guess, parts[i])
                    kept = kept | {i} if found is guess else {i}
                    if found is not guess:
                        guess = self._finished(descent, found)
        return guess

    def _repaired(self, descent: Descent, elites: Sequence[Guess]) -> Guess | None:
        parts = descent.layout.parts
        if parts and self._rng.random() < self.settings["redraw_share"]:
            base = elites[int(self._rng.integers(len(elites)))]
            found = redrawn(descent, base, parts[int(self._rng.integers(len(parts)))])
            return None if found is base else self._finished(descent, found)
        found_or_none = mended(descent, elites)
        return None if found_or_none is None else self._finished(descent, found_or_none)

    def _finished(self, descent: Descent, guess: Guess) -> Guess:
        """Descend, and explore for as long as that leads on."""
        guess = descent.finish(guess)
        while True:
            found = explored(descent, guess)
            if found is guess:
                return guess
            guess = found

    def _drawn(self, descent: Descent) -> list[Guess]:
        """The best of points drawn evenly first, and then by what was learned so far."""
        own, learned = self.settings, descent.learned
        n, even_share = self._n_drawn(descent), own["even_share"]
        if len(learned):
            n, even_share = max(1, int(own["again"] * n)), own["even_share_again"]
        n_even = max(1, round(even_share * n))
        n_round = max(1, (n - n_even) // own["n_rounds"])
        guesses: list[Guess] = []
        while len(guesses) < n:
            points = learned.draw(n_round, self._rng) if guesses else None
            if points is None:
                points = descent.spread(n_round if guesses else n_even, self._dimension)
            new = descent.heard(points[: n - len(guesses)])
            for guess in new:
                learned.add(guess.x, guess.powers)
            guesses += new
        return sorted(guesses, key=descent.merit)[: own["n_starts"]]

    def _n_drawn(self, descent: Descent) -> int:
        own, layout = self.settings, descent.layout
        n_ways = min(float(np.prod([len(c) for c in layout.choices])), own["most_ways"])
        n = own["n_drawn"] + own["n_drawn_per_entry"] * len(layout.smooth)
        n += int(own["n_drawn_per_way"] * max(0.0, n_ways - 3))
        if descent.problem.remaining is not None:
            # Of a small budget, at most half goes into the start.
            n = max(1, min(n, descent.problem.remaining // 2))
        return int(n)

    def _derivatives(
        self, descent: Descent, guess: Guess, columns: Sequence[int]
    ) -> dict[str, Array]:
        """Derivatives by view `(k, n)`, from one sound beside the guess for each entry."""
        least, most = self.settings["difference"]
        size = np.full(len(columns), most)
        if guess.step is not None:
            # The finer the steps, the finer the differences: coarse ones look past ripples.
            share = self.settings["difference_share_of_step"]
            size = np.clip(share * np.abs(guess.step[columns]), least, most)
        beside, signed = descent.beside(guess, size, columns)
        return {
            view: (np.stack([b.residuals[view] for b in beside], axis=1) - r[:, None]) / signed
            for view, r in guess.residuals.items()
        }
