"""The graph of nodes: what is refused when built, and in which order it renders."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError, PatchError, SynthgymError, UnknownNameError
from synthgym.synth import Clock, Linear, Log, Node, Patch, Switched, chains
from synthgym.synth.modules import (
    ADSR,
    LFO,
    FMOscillator,
    Inputs,
    Lowpass,
    Mix,
    Module,
    Oscillator,
    Port,
)

CLOCK = Clock(16000, 300)


@dataclass(frozen=True)
class Level(Module):
    """A constant signal, to count with."""

    level: Linear | float = Linear("level", 0.0, 10.0)

    def render(self, inputs: Inputs) -> Tensor:
        return inputs.values["level"][:, None].expand(-1, inputs.clock.n_samples)


@dataclass(frozen=True)
class Product(Module):
    """The product of two ports, to tell them apart from a sum."""

    ports: ClassVar[tuple[Port, ...]] = (Port("left"), Port("right", optional=True))

    def render(self, inputs: Inputs) -> Tensor:
        left, right = inputs.signal("left"), inputs.signal("right")
        assert left is not None
        return left if right is None else left * right


def level(patch: Patch, *entries: float) -> float:
    unit = torch.tensor([entries], dtype=torch.float64)
    audio = patch.render(unit, CLOCK)
    assert audio.shape == (1, 300)
    return float(audio[0, 0])


def test_nodes_may_come_in_any_order() -> None:
    nodes = (
        Node("out", Product(), {"left": "mix", "right": "c"}),
        Node("c", Level(3.0)),
        Node("mix", Mix(), {"audio": ("a", "b")}),
        Node("a", Level(2.0)),
        Node("b", Level(6.0)),
    )
    assert level(Patch(nodes)) == pytest.approx(12.0)
    assert level(Patch(nodes[::-1])) == pytest.approx(12.0)
    assert Patch(nodes).output == "out"


def test_entries_follow_the_order_of_the_nodes() -> None:
    nodes = (
        Node("out", Product(), {"left": "a", "right": "b"}),
        Node("b", Level()),
        Node("a", Level()),
    )
    assert Patch(nodes).space.names == ["b.level", "a.level"]
    assert Patch(nodes[::-1]).space.names == ["a.level", "b.level"]
    assert level(Patch(nodes), 0.5, 0.2) == pytest.approx(10.0)


def test_a_named_output_is_heard_and_the_rest_is_not() -> None:
    nodes = (Node("a", Level(2.0)), Node("b", Level(6.0)))
    assert level(Patch(nodes, output="a")) == 2.0
    assert level(Patch(nodes, output="b")) == 6.0
    chained = (Node("a", Level(2.0)), Node("b", Product(), {"left": "a"}))
    assert level(Patch(chained, output="a")) == 2.0


def test_one_source_may_feed_many() -> None:
    nodes = (
        Node("a", Level(3.0)),
        Node("square", Product(), {"left": "a", "right": "a"}),
        Node("mix", Mix(), {"audio": ("a", "square")}),
    )
    assert level(Patch(nodes)) == pytest.approx(6.0)


def test_mix_is_the_mean_of_any_number() -> None:
    for n in (1, 2, 5):
        nodes = tuple(Node(f"n{i}", Level(float(i))) for i in range(n))
        mix = Node("mix", Mix(), {"audio": tuple(node.name for node in nodes)})
        assert level(Patch((*nodes, mix))) == pytest.approx((n - 1) / 2)


def test_switched_connections_open_and_close() -> None:
    patch = Patch(
        (
            Node("a", Level(2.0)),
            Node("b", Level(6.0)),
            Node("mix", Mix(), {"audio": (Switched("a"), Switched("b"))}),
        )
    )
    assert patch.space.names == ["mix.audio_from_a", "mix.audio_from_b"]
    assert level(patch, 1.0, 1.0) == 4.0
    assert level(patch, 0.2, 0.8) == 3.0
    assert level(patch, 0.5, 0.4999) == 1.0
    assert level(patch, 0.0, 0.0) == 0.0
    encoded = patch.unit({"mix": {"audio_from_a": False, "audio_from_b": True}})
    assert encoded.tolist() == [0.0, 1.0]


def test_switched_connections_have_a_straight_through_gradient() -> None:
    patch = Patch(
        (
            Node("a", Level()),
            Node("mix", Mix(), {"audio": Switched("a")}),
        )
    )
    unit = torch.tensor([[0.7, 0.2], [0.7, 0.9]], dtype=torch.float64, requires_grad=True)
    audio = patch.render(unit, CLOCK)
    assert audio[:, 0].tolist() == [0.0, 7.0]
    (gradient,) = torch.autograd.grad(audio[:, 0].sum(), unit)
    torch.testing.assert_close(
        gradient, torch.tensor([[0.0, 7.0], [10.0, 7.0]], dtype=torch.float64)
    )


def test_a_closed_modulator_leaves_a_steady_tone() -> None:
    lfo, carrier = LFO("sine", freq=5.0), FMOscillator("saw", 300.0, depth=100.0, amp=1.0)
    switched = Patch((Node("lfo", lfo), Node("fm", carrier, {"modulator": Switched("lfo")})))
    alone = Patch((Node("fm", carrier),))
    wired = Patch((Node("lfo", lfo), Node("fm", carrier, {"modulator": "lfo"})))
    nothing = torch.zeros(1, 0, dtype=torch.float64)
    closed, open_ = switched.render(torch.tensor([[0.0], [1.0]]).double(), CLOCK)
    torch.testing.assert_close(closed[None], alone.render(nothing, CLOCK))
    torch.testing.assert_close(open_[None], wired.render(nothing, CLOCK))


def test_a_patch_without_entries_renders_each_row() -> None:
    patch = Patch((Node("osc", Oscillator("saw", freq=440.0, amp=0.5)),))
    audio = patch.render(torch.zeros(3, 0), CLOCK)
    assert audio.shape == (3, 300)
    assert torch.equal(audio[0], audio[2])


def test_an_empty_batch_renders_to_an_empty_batch() -> None:
    for patch in (
        Patch((Node("osc", Oscillator()),)),
        Patch((Node("osc", Oscillator()), Node("f", Lowpass(), {"audio": "osc"}))),
        Patch((Node("lfo", LFO()), Node("fm", FMOscillator(), {"modulator": "lfo"}))),
    ):
        audio = patch.render(torch.zeros(0, patch.space.dimension), CLOCK)
        assert audio.shape == (0, 300)


def test_sampled_choices_follow_their_generator() -> None:
    patch = Patch((Node("osc", Oscillator(freq=440.0, amp=1.0)),))
    unit = torch.full((40, 3), 0.5)
    first, again, other = (
        patch.render(unit, CLOCK, generator=torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(torch.unique(first, dim=0)) == 3
    # Without a generator the choice is hard: the first of equals.
    assert len(torch.unique(patch.render(unit, CLOCK), dim=0)) == 1


def test_patches_survive_pickling() -> None:
    """Runs are handed to worker processes."""
    patch = Patch((Node("lfo", LFO()), Node("fm", FMOscillator(), {"modulator": "lfo"})))
    unit = torch.full((1, patch.space.dimension), 0.4)
    before = patch.render(unit, CLOCK)
    assert torch.equal(pickle.loads(pickle.dumps(patch)).render(unit, CLOCK), before)


A, B = Node("a", Level()), Node("b", Level())


@pytest.mark.parametrize("name", ["FM", "Modular", "Voice"])
def test_rows_rendered_some_at_a_time_are_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = chains.build(name, CLOCK.duration_s)
    generator = torch.Generator().manual_seed(0)
    unit = torch.rand(11, built.space.dimension, generator=generator)
    whole = built.render(unit, CLOCK, taps=True).audio
    for samples in (1, 300, 1200):
        monkeypatch.setattr("synthgym.synth.shares.SHARE_SAMPLES", samples)
        torch.testing.assert_close(built.render(unit, CLOCK), whole, atol=1e-6, rtol=0)
        drawn, again = (
            built.render(unit, CLOCK, taps=taps, generator=torch.Generator().manual_seed(5))
            for taps in (False, True)
        )
        torch.testing.assert_close(drawn, again.audio, atol=1e-6, rtol=0)


@dataclass(frozen=True)
class Still(Module):
    """A constant control, one sample wide."""

    level: Linear | float = Linear("level", 0.0, 10.0)

    def render(self, inputs: Inputs) -> Tensor:
        return inputs.values["level"][:, None]


def test_a_control_that_stands_still_is_as_long_as_any_signal_outside() -> None:
    patch = Patch(
        (
            Node("still", Still(3.0)),
            Node("mix", Mix(), {"audio": (Switched("still"), "still")}),
            Node("out", Product(), {"left": "mix", "right": "still"}),
        )
    )
    unit = torch.tensor([[1.0], [0.0]])
    rendered = patch.render(unit, CLOCK, taps=True)
    assert {signal.shape for signal in rendered.taps.values()} == {(2, 300)}
    assert rendered.audio[:, -1].tolist() == [9.0, 4.5]
    assert all(signal.is_contiguous() for signal in rendered.taps.values())
    assert Patch((Node("still", Still()),)).render(torch.ones(2, 1), CLOCK).shape == (2, 300)


def test_a_switched_source_is_silent_when_off() -> None:
    patch = Patch((Node("a", Level(3.0), switched=True),))
    assert patch.space.names == ["a.active"]
    assert (level(patch, 0.5), level(patch, 0.49)) == (3.0, 0.0)


def test_a_switched_processor_lets_the_sound_past_when_off() -> None:
    effect = Node("effect", Mix(), {"audio": ("a", "b")}, switched=True)
    patch = Patch((Node("a", Level(2.0)), Node("b", Level(6.0)), effect))
    assert (level(patch, 1.0), level(patch, 0.0)) == (4.0, 2.0)


def test_a_nodes_switch_has_the_gradient_of_what_it_would_change() -> None:
    effect = Node("effect", Mix(), {"audio": ("a", "b")}, switched=True)
    patch = Patch((Node("a", Level(2.0)), Node("b", Level(6.0)), effect))
    for value in (0.2, 0.8):
        unit = torch.tensor([[value]], dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(patch.render(unit, CLOCK).sum(), unit)
        assert float(gradient) == pytest.approx(300 * (4.0 - 2.0))


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: Patch(()), PatchError, ["no nodes", "at least one"]),
        (lambda: Patch((A, A)), PatchError, ["two nodes", "'a'", "rename"]),
        (
            lambda: Patch((A, Node("m", Mix(), {"audio": ("a", "aa")}))),
            UnknownNameError,
            ["'aa'", "'m'", "Did you mean 'a'?"],
        ),
        (lambda: Patch((A, B)), PatchError, ["a, b", "feed no other", "output"]),
        (lambda: Patch((A,), output="A"), UnknownNameError, ["output", "'A'", "'a'"]),
        (
            lambda: Patch((A, Node("env", ADSR(), {"audoi": "a"}))),
            PatchError,
            ["'env'", "ADSR", "'audoi'", "Did you mean 'audio'?"],
        ),
        (
            lambda: Patch((A, Node("f", Lowpass(), {}))),
            PatchError,
            ["'f'", "'audio'", "Lowpass", "connect it"],
        ),
        (lambda: Patch((Node("m", Mix(), {"audio": ()}),)), PatchError, ["'m'", "'audio'"]),
        (
            lambda: Patch((A, B, Node("f", Lowpass(), {"audio": ("a", "b")}))),
            PatchError,
            ["'f'", "one signal, not 2", "Mix"],
        ),
        (
            lambda: Patch((Node("m", Mix(), {"audio": "m"}),)),
            PatchError,
            ["cycle", "m -> m", "break it"],
        ),
        (
            lambda: Patch(
                (
                    Node("x", Mix(), {"audio": ("y", "a")}),
                    Node("y", Mix(), {"audio": "x"}),
                    Node("out", Mix(), {"audio": "y"}),
                    A,
                )
            ),
            PatchError,
            ["cycle", "x", "y", "break it"],
        ),
        (
            lambda: Patch((A, Node("m", Mix(), {"audio": (Switched("a"), Switched("a"))}))),
            PatchError,
            ["'m'", "audio_from_a", "once"],
        ),
        (
            lambda: Patch((A, Node("m", Mix(), {"audio": Switched("b")}))),
            UnknownNameError,
            ["'b'", "'m'"],
        ),
        (
            lambda: Oscillator(freq=Log("pitch", 30.0, 300.0)),
            PatchError,
            ["Oscillator.freq", "'pitch'", "name it 'freq'"],
        ),
        (
            lambda: Patch((A,)).render(torch.zeros(1, 2), CLOCK),
            ParameterError,
            ["(1, 2)", "(batch, 1)", "a.level"],
        ),
        (
            lambda: Patch((A,)).render(torch.zeros(1, 1, dtype=torch.int32), CLOCK),
            ParameterError,
            ["int32", "float32"],
        ),
        (lambda: Patch((A,)).unit({"b": {}}), UnknownNameError, ["'b'", "a"]),
        (lambda: Clock(999, 10), ParameterError, ["sample_rate", "999", "1000"]),
        (lambda: Clock(16000, 0), ParameterError, ["n_samples", "0", "at least 1"]),
        (lambda: Clock(16000.0, 10), ParameterError, ["sample_rate", "16000.0", "whole"]),
        (lambda: Clock(16000, True), ParameterError, ["n_samples", "True"]),
    ],
)
def test_errors_name_node_and_remedy(
    make: object, kind: type[SynthgymError], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        make()  # type: ignore[operator]
    for word in words:
        assert word in str(caught.value)


def test_clock_knows_its_length() -> None:
    clock = Clock(8000, 2000)
    assert (clock.duration_s, clock.nyquist_hz) == (0.25, 4000.0)
    assert Clock() == Clock(16000, 16384)


@pytest.mark.parametrize("value", [(20.0, 200.0), "440", None])
def test_what_is_neither_a_number_nor_a_parameter_is_refused(value: object) -> None:
    with pytest.raises(
        PatchError, match=r"Oscillator\.freq is .*it must be a number, or a parameter"
    ):
        Oscillator("sine", freq=value)  # type: ignore[arg-type]


def test_a_unit_vector_that_is_no_tensor_is_refused() -> None:
    patch = chains.build("Osc")
    with pytest.raises(ParameterError, match=r"unit is a ndarray; it must be a tensor"):
        patch.render(np.zeros((1, patch.space.dimension)), Clock())  # type: ignore[arg-type]
