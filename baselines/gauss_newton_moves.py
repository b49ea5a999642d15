"""Moves of `gauss_newton` where no small step gains: scans, exchanges, parts drawn anew.

Powers of sources that sound together nearly add up. So what a source must be like beside the others
can be looked for among sounds of it, rendered once each, and how loud it must be without rendering
it again: with `rest` the power of all else, and `p` that of all with the source at amplitude `a`,
it is `rest + (b / a)^2 (p - rest)` at amplitude `b`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthgym.baselines.gauss_newton_descent import Array, Descent, differ
from synthgym.baselines.linear_steps import Guess, worth
from synthgym.baselines.patch_layout import OFF, ON, Part


def explored(descent: Descent, guess: Guess) -> Guess:
    """Exchange sources, or else scan the entries along which the sound is least linear.

    Returns the best guess found; an exchange that leads on is followed before anything is scanned.
    """
    own = descent.settings
    found = exchanged(descent, guess)
    if found is not guess:
        return found
    cosines = _linearity(descent, guess)
    order = [int(i) for i in np.argsort(cosines) if cosines[i] < own["linearity_limit"]]
    for i in (order or [int(cosines.argmin())])[: own["n_scanned_entries"]]:
        found = _scanned(descent, found, i)
    flipped = descent.flipped(found)
    if flipped is not found:
        flipped = descent.finish(flipped, flip=False)
        if worth(flipped) < worth(found):
            found = flipped
    return found


def _linearity(descent: Descent, guess: Guess) -> Array:
    """Cosines `(n_smooth,)` of the change that the Jacobian foresees and the true one.

    Entries that hardly change the sound get 2.
    """
    jacobian = descent.jacobian(guess).by_view["mel"]
    n = len(descent.smooth)
    size = np.full(n, descent.settings["linearity_step"])
    columns = [i for i in range(n) if jacobian[:, i].any()]
    beside, signed = descent.beside(guess, size[columns], columns)
    cosines = np.full(n, 2.0)
    for i, new, side in zip(columns, beside, signed, strict=True):
        true = new.residuals["mel"] - guess.residuals["mel"]
        foreseen = jacobian[:, i] * side
        length = float(np.linalg.norm(true))
        if length > 0.05 * guess.norms["mel"]:
            product = length * float(np.linalg.norm(foreseen))
            cosines[i] = true @ foreseen / (product + 1e-12)
    return cosines


def _better(descent: Descent, new: Guess, old: Guess) -> bool:
    return worth(new) < (1 - descent.settings["stall_gain"]) * worth(old)


# One entry over its whole range


def _scanned(descent: Descent, guess: Guess, i: int) -> Guess:
    """Try the whole range of smooth entry i, follow up what promises most in each view."""
    own, entry = descent.settings, descent.smooth[i]
    owner = descent.layout.owners[entry]
    points = _scan_points(descent, guess, entry)
    # A source is levelled anew wherever it is tried, unless it is its level that is scanned.
    amp = descent.layout.amps.get(owner)
    amp = None if amp == entry else amp
    fixed = [i]
    if amp is None:
        tried = descent.heard(points)
    else:
        fixed.append(descent.smooth.index(amp))
        for x in points:
            x[amp] = max(x[amp], own["scan_amp"])
            if owner in descent.layout.switches:
                x[descent.layout.switches[owner]] = ON
        rest, *tried = descent.heard([_silenced(guess, amp), *points])
        tried = _at_best_level(descent, rest, tried, amp)
    jacobian = descent.jacobian(guess).without(fixed)
    picked = descent.most_promising(tried, jacobian, own["scan_views"], 2)
    if amp is not None:
        real = descent.heard(new.x for new, _ in picked)
        picked = [(new, view) for new, (_, view) in zip(real, picked, strict=True)]
    points = []
    for new, view in picked:
        points.append(descent.step(new, jacobian, view))
        for side in (-1, 1):
            points.append(new.x.copy())
            points[-1][entry] = np.clip(new.x[entry] + side / (3 * own["n_scan"]), 0, 1)
    tried = descent.heard(points) + [new for new, _ in picked]
    for new, _ in descent.most_promising(tried, jacobian, own["merit_views"], 1)[:2]:
        new = descent.descend(new, own["scan_steps"], flip=False)
        if _better(descent, new, guess):
            return descent.finish(new)
    return guess


def _scan_points(descent: Descent, guess: Guess, entry: int) -> list[Array]:
    """Values of an entry alone, and with random values of others of the same module."""
    rng, n, points = descent.rng, descent.settings["n_scan"], []
    owners = descent.layout.owners
    mates = [j for j in descent.smooth if owners[j] == owners[entry] and j != entry]
    options = [c for c in descent.layout.choices if owners[c[0]] == owners[entry]]
    for value in (np.arange(n) + rng.random(n)) / n:
        points.append(guess.x.copy())
        points[-1][entry] = value
    for value in (np.arange(n // 2) + rng.random(n // 2)) / (n // 2):
        points.append(guess.x.copy())
        points[-1][entry] = value
        for mate in mates:
            if rng.random() < 0.5:
                points[-1][mate] = rng.random()
        for choice in options:
            points[-1][list(choice)] = rng.random(len(choice))
    return points


def _silenced(guess: Guess, amp: int) -> Array:
    x = guess.x.copy()
    x[amp] = 0.0
    return x


def _at_best_level(descent: Descent, rest: Guess, tried: Sequence[Guess], amp: int) -> list[Guess]:
    """Each guess with the amplitude at which its source would bring it nearest to the target.

    As if amplitudes went with the entry. Where they do not, as with a logarithmic range, levels
    come out otherwise than meant; those that are picked are rendered at the entry that was named.
    """
    found = []
    for new in tried:
        levels = np.minimum(new.x[amp] * np.array(descent.settings["gains"]), 1.0)
        share = ((levels / new.x[amp]) ** 2).astype(np.float32)[:, None, None]
        powers = [
            np.maximum(without + share * (with_it - without), 0)
            for without, with_it in zip(rest.powers, new.powers, strict=True)
        ]
        points = np.repeat(new.x[None], len(levels), axis=0)
        points[:, amp] = levels
        found.append(min(descent.supposed(points, powers), key=descent.merit))
    return found


# Sources that took each other's place


def exchanged(descent: Descent, guess: Guess) -> Guess:
    """Two sources in each other's place, where that is better after some steps."""
    own, points = descent.settings, []
    for one, two in descent.layout.twins:
        points.append(guess.x.copy())
        points[-1][list(one)], points[-1][list(two)] = guess.x[list(two)], guess.x[list(one)]
    if not points:
        return guess
    tried = [new for new in descent.heard(points) if differ(guess, new)]
    for new in sorted(tried, key=descent.merit):
        new = descent.descend(new, own["exchange_steps"], flip=False)
        if _better(descent, new, guess):
            return descent.finish(new)
    return guess


# A part of the patch drawn anew


def redrawn(descent: Descent, guess: Guess, part: Part) -> Guess:
    """Look for a part anew, first alone while all else stays; the guess if that finds no better."""
    own = descent.settings
    columns = [descent.smooth.index(e) for e in part.entries if e in descent.smooth]
    points = _redraws(descent, guess, part, len(columns))
    jacobian = descent.jacobian(guess).without(columns)
    tried = descent.heard(points)
    if part.amp is not None:
        # All else sounds alike wherever a draw leaves it and what modulates it as they are.
        silent = points.copy()
        alone = [e for e in part.entries if e not in part.shared]
        silent[:, alone] = guess.x[alone]
        silent[:, part.amp] = 0.0
        kinds, kind = np.unique(silent, axis=0, return_inverse=True)
        rests = descent.heard(kinds)
        tried = [
            _at_best_level(descent, rests[k], [new], part.amp)[0]
            for k, new in zip(kind.ravel(), tried, strict=True)
        ]
    picked = descent.most_promising(tried, jacobian, own["scan_views"], 1)[: own["n_redrawn"]]
    real = descent.heard(new.x for new, _ in picked)
    real = [descent.descend(new, own["redraw_steps"], flip=False, free=columns) for new in real]
    new = min(real, key=descent.merit)
    if descent.merit(new) > descent.merit(guess) + np.log(own["hope"]):
        return guess
    new = descent.descend(new, own["start_steps"])
    if worth(new) > own["descent_hope"] * worth(guess):
        return guess
    new = descent.finish(new)
    return new if _better(descent, new, guess) else guess


def _redraws(descent: Descent, guess: Guess, part: Part, n_smooth: int) -> Array:
    """Points `(n, d)` that differ from a guess in a part; a few of its entries stay."""
    own, rng = descent.settings, descent.rng
    n = own["n_redraws"] + own["n_redraws_per_entry"] * n_smooth
    points = np.repeat(guess.x[None], n, axis=0)
    entries = list(part.entries)
    stay = rng.random((n, len(entries))) < own["redraw_keeps"]
    points[:, entries] = np.where(stay, points[:, entries], descent.spread(n, len(entries)))
    if part.amp is None:
        on = rng.random((n, len(part.switches))) < 0.8
        points[:, list(part.switches)] = np.where(on, ON, OFF)
    else:
        points[:, list(part.switches)] = ON
        points[:, part.amp] = own["redraw_amp"]
        if part.rivals:
            off = rng.random((n // 2, len(part.rivals))) < 0.5
            rivals = points[: n // 2, list(part.rivals)]
            points[: n // 2, list(part.rivals)] = np.where(off, OFF, rivals)
    return points


def mended(descent: Descent, elites: Sequence[Guess]) -> Guess | None:
    """Draw modules of a good guess anew, or take them from another; None if that gains nothing.

    Some draws go along the valley in which the guess lies: far in the directions in which, by the
    Jacobian, the sound hardly changes.
    """
    own, rng = descent.settings, descent.rng
    base = elites[int(rng.integers(len(elites)))] if rng.random() < 0.3 else elites[0]
    jacobian = descent.jacobian(base)
    square = jacobian.squares["mel"] / max(base.norms["mel"] ** 2, 1e-9)
    spread = np.linalg.inv(square + np.eye(len(square)) / own["valley_radius"] ** 2)
    root = np.linalg.cholesky(spread + 1e-12 * np.eye(len(spread)))
    points = []
    for _ in range(own["n_valley"]):
        points.append(base.x.copy())
        moved = points[-1][descent.smooth] + root @ rng.standard_normal(len(root))
        points[-1][descent.smooth] = np.clip(moved, 0, 1)
    modules = sorted(set(descent.layout.owners))
    for _ in range(own["n_mends"]):
        n = min(1 + int(rng.random() < 0.3), len(modules))
        chosen = set(rng.choice(modules, n, replace=False))
        points.append(base.x.copy())
        other = elites[int(rng.integers(len(elites)))]
        borrow = other is not base and rng.random() < 0.3
        fresh = other.x if borrow else rng.random(len(base.x))
        for entry, owner in enumerate(descent.layout.owners):
            if owner in chosen and (borrow or rng.random() < 0.7):
                points[-1][entry] = fresh[entry]
    tried = descent.heard(points)
    for new, _ in descent.most_promising(tried, jacobian, own["merit_views"], 1)[: own["n_mended"]]:
        new = descent.descend(new, own["start_steps"])
        if worth(new) < own["hope"] * worth(base):
            new = descent.finish(new)
            if _better(descent, new, base):
                return new
    return None
