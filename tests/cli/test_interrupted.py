"""A search that is stopped from outside, in a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent the POSIX way")


def start(command: tuple[str, ...], note: Path, out: Path) -> subprocess.Popen[str]:
    """A search that would go on for hours, returned once it has tried some sounds."""
    options = ("--task", "DiffMoog-Osc-v0", "--solver", "random", "--budget", str(10**9))
    running = subprocess.Popen(
        [*command, "match", str(note), *options, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if " dB after " in line:
            return running
    raise AssertionError(f"no progress: exit code {running.wait()}")


def test_a_killed_search_leaves_the_former_results(
    command: tuple[str, ...], matched: Path, tmp_path: Path
) -> None:
    (tmp_path / "note.match.wav").write_bytes(b"old")
    running = start(command, matched / "note.wav", tmp_path)
    running.kill()
    running.communicate(timeout=30)
    assert running.returncode == -signal.SIGKILL
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("note.match.wav", b"old")]


def test_ctrl_c_writes_the_best_so_far(
    command: tuple[str, ...], matched: Path, tmp_path: Path
) -> None:
    running = start(command, matched / "note.wav", tmp_path)
    running.send_signal(signal.SIGINT)
    try:
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130, err
    assert "stopped: keeping the best so far" in err
    assert "Traceback" not in err
    assert "stopped by Ctrl-C" in out
    fields = json.loads((tmp_path / "note.patch.json").read_text("utf-8"))
    assert fields["match"]["n_evaluations"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "note.match.wav",
        "note.patch.json",
        "note.png",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE as Linux knows it")
def test_a_limit_on_file_size_is_a_fault_like_a_full_disk(
    command: tuple[str, ...], matched: Path, tmp_path: Path
) -> None:
    import resource

    patch, out = matched / "note.patch.json", tmp_path / "x.wav"
    done = subprocess.run(
        [*command, "render", str(patch), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert str(out) in line
    assert list(tmp_path.iterdir()) == []
