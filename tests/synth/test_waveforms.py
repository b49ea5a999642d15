"""Physics of triangle, pulse, saw-square mix and the voltage-controlled oscillator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthgym import kernels
from synthgym.errors import PatchError
from synthgym.synth import Clock, Linear, Node, Patch
from synthgym.synth.dsp.tones import fm_tone, tone
from synthgym.synth.modules import (
    ADSR,
    LFO,
    VCO,
    FMOscillator,
    Inputs,
    Knob,
    Module,
    Oscillator,
    Pitch,
    PulseOscillator,
    SawSquareOscillator,
)

ONE_SECOND = Clock(16000, 16000)
NOTHING = torch.zeros(1, 0, dtype=torch.float64)


def sound(*nodes: Node, clock: Clock = ONE_SECOND) -> np.ndarray:
    return Patch(nodes).render(NOTHING, clock)[0].numpy()


def alone(module: Module, clock: Clock = ONE_SECOND) -> np.ndarray:
    return sound(Node("node", module), clock=clock)


def partials(signal: np.ndarray) -> np.ndarray:
    """Amplitudes at whole frequencies in Hz, of one second."""
    return np.asarray(np.abs(np.fft.rfft(signal)) * 2 / len(signal))


def stray_energy(signal: np.ndarray, freq_hz: int) -> float:
    """Energy off the harmonics."""
    power = partials(signal) ** 2
    power[0] = 0
    power[freq_hz::freq_hz] = 0
    return float(power.sum())


def test_triangle_has_odd_harmonics_that_fall_with_the_square() -> None:
    """8 / (pi k)^2, drooping by sinc^4 as its corners are rounded by a cubic B-spline."""
    for freq_hz in (97, 211, 503):
        k = np.arange(1, 6000 // freq_hz)
        levels = partials(alone(Oscillator("triangle", float(freq_hz), 1.0)))[k * freq_hz]
        odd = k % 2 == 1
        expected = 8 / (np.pi * k) ** 2 * np.sinc(k * freq_hz / 16000) ** 4
        np.testing.assert_allclose(levels[odd], expected[odd], rtol=1e-6, atol=1e-9)
        assert levels[~odd].max() < 1e-9


def test_triangle_is_a_sharp_one_away_from_its_corners() -> None:
    smooth, sharp = (alone(Oscillator("triangle", 61.7, 0.8, naive=n)) for n in (False, True))
    near = np.abs(smooth - sharp) > 1e-9
    assert 0 < near.sum() <= 4 * (2 * 61.7 + 1)
    turns = 61.7 * np.arange(16000) / 16000
    expected = 0.8 * 2 / np.pi * np.arcsin(np.sin(2 * np.pi * turns))
    np.testing.assert_allclose(sharp, expected, atol=1e-9)
    assert smooth[0] == pytest.approx(0, abs=1e-12)
    assert smooth[3] > 0


@pytest.mark.parametrize("freq_hz", [439, 1231, 1609, 1999, 2347])
def test_triangle_aliases_15_db_under_the_closed_form(freq_hz: int) -> None:
    smooth, closed = (
        stray_energy(alone(Oscillator("triangle", float(freq_hz), 1.0, naive=n)), freq_hz)
        for n in (False, True)
    )
    assert 10 * np.log10(closed / smooth) > 15


def test_compiled_triangle_is_the_torch_one() -> None:
    if not kernels.ready():
        pytest.skip("the kernels are not compiled: synthgym compile")
    clock = Clock(16000, 3000)
    generator = torch.Generator().manual_seed(0)
    weights = torch.ones(5, 1)
    freq, depth = torch.rand(5, generator=generator) * 2000 + 30, torch.full((5,), 200.0)
    start, amp = torch.rand(5, generator=generator), torch.rand(5, generator=generator)
    modulator = torch.sin(torch.arange(3000.0) / 200).expand(5, -1)
    probe = torch.rand(5, 3000, generator=generator) - 0.5
    results = []
    for dtype in (torch.float32, torch.float64):
        leaves = [t.to(dtype).requires_grad_() for t in (freq, start, amp, depth)]
        f, s, a, d = leaves
        ones = weights.to(dtype)
        steady = tone(ones, ("triangle",), f, s, a, clock)
        bent = fm_tone(ones, ("triangle",), f, d, s, a, modulator.to(dtype), clock)
        gradients = torch.autograd.grad(((steady + bent) * probe.to(dtype)).sum(), leaves)
        results.append([t.detach().double() for t in (steady, bent, *gradients)])
    for single, double in zip(*results, strict=True):
        scale = float(double.abs().max())
        torch.testing.assert_close(single, double, rtol=0, atol=2e-4 * max(scale, 1))


def test_pulse_harmonics_follow_its_width() -> None:
    """Of an ideal pulse: 4 sin(pi k w) / (pi k), and a mean of 2 w - 1."""
    k = np.arange(1, 40)
    for width in (0.1, 0.25, 0.5, 0.8):
        signal = alone(PulseOscillator(101.0, width, 1.0))
        droop = np.sinc(1.05 * k * 101 / 16000) ** 4
        expected = np.abs(4 * np.sin(np.pi * k * width) / (np.pi * k)) * droop
        np.testing.assert_allclose(partials(signal)[k * 101], expected, rtol=1e-6, atol=1e-9)
        assert signal.mean() == pytest.approx(2 * width - 1, abs=1e-9)


def test_a_pulse_of_half_a_cycle_is_the_square() -> None:
    for naive in (False, True):
        pulse = alone(PulseOscillator(83.1, 0.5, 0.7, phase=0.2, naive=naive))
        square = alone(Oscillator("square", 83.1, 0.7, phase=0.2, naive=naive))
        np.testing.assert_allclose(pulse, square, atol=1e-9)


def test_closed_form_pulse_is_high_for_its_width() -> None:
    signal = alone(PulseOscillator(61.7, 0.3, 1.0, naive=True))
    fraction = np.mod(61.7 * np.arange(16000) / 16000, 1)
    clear = np.minimum(np.abs(fraction - 0.3), np.abs(fraction - 0.5)) > 1e-6
    np.testing.assert_allclose(signal[clear], np.where(fraction < 0.3, 1, -1)[clear], atol=1e-9)


def test_saw_square_is_the_mix_that_it_says() -> None:
    for naive in (False, True):
        mix = alone(SawSquareOscillator(331.0, 0.3, 0.9, 0.5, phase=0.1, naive=naive))
        saw = alone(Oscillator("saw", 331.0, 0.9, phase=0.1, naive=naive))
        square = alone(Oscillator("square", 331.0, 0.5, phase=0.1, naive=naive))
        np.testing.assert_allclose(mix, 0.3 * square + 0.7 * saw, atol=1e-12)


def test_vco_tunes_in_semitones() -> None:
    pitch = Node("pitch", Pitch(220.0))
    fifth = sound(pitch, Node("vco", VCO("saw", tune=7.0), {"pitch": "pitch"}))
    expected = alone(Oscillator("saw", 220.0 * 2 ** (7 / 12), 1.0))
    np.testing.assert_allclose(fifth, expected, atol=1e-9)


def test_a_held_bend_is_the_steady_tone_of_another_pitch() -> None:
    """As a signal, too, the pitch gives the phase that was asked for at the first sample."""
    hold = Node("hold", ADSR(1e-9, 1e-9, 1.0, 2.0, 1.0))
    pitch, ports = Node("pitch", Pitch(220.0)), {"pitch": "pitch", "bend": "hold"}
    bent = sound(hold, pitch, Node("vco", VCO("saw", phase=0.3, bend=12.0), ports))
    octave = alone(Oscillator("saw", 440.0, 1.0, phase=0.3))
    # The envelope's first sample is 0, which no later phase depends on.
    np.testing.assert_allclose(bent[1:], octave[1:], atol=1e-9)


def test_a_pitch_bend_is_equal_intervals_up_and_down() -> None:
    clock = Clock(16000, 16000)
    lfo = Node("lfo", LFO("sine", 2.0))
    pitch = Patch((lfo, Node("pitch", Pitch(440.0, bend=3.0), {"bend": "lfo"})))
    hz = pitch.render(NOTHING, clock)[0].numpy()
    assert hz.max() == pytest.approx(440 * 2 ** (3 / 12), rel=1e-6)
    assert hz.min() == pytest.approx(440 / 2 ** (3 / 12), rel=1e-6)


def test_a_swept_vco_sums_its_frequency() -> None:
    clock = Clock(16000, 4000)
    time_s = np.arange(4000) / 16000
    hz = torch.tensor(500 + 100 * np.sin(2 * np.pi * 9 * time_s))[None]
    inputs = Inputs(
        {name: torch.tensor([v], dtype=torch.float64) for name, v in _VCO_VALUES.items()},
        {"pitch": (hz,)},
        clock,
    )
    swept = VCO("sine").render(inputs)[0].numpy()
    phase = np.concatenate([[0], np.cumsum(hz[0].numpy()[1:])]) / 16000
    np.testing.assert_allclose(swept, np.sin(2 * np.pi * phase), atol=1e-9)


_VCO_VALUES = {"tune": 0.0, "bend": 1.0, "amp": 1.0, "phase": 0.0}


def test_a_module_without_its_signal_says_so() -> None:
    with pytest.raises(PatchError, match=r"'lonely'.*'pitch'.*connect it"):
        VCO("sine").render(
            Inputs(
                {name: torch.tensor([v]) for name, v in _VCO_VALUES.items()},
                {},
                ONE_SECOND,
                "lonely",
            )
        )


def test_a_knob_is_shared_by_all_it_goes_to() -> None:
    patch = Patch(
        (
            Node("knob", Knob(Linear("value", 100.0, 200.0, unit="Hz"))),
            Node("low", VCO("sine"), {"pitch": "knob"}),
            Node("high", VCO("sine", tune=12.0), {"pitch": "knob"}),
            Node("fm", FMOscillator("sine", 50.0, 1.0, 1.0), {"modulator": "low"}),
        ),
        output="high",
    )
    assert patch.space.names == ["knob.value"]
    rendered = patch.render(torch.tensor([[0.5]], dtype=torch.float64), ONE_SECOND, taps=True)
    for name, freq_hz in (("low", 150), ("high", 300)):
        assert partials(rendered.taps[name][0].numpy()).argmax() == freq_hz
    assert rendered.taps["knob"].shape == (1, 16000)
