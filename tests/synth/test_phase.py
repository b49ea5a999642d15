"""Phase: exact over long sounds in float32, in every block, with derivatives that say so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgym.synth import Clock, Node, Patch
from synthgym.synth.dsp.modulation import swept_tone
from synthgym.synth.dsp.phase import constant_phase, modulated_phase
from synthgym.synth.modules import LFO, FMOscillator, Oscillator

TEN_SECONDS = Clock(44100, 441000)
FREQS_HZ = (32.703, 440.0, 1999.9, 2093.0)
ODD_LENGTHS = (1, 2, 7, 127, 128, 129, 255, 1000)


def circular(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference in cycles, modulo 1."""
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return float(np.abs(difference - np.round(difference)).max())


def steady(freq_hz: np.ndarray, start: np.ndarray, clock: Clock) -> np.ndarray:
    """The phase of the definition, in float64."""
    n = np.arange(clock.n_samples)
    return start[:, None] + np.mod(freq_hz[:, None] * n / clock.sample_rate, 1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steady_tone_keeps_its_phase_for_ten_seconds(dtype: torch.dtype) -> None:
    freq = torch.tensor(FREQS_HZ, dtype=dtype)
    start = torch.tensor([0.0, 0.25, 0.5, 0.999], dtype=dtype)
    phase = constant_phase(freq, start, TEN_SECONDS)
    assert phase.dtype == dtype
    assert phase.shape == (4, 441000)
    expected = steady(freq.double().numpy(), start.double().numpy(), TEN_SECONDS)
    assert circular(phase.numpy(), expected) < (2e-5 if dtype == torch.float32 else 1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", ["sine", "square"])
def test_fm_tone_keeps_its_phase_for_ten_seconds(dtype: torch.dtype, shape: str) -> None:
    """Against the running sum in float64; a square modulator drifts the most."""
    clock = TEN_SECONDS
    freq = torch.tensor(FREQS_HZ, dtype=dtype)
    depth = torch.tensor([255.0, 2.5, 100.0, 255.0], dtype=dtype)
    time_s = np.arange(clock.n_samples) / clock.sample_rate
    wave = np.sin(2 * np.pi * 5.3 * time_s)
    modulator = torch.tensor(np.tile(np.sign(wave) if shape == "square" else wave, (4, 1)))
    modulator = modulator.to(dtype)
    phase = modulated_phase(freq, depth, modulator, torch.zeros(4, dtype=dtype), clock)
    assert phase.dtype == dtype
    swing = depth.double().numpy()[:, None] * np.cumsum(modulator.double().numpy(), 1)
    expected = steady(freq.double().numpy(), np.zeros(4), clock) + swing / clock.sample_rate
    assert circular(phase.numpy(), expected) < (1e-4 if dtype == torch.float32 else 1e-9)


def test_float32_sound_is_the_float64_sound_after_ten_seconds() -> None:
    """Fixed parameters, so that both precisions mean the same numbers."""
    patches = [
        Patch((Node("osc", Oscillator("sine", freq=1999.9, amp=1.0, phase=0.25)),)),
        Patch(
            (
                Node("lfo", LFO("saw", freq=7.25)),
                Node(
                    "fm",
                    FMOscillator("sine", freq=1250.25, depth=250.5, amp=1.0),
                    {"modulator": "lfo"},
                ),
            )
        ),
    ]
    for patch in patches:
        single, double = (
            patch.render(torch.zeros(1, 0, dtype=dtype), TEN_SECONDS).double()
            for dtype in (torch.float32, torch.float64)
        )
        # A thousandth of a cycle is 6e-3 in amplitude.
        assert float((single - double).abs().max()) < 6e-3


@given(
    st.sampled_from(ODD_LENGTHS),
    st.floats(0.1, 3900.0),
    st.floats(0.0, 1.0),
    st.sampled_from([8000, 16000, 44100]),
)
def test_steady_phase_at_any_length(n: int, freq_hz: float, start: float, rate: int) -> None:
    clock = Clock(rate, n)
    freq, first = (torch.tensor([v], dtype=torch.float64) for v in (freq_hz, start))
    phase = constant_phase(freq, first, clock)
    assert phase.shape == (1, n)
    assert circular(phase.numpy(), steady(freq.numpy(), first.numpy(), clock)) < 1e-9


@given(st.sampled_from(ODD_LENGTHS), st.integers(0, 2**32 - 1))
def test_modulated_phase_is_the_running_sum_including_the_sample(n: int, seed: int) -> None:
    clock = Clock(16000, n)
    rng = np.random.default_rng(seed)
    freq, depth, start = rng.uniform(-500, 3000), rng.uniform(-300, 300), rng.random()
    modulator = rng.uniform(-1, 1, (1, n))
    phase = modulated_phase(
        torch.tensor([freq], dtype=torch.float64),
        torch.tensor([depth], dtype=torch.float64),
        torch.tensor(modulator),
        torch.tensor([start], dtype=torch.float64),
        clock,
    )
    expected = start + (freq * np.arange(n) + depth * np.cumsum(modulator[0])) / 16000
    assert circular(phase[0].numpy(), expected) < 1e-9


def test_no_modulation_is_the_steady_tone() -> None:
    clock = Clock(16000, 1000)
    freq, zero = torch.tensor([441.7, 99.0]), torch.zeros(2)
    steady_tone = constant_phase(freq, zero, clock)
    silent = modulated_phase(freq, torch.full((2,), 255.0), torch.zeros(2, 1000), zero, clock)
    shallow = modulated_phase(freq, zero, torch.ones(2, 1000), zero, clock)
    assert circular(silent.numpy(), steady_tone.numpy()) < 1e-6
    assert circular(shallow.numpy(), steady_tone.numpy()) < 1e-6


def test_a_constant_modulator_shifts_the_frequency() -> None:
    clock = Clock(16000, 3000)
    zero = torch.zeros(1, dtype=torch.float64)
    on = torch.ones(1, 3000, dtype=torch.float64)
    moved = modulated_phase(zero + 400.0, zero + 50.0, on, zero, clock)
    expected = constant_phase(zero + 450.0, zero + 50.0 / 16000, clock)
    assert circular(moved.numpy(), expected.numpy()) < 1e-9


def test_derivative_of_the_phase_is_that_of_the_definition() -> None:
    """Wrapping has derivative 1, so that late samples feel the frequency as they should."""
    clock = Clock(16000, 500)
    freq = torch.tensor([437.0], dtype=torch.float64, requires_grad=True)
    depth = torch.tensor([31.0], dtype=torch.float64, requires_grad=True)
    start = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    modulator = torch.sin(torch.arange(500.0, dtype=torch.float64) / 40)[None].requires_grad_()
    phase = modulated_phase(freq, depth, modulator, start, clock)
    by_freq, by_depth, by_modulator, by_start = torch.autograd.grad(
        phase[0, 411], (freq, depth, modulator, start)
    )
    assert float(by_freq) == pytest.approx(411 / 16000, rel=1e-9)
    assert float(by_depth) == pytest.approx(
        float(modulator[0, :412].detach().sum()) / 16000, rel=1e-9
    )
    assert float(by_start) == pytest.approx(1.0)
    expected = torch.where(torch.arange(500) <= 411, 31.0 / 16000, 0.0).double()
    torch.testing.assert_close(by_modulator[0], expected)

    phase = constant_phase(freq, start, clock)
    by_freq, by_start = torch.autograd.grad(phase[0, 411], (freq, start))
    assert float(by_freq) == pytest.approx(411 / 16000, rel=1e-9)
    assert float(by_start) == pytest.approx(1.0)


@pytest.mark.parametrize("freq_hz", [523.3, 1000.37, 10001.37])
def test_a_frequency_as_a_signal_keeps_its_phase_for_ten_seconds(freq_hz: float) -> None:
    """Also where it stands still, so that all errors of its sum would go the same way."""
    freq = torch.full((1, TEN_SECONDS.n_samples), freq_hz)
    one, zero = torch.ones(1), torch.zeros(1)
    sound = swept_tone(one[:, None], ("sine",), freq, zero, one, TEN_SECONDS)[0].double()
    cycles = float(freq[0, 0].double()) * np.arange(TEN_SECONDS.n_samples) / 44100
    # A thousandth of a cycle is 6e-3 in amplitude.
    assert np.abs(sound.numpy() - np.sin(2 * np.pi * np.mod(cycles, 1))).max() < 1e-3
