"""Runs of solvers on tasks: records that survive, scores, verification, reports."""

from synthgym.leaderboard.plan import Plan
from synthgym.leaderboard.records import (
    Final,
    Record,
    RunHeader,
    RunId,
    read_record,
    read_records,
)
from synthgym.leaderboard.run import Interrupted, Summary, run_plan
from synthgym.leaderboard.verify import Verdict, verify_records
from synthgym.leaderboard.writer import RecordWriter

__all__ = [
    "Final",
    "Interrupted",
    "Plan",
    "Record",
    "RecordWriter",
    "RunHeader",
    "RunId",
    "Summary",
    "Verdict",
    "read_record",
    "read_records",
    "run_plan",
    "verify_records",
]
