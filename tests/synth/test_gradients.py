"""Derivatives of the rendered sound's loss, held against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses import MelDistance
from synthgym.synth import Clock, Linear, Log, Node, Patch, Switch, Switched, chains
from synthgym.synth.modules import (
    ADSR,
    FMLFO,
    LFO,
    VCA,
    VCO,
    BentADSR,
    FMOscillator,
    Gain,
    Knob,
    Lowpass,
    Mix,
    Module,
    Noise,
    Operator,
    Oscillator,
    Pitch,
    PulseOscillator,
    RingModulator,
    SawSquareOscillator,
    SoftClip,
    Tremolo,
    WeightedMix,
)

CLOCK = Clock(16000, 2048)
# Small, as the loudness of quiet cells, and jumps under modulation, turn within millionths.
STEP = 3e-8
Loss = Callable[[Tensor], Tensor]

PHASE = Linear("phase", 0.0, 1.0)


def with_modulator(carrier: FMOscillator) -> Patch:
    # The LFO is quick, as the sound is short.
    lfo = LFO("sine", freq=Linear("freq", 5.0, 60.0, unit="Hz"), phase=PHASE)
    return Patch((Node("lfo", lfo), Node("fm", carrier, {"modulator": "lfo"})))


SHAPES = ("sine", "square", "saw", "triangle")
QUICK = Linear("freq", 20.0, 60.0, unit="Hz")
SAW = Node("saw", Oscillator("saw"))
LFO_NODE = Node("lfo", LFO("sine", freq=QUICK))
CURVE = Linear("curve", 0.1, 6.0)
ENVELOPE = BentADSR.spanning(CLOCK.duration_s)
BENT = replace(ENVELOPE, curve=CURVE)


def sweeping(shape: str) -> Patch:
    """A VCO, detuned, under a pitch that an LFO bends."""
    pitch = Pitch(bend=Linear("bend", 0.0, 3.0))
    vco = VCO(shape, tune=Linear("tune", -5.0, 5.0), amp=Linear("amp", 0.1, 1.0), phase=PHASE)
    nodes = (LFO_NODE, Node("pitch", pitch, {"bend": "lfo"}), Node("vco", vco, {"pitch": "pitch"}))
    return Patch(nodes)


def on_a_saw(module: Module, port: str = "", *others: Node) -> Patch:
    """A saw through a module, with the first of other nodes at one of its ports."""
    inputs = {"audio": "saw", **({port: others[0].name} if port else {})}
    return Patch((SAW, *others, Node("out", module, inputs)))


MODULES: dict[str, Patch] = {
    "pulse": Patch((Node("osc", PulseOscillator(phase=PHASE)),)),
    "saw square": Patch((Node("osc", SawSquareOscillator(phase=PHASE)),)),
    **{f"vco {shape}": sweeping(shape) for shape in ("sine", "square", "saw", "triangle")},
    "vco at rest": Patch(
        (Node("pitch", Pitch()), Node("vco", VCO("saw", phase=PHASE), {"pitch": "pitch"}))
    ),
    "two-level modulation": Patch(
        (
            LFO_NODE,
            Node("fm_lfo", FMLFO("sine", freq=QUICK), {"modulator": "lfo"}),
            Node("fm", FMOscillator("saw"), {"modulator": "fm_lfo"}),
        )
    ),
    "an envelope on the FM depth": Patch(
        (
            LFO_NODE,
            Node("env", ADSR.spanning(CLOCK.duration_s)),
            Node("fm", FMOscillator("square"), {"modulator": "lfo", "depth": "env"}),
        )
    ),
    "operators": Patch(
        (
            LFO_NODE,
            Node("pitch", Pitch(bend=Linear("bend", 0.0, 2.0)), {"bend": "lfo"}),
            Node("op2", Operator(), {"pitch": "pitch"}),
            Node("op3", Operator(), {"pitch": "pitch"}),
            Node("op1", Operator(), {"pitch": "pitch", "modulator": ("op2", "op3")}),
        )
    ),
    "noise": Patch((Node("noise", Noise("pink")),)),
    "bent envelope": Patch((Node("env", BENT),)),
    "shared gate": Patch(
        (
            Node("gate", Knob(Linear("value", 0.01, CLOCK.duration_s))),
            Node("env", replace(ENVELOPE, hold=1.0), {"hold": "gate"}),
            Node("linear", replace(ADSR.spanning(0.1), hold=1.0), {"audio": "env", "hold": "gate"}),
        )
    ),
    "vca": on_a_saw(VCA(), "control", Node("env", ENVELOPE)),
    "tremolo": on_a_saw(Tremolo(), "control", LFO_NODE),
    "ring modulator": on_a_saw(RingModulator(), "carrier", Node("sine", Oscillator("sine"))),
    "gain": on_a_saw(Gain()),
    "soft clip": on_a_saw(SoftClip()),
    "weighted mix": Patch((SAW, LFO_NODE, Node("mix", WeightedMix(2), {"audio": ("saw", "lfo")}))),
    "switched node": Patch((SAW, Node("out", SoftClip(), {"audio": "saw"}, switched=True))),
}
PATCHES: dict[str, Patch] = {
    **MODULES,
    **{f"oscillator {s}": Patch((Node("osc", Oscillator(s, phase=PHASE)),)) for s in SHAPES},
    **{f"fm {s}": with_modulator(FMOscillator(s, phase=PHASE)) for s in SHAPES},
    "fm by a saw": Patch(
        (
            Node("lfo", LFO("saw", freq=Linear("freq", 20.0, 60.0))),
            Node("fm", FMOscillator("saw"), {"modulator": "lfo"}),
        )
    ),
    "fm by a square": Patch(
        (
            Node("lfo", LFO("square", freq=Linear("freq", 20.0, 60.0))),
            Node("fm", FMOscillator("square"), {"modulator": "lfo"}),
        )
    ),
    "envelope": Patch((Node("env", ADSR.spanning(CLOCK.duration_s)),)),
    "lowpass": Patch((Node("saw", Oscillator("saw")), Node("f", Lowpass(), {"audio": "saw"}))),
    "switched mix": Patch(
        (
            Node("saw", Oscillator("saw")),
            Node("sine", Oscillator("sine")),
            Node("mix", Mix(), {"audio": (Switched("saw"), "sine")}),
        )
    ),
    **{name: chains.build(name, CLOCK.duration_s) for name in chains.names()},
}
# By design not the gradient of the sound: see test_surrogate.py.
SURROGATES = ("SURROGATE_LFO_SAW", "SURROGATE_LFO_SINE")


def squares(audio: Tensor) -> Tensor:
    """A smooth loss that no symmetry of the sound can hide from."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(audio.shape[1], generator=generator, dtype=torch.float64)
    offset = torch.rand(audio.shape[1], generator=generator, dtype=torch.float64) - 0.5
    return ((audio - offset).square() * weights).mean(1)


def mel(audio: Tensor) -> Tensor:
    time_s = torch.arange(audio.shape[1], dtype=torch.float64) / CLOCK.sample_rate
    target = torch.sin(2 * torch.pi * 391.0 * time_s) * torch.exp(-time_s / 0.1)
    return MelDistance(CLOCK.sample_rate)(audio, 0.5 * target[None])


def continuous_entries(patch: Patch) -> list[int]:
    specs = [spec for _, spec in patch.space.specs for _ in spec.entry_names]
    return [i for i, spec in enumerate(specs) if isinstance(spec, Linear | Log)]


def points(patch: Patch, n: int, seed: int) -> Tensor:
    """Points inside the unit cube, so that the steps stay in it; all that can be off is on."""
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(n, patch.space.dimension, generator=generator, dtype=torch.float64)
    specs = [spec for _, spec in patch.space.specs for _ in spec.entry_names]
    switches = torch.tensor([isinstance(spec, Switch) for spec in specs])
    return torch.where(switches, 0.75, 0.05 + 0.9 * unit)


def gradients(patch: Patch, unit: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
    """By automatic differentiation and by central differences, of the continuous entries."""
    entries = continuous_entries(patch)
    leaf = unit.clone().requires_grad_()
    (automatic,) = torch.autograd.grad(loss(patch.render(leaf, CLOCK)).sum(), leaf)
    steps = torch.zeros(len(entries), patch.space.dimension, dtype=torch.float64)
    steps[range(len(entries)), entries] = STEP
    moved = torch.cat([unit[:, None] + steps, unit[:, None] - steps], 1)
    values = loss(patch.render(moved.flatten(0, 1), CLOCK)).reshape(len(unit), 2, -1)
    return automatic[:, entries], (values[:, 0] - values[:, 1]) / (2 * STEP)


@pytest.mark.parametrize("loss", [squares, mel])
@pytest.mark.parametrize("name", [name for name in PATCHES if name not in SURROGATES])
def test_gradients_are_those_of_the_sound(name: str, loss: Loss) -> None:
    patch = PATCHES[name]
    automatic, measured = gradients(patch, points(patch, 6, seed=len(name)), loss)
    assert bool((automatic != 0).any(0).all()), "an entry has no gradient anywhere"
    error = (automatic - measured).abs()
    # Beside the relative error, what rounding leaves of a difference of losses.
    rounding = 1e-6 * measured.abs().amax() + 1e-7
    assert bool((error <= 1e-3 * measured.abs() + rounding).all()), (automatic, measured)


@pytest.mark.parametrize("shape", ["square", "saw"])
def test_closed_forms_have_no_or_a_wrong_gradient(shape: str) -> None:
    """Why waveforms are band-limited: the jumps of the closed forms move, unseen by the slope."""
    naive = Patch((Node("osc", Oscillator(shape, amp=0.8, naive=True)),))
    smooth = Patch((Node("osc", Oscillator(shape, amp=0.8)),))
    unit = torch.linspace(0.3, 0.6, 7, dtype=torch.float64)[:, None].requires_grad_()
    (automatic,) = torch.autograd.grad(squares(naive.render(unit, CLOCK)).sum(), unit)
    (true,) = torch.autograd.grad(squares(smooth.render(unit, CLOCK)).sum(), unit)
    assert bool((true.abs() > 1e-3).all())
    if shape == "square":
        assert bool((automatic == 0).all())
    else:
        # Of the wrong sign or size wherever one looks.
        assert bool(((automatic / true - 1).abs() > 0.5).all())

    # Over a wider step, the closed form's own loss moves as the band-limited one's does.
    step = 2e-3
    change, expected = (
        squares(patch.render(unit.detach() + step, CLOCK))
        - squares(patch.render(unit.detach() - step, CLOCK))
        for patch in (naive, smooth)
    )
    assert float(torch.corrcoef(torch.stack([change, expected]))[0, 1]) > 0.8


def test_frequency_gradient_of_the_square_points_downhill() -> None:
    """From a few hertz away, descent on a smooth loss finds the target's frequency."""
    patch = Patch((Node("osc", Oscillator("square", amp=1.0)),))
    clock = Clock(16000, 256)
    target = patch.render(torch.tensor([[0.5]], dtype=torch.float64), clock)
    for start in (0.49, 0.495, 0.505, 0.51):
        unit = torch.tensor([[start]], dtype=torch.float64, requires_grad=True)
        loss = (patch.render(unit, clock) - target).square().mean()
        (gradient,) = torch.autograd.grad(loss, unit)
        assert float(gradient) * (start - 0.5) > 0


def test_choice_gradient_is_the_softmax_of_what_each_waveform_would_do() -> None:
    """By design: the forward pass is one waveform, the backward pass knows the others."""
    patch = Patch((Node("osc", Oscillator(freq=200.0, amp=0.7)),))
    unit = torch.tensor([[0.9, 0.3, 0.5]], dtype=torch.float64, requires_grad=True)
    audio = patch.render(unit, CLOCK)
    (by_audio,) = torch.autograd.grad(squares(audio).sum(), audio, retain_graph=True)
    (gradient,) = torch.autograd.grad(squares(audio).sum(), unit)
    waves = torch.cat(
        [
            Patch((Node("osc", Oscillator(s, freq=200.0, amp=0.7)),)).render(
                torch.zeros(1, 0, dtype=torch.float64), CLOCK
            )
            for s in ("sine", "square", "saw")
        ]
    )
    assert torch.equal(audio.detach()[0], waves[0])
    worth = (waves * by_audio).sum(1)
    soft = torch.softmax(unit.detach()[0] / 0.25, 0)
    expected = soft * (worth - (soft * worth).sum()) / 0.25
    torch.testing.assert_close(gradient[0], expected)
    assert bool((gradient != 0).all())


@pytest.mark.parametrize("name", chains.names())
def test_float32_gradients_are_close_to_float64(name: str) -> None:
    patch = PATCHES[name]
    unit = points(patch, 8, seed=1).float()
    single, double = (
        torch.autograd.grad(squares(patch.render(leaf, CLOCK).double()).sum(), leaf)[0].double()
        for leaf in (unit.clone().requires_grad_(), unit.double().requires_grad_())
    )
    apart = (single - double).norm(dim=1) / double.norm(dim=1)
    assert float(apart.max()) < (0.1 if name.startswith("DX7Alg") else 1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", chains.names())
def test_second_derivatives_are_refused(name: str, dtype: torch.dtype) -> None:
    """A silently wrong one would mislead a Newton method."""
    patch = PATCHES[name]
    unit = points(patch, 1, seed=1).to(dtype).requires_grad_()
    value = MelDistance(CLOCK.sample_rate)(
        patch.render(unit, CLOCK), torch.zeros(1, CLOCK.n_samples, dtype=dtype)
    )
    with pytest.raises(ParameterError, match="create_graph is True"):
        torch.autograd.grad(value.sum(), unit, create_graph=True)


@pytest.mark.parametrize("shape", ["saw", "square"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tone_has_no_second_derivative(shape: str, dtype: torch.dtype) -> None:
    patch = Patch((Node("osc", Oscillator(shape, amp=0.8)),))
    unit = torch.tensor([[0.4]], dtype=dtype, requires_grad=True)
    with pytest.raises(ParameterError, match="create_graph is True"):
        torch.autograd.grad(squares(patch.render(unit, CLOCK)).sum(), unit, create_graph=True)
