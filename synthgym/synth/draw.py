"""Pictures of patches: SVG without any other program, and DOT text for Graphviz.

Boxes are nodes, with the ranges of their parameters; constants are grey. Signals go from left to
right, dashed where the unit vector switches them. The output's box has a coloured frame.
"""

from __future__ import annotations

from html import escape

from synthgym.synth.boxes import Box, box_of
from synthgym.synth.layout import arrange, edges_of
from synthgym.synth.patch import Patch
from synthgym.synth.svg import svg

__all__ = ["dot", "svg"]


def dot(patch: Patch) -> str:
    """The patch as Graphviz DOT text; `dot -Tsvg patch.dot` draws it."""
    ids = {node.name: f"n{i}" for i, node in enumerate(patch.nodes)}
    cells = arrange(patch)
    lines = [
        "digraph patch {",
        '  graph [rankdir=LR, bgcolor="transparent", nodesep=0.4, ranksep=0.7];',
        '  node [shape=plain, fontname="monospace", fontsize=11];',
        '  edge [color="#7d8590", arrowsize=0.7];',
    ]
    lines += [
        f"  {ids[node.name]} [label=<{_table(box_of(node, patch))}>];" for node in patch.nodes
    ]
    for column in range(max(cell.column for cell in cells.values()) + 1):
        together = [ids[name] for name, cell in cells.items() if cell.column == column]
        lines.append(f"  {{ rank=same; {'; '.join(together)}; }}")
    ports = {node.name: box_of(node, patch).ports for node in patch.nodes}
    for edge in edges_of(patch):
        into = f"{ids[edge.target]}:p{ports[edge.target].index(edge.port)}:w"
        style = " [style=dashed]" if edge.switched else ""
        lines.append(f"  {ids[edge.source]}:out:e -> {into}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def _table(box: Box) -> str:
    """An HTML-like label: Graphviz has a table where it has ports."""
    frame = "#0b7a75" if box.is_output else "#57606a"
    rows = [
        f'<TR><TD COLSPAN="2" PORT="out"><B>{escape(box.name)}</B><BR/>'
        f'<FONT COLOR="#57606a">{escape(box.kind)}</FONT></TD></TR>'
    ]
    rows += [
        f'<TR><TD COLSPAN="2" ALIGN="LEFT" PORT="p{i}">{escape(port)}</TD></TR>'
        for i, port in enumerate(box.ports)
    ]
    for line in box.lines:
        colour = "#57606a" if line.is_constant else "#1f2328"
        texts = (
            f'<TD ALIGN="LEFT"><FONT COLOR="{colour}">{escape(text) or " "}</FONT></TD>'
            for text in (line.label, line.value)
        )
        rows.append(f"<TR>{''.join(texts)}</TR>")
    return (
        f'<TABLE BORDER="{2 if box.is_output else 1}" CELLBORDER="0" CELLSPACING="1" '
        f'BGCOLOR="#ffffff" COLOR="{frame}" STYLE="ROUNDED">{"".join(rows)}</TABLE>'
    )
