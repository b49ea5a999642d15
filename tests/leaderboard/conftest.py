from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def solvers(tmp_path: Path) -> Path:
    """A file of solvers of the test's own, which it may change."""
    return Path(shutil.copy(Path(__file__).with_name("tried_solvers.py"), tmp_path / "tried.py"))
