"""The demo, on the smallest scale."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from synthgym.cli.matching import MatchSettings


@pytest.fixture(scope="module")
def demo(repository: Path) -> ModuleType:
    """benchmarks/demo.py as a module."""
    spec = importlib.util.spec_from_file_location("demo", repository / "benchmarks" / "demo.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo"] = module
    spec.loader.exec_module(module)
    return module


def test_it_leaves_the_page_and_the_match_and_goes_on_where_it_was(
    demo: ModuleType, tmp_path: Path
) -> None:
    small = demo.Demo(
        tasks=("DiffMoog-Osc-v0",),
        solvers=("random",),
        n_targets=1,
        budget=20,
        n_jobs=1,
        note="kalimba",
        match=MatchSettings("DiffMoog-Osc-v0", "random", budget=20, duration_s=0.3),
    )
    first, second = io.StringIO(), io.StringIO()
    page = demo.run_demo(small, tmp_path, Console(file=first))
    assert page == tmp_path / "index.html"
    assert "synthgym demo" in page.read_text("utf-8")
    for suffix in (".flac", ".match.wav", ".patch.json", ".png"):
        assert re.search(f'(src|href)="match/kalimba-[0-9-]+{re.escape(suffix)}"', page.read_text())
    (recording,) = (tmp_path / "match").glob("kalimba-*.flac")
    suffixes = (".flac", ".match.wav", ".patch.json", ".png")
    assert {path.name for path in (tmp_path / "match").iterdir()} == {
        f"{recording.stem}{suffix}" for suffix in suffixes
    }
    assert " dB after 20 of 20" in first.getvalue()
    former = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    demo.run_demo(small, tmp_path, Console(file=second))
    assert " dB after" not in second.getvalue()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == former


def test_what_it_compares_exists(demo: ModuleType) -> None:
    from synthgym.audio import sample_notes
    from synthgym.solvers import solver_names
    from synthgym.tasks import task_ids

    shipped = demo.Demo()
    assert set(shipped.tasks) <= set(task_ids())
    assert set(shipped.solvers) <= set(solver_names())
    assert shipped.note in sample_notes()
