"""DiffMoog's cells: an operation at a (channel, layer), and the modules that stand for it here."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from synthgym.errors import unknown_name
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
    Noise,
    Oscillator,
    SawSquareOscillator,
    SurrogateFMOscillator,
    SurrogateLFO,
    Tremolo,
)
from synthgym.synth.modules.oscillators import SHAPES
from synthgym.synth.params import Choice, Linear
from synthgym.synth.patch import Connection, Node

# Three octaves around middle C, and the margin of 200 Hz that the original gives this range alone.
CONTINUOUS = Linear("freq", 32.703, 2293.0, unit="Hz")
SHAPER = "lowpass_filter_adsr"
NON_SINE = Choice("shape", ("square", "saw"))


@dataclass(frozen=True)
class Cell:
    """A cell of one of DiffMoog's chains.

    Args:
        name: of the node that stands for it.
        op: the operation, by the original's name.
        position: (channel, layer).
        audio: names of the cells whose sound goes in.
        control: what modulates it.
        switched: whether it can be turned off.
    """

    name: str
    op: str
    position: tuple[int, int]
    audio: tuple[str, ...] = ()
    control: Connection | None = None
    switched: bool = False


def nodes_of(cell: Cell, duration_s: float) -> tuple[Node, ...]:
    """The nodes of a cell, with this project's ranges and band-limited waveforms.

    The filter shaper is two: an envelope, and the filter whose cutoff it moves.

    Raises:
        UnknownNameError: there is no such operation.
    """
    if cell.op != SHAPER:
        return (node_of(cell, _module_of(cell, duration_s)),)
    intensity = Linear("intensity", 0.0, 4.0, unit="octaves")
    return shaper_nodes(
        cell, ADSR.spanning(duration_s), SVF("lowpass", q=math.sqrt(0.5), intensity=intensity)
    )


def shaper_nodes(cell: Cell, envelope: ADSR, filter_: SVF) -> tuple[Node, ...]:
    """The nodes of a filter shaper; the filter has the cell's name, its envelope `<name>_env`."""
    filter_node = node_of(cell, filter_)
    name = f"{cell.name}_env"
    inputs = {**filter_node.inputs, "cutoff": name}
    return (Node(name, envelope), replace(filter_node, inputs=inputs))


def node_of(cell: Cell, module: Module) -> Node:
    """The node of a cell and its module, wired."""
    inputs: dict[str, Connection | tuple[Connection, ...]] = {}
    if cell.audio:
        inputs["audio"] = cell.audio if cell.op == "mix" else cell.audio[0]
    if cell.control is not None:
        inputs["control" if cell.op == "tremolo" else "modulator"] = cell.control
    return Node(cell.name, module, inputs, cell.position, cell.switched)


def _module_of(cell: Cell, duration_s: float) -> Module:
    if cell.op not in OPERATIONS:
        raise unknown_name("operation", cell.op, OPERATIONS)
    if cell.op.startswith("fm") and cell.control is None:
        # An FM oscillator that nothing modulates is a steady one.
        shape = cell.op.removeprefix("fm").removeprefix("_")
        return Oscillator(shape) if shape else Oscillator()
    module = OPERATIONS[cell.op]
    return module.spanning(duration_s) if isinstance(module, ADSR) else module


# As long as the original's sounds; an envelope's times grow with the sound it is for.
OPERATIONS: dict[str, Module] = {
    "osc": Oscillator(),
    **{f"osc_{shape}_no_activeness": Oscillator(shape) for shape in SHAPES},
    **{f"osc_{shape}_no_activeness_cont_freq": Oscillator(shape, CONTINUOUS) for shape in SHAPES},
    "saw_square_osc": SawSquareOscillator(),
    "noise": Noise(),
    "lfo": LFO(),
    "lfo_sine": LFO("sine"),
    "lfo_non_sine": LFO(NON_SINE),
    "surrogate_lfo": SurrogateLFO(),
    "fm": FMOscillator(),
    "fm_sine": FMOscillator("sine"),
    "fm_saw": FMOscillator("saw"),
    "fm_square": FMOscillator("square"),
    "surrogate_fm_sine": SurrogateFMOscillator("sine"),
    "surrogate_fm_saw": SurrogateFMOscillator("saw"),
    "fm_lfo": FMLFO(),
    "mix": Mix(),
    "env_adsr": ADSR(),
    "amplitude_shape": ADSR(),
    "lowpass_filter": Lowpass(),
    "filter": Filter(),
    "tremolo": Tremolo(),
}
