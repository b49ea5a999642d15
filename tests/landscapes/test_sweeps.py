"""Curves and surfaces over frequency and modulation index, and the summary of a loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from synthgym import MelDistance
from synthgym.errors import ParameterError
from synthgym.landscapes import (
    COLUMNS,
    SHAPES,
    Sweep,
    cost,
    frequency_curves,
    index_curves,
    n_steps,
    standing,
    surface,
    trial,
)
from synthgym.synth import Clock

FEW = Sweep(n_targets=3, n_freqs=33, n_indices=21)


def test_the_truth_is_where_the_loss_is_least() -> None:
    for curves in (frequency_curves(MelDistance(), FEW), index_curves(MelDistance(), FEW)):
        lowest = curves.values.argmin(1)
        np.testing.assert_array_equal(lowest, curves.truth)
        assert curves.values[np.arange(3), lowest] == pytest.approx(0, abs=1e-4)
        assert (curves.n_minima >= 1).all()
        assert ((curves.widths > 0) & (curves.widths <= curves.span)).all()


def test_targets_lie_in_the_middle_of_what_is_swept() -> None:
    many = Sweep(n_targets=400)
    targets = many.targets()
    assert 130 < float(targets.freq_hz.min()) < 133 and 515 < float(targets.freq_hz.max()) < 524
    assert float(targets.index.min()) == pytest.approx(0.025)
    assert float(targets.index.max()) == pytest.approx(0.075)
    np.testing.assert_allclose(many.indices[many.true_index()], targets.index.numpy())
    assert many.cents[many.true_freq()].tolist() == [0.0] * 400
    assert many.cents[[0, -1]].tolist() == [-2400.0, 2400.0]


def test_a_loss_that_hears_pitch_has_one_wide_basin(centroid: Any) -> None:
    sines = Sweep("sine", n_targets=3, n_freqs=33, n_indices=21)
    curves = frequency_curves(centroid(), sines)
    assert curves.n_minima.tolist() == [1, 1, 1]
    assert curves.widths.tolist() == [4800.0] * 3
    upside_down = frequency_curves(centroid(-1.0), sines)
    assert upside_down.n_minima.tolist() == [0, 0, 0]
    assert upside_down.widths.tolist() == [0.0] * 3


def test_the_voice_is_modulated_by_diffmoogs_index() -> None:
    sweep = Sweep("sine", n_targets=1, clock=Clock(16000, 16000))
    true = sweep.targets()
    audio = true.render("sine", sweep.clock)[0].numpy()
    signs = np.signbit(audio)
    crossings = np.flatnonzero(signs[1:] & ~signs[:-1])
    momentary_hz = 16000 / np.diff(crossings)
    freq_hz, index = float(true.freq_hz), float(true.index)
    deviation_hz = index * 16000 / (2 * np.pi)
    assert momentary_hz.max() == pytest.approx(freq_hz + deviation_hz, rel=0.06)
    assert float(np.abs(audio).max()) == pytest.approx(float(true.amp), rel=0.01)


def test_a_surface_holds_the_curves(centroid: Any) -> None:
    found = surface(MelDistance(), FEW, target=1)
    over_freq, over_index = frequency_curves(MelDistance(), FEW), index_curves(MelDistance(), FEW)
    row, column = found.truth
    np.testing.assert_allclose(found.values[:, column], over_freq.values[1], atol=1e-3)
    np.testing.assert_allclose(found.values[row], over_index.values[1], atol=1e-3)
    assert found.n_minima >= 1
    assert 1 / found.values.size <= found.attracted <= 1


def test_a_standing_reports_each_step_and_pools_the_waveforms(centroid: Any) -> None:
    on = trial(n_trials=6, n_targets=2, n_freqs=9, n_indices=9)
    steps: list[int] = []
    found = standing(centroid(), on, advance=lambda: steps.append(1))
    assert len(steps) == n_steps(on)
    assert found.name == "centroid"
    assert set(found.shares) == set(COLUMNS)
    for column in COLUMNS:
        assert set(found.shares[column]) == set(SHAPES)
        n_right = [share.n_right for share in found.shares[column].values()]
        assert found.pooled(column).n_right == sum(n_right)
        assert found.pooled(column).n_trials == 18
        assert found.worst(column).n_right == min(n_right)
    assert 0 <= found.freq_basin_cents <= 4800 and 0 <= found.index_basin <= 1
    assert found == standing(centroid(), on), "but for the time it takes"
    assert standing(centroid(-1.0), on).score == pytest.approx(1 - found.score)


def test_a_loss_that_does_twice_the_work_costs_more(centroid: Any) -> None:
    class Slow:
        name = "slow"

        def embed(self, audio: torch.Tensor) -> torch.Tensor:
            return sum(centroid().embed(audio) for _ in range(8)) / 8

        compare = staticmethod(centroid().compare)

    quick, slow = (cost(loss, batch=4, budget_s=0.2) for loss in (centroid(), Slow()))
    assert slow.ms_per_evaluation > 2 * quick.ms_per_evaluation
    assert slow.ms_per_gradient > 2 * quick.ms_per_gradient
    assert quick.evaluations_per_s * quick.ms_per_evaluation == pytest.approx(1000)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_targets": 0}, "n_targets is 0"),
        ({"n_freqs": 32}, "n_freqs is 32; it must be odd"),
        ({"n_indices": 2}, "n_indices is 2"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, int], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Sweep(**settings)
