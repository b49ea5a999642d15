"""What the PPO agent hears: pitch, modulation, overtones."""

from __future__ import annotations

import numpy as np
import torch

from synthgym import MelDistance, chains
from synthgym.baselines.hearing import PitchDescriptor
from synthgym.synth import Clock

CLOCK = Clock()
Values = dict[str, dict[str, float | str]]


def described(chain: str, *patches: Values) -> torch.Tensor:
    """Descriptors of patches of a chain."""
    patch = chains.build(chain)
    unit = torch.stack([patch.space.encode(values) for values in patches]).float()
    return PitchDescriptor()(MelDistance().embed(patch.render(unit, CLOCK)))


def fm(rate_hz: float, shape: str = "sine", **carrier: float | str) -> Values:
    tone = {"shape": "sine", "freq": 440.0, "depth": 60.0, "amp": 0.5, **carrier}
    return {"lfo": {"shape": shape, "freq": rate_hz}, "fm": tone}


def test_the_pitch_of_steady_tones_is_read_off() -> None:
    hz = np.array([60.0, 130.0, 440.0, 1000.0, 1900.0])
    patches = [{"osc": {"shape": "sine", "freq": f, "amp": 0.3}} for f in hz]
    pitch = described("Osc", *patches)[:, -8].numpy()
    np.testing.assert_allclose(32.0 * 2 ** (6.5 * (pitch + 1) / 2), hz, rtol=0.04)


def test_overtones_tell_waveforms_apart() -> None:
    sine, square, saw = described(
        "Osc",
        *({"osc": {"shape": s, "freq": 300.0, "amp": 0.3}} for s in ("sine", "square", "saw")),
    )[:, -20:-16].numpy()
    second, third = 0, 1
    assert sine.max() < -0.9  # 36 dB under the fundamental
    assert square[second] < -0.9 and square[third] > -0.4
    assert saw[second] > -0.3 and saw[third] > -0.4


def test_rates_and_depths_are_the_less_alike_the_further_they_are_apart() -> None:
    descriptor = PitchDescriptor()
    two, three, six, twelve = described("FM", fm(2), fm(3), fm(6), fm(12)).numpy()
    gaps = descriptor.dissimilarity(np.stack([two - two, two - three, two - six, two - twelve]))
    assert gaps[0] == 0
    assert (np.diff(gaps) > 0.02).all()
    a, b, c = described("FM", fm(4, depth=10.0), fm(4, depth=40.0), fm(4, depth=200.0))[:, -6]
    assert a < b < c


def test_the_course_shows_a_modulation_however_deep() -> None:
    shallow, deep, saw = described(
        "FM", fm(3, depth=6.0), fm(3, depth=100.0), fm(3, "saw", depth=100.0)
    )[:, -212:-148].numpy()  # the course of 64 points from 32 ms windows
    assert np.corrcoef(shallow, deep)[0, 1] > 0.95
    assert np.corrcoef(saw, deep)[0, 1] < 0.85


def test_a_descriptor_is_bounded_and_does_not_depend_on_its_neighbours() -> None:
    patch = chains.build("FM")
    unit = torch.rand(9, patch.space.dimension, generator=torch.Generator().manual_seed(0))
    audio = patch.render(unit, CLOCK)
    audio[4] = 0.0
    distance, descriptor = MelDistance(), PitchDescriptor()
    together = descriptor(distance.embed(audio))
    alone = torch.cat([descriptor(distance.embed(row[None])) for row in audio])
    assert torch.isfinite(together).all() and together.abs().max() <= 1
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
