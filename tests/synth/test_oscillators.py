"""Physics of the sound sources: pitch, level, spectra, aliasing, modulation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch

from synthgym.errors import UnknownNameError
from synthgym.synth import Choice, Clock, Linear, Node, Patch
from synthgym.synth.modules import LFO, FMOscillator, Module, Oscillator

ONE_SECOND = Clock(16000, 16000)
SHAPES = ("sine", "square", "saw")


def sound(
    module: Module, clock: Clock = ONE_SECOND, dtype: torch.dtype = torch.float64
) -> np.ndarray:
    """The sound of one module whose parameters are all fixed."""
    patch = Patch((Node("node", module),))
    return patch.render(torch.zeros(1, 0, dtype=dtype), clock)[0].numpy()


def modulated(carrier: FMOscillator, lfo: LFO, clock: Clock) -> np.ndarray:
    patch = Patch((Node("lfo", lfo), Node("fm", carrier, {"modulator": "lfo"})))
    return patch.render(torch.zeros(1, 0, dtype=torch.float64), clock)[0].numpy()


def peak_hz(signal: np.ndarray, rate: int) -> float:
    """Frequency of the largest partial, by a parabola through the log spectrum's peak."""
    level = np.log(np.abs(np.fft.rfft(signal * np.hanning(len(signal)))) + 1e-12)
    k = int(level[1:-1].argmax()) + 1
    left, middle, right = level[k - 1 : k + 2]
    return (k + 0.5 * (left - right) / (left - 2 * middle + right)) * rate / len(signal)


def momentary_hz(signal: np.ndarray, rate: int) -> np.ndarray:
    """Momentary frequency of a sine by its analytic signal, without the ends."""
    turns = np.unwrap(np.angle(scipy.signal.hilbert(signal)))
    edge = rate // 20
    return np.asarray(np.diff(turns)[edge:-edge] * rate / (2 * np.pi))


def partials(signal: np.ndarray) -> np.ndarray:
    """Amplitudes at whole frequencies in Hz, of one second."""
    return np.asarray(np.abs(np.fft.rfft(signal)) * 2 / len(signal))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("freq_hz", [32.703, 261.63, 1046.5, 2093.0])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_pitch(shape: str, freq_hz: float, rate: int, dtype: torch.dtype) -> None:
    signal = sound(Oscillator(shape, freq=freq_hz, amp=0.5), Clock(rate, rate), dtype)
    assert peak_hz(signal, rate) == pytest.approx(freq_hz, rel=1e-3)
    rising = np.flatnonzero((signal[:-1] < 0) & (signal[1:] >= 0))
    crossings = rising - signal[rising] / (signal[rising + 1] - signal[rising])
    if freq_hz < 1000:
        period = (crossings[-1] - crossings[0]) / (len(crossings) - 1)
        assert rate / period == pytest.approx(freq_hz, rel=1e-3)


@pytest.mark.parametrize("naive", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_amplitude_is_the_peak(shape: str, naive: bool) -> None:
    for amp in (0.01, 0.37, 1.0):
        signal = sound(Oscillator(shape, freq=50.3, amp=amp, naive=naive))
        assert np.abs(signal).max() <= amp * (1 + 1e-6)
        assert np.abs(signal).max() > 0.98 * amp
        if shape != "sine":
            assert np.abs(signal.mean()) < 0.01 * amp


def test_starting_points() -> None:
    """Phase 0: the sine and the saw rise through 0, the square begins its high half."""
    for shape, sign in (("sine", 1), ("square", 1), ("saw", 1)):
        signal = sound(Oscillator(shape, freq=100.0, amp=1.0))
        assert abs(signal[0]) < 1e-9
        assert np.sign(signal[5]) == sign
    quarter = sound(Oscillator("sine", freq=100.0, amp=1.0, phase=0.25))
    assert quarter[0] == pytest.approx(1.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_phase_shifts_the_sound_in_time(shape: str) -> None:
    """160 samples are a cycle of 100 Hz, so that a quarter cycle is 40 samples."""
    late = sound(Oscillator(shape, freq=100.0, amp=1.0))
    early = sound(Oscillator(shape, freq=100.0, amp=1.0, phase=0.25))
    np.testing.assert_allclose(early[:-40], late[40:], atol=1e-9)


def test_saw_has_all_harmonics_square_the_odd_ones() -> None:
    """1 / k, drooping by sinc^4: the smoothed step is a cubic B-spline 4.2 samples wide."""
    for freq_hz in (97, 211, 503):
        k = np.arange(1, 8000 // freq_hz)
        k = k[k * freq_hz < 6000]
        droop = np.sinc(1.05 * k * freq_hz / 16000) ** 4
        saw = partials(sound(Oscillator("saw", freq=float(freq_hz), amp=1.0)))[k * freq_hz]
        square = partials(sound(Oscillator("square", freq=float(freq_hz), amp=1.0)))[k * freq_hz]
        np.testing.assert_allclose(saw, 2 / (np.pi * k) * droop, rtol=1e-6, atol=1e-9)
        odd = k % 2 == 1
        np.testing.assert_allclose(
            square[odd], (4 / (np.pi * k) * droop)[odd], rtol=1e-6, atol=1e-9
        )
        assert square[~odd].max() < 1e-9


# Whole and odd frequencies: harmonics fall on bins of one second, their aliases on other bins.
ALIAS_TONES_HZ = (101, 151, 233, 439, 661, 997, 1231, 1609, 1741, 1999, 2347, 2667, 3499, 3989)


def stray_energy(shape: str, freq_hz: int, naive: bool) -> float:
    """Energy off the harmonics."""
    power = partials(sound(Oscillator(shape, freq=float(freq_hz), amp=1.0, naive=naive))) ** 2
    power[0] = 0
    power[freq_hz::freq_hz] = 0
    return float(power.sum())


@pytest.mark.parametrize("shape", ["saw", "square"])
def test_aliasing_is_20_db_under_the_closed_form(shape: str) -> None:
    """The worst tones have a strong harmonic just above the Nyquist frequency.

    1609 Hz has the fifth there, and 2667 Hz, the worst of all odd numbers up to 4 kHz, the third.
    """
    for freq_hz in ALIAS_TONES_HZ:
        smooth, closed = (stray_energy(shape, freq_hz, naive) for naive in (False, True))
        assert 10 * np.log10(closed / smooth) > 20, f"{shape} at {freq_hz} Hz"


@pytest.mark.parametrize("shape", ["saw", "square"])
def test_closed_and_band_limited_forms_agree_away_from_jumps(shape: str) -> None:
    smooth, closed = (
        sound(Oscillator(shape, freq=61.7, amp=0.8, naive=naive)) for naive in (False, True)
    )
    near = np.abs(smooth - closed) > 1e-6
    # 2.1 samples on either side of each jump.
    jumps = 61.7 * (1 if shape == "saw" else 2)
    assert 0 < near.sum() <= 4.2 * (jumps + 1)
    assert np.abs(smooth - closed).max() <= 0.8 + 1e-6


def test_closed_forms_are_the_papers() -> None:
    turns = 61.7 * np.arange(16000) / 16000
    square = sound(Oscillator("square", freq=61.7, amp=1.0, naive=True))
    saw = sound(Oscillator("saw", freq=61.7, amp=1.0, naive=True))
    away = np.abs(np.sin(2 * np.pi * turns)) > 1e-6
    np.testing.assert_array_equal(square[away], np.sign(np.sin(2 * np.pi * turns))[away])
    np.testing.assert_allclose(saw, 2 * np.mod(turns + 0.5, 1) - 1, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", [8000, 5000, 4500])
def test_tones_near_the_nyquist_frequency_are_tame(shape: str, rate: int) -> None:
    signal = sound(Oscillator(shape, freq=2093.0, amp=1.0), Clock(rate, rate))
    assert np.abs(signal).max() <= 1 + 1e-6
    assert peak_hz(signal, rate) == pytest.approx(2093.0, rel=1e-3)


def test_each_row_takes_its_own_waveform() -> None:
    chosen = Patch((Node("osc", Oscillator(Choice("shape", SHAPES), freq=200.0, amp=0.5)),))
    unit = torch.eye(3, dtype=torch.float64)[[2, 0, 1, 0]]
    audio = chosen.render(unit, ONE_SECOND)
    for row, shape in enumerate(("saw", "sine", "square", "sine")):
        np.testing.assert_allclose(
            audio[row].numpy(), sound(Oscillator(shape, freq=200.0, amp=0.5)), atol=1e-12
        )


def test_unknown_waveforms_are_refused_when_built() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'saw'"):
        Oscillator("sawr")
    with pytest.raises(UnknownNameError, match="triangle"):
        FMOscillator(Choice("shape", ("sine", "triangel")))


@pytest.mark.parametrize("shape", SHAPES)
def test_lfo_swings_between_minus_one_and_one(shape: str) -> None:
    signal = sound(LFO(shape, freq=5.0))
    assert signal.max() == pytest.approx(1.0, abs=2e-3)
    assert signal.min() == pytest.approx(-1.0, abs=2e-3)
    cycle = signal[: 5 * 3200].reshape(5, 3200)
    np.testing.assert_allclose(cycle, np.tile(cycle[0], (5, 1)), atol=1e-7)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("depth_hz", [20.0, 100.0, 255.0])
def test_fm_depth_is_the_peak_deviation_in_hz_at_any_sample_rate(
    depth_hz: float, rate: int
) -> None:
    carrier = FMOscillator("sine", freq=1000.0, depth=depth_hz, amp=1.0)
    hz = momentary_hz(modulated(carrier, LFO("sine", freq=4.0), Clock(rate, rate)), rate)
    assert hz.max() == pytest.approx(1000 + depth_hz, abs=0.01 * depth_hz)
    assert hz.min() == pytest.approx(1000 - depth_hz, abs=0.01 * depth_hz)
    assert hz.mean() == pytest.approx(1000, abs=0.1 * depth_hz)

    steps = momentary_hz(modulated(carrier, LFO("square", freq=4.0), Clock(rate, rate)), rate)
    assert np.median(steps[steps > 1000]) == pytest.approx(1000 + depth_hz, abs=0.01 * depth_hz)
    assert np.median(steps[steps < 1000]) == pytest.approx(1000 - depth_hz, abs=0.01 * depth_hz)


@pytest.mark.parametrize("shape", SHAPES)
def test_fm_rate_is_the_modulators_frequency(shape: str) -> None:
    clock = Clock(16000, 32000)
    carrier = FMOscillator("sine", freq=1000.0, depth=50.0, amp=1.0)
    hz = momentary_hz(modulated(carrier, LFO(shape, freq=6.5), clock), 16000)
    assert peak_hz(hz - hz.mean(), 16000) == pytest.approx(6.5, rel=1e-2)


def test_fm_without_depth_or_modulator_is_the_oscillator() -> None:
    for shape in SHAPES:
        plain = sound(Oscillator(shape, freq=333.0, amp=0.7, phase=0.1))
        alone = sound(FMOscillator(shape, freq=333.0, depth=100.0, amp=0.7, phase=0.1))
        np.testing.assert_allclose(alone, plain, atol=1e-12)
        still = modulated(
            FMOscillator(shape, freq=333.0, depth=0.0, amp=0.7, phase=0.1),
            LFO("saw", freq=3.0),
            ONE_SECOND,
        )
        np.testing.assert_allclose(still, plain, atol=1e-9)


@pytest.mark.parametrize("shape", ["saw", "square"])
def test_fm_aliases_no_more_than_a_steady_tone_of_its_highest_pitch(shape: str) -> None:
    """A square modulator holds each pitch for a while: the steps must be as wide as it needs."""
    clock = ONE_SECOND
    carrier = FMOscillator(shape, freq=1742.0, depth=255.0, amp=1.0)
    signal = modulated(carrier, LFO("square", freq=1.0), clock)
    high, low = signal[100:7900], signal[8100:15900]
    for part, freq_hz in ((high, 1997), (low, 1487)):
        steady = sound(Oscillator(shape, freq=float(freq_hz), amp=1.0), clock)
        window = np.hanning(len(part))
        level = [np.abs(np.fft.rfft(window * s)) ** 2 for s in (part, steady[: len(part)])]
        np.testing.assert_allclose(level[0].sum(), level[1].sum(), rtol=1e-2)
        hz = np.fft.rfftfreq(len(part), 1 / 16000)
        off = np.abs(hz - np.round(hz / freq_hz) * freq_hz) > 20
        assert 10 * np.log10(level[0][off].sum() / level[1][off].sum()) < 1.0


def test_through_zero_modulation_is_finite_and_bounded() -> None:
    """Deeper than its carrier, so that the momentary frequency passes zero and turns."""
    for shape in SHAPES:
        carrier = FMOscillator(shape, freq=100.0, depth=200.0, amp=1.0)
        signal = modulated(carrier, LFO("sine", freq=3.0), ONE_SECOND)
        assert np.isfinite(signal).all()
        assert np.abs(signal).max() <= 1 + 1e-6


def test_phase_may_be_a_parameter() -> None:
    patch = Patch((Node("osc", Oscillator("sine", 100.0, 1.0, phase=Linear("phase", 0.0, 1.0))),))
    assert patch.space.names == ["osc.phase"]
    audio = patch.render(torch.tensor([[0.0], [0.25], [0.5]], dtype=torch.float64), ONE_SECOND)
    np.testing.assert_allclose(audio[:, 0].numpy(), [0.0, 1.0, 0.0], atol=1e-9)
