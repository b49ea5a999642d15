"""Axes and paths of the report's figures: numbers in, view-box coordinates and SVG path data out.

y grows downwards. The markup is in the templates, the colours in `templates/style.css`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthgym.leaderboard.statistics import Floats
from synthgym.tasks import LADDER_DB

TOP_DB, FLOOR_DB = 64.0, 0.0625
"""Where axes of distance end at most."""

_MOST_LABELS = 8


@dataclass(frozen=True)
class Tick:
    """A tick: where it stands, and its label (empty for a line without one)."""

    at: float
    label: str


@dataclass(frozen=True)
class LogAxis:
    """Maps positive numbers to view-box coordinates, evenly per ratio."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: Floats | float) -> Floats:
        """Coordinates of values; those beyond an end, infinity too, stand at that end."""
        clipped = np.clip(np.asarray(values, dtype=np.float64), self.low, self.high)
        share = np.log(clipped / self.low) / math.log(self.high / self.low)
        return np.asarray(self.start + share * (self.end - self.start))

    def ticks(self, base: int) -> list[float]:
        """The powers of `base` on the axis."""
        first = math.ceil(round(math.log(self.low, base), 9))
        last = math.floor(round(math.log(self.high, base), 9))
        return [float(base) ** power for power in range(first, last + 1)]


def distance_axis(distances_db: Floats, solved_db: float, start: float, end: float) -> LogAxis:
    """From the lowest to the highest distance drawn, out to whole powers of two.

    Args:
        distances_db: what is drawn, of any shape; what is not finite sets no end.
        solved_db: distance that is marked.
        start: coordinate of the low end.
        end: coordinate of the high end.
    """
    drawn = np.append(distances_db[np.isfinite(distances_db)], [solved_db / 2, max(LADDER_DB)])
    drawn = np.clip(drawn, FLOOR_DB, TOP_DB)
    low = 2.0 ** math.floor(math.log2(drawn.min()))
    high = 2.0 ** math.ceil(math.log2(drawn.max()))
    return LogAxis(low, high, start, end)


def cost_axis(low: float, high: float, start: float, end: float) -> LogAxis:
    """An axis of costs, of a decade at least."""
    # A little room at the end: a budget of 10 000 must not end on the frame.
    return LogAxis(low, max(high, low * 10) * 1.06, start, end)


def decades(axis: LogAxis) -> tuple[Tick, ...]:
    """The powers of ten, with so many labelled that labels stay apart."""
    at = axis.ticks(10)
    step = math.ceil(len(at) / _MOST_LABELS)
    return tuple(
        Tick(float(axis(value)), "" if number % step else _thousands(value))
        for number, value in enumerate(at)
    )


def _thousands(value: float) -> str:
    for size, suffix in ((1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


def stairs(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The corners of a staircase: level until the next point, then straight up or down."""
    return np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]


def path(x: Floats, y: Floats) -> str:
    """A path through the points, without those between two others on a level or upright line."""
    x, y = np.round(x, 1), np.round(y, 1)
    moves = np.concatenate([[True], (np.diff(x) != 0) | (np.diff(y) != 0)])
    x, y = x[moves], y[moves]
    if x.size == 1:
        return f"M{x[0]:.1f} {y[0]:.1f}h4"
    level, upright = np.diff(y) == 0, np.diff(x) == 0
    between = (level[:-1] & level[1:]) | (upright[:-1] & upright[1:])
    keep = np.concatenate([[True], ~between, [True]])
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x[keep], y[keep], strict=True))
