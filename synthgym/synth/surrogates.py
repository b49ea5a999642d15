"""A patch with the surrogate's gradient in place of its own: see `synthgym.synth.dsp.surrogate`."""

from __future__ import annotations

from dataclasses import replace

from synthgym.synth.modules.surrogate import surrogate_of
from synthgym.synth.patch import Patch


def surrogate_patch(patch: Patch) -> Patch | None:
    """The patch with every oscillator replaced that has a surrogate.

    It has the same unit vector and the same sound, to the bit. Nodes without a surrogate keep their
    own gradient.

    Args:
        patch: any.

    Returns:
        None where no node has a surrogate.
    """
    found = {node.name: surrogate_of(node.module) for node in patch.nodes}
    nodes = tuple(replace(node, module=found[node.name] or node.module) for node in patch.nodes)
    return Patch(nodes, patch.output) if any(found.values()) else None
