"""The published two-parameter synthesizers against their formulas, in NumPy and SciPy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import torch

from synthgym.synth import Clock, Patch, chains
from synthgym.synth.chains import published
from synthgym.synth.dsp.noise import noise

CLOCK = Clock(44100, 44100)
TIME_S = np.arange(44100) / 44100
# Far from a saw's jumps, in cycles: only there is the band-limited saw the closed form.
NEAR_A_JUMP = 0.06

# Chain, name in the publication, its parameters in its order and ours.
NAMES = {
    "AddSineSaw": ("add_sinesaw", {"saw_freq": "saw.freq", "sine_freq": "sine.freq"}),
    "SineModSaw": ("sine_mod_saw", {"carrier": "saw.freq", "amp": "modulator.freq"}),
    "AMNoise": ("am_noise", {"amp": "noise.amp", "carrier": "carrier.freq"}),
    "BandpassNoise": (
        "bandpass_noise",
        {"lp_cut": "lowpass.cutoff", "hp_cut": "highpass.cutoff"},
    ),
    "Chirplet": ("chirplet", {"increase_speed": "chirp.speed", "starting_pitch": "chirp.pitch"}),
}


def rendered(patch: Patch, **values: float) -> np.ndarray:
    nested: dict[str, dict[str, float | str | bool]] = {}
    for name, value in values.items():
        node, _, parameter = name.partition("__")
        nested.setdefault(node, {})[parameter] = value
    return patch.render(patch.unit(nested)[None], CLOCK)[0].numpy()


def white(node: str) -> np.ndarray:
    return noise("white", f"{node}/0", CLOCK, torch.zeros(1, dtype=torch.float64))[0].numpy()


def off_jumps(freq_hz: float) -> np.ndarray:
    phase = freq_hz * TIME_S % 1
    return (phase > NEAR_A_JUMP) & (phase < 1 - NEAR_A_JUMP)


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_ranges_are_the_published(name: str, shared_dir: Path) -> None:
    document = json.loads((shared_dir / "reference_results.json").read_text())
    original, renamed = NAMES[name]
    ranges = document["iterative_matching_2026"]["synths"][original]["ranges"]
    assert list(ranges) == list(renamed)
    space = chains.build(name).space
    assert space.names == list(renamed.values())
    low, high = (space.describe([end] * 2) for end in (0.0, 1.0))
    for theirs, ours in renamed.items():
        node, _, parameter = ours.partition(".")
        ends = [end[node][parameter]["value"] for end in (low, high)]
        assert ends == pytest.approx(ranges[theirs])


def test_add_sine_saw() -> None:
    sound = rendered(chains.build("AddSineSaw"), saw__freq=313.0, sine__freq=97.0)
    expected = np.sin(2 * np.pi * 97 * TIME_S) + 313 * TIME_S % 1
    np.testing.assert_allclose(sound[off_jumps(313)], expected[off_jumps(313)], atol=1e-6)


def test_sine_mod_saw() -> None:
    sound = rendered(chains.build("SineModSaw"), saw__freq=220.5, modulator__freq=7.0)
    expected = np.sin(2 * np.pi * 7 * TIME_S) * (220.5 * TIME_S % 1)
    np.testing.assert_allclose(sound[off_jumps(220.5)], expected[off_jumps(220.5)], atol=1e-6)


def test_am_noise() -> None:
    sound = rendered(chains.build("AMNoise"), noise__amp=3.5, carrier__freq=2.2)
    expected = 3.5 * white("noise") * np.sin(2 * np.pi * 2.2 * TIME_S)
    np.testing.assert_allclose(sound, expected, atol=1e-6)


@pytest.mark.parametrize(("lp_cut", "hp_cut"), [(60.0, 30.0), (3000.0, 400.0), (800.0, 5000.0)])
def test_bandpass_noise(lp_cut: float, hp_cut: float) -> None:
    patch = chains.build("BandpassNoise")
    sound = rendered(patch, lowpass__cutoff=lp_cut, highpass__cutoff=hp_cut)
    expected = white("noise")
    for order, cutoff, mode in ((3, lp_cut, "lowpass"), (10, hp_cut, "highpass")):
        sections = scipy.signal.butter(order, cutoff, mode, fs=44100, output="sos")
        expected = scipy.signal.sosfilt(sections, expected)
    np.testing.assert_allclose(sound, expected, atol=1e-8)


def test_chirplet() -> None:
    values = {"chirp__speed": 8.0, "chirp__pitch": 55.0}
    expected = np.sin(2 * np.pi * (55 * TIME_S + np.expm1(8 * TIME_S) / 8))
    np.testing.assert_allclose(rendered(published.chirplet(1.0), **values), expected, atol=1e-8)
    naive = published.chirplet(1.0, naive=True)
    np.testing.assert_allclose(rendered(naive, **values), expected, atol=1e-8)


def test_ranges_of_the_bandpass_can_be_others() -> None:
    patch = published.bandpass_noise(1.0, (50.0, 1000.0), (1.0, 120.0))
    low, high = (patch.space.describe([end] * 2) for end in (0.0, 1.0))
    assert (low["lowpass"]["cutoff"]["value"], high["lowpass"]["cutoff"]["value"]) == (50, 1000)
    assert (low["highpass"]["cutoff"]["value"], high["highpass"]["cutoff"]["value"]) == (1, 120)
