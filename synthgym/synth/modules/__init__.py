"""Modules: parameter definitions over the functions of `synthgym.synth.dsp`."""

from synthgym.synth.modules.base import Inputs, Module, Port
from synthgym.synth.modules.envelopes import ADSR
from synthgym.synth.modules.filters import Lowpass
from synthgym.synth.modules.mixing import Mix
from synthgym.synth.modules.oscillators import LFO, FMOscillator, Oscillator

__all__ = [
    "ADSR",
    "LFO",
    "FMOscillator",
    "Inputs",
    "Lowpass",
    "Mix",
    "Module",
    "Oscillator",
    "Port",
]
