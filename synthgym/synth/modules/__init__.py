"""Modules: parameter definitions over the functions of `synthgym.synth.dsp`."""

from synthgym.synth.modules.base import Inputs, Module, Port
from synthgym.synth.modules.butterworth import Butterworth
from synthgym.synth.modules.chirps import Chirp
from synthgym.synth.modules.envelopes import ADSR, VCA, BentADSR
from synthgym.synth.modules.filters import SVF, Filter, Highpass, Ladder, Lowpass
from synthgym.synth.modules.mixing import Gain, Mix, SoftClip, WeightedMix
from synthgym.synth.modules.modulation import RingModulator, Tremolo
from synthgym.synth.modules.noise import Noise
from synthgym.synth.modules.operators import Knob, Operator, Pitch
from synthgym.synth.modules.oscillators import (
    FMLFO,
    LFO,
    VCO,
    FMOscillator,
    Oscillator,
    PulseOscillator,
    SawSquareOscillator,
)
from synthgym.synth.modules.surrogate import (
    SurrogateFMOscillator,
    SurrogateLFO,
    SurrogateOscillator,
)

__all__ = [
    "ADSR",
    "FMLFO",
    "LFO",
    "SVF",
    "VCA",
    "VCO",
    "BentADSR",
    "Butterworth",
    "Chirp",
    "FMOscillator",
    "Filter",
    "Gain",
    "Highpass",
    "Inputs",
    "Knob",
    "Ladder",
    "Lowpass",
    "Mix",
    "Module",
    "Noise",
    "Operator",
    "Oscillator",
    "Pitch",
    "Port",
    "PulseOscillator",
    "RingModulator",
    "SawSquareOscillator",
    "SoftClip",
    "SurrogateFMOscillator",
    "SurrogateLFO",
    "SurrogateOscillator",
    "Tremolo",
    "WeightedMix",
]
