"""The named patches: DiffMoog's chains, the DX7's algorithms, small ones, whole voices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from synthgym.errors import ParameterError, unknown_name
from synthgym.synth.chains import dx7, published, voices
from synthgym.synth.chains.cells import nodes_of
from synthgym.synth.chains.diffmoog import from_diffmoog
from synthgym.synth.chains.diffmoog_cells import CHAINS as DIFFMOOG
from synthgym.synth.patch import Patch

__all__ = ["REFERENCE_S", "build", "diffmoog_names", "from_diffmoog", "names"]

REFERENCE_S = 1.024

# The chains of the suite's tasks, by the names that the tasks have.
_SUITE = {
    "Osc": "OSC",
    "OscADSR": "OSC_ADSR",
    "FM": "FM",
    "Subtractive": "REDUCED_SIMPLE_FILTER",
    "SawSquare": "SAW_SQUARE_MIX",
    "OscFilter": "OSC_FILTER",
    "OscTremolo": "OSC_TREMOLO",
    "OscFilterADSR": "OSC_FILTER_SHAPER",
    "DX7": "FM_DX7",
    "FMFilterADSR": "FM_FILTER_ADSR",
    "TwoLFO": "TWO_LFO_SAW",
    "BasicFlow": "BASIC_FLOW",
    "Modular": "MODULAR",
    "ModularShaper": "MODULAR_NEW",
}


def _diffmoog(original: str, duration_s: float) -> Patch:
    """One of DiffMoog's chains, with this project's ranges and band-limited waveforms."""
    return Patch(tuple(n for cell in DIFFMOOG[original] for n in nodes_of(cell, duration_s)))


_CHAINS: dict[str, Callable[[float], Patch]] = {
    **{name: partial(_diffmoog, original) for name, original in _SUITE.items()},
    **{name: partial(_diffmoog, name) for name in DIFFMOOG if name not in _SUITE.values()},
    "DX7Alg1": dx7.algorithm_1,
    "DX7Alg2": dx7.algorithm_2,
    "DX7Alg3": dx7.algorithm_3,
    "AddSineSaw": published.add_sine_saw,
    "SineModSaw": published.sine_mod_saw,
    "AMNoise": published.am_noise,
    "BandpassNoise": published.bandpass_noise,
    "Chirplet": published.chirplet,
    "Mono": voices.mono,
    "Voice": voices.voice,
}
_ORIGINAL_NAMES = {original: name for name, original in _SUITE.items()}


def names() -> list[str]:
    """Names of the chains: those of the suite, then DiffMoog's others, then what goes beyond."""
    return list(_CHAINS)


def diffmoog_names() -> list[str]:
    """DiffMoog's own names of its 36 chains; `build` takes these too."""
    return list(DIFFMOOG)


def build(name: str, duration_s: float = REFERENCE_S) -> Patch:
    """The patch of a chain.

    Args:
        name: one of `names()` or of `diffmoog_names()`.
        duration_s: length of the sounds it is for, in seconds; envelope times scale with it.

    Raises:
        UnknownNameError: there is no such chain.
        ParameterError: `duration_s` is not above zero.
    """
    known = _ORIGINAL_NAMES.get(name, name)
    if known not in _CHAINS:
        raise unknown_name("chain", name, [*_CHAINS, *_ORIGINAL_NAMES])
    if not 0 < duration_s < float("inf"):
        raise ParameterError(f"duration_s is {duration_s}; it must be a finite number above 0")
    return _CHAINS[known](duration_s)
