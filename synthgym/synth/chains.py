"""The named patches: DiffMoog's chains (aisynth/diffmoog, synth_chains.py)."""

from __future__ import annotations

from collections.abc import Callable

from synthgym.errors import ParameterError, unknown_name
from synthgym.synth.modules import ADSR, LFO, FMOscillator, Lowpass, Mix, Oscillator
from synthgym.synth.patch import Node, Patch

REFERENCE_S = 1.024


def osc(duration_s: float = REFERENCE_S) -> Patch:
    """One oscillator, sine, square or saw (DiffMoog's OSC)."""
    return Patch((Node("osc", Oscillator(), position=(0, 0)),))


def osc_adsr(duration_s: float = REFERENCE_S) -> Patch:
    """An oscillator under an amplitude envelope (DiffMoog's OSC_ADSR)."""
    return Patch(
        (
            Node("osc", Oscillator(), position=(0, 0)),
            Node("env", ADSR.spanning(duration_s), {"audio": "osc"}, position=(0, 1)),
        )
    )


def fm(duration_s: float = REFERENCE_S) -> Patch:
    """A low-frequency oscillator bends the pitch of an oscillator (DiffMoog's FM)."""
    return Patch(
        (
            Node("lfo", LFO(), position=(0, 0)),
            Node("fm", FMOscillator(), {"modulator": "lfo"}, position=(0, 1)),
        )
    )


def subtractive(duration_s: float = REFERENCE_S) -> Patch:
    """Saw and square mixed, an envelope, a lowpass (DiffMoog's REDUCED_SIMPLE_FILTER)."""
    return Patch(
        (
            Node("saw", Oscillator(shape="saw"), position=(0, 0)),
            Node("square", Oscillator(shape="square"), position=(1, 0)),
            Node("mix", Mix(), {"audio": ("saw", "square")}, position=(0, 1)),
            Node("env", ADSR.spanning(duration_s), {"audio": "mix"}, position=(0, 2)),
            Node("lowpass", Lowpass(), {"audio": "env"}, position=(0, 3)),
        )
    )


_CHAINS: dict[str, Callable[[float], Patch]] = {
    "Osc": osc,
    "OscADSR": osc_adsr,
    "FM": fm,
    "Subtractive": subtractive,
}


def names() -> list[str]:
    """Names of the chains, simplest first."""
    return list(_CHAINS)


def build(name: str, duration_s: float = REFERENCE_S) -> Patch:
    """The patch of a chain.

    Args:
        name: one of `names()`.
        duration_s: length of the sounds it is for, in seconds; envelope times scale with it.

    Raises:
        UnknownNameError: there is no such chain.
        ParameterError: `duration_s` is not above zero.
    """
    if name not in _CHAINS:
        raise unknown_name("chain", name, _CHAINS)
    if not 0 < duration_s < float("inf"):
        raise ParameterError(f"duration_s is {duration_s}; it must be a finite number above 0")
    return _CHAINS[name](duration_s)
