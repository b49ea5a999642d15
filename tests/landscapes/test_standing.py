"""What is said of one loss: how its shares are pooled, and in which units its basins are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthgym.landscapes import (
    COLUMNS,
    Cost,
    Share,
    Standing,
    frequency_curves,
    index_curves,
    standing,
    trial,
)


def test_shares_are_pooled_over_waveforms_and_the_worst_is_named() -> None:
    by_shape = {"sine": Share(10, 10), "square": Share(3, 10), "saw": Share(5, 20)}
    even = {"sine": Share(1, 2), "square": Share(1, 2), "saw": Share(1, 2)}
    shares = dict(zip(COLUMNS, (by_shape, even, even), strict=True))
    one = Standing("mine", shares, 100.0, 0.5, 2.0, 1.0, Cost(1, 1.0, 1.0))
    assert one.pooled(COLUMNS[0]) == Share(18, 40)
    assert one.worst(COLUMNS[0]) == Share(5, 20)
    assert one.score == pytest.approx((18 / 40 + 0.5 + 0.5) / 3)


def test_basins_are_in_cents_and_in_shares_of_the_index_range(centroid: Any) -> None:
    on = trial(n_trials=1, n_targets=3, n_freqs=9, n_indices=9)
    found = standing(centroid(), on)
    over_freq, over_index = (
        frequency_curves(centroid(), on.sweep),
        index_curves(centroid(), on.sweep),
    )
    widths = over_index.widths
    assert float(np.median(widths)) > 0
    # Indices go from 0 to 0.1.
    assert found.index_basin == pytest.approx(float(np.median(widths)) / 0.1)
    assert found.freq_basin_cents == pytest.approx(float(np.median(over_freq.widths)))
    assert (found.freq_minima, found.index_minima) == (
        np.median(over_freq.n_minima),
        np.median(over_index.n_minima),
    )
