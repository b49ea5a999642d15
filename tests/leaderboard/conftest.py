from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from made_records import comparison, write
from parsed_pages import Parsed, parsed_report

from synthgym.leaderboard.records import Record
from synthgym.leaderboard.report import write_report
from synthgym.tasks import get_task


@pytest.fixture
def solvers(tmp_path: Path) -> Path:
    """A file of solvers of the test's own, which it may change."""
    return Path(shutil.copy(Path(__file__).with_name("tried_solvers.py"), tmp_path / "tried.py"))


@pytest.fixture(scope="session")
def suite() -> list[Record]:
    """Four solvers on three targets of two tasks, of levels 1 and 4."""
    tasks = ("DiffMoog-Osc-v0", "DiffMoog-FM-v0")
    return comparison({task: get_task(task).dimension for task in tasks}, n_targets=3)


@pytest.fixture(scope="session")
def folder(suite, tmp_path_factory) -> Path:
    """The records of `suite` as files."""
    root = tmp_path_factory.mktemp("of") / "records"
    write(suite, root)
    return root


@pytest.fixture(scope="session")
def index(folder, tmp_path_factory) -> Path:
    """The report on them."""
    return write_report(folder, tmp_path_factory.mktemp("made") / "report")


@pytest.fixture(scope="session")
def pages(index) -> dict[str, Parsed]:
    """Its pages."""
    return parsed_report(index)
