"""Control signals at a rate of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthgym.errors import PatchError
from synthgym.synth import Clock, Node, Patch, chains
from synthgym.synth.dsp.control import control_clock, glide_tone, interpolated, samples_per_point
from synthgym.synth.graph import from_document, to_document
from synthgym.synth.modules import LFO, VCA, VCO, Knob, Mix, Oscillator, Pitch
from synthgym.synth.params import Linear

CLOCK = Clock(16000, 1003)


@pytest.mark.parametrize(
    ("sample_rate", "rate_hz", "expected"),
    [(44100, 441, 100), (48000, 441, 100), (16000, 441, 32), (44101, 441, 1), (8000, 9000, 1)],
)
def test_points_divide_a_second_and_are_no_fewer_than_asked(
    sample_rate: int, rate_hz: float, expected: int
) -> None:
    """16000 has 32, but not 33 to 36, among its divisors; 44101 is a prime."""
    hop = samples_per_point(sample_rate, rate_hz)
    assert hop == expected
    assert sample_rate % hop == 0


@pytest.mark.parametrize("hop", [2, 40, 1003, 2000])
def test_between_points_are_straight_lines(hop: int) -> None:
    clock = control_clock(CLOCK, hop)
    points = torch.rand(3, clock.n_samples, dtype=torch.float64)
    lines = interpolated(points, hop, CLOCK)
    at = np.arange(clock.n_samples) * hop
    for row, line in zip(points, lines, strict=True):
        expected = np.interp(np.arange(CLOCK.n_samples), at, row.numpy())
        np.testing.assert_allclose(line.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gliding_tone_runs_through_the_sum_of_its_frequency(dtype: torch.dtype) -> None:
    hop = 40
    points = 200 + 300 * torch.rand(1, control_clock(CLOCK, hop).n_samples, dtype=dtype)
    one, start = torch.ones(1, dtype=dtype), torch.full((1,), 0.3, dtype=dtype)
    tone = glide_tone(one[:, None], ("sine",), points, hop, start, one, CLOCK)
    at = np.arange(points.shape[1]) * hop
    freq = np.interp(np.arange(CLOCK.n_samples), at, points[0].double().numpy())
    cycles = 0.3 + (np.cumsum(freq) - freq[0]) / CLOCK.sample_rate
    np.testing.assert_allclose(tone[0].numpy(), np.sin(2 * np.pi * cycles), atol=2e-4)


def tremolo(rate_hz: float | None, lfo_hz: float = 3.0) -> Patch:
    return Patch(
        (
            Node("osc", Oscillator("sine", amp=1.0)),
            Node("lfo", LFO("sine", freq=lfo_hz), rate_hz=rate_hz),
            Node("out", VCA(), {"audio": "osc", "control": "lfo"}),
        )
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_slow_control_at_few_points_is_the_control_itself(dtype: torch.dtype) -> None:
    """Lines of h seconds miss a sine of f Hz by (2 pi f h)^2 / 8 at most."""
    unit = torch.full((2, 1), 0.6, dtype=dtype)
    whole, few = (tremolo(rate).render(unit, CLOCK) for rate in (None, 400.0))
    error = float((whole - few).abs().max())
    assert error < (2 * np.pi * 3.0 / 400) ** 2 / 8 + 1e-4
    assert not torch.equal(whole, few)


def test_taps_of_points_are_whole_signals() -> None:
    rendered = tremolo(400.0).render(torch.full((2, 1), 0.6), CLOCK, taps=True)
    assert {signal.shape for signal in rendered.taps.values()} == {(2, CLOCK.n_samples)}
    torch.testing.assert_close(
        rendered.taps["osc"] * rendered.taps["lfo"], rendered.audio, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("bend_rate", [None, 400.0, 800.0])
@pytest.mark.parametrize("pitch_rate", [None, 400.0])
def test_an_oscillator_takes_pitch_and_bend_at_any_rates(
    pitch_rate: float | None, bend_rate: float | None
) -> None:
    def patch(pitch_rate: float | None, bend_rate: float | None) -> Patch:
        return Patch(
            (
                Node("vibrato", LFO("sine", freq=2.0), rate_hz=pitch_rate),
                Node("pitch", Pitch(freq=220.0, bend=1.0), {"bend": "vibrato"}, rate_hz=pitch_rate),
                Node("lfo", LFO("sine", freq=3.0), rate_hz=bend_rate),
                Node(
                    "vco",
                    VCO("sine", bend=Linear("bend", 0.0, 1.0)),
                    {"pitch": "pitch", "bend": "lfo"},
                ),
            )
        )

    unit = torch.full((2, 1), 0.8)
    whole = patch(None, None).render(unit, CLOCK)
    # Lines in place of curves move the phase by some thousandths of a cycle.
    assert float((patch(pitch_rate, bend_rate).render(unit, CLOCK) - whole).abs().max()) < 0.02


def test_a_mix_of_points_and_samples_is_one_of_samples() -> None:
    nodes = (
        Node("slow", LFO("sine", freq=3.0), rate_hz=400.0),
        Node("fast", LFO("sine", freq=5.0)),
        Node("mix", Mix(), {"audio": ("slow", "fast")}),
    )
    taps = Patch(nodes).render(torch.zeros(1, 0), CLOCK, taps=True).taps
    torch.testing.assert_close(taps["mix"], (taps["slow"] + taps["fast"]) / 2)


def test_documents_keep_the_rate() -> None:
    patch = tremolo(400.0)
    assert from_document(to_document(patch)) == patch


def test_the_voice_at_its_control_rate_sounds_as_at_the_samples() -> None:
    """A hundred samples are too few for an LFO's edge to be placed better: it blurs, no more."""
    clock = Clock(44100, 44100)
    voice = chains.build("Voice", 1.0)
    whole = Patch(tuple(Node(n.name, n.module, n.inputs) for n in voice.nodes))
    unit = torch.rand(4, voice.space.dimension, generator=torch.Generator().manual_seed(3))
    few, all_ = (p.render(unit, clock, taps=True).taps for p in (voice, whole))
    for name in ("adsr_1", "adsr_2"):
        assert float((few[name] - all_[name]).abs().mean()) < 2e-3
    loudness = [taps["mixer"].square().mean(1).sqrt() for taps in (few, all_)]
    torch.testing.assert_close(*loudness, rtol=0.03, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Node("a", Knob(Linear("value", 0.0, 1.0)), rate_hz=0.0), ["'a'", "0.0", "above"]),
        (
            lambda: Patch(
                (Node("osc", Oscillator()), Node("mix", Mix(), {"audio": "osc"}, rate_hz=400.0))
            ),
            ["'mix'", "400", "'osc'", "both the same"],
        ),
        (
            lambda: from_document(
                {
                    **to_document(tremolo(400.0)),
                    "nodes": [{"name": "a", "module": "LFO", "rate_hz": "x"}],
                }
            ),
            ["'a'", "rate_hz", "'x'"],
        ),
    ],
)
def test_errors_name_node_and_remedy(make: object, words: list[str]) -> None:
    with pytest.raises(PatchError) as caught:
        make()  # type: ignore[operator]
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("rate_hz", [0.5, 1e-6, 1e-300])
def test_a_point_a_second_is_the_least(rate_hz: float) -> None:
    """Found at once, however few are asked for."""
    assert samples_per_point(44100, rate_hz) == 44100
