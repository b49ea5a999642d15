"""Random patches of all modules that there are, for property tests."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import strategies as st

from synthgym.errors import SynthgymError
from synthgym.synth import Choice, Linear, Log, Node, Patch, Switched
from synthgym.synth.fields import module_types
from synthgym.synth.modules import Module

_UNITS = st.sampled_from(["", "Hz", "s", "µs", 'a "b"\\'])
_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@st.composite
def fields(draw: st.DrawFn, usual: Any) -> Any:
    """Another value of a module's field, or the same."""
    if isinstance(usual, Linear | Log):
        low = draw(st.floats(usual.low, usual.high))
        high = draw(st.floats(usual.low, usual.high))
        if draw(st.booleans()) or low >= high:
            return low
        scale = draw(st.sampled_from([Linear, Log])) if low > 0 else Linear
        return scale(usual.name, low, high, draw(_UNITS))
    if isinstance(usual, Choice):
        options = tuple(draw(st.permutations(usual.options)))
        n_options = draw(st.integers(1, len(options)))
        if n_options == 1:
            return options[0]
        return Choice(usual.name, options[:n_options], draw(st.sampled_from([0.25, 0.1])))
    return draw(st.booleans()) if isinstance(usual, bool) else usual


@st.composite
def modules(draw: st.DrawFn, kind: type[Module]) -> Module:
    """A module of a kind with fields of its own, or the default one where they do not fit it."""
    usual = kind()
    changed = {f.name: draw(fields(getattr(usual, f.name))) for f in dataclasses.fields(kind)}
    try:
        return kind(**changed)
    except SynthgymError:
        return usual


@st.composite
def patches(draw: st.DrawFn) -> Patch:
    """A patch of up to six nodes."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=6, unique=True))
    kinds = list(module_types().values())
    sources = [kind for kind in kinds if all(port.optional for port in kind.ports)]
    nodes: list[Node] = []
    for i, name in enumerate(names):
        kind = draw(st.sampled_from(kinds if i else sources))
        inputs: dict[str, Any] = {}
        for port in draw(st.permutations(kind.ports)):
            if not i or (port.optional and draw(st.booleans())):
                continue
            given = draw(st.lists(st.sampled_from(names[:i]), min_size=1, max_size=3, unique=True))
            ends = [Switched(source) if draw(st.booleans()) else source for source in given]
            inputs[port.name] = tuple(ends) if port.many else ends[0]
        cell = st.tuples(st.integers(0, 9), st.integers(0, 9))
        position, switched = draw(st.none() | cell), draw(st.booleans())
        nodes.append(Node(name, draw(modules(kind)), inputs, position, switched))
    return Patch(tuple(nodes), names[-1])
