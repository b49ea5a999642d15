"""Phase modulation: Bessel spectra, routing as a graph, and the DX7's first three algorithms."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import torch

from synthgym.synth import Clock, Node, Patch, chains
from synthgym.synth.modules import LFO, Operator, Pitch

CLOCK = Clock(16000, 16000)
NOTHING = torch.zeros(1, 0, dtype=torch.float64)


def test_modulated_operator_has_a_bessel_spectrum() -> None:
    """sin(a + i sin(b)) has the partials a + k b at J_k(i)."""
    for index in (0.5, 2.0, 5.0):
        patch = Patch(
            (
                Node("pitch", Pitch(4000.0)),
                Node("m", Operator(ratio=0.025, level=index), {"pitch": "pitch"}),
                Node("c", Operator(1.0, level=0.7), {"pitch": "pitch", "modulator": ("m",)}),
            )
        )
        spectrum = np.abs(np.fft.rfft(patch.render(NOTHING, CLOCK)[0].numpy())) / 8000
        for k in range(-8, 9):
            expected = 0.7 * abs(scipy.special.jv(k, index))
            assert spectrum[4000 + 100 * k] == pytest.approx(expected, abs=1e-6)


def test_modulators_are_summed() -> None:
    pitch = Node("pitch", Pitch(200.0))
    two = [Node(n, Operator(r, 1.5), {"pitch": "pitch"}) for n, r in (("a", 2.0), ("b", 3.0))]
    top = Node("top", Operator(1.0, 1.0), {"pitch": "pitch", "modulator": ("a", "b")})
    audio = Patch((pitch, *two, top)).render(NOTHING, CLOCK)[0].numpy()
    angle = 2 * np.pi * 200 * np.arange(16000) / 16000
    expected = np.sin(angle + 1.5 * np.sin(2 * angle) + 1.5 * np.sin(3 * angle))
    np.testing.assert_allclose(audio, expected, atol=1e-9)


def test_an_operator_follows_a_bent_pitch() -> None:
    nodes = (
        Node("lfo", LFO("sine", 3.0)),
        Node("pitch", Pitch(300.0, bend=2.0), {"bend": "lfo"}),
        Node("op", Operator(2.0, 1.0), {"pitch": "pitch"}),
    )
    rendered = Patch(nodes).render(NOTHING, CLOCK, taps=True)
    hz = 2 * rendered.taps["pitch"][0].numpy()
    phase = np.concatenate([[0], np.cumsum(hz[1:])]) / 16000
    np.testing.assert_allclose(rendered.audio[0].numpy(), np.sin(2 * np.pi * phase), atol=1e-8)


RATIOS = {"op2": 3.5, "op3": 0.7, "op4": 5.0}
LEVELS = {"op1": 6.0, "op2": 1.2, "op3": 2.2, "op4": 0.9}
F0 = 110.0


@pytest.mark.parametrize("number", [1, 2, 3])
def test_dx7_algorithms_are_their_formulas(number: int) -> None:
    patch = chains.build(f"DX7Alg{number}")
    assert patch.space.dimension == 8
    values: dict[str, dict[str, float | str | bool]] = {
        name: {"level": level, **({"ratio": RATIOS[name]} if name in RATIOS else {})}
        for name, level in LEVELS.items()
    }
    unit = patch.unit({"pitch": {"freq": F0}, **values})
    audio = patch.render(unit[None], CLOCK)[0].numpy()

    angle = 2 * np.pi * F0 * np.arange(16000) / 16000

    def op(name: str, modulation: np.ndarray | float = 0.0) -> np.ndarray:
        return np.asarray(LEVELS[name] * np.sin(angle * RATIOS.get(name, 1) + modulation))

    expected = {
        1: lambda: op("op1", op("op2", op("op3", op("op4")))),
        2: lambda: op("op1", op("op2")) + op("op3", op("op4")),
        3: lambda: op("op1", op("op2") + op("op3") + op("op4")),
    }[number]()
    np.testing.assert_allclose(audio, 0.3 * expected, atol=1e-7)


def test_dx7_ranges_are_those_of_the_comparison() -> None:
    for number in (1, 2, 3):
        space = chains.build(f"DX7Alg{number}").space
        low, high = (space.describe(torch.full((8,), float(end))) for end in (0, 1))
        for node, group in low.items():
            for name, entry in group.items():
                ends = (entry["value"], high[node][name]["value"])
                assert ends == {"freq": (50, 1000), "ratio": (0.25, 8), "level": (0, 8)}[name]
