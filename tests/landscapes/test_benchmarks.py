"""The paper's experiments run as one command each, and compare with what was published."""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synthgym.landscapes import Share
from synthgym.tasks import SUITE_VERSION

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


@pytest.fixture
def table1(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(repository / "benchmarks")
    return importlib.import_module("paper_table1")


def test_what_is_kept_is_of_the_same_draws_and_waveforms(table1: Any, tmp_path: Path) -> None:
    rows = [
        {"waves": "naive", "seed": 0},
        {"waves": "naive", "seed": 1},
        {"waves": "band-limited", "seed": 0, "suite": SUITE_VERSION},
        {"waves": "band-limited", "seed": 0, "suite": f"{SUITE_VERSION}-older"},
        {"waves": "band-limited", "seed": 0},
    ]
    path = tmp_path / "rows.json"
    assert table1.kept_rows(path, 0) == []
    path.write_text(json.dumps({"rows": rows}))
    assert table1.kept_rows(path, 0) == [rows[0], rows[2]]
    assert table1.kept_rows(path, 1) == [rows[1]]


def test_the_distance_from_the_paper_counts_the_chance_of_both(table1: Any) -> None:
    """0.55 of 1000 and 0.45 of 1000: pooled 0.5, each with a variance of 0.25 / 1000."""
    apart = table1.deviation(Share(550, 1000), 0.45)
    assert apart == pytest.approx(0.1 / math.sqrt(2 * 0.25 / 1000))
    many = table1.deviation(Share(55_000, 100_000), 0.45)
    pooled = (55_000 + 450) / 101_000
    assert many == pytest.approx(0.1 / math.sqrt(pooled * (1 - pooled) * (1e-5 + 1e-3)))
    assert table1.deviation(Share(350, 1000), 0.45) < -4


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
def test_the_published_values_are_those_of_the_reference(shared_dir: Path, table1: Any) -> None:
    names = ("spec_I", "mel_I", "spec_time", "spec_freq", "mel_time", "mel_freq")
    reference = read(shared_dir / "reference_results.json")["diffmoog_table_1"]
    assert len(table1.PAPER) == len(names)
    for name, published in zip(names, table1.PAPER.values(), strict=True):
        of_shapes = [reference[shape][name][1:] for shape in ("sine", "square", "sawtooth")]
        assert [list(pair) for pair in published] == of_shapes
    assert list(table1.PAPER) == [
        "mss_magnitude",
        "mss_mel_spectrogram_magnitude",
        "mss_cumsum_time",
        "mss_cumsum_freq",
        "mss_mel_spectrogram_cumsum_time",
        "mss_mel_spectrogram_cumsum_freq",
    ]
