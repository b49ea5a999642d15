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
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synthgym.baselines.gauss_newton_descent import CHUNK, Array, Descent
from synthgym.baselines.gauss_newton_moves import explored, mended, redrawn
from synthgym.baselines.linear_steps import Guess, worth
from synthgym.baselines.patch_layout import Part
from synthgym.tasks import Problem

# Scan and exchange, draw a part anew, or draw modules anew and borrow them.
Move = Part | Literal["explore", "mend"]


@dataclass
class Candidate:
    """Where a descent ended, and the moves that were not tried from there."""

    guess: Guess
    moves: list[Move]


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
        "start_share": 0.6,
        "n_candidates": 4,
        "n_mendings": 2,
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
        own = self.settings
        descent = Descent(problem, own, self._rng, self._derivatives)
        while not descent.smooth:
            problem.batch(self._rng.random((CHUNK, self._dimension)))
        candidates: list[Candidate] = []
        cost_of_starts = cost_of_moves = 0
        while True:
            before = problem.cost
            movable = next((one for one in candidates if one.moves), None)
            share = cost_of_starts / max(cost_of_starts + cost_of_moves, 1)
            if movable is None or share < own["start_share"]:
                guess = self._started(descent)
                candidates.append(Candidate(guess, self._moves(descent)))
                cost_of_starts += problem.cost - before
            else:
                move, others = movable.moves.pop(0), [one.guess for one in candidates]
                found = self._moved(descent, movable.guess, move, others)
                if found is not movable.guess:
                    movable.guess, movable.moves = found, self._moves(descent)
                cost_of_moves += problem.cost - before
            candidates.sort(key=lambda one: worth(one.guess))
            del candidates[own["n_candidates"] :]

    def _started(self, descent: Descent) -> Guess:
        own = self.settings
        if self._rng.random() < own["forgets"]:
            descent.forget()
        starts = [descent.descend(start, own["start_steps"]) for start in self._drawn(descent)]
        return descent.finish(min(starts, key=worth))

    def _moves(self, descent: Descent) -> list[Move]:
        """What may lead on from where a descent ended, each once, in the order of trying."""
        parts = descent.layout.parts
        if len(descent.layout.amps) < 2:
            parts = tuple(part for part in parts if part.amp is None)
        redraws = [parts[i] for i in self._rng.permutation(len(parts))]
        return ["explore", *redraws, *["mend"] * self.settings["n_mendings"]]

    def _moved(self, descent: Descent, guess: Guess, move: Move, others: Sequence[Guess]) -> Guess:
        """A better guess, or the same."""
        if move == "explore":
            return explored(descent, guess)
        if move == "mend":
            return mended(descent, guess, others)
        return redrawn(descent, guess, move)

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
