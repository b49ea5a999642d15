"""Whole voices, larger than DiffMoog's chains."""

from __future__ import annotations

from collections.abc import Mapping

from synthgym.synth.modules import (
    FMLFO,
    LFO,
    VCA,
    VCO,
    BentADSR,
    Knob,
    Ladder,
    Module,
    Noise,
    Pitch,
    WeightedMix,
)
from synthgym.synth.modules.oscillators import ALL_SHAPES
from synthgym.synth.params import Choice, Linear, Log
from synthgym.synth.patch import Node, Patch

REFERENCE_S = 1.024
# torchsynth's control rate.
CONTROL_HZ = 441.0

NOTE = Log("freq", 32.703, 523.25, unit="Hz")
# Below self-oscillation, which would sound without a note.
RESONANCE = Linear("resonance", 0.0, 3.8)
OSCILLATOR_SHAPES = Choice("shape", ("saw", "square", "triangle"))
TUNE = Linear("tune", -12.0, 12.0, unit="semitones")

# What the matrix of torchsynth's `Voice` mixes, and how it mixes it into an amplitude.
MODULATION = ("adsr_1", "adsr_2", "lfo_1_amp_adsr", "lfo_2_amp_adsr")
AMPLITUDE = WeightedMix(4, Linear("level", 0.0, 0.25))


def _envelope(duration_s: float) -> Module:
    """An envelope whose gate comes from elsewhere."""
    scale = duration_s / REFERENCE_S
    return BentADSR(
        attack=Log("attack", 0.002, max(0.5 * scale, 0.02), unit="s"),
        decay=Log("decay", 0.01, max(scale, 0.02), unit="s"),
        hold=scale,
        release=Log("release", 0.01, max(scale, 0.02), unit="s"),
        curve=Linear("curve", 0.1, 6.0),
    )


def mono(duration_s: float) -> Patch:
    """A voice like those of the Minimoog.

    Two oscillators, the second detuned, and noise are mixed into a ladder filter; one envelope
    opens the filter, another shapes the amplitude; an LFO moves pitch and cutoff.
    """
    envelope = _envelope(duration_s)
    scale = duration_s / REFERENCE_S
    gate = {"hold": "note_on"}
    sources = ("vco_1", "vco_2", "noise")
    return Patch(
        (
            Node("lfo", LFO(Choice("shape", ALL_SHAPES))),
            Node("note_on", Knob(Linear("value", 0.1 * scale, scale, unit="s"))),
            Node("pitch", Pitch(NOTE, Linear("bend", 0.0, 2.0, "semitones")), {"bend": "lfo"}),
            Node("vco_1", VCO(OSCILLATOR_SHAPES), {"pitch": "pitch"}),
            Node("vco_2", VCO(OSCILLATOR_SHAPES, tune=TUNE), {"pitch": "pitch"}),
            Node("noise", Noise(amp=1.0)),
            Node("mixer", WeightedMix(3, Linear("level", 0.0, 0.5)), {"audio": sources}),
            Node("filter_env", envelope, gate),
            Node("sweep", WeightedMix(2), {"audio": ("filter_env", "lfo")}),
            Node(
                "ladder",
                Ladder(resonance=RESONANCE, intensity=3.0),
                {"audio": "mixer", "cutoff": "sweep"},
            ),
            Node("env", envelope, {"audio": "ladder", **gate}),
        )
    )


def voice(duration_s: float) -> Patch:
    """The modules of torchsynth's `Voice`, for comparisons of speed.

    After Turian et al., "One billion audio sounds from GPU-enabled modular synthesis", DAFx 2021.
    A keyboard's pitch and note length go to all; two LFOs have envelopes on their rate and on their
    amplitude; a matrix mixes them and two more envelopes into the pitch and amplitude of a sine and
    of a square or saw oscillator, and into the amplitude of noise; a mixer ends it. As there,
    envelopes, LFOs and the matrix are worked out 441 times a second (or a little more often, where
    that does not divide the sample rate). Ranges are this project's own, so that no tone passes
    2093 Hz.
    """
    mixer = Node(
        "mixer",
        WeightedMix(3, Linear("level", 0.0, 0.5)),
        {"audio": ("vco_1_vca", "vco_2_vca", "noise_vca")},
    )
    bend = Linear("bend", -3.0, 3.0, unit="semitones")
    return Patch(
        (
            Node("keyboard", Pitch(NOTE)),
            *_voice_controls(duration_s),
            *_voice_oscillator("vco_1", VCO("sine", tune=TUNE, bend=bend)),
            *_voice_oscillator("vco_2", VCO(Choice("shape", ("square", "saw")), TUNE, bend)),
            _control("noise_amp", AMPLITUDE, {"audio": MODULATION}),
            Node("noise", Noise(amp=1.0)),
            Node("noise_vca", VCA(), {"audio": "noise", "control": "noise_amp"}),
            mixer,
        )
    )


def _control(name: str, module: Module, inputs: Mapping[str, str | tuple[str, ...]]) -> Node:
    """A node that is worked out at the rate of controls."""
    return Node(name, module, inputs, rate_hz=CONTROL_HZ)


def _voice_controls(duration_s: float) -> list[Node]:
    """The note's length, and the four signals of the matrix with what they are made of."""
    envelope = _envelope(duration_s)
    scale = duration_s / REFERENCE_S
    gate = {"hold": "note_on"}
    lfo = FMLFO(
        Choice("shape", ALL_SHAPES),
        freq=Log("freq", 0.5, 20.0, unit="Hz"),
        depth=Linear("depth", -10.0, 20.0, unit="Hz"),
    )
    nodes = [
        _control("note_on", Knob(Linear("value", 0.1 * scale, scale, unit="s")), {}),
        _control("adsr_1", envelope, gate),
        _control("adsr_2", envelope, gate),
    ]
    for name in ("lfo_1", "lfo_2"):
        nodes += [
            _control(f"{name}_rate_adsr", envelope, gate),
            _control(name, lfo, {"modulator": f"{name}_rate_adsr"}),
            _control(f"{name}_amp_adsr", envelope, {"audio": name, **gate}),
        ]
    return nodes


def _voice_oscillator(name: str, source: Module) -> list[Node]:
    """An oscillator of the keyboard's pitch; the matrix bends it and sets its amplitude."""
    return [
        _control(f"{name}_pitch", WeightedMix(4), {"audio": MODULATION}),
        _control(f"{name}_amp", AMPLITUDE, {"audio": MODULATION}),
        Node(name, source, {"pitch": "keyboard", "bend": f"{name}_pitch"}),
        Node(f"{name}_vca", VCA(), {"audio": name, "control": f"{name}_amp"}),
    ]
