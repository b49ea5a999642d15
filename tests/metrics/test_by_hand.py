"""Values that can be told without a computer, or by the words of the definition alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from synthgym import metrics
from synthgym.metrics.cepstral import warped


def value(name: str, sound, target, rate: int = 16_000) -> float:
    return float(metrics.build(name, rate)(sound, target)[0])


def test_a_sound_twice_as_loud_is_six_decibels_away(noise):
    sound, two = noise(), 20 * math.log10(2)
    assert value("lsd", 2 * sound, sound) == pytest.approx(two, rel=1e-6)
    # One norm over n_frames * 513 equal cells, divided by n_frames.
    n_frames = 1 + (8192 - 1024) // 256
    expected = two * math.sqrt(513 / n_frames)
    assert value("lsd_frobenius", 2 * sound, sound) == pytest.approx(expected, rel=1e-3)
    assert value("log_mae", 10 * sound, sound) == pytest.approx(2.0, rel=1e-3)
    assert value("log_mae_mel", 10 * sound, sound) == pytest.approx(1.0, rel=1e-3)


def test_the_frobenius_distance_falls_with_the_length_and_the_other_does_not(noise):
    # Why a published "LSD" says nothing without its definition.
    long = noise(n=1024 + 256 * 63)
    short = long[:, : 1024 + 256 * 15]
    for name, ratio in (("lsd_frobenius", 2.0), ("lsd", 1.0)):
        assert value(name, 2 * short, short) / value(name, 2 * long, long) == pytest.approx(
            ratio, rel=1e-3
        )


def test_a_gain_moves_only_the_first_cepstral_coefficient(noise):
    # 20 dB in all of 128 bands: the orthonormal transform makes it 20 sqrt(128) in one of 40.
    sound = noise()
    expected = 20 * math.sqrt(128) / 40
    assert value("mfcc", 10 * sound, sound) == pytest.approx(expected, rel=1e-6)


def test_convergence_is_the_gain_less_one(noise):
    sound = noise()
    assert value("spectral_convergence", 3 * sound, sound) == pytest.approx(2.0, rel=1e-3)
    assert value("spectral_convergence_mel", 3 * sound, sound) == pytest.approx(2.0)
    assert value("spectral_convergence_power", 3 * sound, sound) == pytest.approx(8.0)


def test_convergence_of_silence_is_as_stated(noise):
    sound, silence = noise(), np.zeros((1, 8192))
    assert value("spectral_convergence_power", silence, sound) == 1.0
    assert value("spectral_convergence_power", sound, silence) == 10.0
    assert value("spectral_convergence_mel", silence, silence) == 0.0


def test_convergence_to_silence_is_over_its_floor(noise):
    # Magnitudes of at least 1e-4 on both sides, in each of 33 frames of 513 bins.
    sound, window = noise(), torch.hann_window(1024, dtype=torch.float64)
    spectrum = torch.stft(torch.tensor(sound[0]), 1024, 256, window=window, return_complex=True)
    excess = (spectrum.abs().clamp_min(1e-4) - 1e-4).square().sum().sqrt()
    expected = float(excess) / (1e-4 * math.sqrt(33 * 513))
    found = value("spectral_convergence", sound, np.zeros((1, 8192)))
    assert found == pytest.approx(expected, rel=1e-6)


def test_spectra_without_a_common_bin_are_slightly_anticorrelated():
    # Two of n bins are not empty in each: the correlation is -2 / (n - 2).
    n = 1000
    time = np.arange(n) / n
    first, second = (np.sin(2 * np.pi * cycles * time)[None] for cycles in (20, 33))
    assert value("pearson_fft", first, second) == pytest.approx(-2 / (n - 2), rel=1e-6)
    assert value("pearson_fft", 5 * first, first) == pytest.approx(1.0)


def test_mss_of_gain_is_the_sum_of_both_terms(noise):
    # Linear: mean |S|, times gain - 1. Logarithmic: ln(gain), six times.
    sound = noise(rms=1.0)
    total = 0.0
    for size in (2048, 1024, 512, 256, 128, 64):
        hop = size // 4
        n_frames = math.ceil(8192 / hop)
        padded = np.concatenate([sound[0], np.zeros(size)])
        pieces = [padded[hop * i : hop * i + size] for i in range(n_frames)]
        window = torch.hann_window(size, dtype=torch.float64).numpy()
        total += np.mean([np.abs(np.fft.rfft(piece * window)) for piece in pieces])
    expected = total + 6 * math.log(2)
    assert value("mss", 2 * sound, sound) == pytest.approx(expected, rel=1e-6)


def test_mass_is_moved_by_the_difference_in_frequency(tone):
    # 2 kHz of a band of 8 kHz; the ends, where the tone is cut, smear a little.
    moved = value("spectral_transport", tone(1000.0), tone(3000.0))
    assert moved == pytest.approx(0.25, rel=0.02)
    further = value("spectral_transport", tone(1000.0), tone(5000.0))
    assert further / moved == pytest.approx(2.0, rel=0.01)


def test_transport_from_a_silent_frame_goes_to_the_upper_end(tone):
    silent = np.zeros((1, 16_000))
    assert value("spectral_transport", silent, tone(2000.0)) == pytest.approx(0.75, rel=0.02)


def test_a_spectrum_of_less_than_the_least_mass_lacks_the_rest(tone):
    # A sine at a bin's middle fills three bins of a window of 800 with 200, 400 and 200 halves of
    # its amplitude: 5e-7, half of 1e-6. The other half goes to the upper end. Two frames in 51, cut
    # at the ends, hold more.
    faint = tone(2000.0, amp=5e-7 / 400)
    moved = value("spectral_transport", faint, tone(2000.0))
    assert moved == pytest.approx(0.5 * 0.75, rel=0.05)


def test_envelopes_without_overlap_have_nothing_in_common():
    on, off = np.ones(8000), np.zeros(8000)
    first, second = np.concatenate([on, off])[None], np.concatenate([off, on])[None]
    # One of 41 frames lies over the border, with half the power of a full one in each.
    full = 20 - 1 + 0.5  # the frame at the outer end is half full as well
    expected = 0.5 / (full + 0.5)
    assert value("rms_envelope", first, second) == pytest.approx(expected, rel=0.01)
    assert value("rms_envelope", 0.1 * first, first) == pytest.approx(1.0)


def test_two_different_envelopes_by_hand():
    # Against a constant, one that sounds half of the time: the cosine is the root of the half.
    steady = np.ones((1, 160_000))
    half = np.where(np.arange(160_000) % 80_000 < 40_000, 1.0, 0.0)[None]
    assert value("rms_envelope", half, steady) == pytest.approx(math.sqrt(0.5), rel=0.01)


def path(own: list[float], theirs: list[float]) -> float:
    return float(warped(np.array(own)[None, :, None], np.array(theirs)[None, :, None])[0])


def test_the_cost_of_paths_by_hand():
    assert path([0], [3]) == 1.5
    assert path([0, 1, 5], [0, 1, 5]) == 0.0
    # Of the same values, later: waiting in one sequence costs nothing.
    assert path([0, 0, 5], [0, 5, 5]) == 0.0
    # Constant cost: once at the start, twice for each diagonal step, once for each straight one.
    assert path([0, 0, 0], [1, 1, 1]) == pytest.approx(5 / 6)
    assert path([0, 0], [1, 1, 1, 1]) == pytest.approx(5 / 6)
    # Past the frame that fits nothing by a straight step, 9, and not by a diagonal one, 18.
    assert path([0, 9, 0], [0, 0, 0]) == pytest.approx(9 / 6)


def test_a_shifted_sound_is_nearer_by_the_warped_path(tone):
    gap = np.zeros((1, 1600))
    early = np.concatenate([gap, tone(300.0, 4000), tone(900.0, 4000), gap, gap], axis=1)
    late = np.concatenate([gap, gap, tone(300.0, 4000), tone(900.0, 4000), gap], axis=1)
    rate = 16_000
    assert value("wmfcc", late, early, rate) < 0.2 * value("mfcc", late, early, rate)


def test_the_definitions_named_after_diffmoog_by_its_formulas(noise, tone):
    sound, target = noise(1)[0], (tone(440.0, 8192) + noise(2))[0]
    window = torch.hann_window(512, dtype=torch.float64)
    own, theirs = (
        torch.stft(torch.tensor(x), 512, 256, window=window, return_complex=True).abs().square()
        for x in (sound, target)
    )
    logs = torch.log10(own + 1e-5) - torch.log10(theirs + 1e-5)
    pair = (sound[None], target[None])
    assert value("log_mae", *pair) == pytest.approx(float(logs.abs().mean()))
    expected = float(torch.linalg.norm(own - theirs) / torch.linalg.norm(theirs))
    assert value("spectral_convergence_power", *pair) == pytest.approx(expected)
    correlation = np.corrcoef(own.numpy().ravel(), theirs.numpy().ravel())[0, 1]
    assert value("pearson_stft", *pair) == pytest.approx(correlation)
    whole = [np.abs(np.fft.fft(x)) for x in (sound, target)]
    assert value("pearson_fft", *pair) == pytest.approx(np.corrcoef(*whole)[0, 1])
    window = torch.hann_window(1024, dtype=torch.float64)
    own, theirs = (
        torch.stft(torch.tensor(x), 1024, 256, window=window, center=False, return_complex=True)
        .abs()
        .square()
        for x in (sound, target)
    )
    logs = 10 * (torch.log10(own + 1e-5) - torch.log10(theirs + 1e-5))
    expected = float(torch.linalg.norm(logs) / own.shape[1])
    assert value("lsd_frobenius", *pair) == pytest.approx(expected)
