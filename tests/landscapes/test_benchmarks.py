"""The paper's experiments run as one command each, and compare with what was published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LOSSES = "mel,mss_magnitude"
PNG = b"\x89PNG"


def run(repository: Path, script: str, out: Path, *options: object) -> str:
    done = subprocess.run(
        [sys.executable, repository / "benchmarks" / script, "--out", out, *map(str, options)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest.mark.slow
def test_table_1(repository: Path, tmp_path: Path) -> None:
    options = ("--trials", 6, "--other-trials", 3, "--losses", LOSSES)
    shown = run(repository, "paper_table1.py", tmp_path, *options)
    rows = read(tmp_path / "paper_table1.json")["rows"]
    cells = {(r["loss"], r["shape"], r["waves"]): r for r in rows}
    assert len(cells) == len(rows) == 2 * 3 * 2
    published = cells["mss_magnitude", "saw", "naive"]
    assert published["n_trials"] == 6, "a published cell"
    assert set(published["n_right"]) == {"300 cents", "600 cents"}
    other = cells["mel", "saw", "band-limited"]
    assert other["n_trials"] == 3
    assert set(other["n_right"]) == {"300 cents", "600 cents", "gradient"}
    assert f"{published['n_right']['300 cents'] / 6:.3f} (0.642)" in shown, "beside the paper's"
    assert (tmp_path / "paper_table1.png").read_bytes().startswith(PNG)
    before = (tmp_path / "paper_table1.json").read_bytes()
    run(repository, "paper_table1.py", tmp_path, *options, "--keep")
    assert (tmp_path / "paper_table1.json").read_bytes() == before, "nothing is done twice"


@pytest.mark.slow
def test_figure_7(repository: Path, tmp_path: Path) -> None:
    options = ("--targets", 2, "--freqs", 9, "--indices", 9, "--losses", LOSSES)
    run(repository, "paper_fig7.py", tmp_path, *options)
    rows = read(tmp_path / "paper_fig7.json")["rows"]
    assert [row["loss"] for row in rows] == LOSSES.split(",")
    assert {len(row["freq_minima"]) for row in rows} == {2}
    assert all(0 < row["surface_attracted"] <= 1 for row in rows)
    for part in ("curves", "surfaces"):
        assert (tmp_path / f"paper_fig7-{part}.png").read_bytes().startswith(PNG)


@pytest.mark.slow
def test_speed(repository: Path, tmp_path: Path) -> None:
    options = ("--losses", "mel", "--threads", 1, "--batch", 2, "--budget", 0.01)
    shown = run(repository, "loss_speed.py", tmp_path, *options)
    found = read(tmp_path / "loss_speed.json")
    assert [(row["loss"], row["batch"]) for row in found["rows"]] == [("mel", 1), ("mel", 2)]
    assert 0 < found["mel"]["fft_share_of_evaluation"] < 1
    assert "MelDistance" in shown


@pytest.mark.shared
def test_the_published_values_are_those_of_the_reference(
    repository: Path, shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import paper_table1

    names = ("spec_I", "mel_I", "spec_time", "spec_freq", "mel_time", "mel_freq")
    reference = read(shared_dir / "reference_results.json")["diffmoog_table_1"]
    assert len(paper_table1.PAPER) == len(names)
    for name, published in zip(names, paper_table1.PAPER.values(), strict=True):
        of_shapes = [reference[shape][name][1:] for shape in ("sine", "square", "sawtooth")]
        assert [list(pair) for pair in published] == of_shapes
    assert list(paper_table1.PAPER)[:3] == [
        "mss_magnitude",
        "mss_mel_spectrogram_magnitude",
        "mss_cumsum_time",
    ]
