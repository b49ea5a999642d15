"""The signals of all nodes, and how long they are kept where only the output is asked for."""

from __future__ import annotations

import torch

from synthgym.synth import Clock, Node, Patch
from synthgym.synth.modules import ADSR, Lowpass, Mix, Oscillator

CLOCK = Clock(16000, 300)


def test_taps_hold_every_node() -> None:
    patch = Patch(
        (
            Node("saw", Oscillator("saw")),
            Node("env", ADSR(), {"audio": "saw"}),
            Node("lowpass", Lowpass(), {"audio": "env"}),
        )
    )
    unit = torch.rand(3, patch.space.dimension, generator=torch.Generator().manual_seed(0))
    rendered = patch.render(unit, CLOCK, taps=True)
    assert set(rendered.taps) == {"saw", "env", "lowpass"}
    assert all(signal.shape == (3, 300) for signal in rendered.taps.values())
    assert torch.equal(rendered.taps["lowpass"], rendered.audio)
    assert torch.equal(patch.render(unit, CLOCK), rendered.audio)
    saw = Patch((Node("saw", Oscillator("saw")),)).render(unit[:, :2], CLOCK)
    torch.testing.assert_close(rendered.taps["saw"], saw)


def test_a_signal_is_kept_for_as_long_as_a_node_takes_it_in() -> None:
    """One that is taken in twice, by a node and by a later one; and an output that feeds on."""
    nodes = (
        Node("saw", Oscillator("saw", freq=440.0, amp=0.5)),
        Node("env", ADSR(), {"audio": "saw"}),
        Node("both", Mix(), {"audio": ("saw", "env")}),
        Node("lowpass", Lowpass(), {"audio": "both"}),
        Node("last", Mix(), {"audio": ("lowpass", "saw", "saw")}),
    )
    for output in ("last", "env"):
        patch = Patch(nodes, output)
        unit = torch.rand(3, patch.space.dimension, generator=torch.Generator().manual_seed(0))
        taps = patch.render(unit, CLOCK, taps=True).taps
        assert torch.equal(patch.render(unit, CLOCK), taps[output])


def test_taps_are_differentiable() -> None:
    patch = Patch((Node("saw", Oscillator("saw")), Node("env", ADSR(), {"audio": "saw"})))
    unit = torch.full((1, patch.space.dimension), 0.5, requires_grad=True)
    taps = patch.render(unit, CLOCK, taps=True).taps
    (gradient,) = torch.autograd.grad(taps["saw"].square().sum(), unit)
    assert bool((gradient[0, :2] != 0).all())
    assert bool((gradient[0, 2:] == 0).all())
