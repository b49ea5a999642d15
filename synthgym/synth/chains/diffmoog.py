"""Patches of DiffMoog, rebuilt: its closed-form waveforms, its filter, its units and ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from synthgym.errors import ParameterError, PatchError, UnknownNameError, unknown_name
from synthgym.synth.chains.cells import SHAPER, Cell, node_of, shaper_nodes
from synthgym.synth.chains.diffmoog_cells import CHAINS
from synthgym.synth.modules import (
    ADSR,
    FMLFO,
    LFO,
    SVF,
    Filter,
    FMOscillator,
    Lowpass,
    Mix,
    Module,
    Oscillator,
    SawSquareOscillator,
    Tremolo,
)
from synthgym.synth.modules.filters import peak_octaves
from synthgym.synth.modules.oscillators import SHAPES
from synthgym.synth.params import Choice, Linear, Log, Value
from synthgym.synth.patch import Node, Patch, Switched

# What the original adds to the length of each stage of an envelope, in units of the whole sound.
STAGE_EPS = 1e-5
WAVEFORMS = {"sine": "sine", "square": "square", "sawtooth": "saw"}
FILTERS = {"low_pass": "lowpass", "high_pass": "highpass"}

# The original's ranges, with a little room at both ends for rounding and for its stretched clock.
FREQ = Log("freq", 32.0, 2300.0, unit="Hz")
LFO_FREQ = Log("freq", 0.49, 15.1, unit="Hz")
AMP = Linear("amp", 0.0, 1.0)
PHASE = Linear("phase", 0.0, 1.0, unit="cycles")
SHAPE = Choice("shape", SHAPES)
CUTOFF = Linear("cutoff", 99.0, 8001.0, unit="Hz")

# The parameters that are no numbers.
_WORDS = {"waveform": str, "filter_type": str, "active": bool, "fm_active": bool}

Values = dict[str, Value]
Built = tuple[Module, Values]


@dataclass(frozen=True)
class _Frame:
    """The clock of the original's rendering.

    Args:
        sample_rate: in Hz.
        duration_s: length of the sound.
        stretch: its time over that of an exact clock.
    """

    sample_rate: float
    duration_s: float
    stretch: float

    def freq_hz(self, freq_hz: float) -> float:
        """A frequency, on an exact clock."""
        return freq_hz * self.stretch

    def time_s(self, time_s: float) -> float:
        """A time, on an exact clock."""
        return time_s / self.stretch

    def deviation_hz(self, index: float) -> float:
        """The peak deviation of an index in radians per sample; that is the same on any clock."""
        return index * self.sample_rate / (2 * math.pi)


def from_diffmoog(document: Mapping[str, Any]) -> tuple[Patch, Tensor]:
    """The patch of a DiffMoog preset, as its own code renders it, and its unit vector.

    Waveforms are the naive closed forms; the lowpass repeats the sound's ends and is a whole number
    of samples long, as there. `lowpass_filter_adsr`, whose original guesses a phase, is the
    time-varying filter of this project's chains. The surrogate operations sound as the plain ones
    of the same parameters do; the original's ignore the modulation index.

    Args:
        document: `chain`: one of DiffMoog's 36 names. `sample_rate` in Hz and `duration_s`.
            `cells`: by `"channel,layer"`, `{"op": ..., "params": {...}}` in the original's names
            and units; a number may be a list of one; `active` and `fm_active`, if left out, are on.
            `clock_includes_endpoint` (default false): the original's published code divides the
            time from 0 to the duration so that the last sample is at its end: a sample lasts
            `duration / (n - 1)`. On an exact clock that is the same sound with all frequencies
            times `n / (n - 1)` and all times divided by it; modulation indices count samples, and
            stay.

    Returns:
        The patch, to be rendered at `Clock(sample_rate, round(sample_rate * duration_s))`, and the
        unit vector `(dimension,)`, float64.

    Raises:
        PatchError: something is missing, unknown, of the wrong type, or out of the original's
            range.
    """
    if not isinstance(document, Mapping):
        raise PatchError(f"the preset is a {type(document).__name__}, not an object")
    name, cells = document.get("chain"), document.get("cells")
    if name not in CHAINS:
        raise PatchError(str(unknown_name("DiffMoog chain", str(name), CHAINS)))
    if not isinstance(cells, Mapping):
        raise PatchError("cells is missing; give the operation and parameters of each cell")
    frame = _frame(document)
    places = {f"{cell.position[0]},{cell.position[1]}": cell for cell in CHAINS[name]}
    for place in cells:
        if place not in places:
            raise PatchError(str(unknown_name(f"cell of {name}", str(place), places)))
    nodes: list[Node] = []
    values: dict[str, Values] = {}
    for place, cell in places.items():
        _rebuild(cell, _params(cell, place, cells), frame, nodes, values)
    patch = Patch(tuple(nodes))
    try:
        return patch, patch.unit(values)
    except (ParameterError, UnknownNameError) as error:
        raise PatchError(f"{name}: {error}") from None


def _frame(document: Mapping[str, Any]) -> _Frame:
    rate = _number("sample_rate", document.get("sample_rate"))
    duration_s = _number("duration_s", document.get("duration_s"))
    n_samples = round(rate * duration_s)
    if not (rate > 0 and n_samples > 1):
        raise PatchError(
            f"sample_rate {rate} and duration_s {duration_s} make no sound; both must be above 0"
        )
    endpoint = document.get("clock_includes_endpoint", False)
    return _Frame(rate, duration_s, n_samples / (n_samples - 1) if endpoint else 1.0)


def _params(cell: Cell, place: str, cells: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's parameters, numbers out of their lists."""
    given = cells.get(place)
    if not isinstance(given, Mapping) or not isinstance(given.get("params", {}), Mapping):
        raise PatchError(f"cell {place} is {given!r}; it must hold op {cell.op!r} and params")
    if given.get("op") != cell.op:
        raise PatchError(
            f"cell {place} has op {given.get('op')!r}; in this chain it is {cell.op!r}"
        )
    params = {}
    for name, value in given.get("params", {}).items():
        alone = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
        kind = _WORDS.get(name)
        if kind is None:
            alone = _number(name, alone)
        elif not isinstance(alone, kind):
            raise PatchError(f"{name} is {alone!r}; it must be a {kind.__name__}")
        params[name] = alone
    return params


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PatchError(f"{name} is {value!r}; it must be a finite number")
    return float(value)


def _rebuild(
    cell: Cell,
    params: dict[str, Any],
    frame: _Frame,
    nodes: list[Node],
    values: dict[str, Values],
) -> None:
    """Append a cell's nodes and their values."""
    active, fm_active = (params.pop(name, True) for name in ("active", "fm_active"))
    if cell.op not in _BUILDERS:
        raise PatchError(f"cell {cell.position}: {cell.op} is no operation of the original")
    try:
        module, own = _BUILDERS[cell.op](params, frame)
        if isinstance(module, SVF):
            envelope, values[f"{cell.name}_env"] = _env_adsr(params, frame)
            nodes.extend(shaper_nodes(cell, envelope, module))
        else:
            nodes.append(node_of(cell, module))
    except KeyError as error:
        wanted = error.args[0]
        raise PatchError(
            f"cell {cell.position}, {cell.op}: {wanted} is missing or not one of those it takes"
        ) from None
    if cell.switched:
        own["active"] = bool(active)
    if isinstance(cell.control, Switched):
        port = next(iter(nodes[-1].inputs))
        own[f"{port}_from_{cell.control.source}"] = bool(fm_active)
    if own:
        values[cell.name] = own


def _osc(params: dict[str, Any], frame: _Frame) -> Built:
    values: Values = {
        "shape": WAVEFORMS[params["waveform"]],
        "freq": frame.freq_hz(params["freq"]),
        "amp": params["amp"],
        "phase": params.get("phase", 0.0) / (2 * math.pi),
    }
    return Oscillator(SHAPE, FREQ, AMP, PHASE, naive=True), values


def _fixed_osc(shape: str) -> Callable[[dict[str, Any], _Frame], Built]:
    def build(params: dict[str, Any], frame: _Frame) -> Built:
        values: Values = {"freq": frame.freq_hz(params["freq"]), "amp": params["amp"]}
        return Oscillator(shape, FREQ, AMP, naive=True), values

    return build


def _saw_square(params: dict[str, Any], frame: _Frame) -> Built:
    module = SawSquareOscillator(
        FREQ,
        saw_amp=Linear("saw_amp", 0.0, 1.0),
        square_amp=Linear("square_amp", 0.0, 1.0),
        naive=True,
    )
    shares: Values = {name: params[name] for name in ("factor", "saw_amp", "square_amp")}
    return module, {"freq": frame.freq_hz(params["freq"]), **shares}


def _lfo(params: dict[str, Any], frame: _Frame) -> Built:
    values: Values = {
        "shape": WAVEFORMS[params["waveform"]],
        "freq": frame.freq_hz(params["freq"]),
    }
    return LFO(SHAPE, LFO_FREQ, naive=True), values


def _lfo_sine(params: dict[str, Any], frame: _Frame) -> Built:
    return LFO("sine", LFO_FREQ, naive=True), {"freq": frame.freq_hz(params["freq"])}


def _depth(frame: _Frame, largest_index: float) -> Linear:
    return Linear("depth", 0.0, frame.deviation_hz(1.001 * largest_index), unit="Hz")


def _fm_lfo(params: dict[str, Any], frame: _Frame) -> Built:
    values: Values = {
        "shape": WAVEFORMS[params["waveform"]],
        "freq": frame.freq_hz(params["freq_c"]),
        "depth": frame.deviation_hz(params["fm_lfo_mod_index"]),
    }
    return FMLFO(SHAPE, LFO_FREQ, _depth(frame, 0.01), naive=True), values


def _fm(shape: str) -> Callable[[dict[str, Any], _Frame], Built]:
    """An FM oscillator of one waveform, or where it has none of that which its parameters name."""

    def build(params: dict[str, Any], frame: _Frame) -> Built:
        values: Values = {
            "freq": frame.freq_hz(params["freq_c"]),
            "depth": frame.deviation_hz(params["mod_index"]),
            "amp": params["amp_c"] if shape else 1.0,
        }
        if not shape:
            values["shape"] = WAVEFORMS[params["waveform"]]
        return FMOscillator(shape or SHAPE, FREQ, _depth(frame, 0.1), AMP, naive=True), values

    return build


def _env_adsr(params: dict[str, Any], frame: _Frame) -> tuple[ADSR, Values]:
    """Stages 1e-5 of the sound longer, as there; the gate closes after the first three."""
    eps_s, most_s = STAGE_EPS * frame.duration_s, 1.001 * frame.duration_s
    held_s = params["attack_t"] + params["decay_t"] + params["sustain_t"]
    module = ADSR(
        **{name: Linear(name, eps_s / 2, most_s, unit="s") for name in ("attack", "decay")},
        hold=Linear("hold", 0.0, most_s, unit="s"),
        release=Linear("release", eps_s / 2, most_s, unit="s"),
    )
    values: Values = {
        name: frame.time_s(params[f"{name}_t"] + eps_s) for name in ("attack", "decay", "release")
    }
    return module, {
        **values,
        "sustain": params["sustain_level"],
        "hold": frame.time_s(held_s),
    }


def _lowpass(params: dict[str, Any], frame: _Frame) -> Built:
    return Lowpass(CUTOFF, edge="repeat", rounded=True), {"cutoff": params["filter_freq"]}


def _filter(params: dict[str, Any], frame: _Frame) -> Built:
    values: Values = {"cutoff": params["filter_freq"], "mode": FILTERS[params["filter_type"]]}
    return Filter(CUTOFF, edge="repeat", rounded=True), values


def _shaper(params: dict[str, Any], frame: _Frame) -> Built:
    cutoff_hz, nyquist_hz = params["filter_freq"], frame.sample_rate / 2
    octaves = peak_octaves(params["intensity"], cutoff_hz, nyquist_hz)
    intensity = Linear("intensity", 0.0, math.log2(nyquist_hz / CUTOFF.low), unit="octaves")
    module = SVF("lowpass", CUTOFF, q=math.sqrt(0.5), intensity=intensity)
    return module, {"cutoff": cutoff_hz, "intensity": octaves}


def _tremolo(params: dict[str, Any], frame: _Frame) -> Built:
    return Tremolo(Linear("amount", 0.0, 1.0)), {"amount": params["amount"]}


_BUILDERS: dict[str, Callable[[dict[str, Any], _Frame], Built]] = {
    "osc": _osc,
    **{
        f"osc_{shape}_no_activeness{suffix}": _fixed_osc(shape)
        for shape in SHAPES
        for suffix in ("", "_cont_freq")
    },
    "saw_square_osc": _saw_square,
    "lfo": _lfo,
    "lfo_sine": _lfo_sine,
    "lfo_non_sine": _lfo,
    "surrogate_lfo": _lfo,
    "fm": _fm(""),
    **{f"fm_{shape}": _fm(shape) for shape in SHAPES},
    **{f"surrogate_fm_{shape}": _fm(shape) for shape in SHAPES},
    "fm_lfo": _fm_lfo,
    "mix": lambda params, frame: (Mix(), {}),
    "env_adsr": _env_adsr,
    "amplitude_shape": _env_adsr,
    "filter": _filter,
    "lowpass_filter": _lowpass,
    SHAPER: _shaper,
    "tremolo": _tremolo,
}
