"""Patches as SVG, drawn without any other program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from synthgym.synth.boxes import Box, box_of, n_cells
from synthgym.synth.layout import Cell, Edge, Lanes, arrange, edges_of
from synthgym.synth.patch import Patch

# A monospaced character is 0.6 of its size wide in the usual fonts; a bit more leaves room.
CHAR: Final = 7.3
LINE: Final = 17.0
PAD: Final = 12.0
HEAD: Final = 42.0
COLUMN_GAP: Final = 64.0
ROW_GAP: Final = 36.0
MARGIN: Final = 24.0
LABEL_GAP: Final = 2

# Text stands on boxes of their own colour, and lines are of a middle grey: both can be read on a
# light and on a dark page, also where the picture cannot know which it is on.
STYLE: Final = """\
.sg-box{fill:#fbfcfd;stroke:#8c959f;stroke-width:1.2}
.sg-out{stroke:#0b8a84;stroke-width:2.6}
.sg-rule{stroke:#d0d7de}
.sg-wire{fill:none;stroke:#7d8590;stroke-width:1.8}
.sg-dash{stroke-dasharray:6 5}
.sg-dot{fill:#7d8590}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;\
fill:#1f2328;white-space:pre}
.sg-name{font-size:13px;font-weight:bold}
.sg-dim{fill:#656d76}
@media (prefers-color-scheme:dark){
.sg-box{fill:#1c2128;stroke:#768390}
.sg-out{stroke:#2fb8ad}
.sg-rule{stroke:#373e47}
text{fill:#dfe6ee}
.sg-dim{fill:#909dab}
}"""


@dataclass(frozen=True)
class _Placed:
    """A box on the page: its text, its cell, its left top corner and its size."""

    box: Box
    cell: Cell
    x: float
    y: float
    width: float
    height: float

    @property
    def wire_y(self) -> float:
        """Height of the first port and of the output."""
        return self.y + HEAD + LINE / 2 + 2

    def port_y(self, port: str) -> float:
        """Height of a port."""
        return self.wire_y + LINE * self.box.ports.index(port)


@dataclass(frozen=True)
class _Page:
    """Where columns and rows are: `(start, size)` of each."""

    columns: Sequence[tuple[float, float]]
    rows: Sequence[tuple[float, float]]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        (x, width), (y, height) = self.columns[-1], self.rows[-1]
        return x + width + MARGIN, y + height + MARGIN + ROW_GAP / 2


def svg(patch: Patch) -> str:
    """The patch as an SVG document, its boxes in columns from left to right.

    Positions of the nodes are used where they fit (layer: column, channel: row).
    """
    boxes = {node.name: box_of(node, patch) for node in patch.nodes}
    page, placed = _place(boxes, arrange(patch))
    edges = edges_of(patch)
    width, height = page.size
    has_switched = any(edge.switched for edge in edges)
    legend = _legend(height) if has_switched else []
    height += 2 * LINE if has_switched else 0
    kinds = ", ".join(f"{box.name} ({box.kind})" for box in boxes.values())
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
            f"<title>{escape(f'Patch: {kinds}')}</title>",
            f"<style>{STYLE}</style>",
            *_wires(page, placed, edges),
            *(line for one in placed.values() for line in _drawn(one)),
            *legend,
            "</svg>",
            "",
        ]
    )


def _place(boxes: Mapping[str, Box], cells: Mapping[str, Cell]) -> tuple[_Page, dict[str, _Placed]]:
    sizes = {name: _size(box) for name, box in boxes.items()}
    widths = [0.0] * (max(cell.column for cell in cells.values()) + 1)
    heights = [0.0] * (max(cell.row for cell in cells.values()) + 1)
    for name, cell in cells.items():
        width, height = sizes[name]
        widths[cell.column] = max(widths[cell.column], width)
        heights[cell.row] = max(heights[cell.row], height)
    page = _Page(_spans(widths, MARGIN, COLUMN_GAP), _spans(heights, MARGIN + ROW_GAP / 2, ROW_GAP))
    placed = {}
    for name, cell in cells.items():
        (x, column_width), (y, _) = page.columns[cell.column], page.rows[cell.row]
        width, height = sizes[name]
        placed[name] = _Placed(boxes[name], cell, x + (column_width - width) / 2, y, width, height)
    return page, placed


def _spans(sizes: Sequence[float], first: float, gap: float) -> list[tuple[float, float]]:
    return [(first + sum(sizes[:i]) + i * gap, size) for i, size in enumerate(sizes)]


def _size(box: Box) -> tuple[float, float]:
    label = _label_cells(box)
    cells = [
        n_cells(box.name) * 13 / 12 + 1,
        n_cells(box.kind),
        *(n_cells(port) + 8 for port in box.ports),
        *(label + n_cells(line.value) for line in box.lines),
    ]
    n_lines = max(len(box.ports), 1) + len(box.lines)
    rule = 8 if box.lines else 0
    return max(max(cells) * CHAR + 2 * PAD, 96.0), HEAD + n_lines * LINE + rule + PAD / 2


def _label_cells(box: Box) -> int:
    return max((n_cells(line.label) for line in box.lines), default=0) + LABEL_GAP


def _drawn(one: _Placed) -> list[str]:
    """The elements of a box."""
    box, x, y = one.box, one.x, one.y
    right = x + one.width
    kind = "sg-box sg-out" if box.is_output else "sg-box"
    lines = [
        f"<g><title>{escape(f'{box.name}: {box.kind}')}</title>",
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{one.width:.1f}" '
        f'height="{one.height:.1f}" rx="6"/>',
        _text(x + PAD, y + 19, box.name, "sg-name"),
        _text(x + PAD, y + 34, box.kind, "sg-dim"),
        _rule(x, right, y + HEAD),
        _text(right - PAD, one.wire_y + 4, "output" if box.is_output else "out", "sg-dim", "end"),
        f'<circle class="sg-dot" cx="{right:.1f}" cy="{one.wire_y:.1f}" r="3.5"/>',
    ]
    for port in box.ports:
        port_y = one.port_y(port)
        lines.append(_text(x + PAD, port_y + 4, port, "sg-dim"))
        lines.append(f'<circle class="sg-dot" cx="{x:.1f}" cy="{port_y:.1f}" r="3.5"/>')
    top = y + HEAD + max(len(box.ports), 1) * LINE + 5
    if box.lines:
        lines.append(_rule(x, right, top))
    value_x = x + PAD + _label_cells(box) * CHAR
    for i, line in enumerate(box.lines):
        line_y = top + (i + 1) * LINE - 2
        style = "sg-dim" if line.is_constant else ""
        lines.append(_text(x + PAD, line_y, line.label, style))
        lines.append(_text(value_x, line_y, line.value, style))
    return [*filter(None, lines), "</g>"]


def _text(x: float, y: float, text: str, style: str, anchor: str = "") -> str:
    if not text:
        return ""
    kind = f' class="{style}"' if style else ""
    end = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}{end}>{escape(text)}</text>'


def _rule(left: float, right: float, y: float) -> str:
    return f'<path class="sg-rule" d="M{left:.1f} {y:.1f}H{right:.1f}"/>'


def _wires(page: _Page, placed: Mapping[str, _Placed], edges: Sequence[Edge]) -> list[str]:
    lanes = Lanes([y - ROW_GAP / 2 for y, _ in page.rows] + [sum(page.rows[-1]) + ROW_GAP / 2])
    wires = []
    # Short ones first: what passes columns gives way.
    for edge in sorted(edges, key=lambda e: _span(placed, e)):
        style = "sg-wire sg-dash" if edge.switched else "sg-wire"
        path = _path(page, placed, edge, lanes)
        title = escape(f"{placed[edge.source].box.name} to {placed[edge.target].box.name}")
        wires.append(f'<path class="{style}" d="{path}"><title>{title}</title></path>')
    return wires


def _span(placed: Mapping[str, _Placed], edge: Edge) -> int:
    return placed[edge.target].cell.column - placed[edge.source].cell.column


def _path(page: _Page, placed: Mapping[str, _Placed], edge: Edge, lanes: Lanes) -> str:
    """From the output to the port: level beside and between boxes, curved in the gaps."""
    source, target = placed[edge.source], placed[edge.target]
    start_y, end_y = source.wire_y, target.port_y(edge.port)
    x, width = page.columns[source.cell.column]
    end_x, _ = page.columns[target.cell.column]
    path = f"M{source.x + source.width:.1f} {start_y:.1f}H{x + width:.1f}"
    passed = range(source.cell.column + 1, target.cell.column)
    at_x, at_y = x + width, start_y
    if passed:
        taken = {one.cell.row for one in placed.values() if one.cell.column in passed}
        free = [
            y
            for row, y in ((source.cell.row, start_y), (target.cell.row, end_y))
            if row not in taken
        ]
        free += [y + 50.0 for row, (y, _) in enumerate(page.rows) if row not in taken]
        lane_y = lanes.take(edge.source, passed, (start_y, end_y), free)
        first_x, _ = page.columns[passed[0]]
        last_x, last_width = page.columns[passed[-1]]
        path += _curve(at_x, at_y, first_x, lane_y) + f"H{last_x + last_width:.1f}"
        at_x, at_y = last_x + last_width, lane_y
    return path + _curve(at_x, at_y, end_x, end_y) + f"H{target.x:.1f}"


def _curve(x0: float, y0: float, x1: float, y1: float) -> str:
    middle = (x0 + x1) / 2
    return f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"


def _legend(top: float) -> list[str]:
    """What a dashed line means, on a box of its own."""
    words = "switched on and off by the unit vector"
    width = (n_cells(words) + 1) * CHAR + 60
    return [
        f'<rect class="sg-box" x="{MARGIN}" y="{top - 4:.1f}" width="{width:.1f}" '
        f'height="{LINE + 6}" rx="6"/>',
        f'<path class="sg-wire sg-dash" d="M{MARGIN + 10} {top + 7:.1f}h34"/>',
        _text(MARGIN + 54, top + 11, words, "sg-dim"),
    ]
