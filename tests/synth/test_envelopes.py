"""The envelope: where its corners lie, and that it is continuous in time and in its arguments."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgym.errors import ParameterError
from synthgym.synth import Clock, Linear, Node, Patch
from synthgym.synth.dsp.envelopes import adsr
from synthgym.synth.modules import ADSR, BentADSR, Knob, Oscillator

SECOND = Clock(10000, 10000)
TIMES_S = st.floats(0.002, 1.0)


def envelope(
    attack: float, decay: float, sustain: float, hold: float, release: float, clock: Clock = SECOND
) -> np.ndarray:
    patch = Patch((Node("env", ADSR(attack, decay, sustain, hold, release)),))
    return patch.render(torch.zeros(1, 0, dtype=torch.float64), clock)[0].numpy()


def test_corners() -> None:
    level = envelope(attack=0.1, decay=0.2, sustain=0.4, hold=0.6, release=0.3)
    assert level[0] == 0.0
    assert level[500] == pytest.approx(0.5)
    assert level[1000] == pytest.approx(1.0)
    assert level[2000] == pytest.approx(0.7)
    assert level[3000] == pytest.approx(0.4)
    np.testing.assert_allclose(level[3000:6001], 0.4)
    assert level[7500] == pytest.approx(0.2)
    assert level[9000] == pytest.approx(0.0, abs=1e-12)
    assert (level[9001:] == 0).all()


def test_shape_is_monotone_between_its_corners() -> None:
    level = envelope(attack=0.1, decay=0.2, sustain=0.4, hold=0.6, release=0.3)
    slope = np.diff(level)
    assert (slope[:1000] > 0).all()
    assert (slope[1000:3000] < 0).all()
    assert np.abs(slope[3000:6000]).max() < 1e-12
    assert (slope[6000:9000] < 0).all()


def test_gate_that_closes_in_the_attack_releases_from_where_it_is() -> None:
    level = envelope(attack=0.5, decay=0.2, sustain=0.4, hold=0.2, release=0.1)
    assert level.max() == pytest.approx(0.4)
    assert level[2000] == pytest.approx(0.4)
    assert level[2500] == pytest.approx(0.2)
    assert (level[3001:] == 0).all()


def test_gate_that_closes_in_the_decay_releases_from_where_it_is() -> None:
    level = envelope(attack=0.1, decay=0.4, sustain=0.0, hold=0.3, release=0.2)
    assert level[3000] == pytest.approx(0.5)
    assert level[4000] == pytest.approx(0.25)
    assert level[5000] == pytest.approx(0.0, abs=1e-12)


def test_gate_beyond_the_end_never_releases() -> None:
    level = envelope(attack=0.1, decay=0.1, sustain=0.7, hold=5.0, release=0.01)
    np.testing.assert_allclose(level[2000:], 0.7)


def test_full_sustain_has_no_decay() -> None:
    level = envelope(attack=0.1, decay=0.2, sustain=1.0, hold=0.6, release=0.3)
    np.testing.assert_allclose(level[1000:6001], 1.0)


@given(TIMES_S, TIMES_S, st.floats(0.0, 1.0), TIMES_S, TIMES_S)
def test_any_envelope_stays_in_range_and_moves_no_faster_than_its_stages(
    attack: float, decay: float, sustain: float, hold: float, release: float
) -> None:
    clock = Clock(10000, 4000)
    level = envelope(attack, decay, sustain, hold, release, clock)
    assert level[0] == 0
    assert level.min() >= 0
    assert level.max() <= 1 + 1e-12
    fastest = max(1 / attack, (1 - sustain) / decay, 1 / release) / clock.sample_rate
    assert np.abs(np.diff(level)).max() <= fastest * (1 + 1e-9) + 1e-12
    silent_from_s = hold + release
    silent = np.arange(4000) / 10000 > silent_from_s + 1e-9
    assert np.abs(level[silent]).max(initial=0.0) < 1e-12


@given(TIMES_S, TIMES_S, st.floats(0.0, 1.0), TIMES_S, TIMES_S, st.integers(0, 4))
def test_continuous_in_every_argument(
    attack: float, decay: float, sustain: float, hold: float, release: float, which: int
) -> None:
    """A millionth more of an argument moves no sample by more than its share."""
    values = [attack, decay, sustain, hold, release]
    moved = list(values)
    moved[which] *= 1 + 1e-6
    moved[2] = min(moved[2], 1.0)
    clock = Clock(10000, 4000)
    change = np.abs(envelope(*moved, clock) - envelope(*values, clock)).max()
    steepest = hold * (1 / attack + 1 / decay + 1 / release) + 4
    assert change <= 1e-6 * steepest


def test_as_an_effect_it_multiplies_its_input() -> None:
    patch = Patch(
        (
            Node("osc", Oscillator("saw", 100.0, 0.8)),
            Node("env", ADSR(0.1, 0.2, 0.4, 0.6, 0.3), {"audio": "osc"}),
        )
    )
    rendered = patch.render(torch.zeros(1, 0, dtype=torch.float64), SECOND, taps=True)
    expected = rendered.taps["osc"][0].numpy() * envelope(0.1, 0.2, 0.4, 0.6, 0.3)
    np.testing.assert_allclose(rendered.audio[0].numpy(), expected, atol=1e-12)


def test_the_same_times_at_any_sample_rate() -> None:
    slow = envelope(0.1, 0.2, 0.4, 0.6, 0.3, Clock(8000, 8000))
    fast = envelope(0.1, 0.2, 0.4, 0.6, 0.3, Clock(48000, 48000))
    np.testing.assert_allclose(fast[::6], slow, atol=1e-9)


@pytest.mark.parametrize("duration_s", [0.01, 0.3, 1.024, 4.0, 60.0])
def test_spanning_scales_with_the_sound(duration_s: float) -> None:
    specs = {spec.name: spec for spec in ADSR.spanning(duration_s).specs}
    assert specs["hold"].high == pytest.approx(duration_s / 1.024)
    assert specs["hold"].low == pytest.approx(0.1 * duration_s / 1.024)
    assert all(spec.low < spec.high for spec in specs.values())
    if duration_s == 1.024:
        assert ADSR.spanning(duration_s) == ADSR()
    # The quickest stages are those of the ear, not of the sound's length.
    assert math.isclose(specs["attack"].low, 0.002)


def bent(curve: float, hold: float = 0.6, clock: Clock = SECOND) -> np.ndarray:
    module = BentADSR(0.1, 0.2, 0.4, hold, 0.3, curve)
    patch = Patch((Node("env", module),))
    return patch.render(torch.zeros(1, 0, dtype=torch.float64), clock)[0].numpy()


def test_bent_stages_end_where_the_straight_ones_do() -> None:
    straight = envelope(attack=0.1, decay=0.2, sustain=0.4, hold=0.6, release=0.3)
    for curve in (0.1, 1.0, 4.0, 9.0):
        level = bent(curve)
        for sample in (0, 1000, 3000, 6000, 9000):
            assert level[sample] == pytest.approx(straight[sample], abs=1e-9)
        assert (level[9001:] == 0).all()
        assert level.max() <= 1


def test_bent_stages_start_fast_and_slow_down() -> None:
    level = bent(4.0)
    for start, end in ((0, 1000), (1000, 3000), (6000, 9000)):
        steps = np.abs(np.diff(level[start : end + 1]))
        assert (np.diff(steps) < 0).all()
        # An exponential: each step is the same share of the one before.
        np.testing.assert_allclose(steps[1:] / steps[:-1], np.exp(-4 / (end - start)), rtol=1e-6)


def test_a_small_curve_is_straight() -> None:
    straight = envelope(attack=0.1, decay=0.2, sustain=0.4, hold=0.6, release=0.3)
    np.testing.assert_allclose(bent(1e-4), straight, atol=1e-4)


def test_a_bent_gate_that_closes_early_releases_from_where_it_is() -> None:
    level = bent(4.0, hold=0.05)
    assert level.max() == level[500] < 1
    assert np.abs(np.diff(level)).max() < 0.01
    assert (level[3501:] == 0).all()


def test_a_shared_gate_is_the_hold_of_each_envelope() -> None:
    gate = Node("gate", Knob(0.6))
    shared = Patch((gate, Node("env", ADSR(0.1, 0.2, 0.4, 9.9, 0.3), {"hold": "gate"})))
    audio = shared.render(torch.zeros(1, 0, dtype=torch.float64), SECOND)[0].numpy()
    own = envelope(attack=0.1, decay=0.2, sustain=0.4, hold=0.6, release=0.3)
    np.testing.assert_allclose(audio, own, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_by_a_full_sustain_grows_with_the_decay(dtype: torch.dtype) -> None:
    """At the top of its range the sustain is still what the decay leads to, and no more."""
    clock = Clock(16000, 8000)
    sustain = torch.ones(1, dtype=dtype, requires_grad=True)
    attack, decay, hold, release = (torch.tensor([v], dtype=dtype) for v in (0.1, 0.2, 0.4, 0.5))
    level = adsr(attack, decay, sustain, hold, release, clock)
    for time_s, share in ((0.05, 0.0), (0.15, 0.25), (0.25, 0.75), (0.35, 1.0)):
        (by_sustain,) = torch.autograd.grad(
            level[0, round(time_s * 16000)], sustain, retain_graph=True
        )
        assert float(by_sustain) == pytest.approx(share, abs=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"attack": 0.0},
        {"decay": 0.0},
        {"release": 0.0},
        {"attack": Linear("attack", 0.0, 1.0)},
        {"release": Linear("release", -1.0, 1.0)},
        {"hold": -0.1},
        {"sustain": 1.5},
        {"sustain": Linear("sustain", -0.5, 1.0)},
    ],
)
@pytest.mark.parametrize("kind", [ADSR, BentADSR])
def test_stages_without_a_meaning_are_refused(
    kind: type[ADSR], wrong: dict[str, float | Linear]
) -> None:
    """A stage of no length would be 0 / 0."""
    with pytest.raises(ParameterError, match=f"{kind.__name__} {next(iter(wrong))}"):
        kind(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("curve", [0.0, -1.0, Linear("curve", 0.0, 4.0)])
def test_a_curve_of_nothing_is_refused(curve: float | Linear) -> None:
    with pytest.raises(ParameterError, match=r"BentADSR curve starts at .*above 0"):
        BentADSR(curve=curve)
