"""What is said of one loss, in one go: directions, gradients, basins and cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from synthgym.landscapes.checked import name_of
from synthgym.landscapes.cost import Cost, cost
from synthgym.landscapes.pitch import (
    CENTS,
    SHAPES,
    PitchSounds,
    PitchTrials,
    Share,
    direction,
    gradient_direction,
)
from synthgym.landscapes.sweeps import Sweep, frequency_curves, index_curves
from synthgym.losses import Loss

GRADIENT = "gradient"
COLUMNS = (*(f"{cents:g} cents" for cents in CENTS), GRADIENT)
"""The three columns of the paper's Table 1: two of direction, and the gradient."""


@dataclass(frozen=True)
class Trial:
    """What losses are tried on; all are tried on the same sounds.

    Args:
        pitch: for each waveform, its sounds.
        sweep: targets and settings of the curves.
        cost_batch: sounds in each timed call.
        cost_s: seconds for either figure of the cost.
    """

    pitch: Mapping[str, PitchSounds]
    sweep: Sweep
    cost_batch: int = 16
    cost_s: float = 0.1


def trial(
    n_trials: int, n_targets: int, n_freqs: int = 81, n_indices: int = 31, seed: int = 0
) -> Trial:
    """What `standing` tries losses on, with band-limited waveforms.

    Args:
        n_trials: pairs of tones for each waveform.
        n_targets: sounds whose surroundings are swept.
        n_freqs: points of the frequency sweep.
        n_indices: points of the sweep of the modulation index.
        seed: of all draws.
    """
    pitch = {shape: PitchTrials(shape, n_trials=n_trials, seed=seed).rendered() for shape in SHAPES}
    return Trial(pitch, Sweep(n_targets=n_targets, n_freqs=n_freqs, n_indices=n_indices, seed=seed))


@dataclass(frozen=True)
class Standing:
    """What was found of a loss.

    Args:
        name: of the loss.
        shares: for each of `COLUMNS`, the share of right answers by waveform.
        freq_basin_cents: median width of the basin around the true frequency.
        index_basin: median width of the basin around the true modulation index, as a share of its
            range.
        freq_minima: median number of local minima over frequency.
        index_minima: median number of local minima over the modulation index.
        cost: how fast it is.
    """

    name: str
    shares: Mapping[str, Mapping[str, Share]]
    freq_basin_cents: float
    index_basin: float
    freq_minima: float
    index_minima: float
    cost: Cost = field(compare=False)

    def pooled(self, column: str) -> Share:
        """The share of right answers over all waveforms."""
        shares = self.shares[column].values()
        return Share(sum(s.n_right for s in shares), sum(s.n_trials for s in shares))

    def worst(self, column: str) -> Share:
        """The share of right answers of the waveform that is told apart worst."""
        return min(self.shares[column].values(), key=lambda share: share.value)

    @property
    def score(self) -> float:
        """Mean of the three columns: what losses are ranked by."""
        return sum(self.pooled(column).value for column in COLUMNS) / len(COLUMNS)


def standing(
    loss: Loss, on: Trial, name: str = "", advance: Callable[[], None] = lambda: None
) -> Standing:
    """Try a loss.

    Args:
        loss: what is tried.
        on: what it is tried on.
        name: under which it is listed; its own if empty.
        advance: called `n_steps(on)` times, after each part.

    Raises:
        LossError: it failed, or a value or gradient is not finite.
    """
    shares: dict[str, dict[str, Share]] = {column: {} for column in COLUMNS}
    for shape, sounds in on.pitch.items():
        found = (*direction(loss, sounds), gradient_direction(loss, sounds))
        for column, share in zip(COLUMNS, found, strict=True):
            shares[column][shape] = share
        advance()
    over_freq = frequency_curves(loss, on.sweep)
    advance()
    over_index = index_curves(loss, on.sweep)
    advance()
    spent = cost(loss, on.cost_batch, budget_s=on.cost_s)
    advance()
    return Standing(
        name or name_of(loss),
        shares,
        float(np.median(over_freq.widths)),
        float(np.median(over_index.widths)) / over_index.span,
        float(np.median(over_freq.n_minima)),
        float(np.median(over_index.n_minima)),
        spent,
    )


def n_steps(on: Trial) -> int:
    """How often `standing` reports progress."""
    return len(on.pitch) + 3
