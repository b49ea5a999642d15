"""How a report writes numbers."""

from __future__ import annotations

import json
import math

NEVER = "∞"
"""How an infinite cost or distance is written."""


_LONG = 1e15


def counted(n: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def count(value: float) -> str:
    """A cost: whole, with thousands apart; `∞` where it is infinite."""
    if math.isinf(value):
        return NEVER
    if abs(value) >= _LONG:
        return f"{value:.2e}"
    return f"{value:,.0f}" if value < 1e6 else f"{value / 1e6:,.2f} M"


def ratio(value: float) -> str:
    """A cost per dimension with three figures or whole; `∞` where it is infinite."""
    return count(value) if math.isinf(value) or value >= 100 else significant(value)


def decibels(value: float) -> str:
    """A distance with three figures; `∞` where nothing was evaluated."""
    if math.isinf(value):
        return NEVER
    if abs(value) >= 10_000:
        return f"{value:.2e}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def significant(value: float | None) -> str:
    """A number with three figures; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def share(value: float) -> str:
    """A share in whole per cent; what is not all or nothing never reads 100% or 0%."""
    percent = round(100 * value)
    if 0 < value < 1:
        percent = min(max(percent, 1), 99)
    return f"{percent}%"


def duration(seconds: float) -> str:
    """A time with two figures, in the unit that suits it."""
    if math.isinf(seconds) or seconds >= _LONG:
        return NEVER
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= size:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{1000 * seconds:.0f} ms"


def probability(p: float) -> str:
    """A p-value with two figures, as it stands after a p: `= 0.032` or `< 0.0001`."""
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"


def sort_key(value: float | None) -> str:
    """A number for the page's sorting script; what is missing sorts last."""
    return json.dumps(1e300 if value is None or math.isinf(value) else float(value))
