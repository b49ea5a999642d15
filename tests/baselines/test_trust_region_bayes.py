"""The trust region, and the Gaussian process in it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra synthgym[baselines]")

from synthgym.baselines.trust_region_bayes import TrustRegionBayes


def test_the_region_doubles_after_three_gains_and_halves_after_failures() -> None:
    solver = TrustRegionBayes(2, 1)
    solver.tell(solver.ask(), np.full(16, 10.0))
    nothing = np.full(16, 10.0)
    for best in (9.0, 8.0, 7.0):
        assert solver._length == 0.8
        solver.tell(np.full((16, 2), 0.5), np.full(16, best))
    assert solver._length == 1.6
    # ceil(4 / 16) + 1 = 2 batches without a gain; a gain of a ten-thousandth is none.
    solver.tell(np.full((16, 2), 0.5), nothing)
    assert solver._length == 1.6
    solver.tell(np.full((16, 2), 0.5), np.full(16, 6.9999))
    assert solver._length == 0.8


def test_a_tiny_region_makes_room_for_a_new_one() -> None:
    solver = TrustRegionBayes(2, 1)
    solver.tell(solver.ask(), np.full(16, 10.0))
    # 0.8 / 2^7 is the first length below 1 / 2^7; two failures for each half.
    for _ in range(2 * 7):
        assert len(solver._values) > 0
        solver.tell(np.full((16, 2), 0.5), np.full(16, 10.0))
    assert len(solver._values) == 0
    assert solver._length == 0.8


def test_proposals_stay_in_a_box_around_the_best_and_change_few_entries() -> None:
    solver = TrustRegionBayes(60, 1)
    first = solver.ask()
    assert first.shape == (120, 60)
    solver.tell(first, ((first - 0.4) ** 2).mean(axis=1))
    centre = first[solver._values.argmin()]
    solver._length = 0.1
    asked = solver.ask()
    lengths = np.broadcast_to(solver._kernel.k1.length_scale, 60)
    half = 0.05 * lengths / np.exp(np.log(lengths).mean())
    assert (np.abs(asked - centre) <= half + 1e-12).all()
    changed = (asked != centre).sum(axis=1)
    assert 8 < changed.mean() < 32  # 20 of 60 in the mean
    assert len(np.unique(asked, axis=0)) == len(asked)


def test_learns_which_entry_matters() -> None:
    solver = TrustRegionBayes(4, 1)
    for _ in range(8):
        points = solver.ask()
        solver.tell(points, 50 * (points[:, 1] - 0.3) ** 2)
    assert abs(solver._points[solver._values.argmin()][1] - 0.3) < 0.01
    lengths = solver._kernel.k1.length_scale
    assert lengths.argmin() == 1
