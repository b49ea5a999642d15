"""Where the nodes of a drawn patch go: columns, rows, and lanes for long lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from synthgym.synth.patch import Connection, Patch, Switched

LANE_GAP = 8.0
"""Distance between two lines that run side by side."""


@dataclass(frozen=True)
class Edge:
    """A signal from one node to a port of another."""

    source: str
    target: str
    port: str
    switched: bool


@dataclass(frozen=True)
class Cell:
    """A place on the grid, both from 0."""

    column: int
    row: int


def edges_of(patch: Patch) -> list[Edge]:
    """All connections of a patch."""
    return [
        Edge(_source(connection), node.name, port, isinstance(connection, Switched))
        for node in patch.nodes
        for port, connection in node.connections
    ]


def arrange(patch: Patch) -> dict[str, Cell]:
    """A cell for each node; every signal goes to a column further right.

    The nodes' own positions are used (layer: column, channel: row) if every node has one, no two
    share it, and each signal goes to a later layer. Otherwise a node's column is one after that of
    its last source, and its row is near those of its sources.
    """
    edges = edges_of(patch)
    given = _given_cells(patch)
    if given is not None and all(given[e.source].column < given[e.target].column for e in edges):
        return _compressed(given)
    return _compressed(_computed_cells(patch, edges))


def _source(connection: Connection) -> str:
    return connection.source if isinstance(connection, Switched) else connection


def _given_cells(patch: Patch) -> dict[str, Cell] | None:
    cells = {
        node.name: Cell(column=node.position[1], row=node.position[0])
        for node in patch.nodes
        if node.position is not None
    }
    complete = len(cells) == len(patch.nodes)
    return cells if complete and len(set(cells.values())) == len(cells) else None


def _compressed(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """The same order without empty columns and rows."""
    columns = {c: i for i, c in enumerate(sorted({cell.column for cell in cells.values()}))}
    rows = {r: i for i, r in enumerate(sorted({cell.row for cell in cells.values()}))}
    return {name: Cell(columns[c.column], rows[c.row]) for name, c in cells.items()}


def _computed_cells(patch: Patch, edges: Sequence[Edge]) -> dict[str, Cell]:
    columns = _columns([node.name for node in patch.nodes], edges)
    cells: dict[str, Cell] = {}
    for column in range(max(columns.values()) + 1):
        here = [node for node in patch.nodes if columns[node.name] == column]
        # Those that are fed go first: what joins their row later takes a place beside them.
        for node in sorted(here, key=lambda node: not node.inputs):
            taken = {cell.row for cell in cells.values() if cell.column == column}
            wanted = _wanted_row(node.name, edges, cells)
            if node.position is not None:
                wanted = node.position[0]
            cells[node.name] = Cell(column, _nearest_free(wanted, taken))
    return cells


def _columns(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """One after the last source; a node without sources stands right before its first use."""
    columns = dict.fromkeys(names, 0)
    moved = True
    while moved:  # as often as the longest path can be
        moved = False
        for edge in edges:
            after = columns[edge.source] + 1
            moved = moved or after > columns[edge.target]
            columns[edge.target] = max(columns[edge.target], after)
    fed = {edge.target for edge in edges}
    for name in names:
        uses = [columns[edge.target] for edge in edges if edge.source == name]
        if name not in fed and uses:
            columns[name] = min(uses) - 1
    return columns


def _wanted_row(name: str, edges: Sequence[Edge], cells: Mapping[str, Cell]) -> int:
    """The middle of the sources' rows; for a source, a row under those it is used with."""
    sources = [cells[edge.source].row for edge in edges if edge.target == name]
    if sources:
        return sum(sources) // len(sources)
    uses = {edge.target for edge in edges if edge.source == name}
    beside = [cells[edge.source] for edge in edges if edge.target in uses and edge.source in cells]
    last = max((cell.column for cell in beside), default=0)
    return max((cell.row + 1 for cell in beside if cell.column == last), default=0)


def _nearest_free(wanted: int, taken: set[int]) -> int:
    """The free row nearest to the wanted one; of two, the lower one on the page."""
    candidates = range(wanted + len(taken) + 1)
    free = [row for row in candidates if row not in taken]
    return min(free, key=lambda row: (abs(row - wanted), -row))


class Lanes:
    """Heights at which lines that pass columns run; only those of one source lie on each other.

    Args:
        gutters_y: the middles of the spaces between, above and under the rows.
    """

    def __init__(self, gutters_y: Iterable[float]) -> None:
        self._gutters_y = tuple(gutters_y)
        self._taken: list[tuple[float, range, str]] = []

    def take(
        self, source: str, columns: range, ends_y: tuple[float, float], free_y: Iterable[float]
    ) -> float:
        """A height for a line that passes the columns.

        Args:
            source: the node that it comes from.
            columns: which ones it passes.
            ends_y: where it comes from and goes to; the nearer a lane is to both, the better.
            free_y: heights beside the gutters where no box is in the way.
        """
        start_y, end_y = ends_y
        tries = [
            (abs(y + shift - start_y) + abs(y + shift - end_y) + 4 * abs(shift), y + shift)
            for y in (*free_y, *self._gutters_y)
            for shift in (0.0, LANE_GAP, -LANE_GAP, 1.6 * LANE_GAP, -1.6 * LANE_GAP)
        ]
        _, best = min((cost + self._penalty(source, columns, y), y) for cost, y in tries)
        self._taken.append((best, columns, source))
        return best

    def _penalty(self, source: str, columns: range, y: float) -> float:
        """High where lines of others are too near, negative where one of the same source runs."""
        near = [
            other
            for other_y, passed, other in self._taken
            if abs(y - other_y) < LANE_GAP * 0.75
            and columns.start < passed.stop
            and passed.start < columns.stop
        ]
        return 1000.0 * sum(other != source for other in near) - 60.0 * (source in near)
