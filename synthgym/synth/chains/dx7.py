"""The first three algorithms of the DX7, without feedback: four operators, eight parameters.

Ranges and levels are those of a published comparison of optimizers (follow-up of arXiv 2506.22628):
a fundamental that all operators share, a ratio to it for three of them, and a level for each. An
operator is `sin(2 pi phase(f) + pm)`, `pm` the modulators' sum in radians.
"""

from __future__ import annotations

from synthgym.synth.modules import Gain, Operator, Pitch, WeightedMix
from synthgym.synth.params import Linear
from synthgym.synth.patch import Node, Patch

LOUDNESS = 0.3
_PITCH = Node("pitch", Pitch(Linear("freq", 50.0, 1000.0, unit="Hz")))


def _op(number: int, *modulators: int) -> Node:
    """Operator 1 is at the pitch itself; the others have a ratio."""
    module = Operator(ratio=1.0) if number == 1 else Operator()
    names = tuple(f"op{m}" for m in modulators)
    return Node(f"op{number}", module, {"pitch": "pitch", "modulator": names})


def algorithm_1(duration_s: float) -> Patch:
    """A stack: 4 modulates 3 modulates 2 modulates 1."""
    out = Node("out", Gain(LOUDNESS), {"audio": "op1"})
    return Patch((_PITCH, _op(1, 2), _op(2, 3), _op(3, 4), _op(4), out))


def algorithm_2(duration_s: float) -> Patch:
    """Two pairs, summed: 2 modulates 1, and 4 modulates 3."""
    out = Node("out", WeightedMix(2, LOUDNESS), {"audio": ("op1", "op3")})
    return Patch((_PITCH, _op(1, 2), _op(2), _op(3, 4), _op(4), out))


def algorithm_3(duration_s: float) -> Patch:
    """Three modulators side by side: 2, 3 and 4 modulate 1."""
    out = Node("out", Gain(LOUDNESS), {"audio": "op1"})
    return Patch((_PITCH, _op(1, 2, 3, 4), _op(2), _op(3), _op(4), out))
