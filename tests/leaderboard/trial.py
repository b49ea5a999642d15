"""What tests of runs share: a small plan, and looking at what it left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthgym.leaderboard import Plan, Record, read_records

TASK = "DiffMoog-Osc-v0"


def plan(folder: Path, *specs: str, **settings: Any) -> Plan:
    fields: dict[str, Any] = {"split": "dev", "indices": range(2), "budget": 60, "n_jobs": 1}
    return Plan([TASK], specs, folder, **{**fields, **settings})


def timeless(folder: Path) -> list[Record]:
    return [record.timeless() for record in read_records(folder)]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())
