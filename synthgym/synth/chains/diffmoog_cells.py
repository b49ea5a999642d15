"""The 36 named chains of DiffMoog (aisynth/diffmoog, synth_chains.py): their cells and wiring.

Names and positions are the original's. Many of its chains cannot run there; what they mean here:

- `default_connection` (BASIC_FLOW..., FM..., DOUBLE_..., OSC_AMPLITUDE_SHAPER): the original leaves
  such a cell without any input, and then fails on it. Here the cell before it in the same channel
  is its input: the modulator of an FM oscillator, the sound of anything else.
- `output` in place of `outputs` is no argument of its cells; it fails. The wiring follows from what
  the other cells take. `audio_input` of an FM oscillator is its modulator.
- `fm` asks for a parameter that its own table does not list, and for a modulator. Here it is an FM
  oscillator of any waveform, with an amplitude like its other oscillators; without a modulator
  (FM_ONLY, DOUBLE_FM_ONLY, REDUCED) it is a steady one, so that no parameter is without effect.
- `filter` chooses between a lowpass and a highpass; the latter calls a function that the library it
  comes from does not have. Here both are DiffMoog's windowed sinc.
- FILTER_ONLY has no source. Here white noise comes in, in which a filter shows itself whole.
- `amplitude_shape` (BASIC_FLOW_NO_FILTER) exists only by name. Here it is `env_adsr`.
- `lowpass_filter_adsr` (REDUCED, MODULAR_NEW, OSC_FILTER_SHAPER) masks a spectrogram and guesses
  its phase. Here it is a time-varying filter, whose cutoff rises with the envelope.

Switches are where the original draws at random whether something is on: between an LFO and what it
modulates where `active_prob` is below 1 or its outputs are switched, at each of several carriers
that are mixed, and at a tremolo at the end. The phase of a lone oscillator, which cannot be heard,
is no parameter.
"""

from __future__ import annotations

from synthgym.synth.chains.cells import Cell
from synthgym.synth.patch import Switched

Chain = tuple[Cell, ...]

_LFO = Cell("lfo", "lfo", (0, 0))
_OSC = Cell("osc", "osc", (0, 0))
_FM = Cell("fm", "fm", (0, 1), control="lfo")
_TWO_LFOS = (
    Cell("lfo", "lfo_sine", (0, 0)),
    Cell("fm_lfo", "fm_lfo", (1, 1), control=Switched("lfo")),
)


def _carrier(shape: str, channel: int) -> Cell:
    return Cell(shape, f"fm_{shape}", (channel, 2), control=Switched("fm_lfo"), switched=True)


# MODULAR, NO_FILTER and MODULAR_NEW differ between the envelope and the tremolo.
_MODULAR_START = (
    *_TWO_LFOS,
    _carrier("sine", 0),
    _carrier("saw", 1),
    _carrier("square", 2),
    Cell("mix", "mix", (0, 3), audio=("sine", "saw", "square")),
    Cell("env", "env_adsr", (0, 4), audio=("mix",)),
)


def _modular(*last: Cell) -> Chain:
    source = (*_MODULAR_START, *last)[-1].name
    tremolo = Cell("tremolo", "tremolo", (0, 6), audio=(source,), control="lfo", switched=True)
    return (*_MODULAR_START, *last, tremolo)


def _two_channels(*last: Cell) -> Chain:
    """BASIC_FLOW_...: two LFOs, each on its FM oscillator, mixed."""
    return (
        Cell("lfo", "lfo_sine", (0, 0)),
        Cell("lfo_2", "lfo_non_sine", (1, 0)),
        Cell("fm", "fm", (0, 1), control="lfo", switched=True),
        Cell("fm_2", "fm", (1, 1), control="lfo_2", switched=True),
        Cell("mix", "mix", (0, 2), audio=("fm", "fm_2")),
        *last,
    )


def _one_lfo(shape: str, *, always: bool, surrogate: bool = False) -> Chain:
    """LFO_... and SURROGATE_LFO_...: an LFO on one FM oscillator."""
    kind = "surrogate_" if surrogate else ""
    return (
        Cell("lfo", f"{kind}lfo", (1, 1)),
        Cell("fm", f"{kind}fm_{shape}", (0, 2), control="lfo" if always else Switched("lfo")),
    )


def _saw_and_square(suffix: str) -> Chain:
    """REDUCED_SIMPLE_...: saw and square, an envelope, a lowpass."""
    return (
        Cell("saw", f"osc_saw_no_activeness{suffix}", (0, 0)),
        Cell("square", f"osc_square_no_activeness{suffix}", (1, 0)),
        Cell("mix", "mix", (0, 1), audio=("saw", "square")),
        Cell("env", "env_adsr", (0, 2), audio=("mix",)),
        Cell("lowpass", "lowpass_filter", (0, 3), audio=("env",)),
    )


_BASIC_FLOW = (
    Cell("lfo", "lfo", (0, 0)),
    Cell("lfo_2", "lfo", (1, 0)),
    Cell("lfo_3", "lfo", (2, 0)),
    Cell("sine", "fm_sine", (0, 1), control=Switched("lfo"), switched=True),
    Cell("square", "fm_square", (1, 1), control=Switched("lfo_2"), switched=True),
    Cell("saw", "fm_saw", (2, 1), control=Switched("lfo_3"), switched=True),
    Cell("mix", "mix", (0, 2), audio=("sine", "square", "saw")),
    Cell("env", "env_adsr", (0, 3), audio=("mix",)),
    Cell("lowpass", "lowpass_filter", (0, 4), audio=("env",)),
)

_REDUCED = (
    Cell("saw", "fm_saw", (1, 2), switched=True),
    Cell("square", "fm_square", (2, 2), switched=True),
    Cell("mix", "mix", (0, 3), audio=("saw", "square")),
    Cell("env", "env_adsr", (0, 4), audio=("mix",)),
    Cell("shaper", "lowpass_filter_adsr", (0, 5), audio=("env",)),
)

CHAINS: dict[str, Chain] = {
    "BASIC_FLOW": _BASIC_FLOW,
    "LFO": (_LFO,),
    "OSC": (_OSC,),
    "FM": (_LFO, _FM),
    "BASIC_FLOW_LFO_DECOUPLING": _two_channels(
        Cell("filter", "filter", (0, 3), audio=("mix",)),
        Cell("env", "env_adsr", (0, 4), audio=("filter",)),
    ),
    "BASIC_FLOW_NO_ADSR": _two_channels(Cell("filter", "filter", (0, 3), audio=("mix",))),
    "BASIC_FLOW_NO_ADSR_NO_FILTER": _two_channels(),
    "FM_FILTER_ADSR": (
        _LFO,
        _FM,
        Cell("filter", "filter", (0, 2), audio=("fm",)),
        Cell("env", "env_adsr", (0, 3), audio=("filter",)),
    ),
    "FM_FILTER": (_LFO, _FM, Cell("filter", "filter", (0, 2), audio=("fm",))),
    "DOUBLE_LFO": (
        Cell("lfo", "lfo_sine", (0, 0)),
        Cell("lfo_2", "lfo_non_sine", (1, 0)),
        Cell("mix", "mix", (0, 1), audio=("lfo", "lfo_2")),
    ),
    "FM_ONLY": (Cell("fm", "fm", (0, 1)),),
    "FILTER_ONLY": (
        Cell("noise", "noise", (0, 1)),
        Cell("filter", "filter", (0, 2), audio=("noise",)),
    ),
    "OSC_AMPLITUDE_SHAPER": (_OSC, Cell("env", "env_adsr", (0, 1), audio=("osc",))),
    "OSC_FILTER_SHAPER": (
        _OSC,
        Cell("shaper", "lowpass_filter_adsr", (0, 1), audio=("osc",)),
    ),
    "BASIC_FLOW_NO_FILTER": _two_channels(Cell("env", "amplitude_shape", (0, 3), audio=("mix",))),
    "DOUBLE_FM_ONLY": (
        Cell("fm", "fm", (0, 1), switched=True),
        Cell("fm_2", "fm", (1, 1), switched=True),
        Cell("mix", "mix", (0, 2), audio=("fm", "fm_2")),
    ),
    "NON_SINE_LFO": (Cell("lfo", "lfo_non_sine", (1, 0)),),
    "SINE_LFO": (Cell("lfo", "lfo_sine", (0, 0)),),
    "MODULAR": _modular(Cell("lowpass", "lowpass_filter", (0, 5), audio=("env",))),
    "MODULAR_NEW": _modular(Cell("shaper", "lowpass_filter_adsr", (0, 5), audio=("env",))),
    "REDUCED": _REDUCED,
    "NO_FILTER": _modular(),
    "TWO_LFO_SAW": (
        *_TWO_LFOS,
        Cell("fm", "fm_saw", (0, 2), control=Switched("fm_lfo")),
    ),
    "LFO_SAW": _one_lfo("saw", always=False),
    "LFO_SQUARE": _one_lfo("square", always=False),
    "SAW_SQUARE_MIX": (Cell("osc", "saw_square_osc", (0, 0)),),
    "LFO_SIN": _one_lfo("sine", always=True),
    "SURROGATE_LFO_SAW": _one_lfo("saw", always=False, surrogate=True),
    "SURROGATE_LFO_SINE": _one_lfo("sine", always=True, surrogate=True),
    "SAW_SQUARE_MIX_FILTER": (
        Cell("osc", "saw_square_osc", (0, 0)),
        Cell("lowpass", "lowpass_filter", (0, 1), audio=("osc",)),
    ),
    "OSC_FILTER": (_OSC, Cell("lowpass", "lowpass_filter", (0, 1), audio=("osc",))),
    "OSC_ADSR": (_OSC, Cell("env", "env_adsr", (0, 1), audio=("osc",))),
    "OSC_TREMOLO": (
        Cell("lfo", "lfo_sine", (0, 0)),
        Cell("osc", "osc", (0, 1)),
        Cell("tremolo", "tremolo", (0, 2), audio=("osc",), control="lfo"),
    ),
    "FM_DX7": (
        _OSC,
        Cell("env", "env_adsr", (0, 1), audio=("osc",)),
        Cell("fm", "fm_sine", (0, 2), control="env"),
    ),
    "REDUCED_SIMPLE_FILTER": _saw_and_square(""),
    "REDUCED_SIMPLE_OSC": _saw_and_square("_cont_freq"),
}
