"""What holds for every metric of sounds: the call, ranges, silence, batches."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from synthgym import metrics
from synthgym.errors import ParameterError, UnknownNameError
from synthgym.metrics.base import CHUNK_SAMPLES

NAMES = metrics.names()
every_metric = pytest.mark.parametrize("name", NAMES)


@every_metric
def test_a_metric_says_what_it_is(name):
    metric = metrics.build(name, 22_050)
    assert metric.name == name
    assert metric.sample_rate == 22_050
    assert metric.better in ("lower", "higher")
    assert metric.range[0] < metric.range[1]
    card = metric.card
    assert all((card.definition, card.settings, card.level, card.silence, card.source))


@every_metric
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_the_same_sound_has_the_best_value(name, rate, tone):
    metric = metrics.build(name, rate)
    sound = tone(300.0, 8_192, rate) + 0.4 * tone(600.0, 8_192, rate)
    best = 0.0 if metric.better == "lower" else 1.0
    assert metric(sound, sound) == pytest.approx([best], abs=1e-9)
    assert best in metric.range


@every_metric
def test_another_sound_is_worse_and_within_range(name, tone, noise):
    metric = metrics.build(name)
    sound, other = tone(300.0), tone(430.0) + noise(n=16_000, rms=0.01)
    (same,), (apart,) = metric(sound, sound), metric(other, sound)
    assert (apart > same) if metric.better == "lower" else (apart < same)
    assert metric.range[0] <= apart <= metric.range[1]


@every_metric
def test_a_batch_is_its_rows_one_by_one(name, tone):
    metric = metrics.build(name)
    # More samples than are measured together, so that the batch is cut.
    n_rows = 2 * CHUNK_SAMPLES // 8_192 + 3
    sounds = np.concatenate([tone(200.0 + 9 * row, 8_192) for row in range(n_rows)])
    targets = np.concatenate([tone(210.0 + 7 * row, 8_192) for row in range(n_rows)])
    together = metric(sounds, targets)
    assert together.shape == (n_rows,) and together.dtype == np.float64
    alone = [metric(s[None], t[None])[0] for s, t in zip(sounds, targets, strict=True)]
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-12)
    for_all = metric(sounds, targets[:1])
    np.testing.assert_allclose(for_all, metric(sounds, np.repeat(targets[:1], n_rows, 0)))


@every_metric
def test_tensors_and_arrays_are_measured_alike(name, tone):
    metric = metrics.build(name)
    sound, target = tone(300.0), tone(320.0)
    tensor = torch.tensor(sound, requires_grad=True)
    expected = metric(sound, target)
    np.testing.assert_array_equal(metric(tensor, torch.tensor(target)), expected)
    single = metric(sound.astype(np.float32), target.astype(np.float32))
    np.testing.assert_allclose(single, expected, rtol=1e-3, atol=1e-4)


@every_metric
@pytest.mark.parametrize("which", ["sound", "target", "both"])
def test_silence_is_finite_or_without_pitch(name, which, tone):
    metric = metrics.build(name)
    quiet, loud = np.zeros((1, 16_000)), tone(300.0)
    pair = {"sound": (quiet, loud), "target": (loud, quiet), "both": (quiet, quiet)}[which]
    with np.errstate(all="raise"):
        (value,) = metric(*pair)
    if name == "f0":
        assert math.isnan(value) and metric.card.silence.startswith("NaN")
        return
    assert metric.range[0] <= value <= metric.range[1] and math.isfinite(value)
    if which == "both" and not name.startswith("pearson"):
        assert value == (0.0 if metric.better == "lower" else 1.0)


@every_metric
@pytest.mark.parametrize("n", [1, 2, 100, 700])
def test_a_short_sound_is_measured(name, n, tone):
    (value,) = metrics.build(name)(tone(300.0, n), tone(500.0, n))
    assert math.isfinite(value) or name == "f0"


LEVEL_BLIND = {
    "log_mel",
    "pearson_stft",
    "pearson_stft_mel",
    "pearson_fft",
    "rms_envelope",
    "spectral_transport",
    "f0",
}


@every_metric
def test_the_level_policy_is_as_the_card_says(name, noise, tone):
    metric = metrics.build(name)
    sound = tone(300.0) + noise(n=16_000)
    (louder,), (same,) = metric(3 * sound, sound), metric(sound, sound)
    blind = name in LEVEL_BLIND
    assert metric.card.level.startswith("blind" if blind else "aware")
    assert (abs(louder - same) < 1e-6) == blind


@pytest.mark.parametrize(
    ("sound", "target", "fault"),
    [
        (np.zeros(8), np.zeros((1, 8)), r"audio has shape \(8,\)"),
        (np.zeros((1, 8)), np.zeros((1, 0)), r"target has shape \(1, 0\)"),
        (np.zeros((1, 8)), np.zeros((1, 9)), "n_samples 8 and 9"),
        (np.zeros((2, 8)), np.zeros((3, 8)), "2 rows and target 3"),
        (np.zeros((1, 8), dtype=np.int16), np.zeros((1, 8)), "dtype int16"),
        (np.full((1, 8), np.nan), np.zeros((1, 8)), "audio holds NaN"),
    ],
)
def test_sounds_that_do_not_fit_are_refused(sound, target, fault):
    with pytest.raises(ParameterError, match=fault):
        metrics.build("lsd")(sound, target)


def test_a_misspelt_name_gets_the_nearest_one():
    with pytest.raises(UnknownNameError, match="Did you mean 'pearson_fft'"):
        metrics.build("pearson_ftt")
    with pytest.raises(ParameterError, match="sample_rate is 0"):
        metrics.build("lsd", 0)


def test_evaluate_gives_all_or_the_chosen(tone):
    sounds, target = np.concatenate([tone(300.0), tone(350.0)]), tone(320.0)
    values = metrics.evaluate(sounds, target, 16_000)
    assert list(values) == NAMES
    for name, row in values.items():
        np.testing.assert_array_equal(row, metrics.build(name, 16_000)(sounds, target))
    assert list(metrics.evaluate(sounds, target, 16_000, ["mfcc", "lsd"])) == ["mfcc", "lsd"]
    assert set(metrics.REPORTED) < set(NAMES)


def test_the_page_holds_the_table(repository: Path):
    page = (repository / "docs" / "metrics.md").read_text("utf-8")
    assert metrics.table() in page, "write metrics.table() into docs/metrics.md"
    for metric in (metrics.ParameterDistance(("osc.freq",)), metrics.PLoss()):
        assert f"`{metric.card.name}`" in page and metric.card.definition in page
