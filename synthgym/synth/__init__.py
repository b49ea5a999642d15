"""The synthesizer: torch only; it knows no task, loss or environment."""

from synthgym.synth import chains
from synthgym.synth.clock import Clock
from synthgym.synth.params import Choice, Linear, Log, ParamSpace, Switch
from synthgym.synth.patch import Node, Patch, Rendered, Switched

__all__ = [
    "Choice",
    "Clock",
    "Linear",
    "Log",
    "Node",
    "ParamSpace",
    "Patch",
    "Rendered",
    "Switch",
    "Switched",
    "chains",
]
