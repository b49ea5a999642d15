"""Tremolo, ring modulation, amplifiers, mixers, saturation, and modulation of modulation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthgym.errors import ParameterError, PatchError
from synthgym.synth import Clock, Linear, Log, Node, Patch
from synthgym.synth.modules import (
    ADSR,
    FMLFO,
    LFO,
    VCA,
    FMOscillator,
    Gain,
    Mix,
    Oscillator,
    RingModulator,
    SoftClip,
    Tremolo,
    WeightedMix,
)

ONE_SECOND = Clock(16000, 16000)
NOTHING = torch.zeros(1, 0, dtype=torch.float64)
SINE = Node("sine", Oscillator("sine", 400.0, 0.8))
LOW = Node("low", LFO("sine", 5.0))


def sound(*nodes: Node, clock: Clock = ONE_SECOND) -> np.ndarray:
    return Patch(nodes).render(NOTHING, clock)[0].numpy()


def partials(signal: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(np.fft.rfft(signal)) * 2 / len(signal))


def test_tremolo_dips_by_its_amount() -> None:
    for amount in (0.0, 0.3, 1.0):
        inputs = {"audio": "sine", "control": "low"}
        signal = sound(SINE, LOW, Node("out", Tremolo(amount), inputs))
        level = partials(signal)
        # The carrier keeps the mean of the gain, each sideband a quarter of the amount.
        assert level[400] == pytest.approx(0.8 * (1 - amount / 2), abs=1e-9)
        for side in (395, 405):
            assert level[side] == pytest.approx(0.8 * amount / 4, abs=1e-9)


def test_ring_modulation_is_sums_and_differences() -> None:
    other = Node("other", Oscillator("sine", 130.0, 0.5))
    ports = {"audio": "sine", "carrier": "other"}
    level = partials(sound(SINE, other, Node("out", RingModulator(), ports)))
    assert level[[270, 530]] == pytest.approx([0.2, 0.2], abs=1e-9)
    assert level[[130, 400]].max() < 1e-9


def test_vca_multiplies() -> None:
    env = Node("env", ADSR(0.1, 0.1, 0.5, 0.6, 0.2))
    shaped = sound(SINE, env, Node("out", VCA(), {"audio": "sine", "control": "env"}))
    np.testing.assert_allclose(shaped, sound(SINE) * sound(env), atol=1e-12)


def test_weighted_mix_is_the_sum_at_its_levels() -> None:
    mix = WeightedMix(2, Linear("level", -1.0, 1.0))
    patch = Patch((SINE, LOW, Node("mix", mix, {"audio": ("sine", "low")})))
    assert patch.space.names == ["mix.level_1", "mix.level_2"]
    unit = patch.unit({"mix": {"level_1": 0.5, "level_2": -0.25}})
    audio = patch.render(unit[None], ONE_SECOND)[0].numpy()
    np.testing.assert_allclose(audio, 0.5 * sound(SINE) - 0.25 * sound(LOW), atol=1e-12)
    fixed = Node("mix", WeightedMix(2, 0.3), {"audio": ("sine", "low")})
    np.testing.assert_allclose(
        sound(SINE, LOW, fixed), 0.3 * (sound(SINE) + sound(LOW)), atol=1e-12
    )


def test_mix_is_the_mean() -> None:
    mixed = sound(SINE, LOW, Node("mix", Mix(), {"audio": ("sine", "low")}))
    np.testing.assert_allclose(mixed, (sound(SINE) + sound(LOW)) / 2, atol=1e-12)


def test_mixers_refuse_what_does_not_fit() -> None:
    with pytest.raises(ParameterError, match="n_inputs is 0"):
        WeightedMix(0)
    patch = Patch((SINE, Node("mix", WeightedMix(3), {"audio": ("sine",)})))
    with pytest.raises(PatchError, match=r"'mix' has 1 inputs.*set n_inputs=1"):
        patch.render(torch.zeros(1, 3), ONE_SECOND)


def test_gain_is_a_factor() -> None:
    np.testing.assert_allclose(
        sound(SINE, Node("out", Gain(0.25), {"audio": "sine"})), 0.25 * sound(SINE), atol=1e-12
    )


def test_soft_clip_keeps_full_scale_and_adds_odd_harmonics() -> None:
    full = Node("sine", Oscillator("sine", 400.0, 1.0))
    for drive in (0.1, 2.0, 20.0):
        signal = sound(full, Node("out", SoftClip(drive), {"audio": "sine"}))
        assert np.abs(signal).max() == pytest.approx(1.0, abs=1e-6)
        level = partials(signal)
        assert level[[800, 1600]].max() < 1e-9
        if drive == 0.1:
            np.testing.assert_allclose(signal, sound(full), atol=2e-3)
        else:
            assert level[1200] > 0.05


def momentary_hz(signal: np.ndarray) -> np.ndarray:
    spectrum = np.fft.fft(signal)
    spectrum[len(signal) // 2 :] = 0
    turns = np.unwrap(np.angle(np.fft.ifft(spectrum)))
    return np.asarray(np.diff(turns) * 16000 / (2 * np.pi))


def test_an_envelope_at_the_depth_fades_the_vibrato() -> None:
    """Attack over the whole second: the deviation grows with it."""
    env = Node("env", ADSR(1.0, 0.1, 1.0, 2.0, 0.1))
    carrier = FMOscillator("sine", 1000.0, 100.0, 1.0)
    ports = {"modulator": "lfo", "depth": "env"}
    lfo = Node("lfo", LFO("sine", 8.0))
    hz = momentary_hz(sound(lfo, env, Node("fm", carrier, ports)))
    for start in (2000, 6000, 10000):
        cycle = slice(start, start + 2000)
        middle = (start + 1000) / 16000
        assert np.ptp(hz[cycle]) / 2 == pytest.approx(100 * middle, rel=0.1)


def test_fm_lfo_is_modulation_of_a_modulator() -> None:
    """Its frequency swings by its depth in Hz."""
    clock = Clock(1000, 20000)
    nodes = (
        Node("lfo", LFO("sine", 0.5)),
        Node("fm_lfo", FMLFO("sine", 12.0, 5.0), {"modulator": "lfo"}),
    )
    signal = Patch(nodes).render(NOTHING, clock)[0].numpy()
    assert np.abs(signal).max() == pytest.approx(1, abs=1e-3)
    hz = momentary_hz(signal)[1000:-1000] / 16
    assert hz.max() == pytest.approx(17, abs=0.3)
    assert hz.min() == pytest.approx(7, abs=0.3)


@pytest.mark.parametrize("shape", ["sine", "square", "saw", "triangle"])
def test_lfos_of_every_shape_modulate(shape: str) -> None:
    nodes = (
        Node("lfo", LFO(shape, Log("freq", 0.5, 15.0))),
        Node("fm", FMOscillator("sine", 500.0, 50.0, 1.0), {"modulator": "lfo"}),
    )
    patch = Patch(nodes)
    unit = torch.tensor([[0.7]], dtype=torch.float64)
    taps = patch.render(unit, ONE_SECOND, taps=True).taps
    assert float(taps["lfo"].abs().max()) == pytest.approx(1, abs=2e-3)
    hz = momentary_hz(taps["fm"][0].numpy())[1000:-1000]
    assert hz.mean() == pytest.approx(500, abs=12)
    assert np.quantile(hz, 0.999) == pytest.approx(550, abs=12)


@pytest.mark.parametrize("drive", [0.0, -1.0, Linear("drive", 0.0, 1.0)])
def test_soft_clip_refuses_a_drive_of_nothing(drive: float | Linear) -> None:
    with pytest.raises(ParameterError, match=r"SoftClip drive starts at .*above 0"):
        SoftClip(drive)


def test_a_mixer_of_very_many_inputs_is_refused() -> None:
    with pytest.raises(ParameterError, match="from 1 to 1000"):
        WeightedMix(10**7)
