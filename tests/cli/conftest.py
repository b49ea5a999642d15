"""What the tests of the command line share: calls in this process and in a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from synthgym.cli import main

RATE_HZ = 16_000
QUICK = ("--task", "DiffMoog-Osc-v0", "--solver", "random", "--budget", "32")
COMMAND = (sys.executable, "-c", "from synthgym.cli import main; main(prog_name='synthgym')")


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    code: int
    out: str
    err: str


def _call(*args: object) -> Ended:
    """Run `synthgym ARGS` in this process; what is no expected fault is raised here."""
    result = CliRunner().invoke(main, [str(arg) for arg in args], prog_name="synthgym")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def _call_process(args: Sequence[object], cwd: Path, **variables: str) -> Ended:
    """Run `synthgym ARGS` in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, args)],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _check_one_line(ended: Ended, *words: str) -> None:
    """The call ended as every expected fault does, and its line says all the words."""
    lines = ended.err.splitlines()
    assert ended.code == 2, ended
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0], lines[0]
    assert "Traceback" not in ended.err + ended.out


def _without_progress(ended: Ended) -> Ended:
    """What was said beside the lines that tell how the search of a note goes."""
    lines = ended.err.splitlines(True)
    return replace(ended, err="".join(x for x in lines if not x.startswith("note: ")))


def _note(seconds: float = 0.4, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A decaying 220 Hz tone with four partials, peak about 0.5."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    partials = sum(np.sin(2 * np.pi * 220.0 * k * time_s) / k for k in range(1, 5))
    sound = 0.3 * partials * np.exp(-3.0 * time_s)
    return np.asarray(sound, dtype=np.float64)


@pytest.fixture(scope="session")
def call() -> Callable[..., Ended]:
    """Runs `synthgym ARGS` in this process."""
    return _call


@pytest.fixture(scope="session")
def call_process() -> Callable[..., Ended]:
    """Runs `synthgym ARGS` in a process of its own: `call_process([args], cwd, VARIABLE="1")`."""
    return _call_process


@pytest.fixture(scope="session")
def one_line() -> Callable[..., None]:
    """Checks that a call ended as every expected fault does, with these words in its line."""
    return _check_one_line


@pytest.fixture(scope="session")
def without_progress() -> Callable[[Ended], Ended]:
    """Leaves out the lines that tell how the search of a note goes."""
    return _without_progress


@pytest.fixture(scope="session")
def note() -> np.ndarray:
    """A decaying 220 Hz tone with four partials, 0.4 s at 16 kHz."""
    return _note()


@pytest.fixture(scope="session")
def command() -> tuple[str, ...]:
    """What starts `synthgym` in a process of its own."""
    return COMMAND


@pytest.fixture(scope="session")
def quick() -> tuple[str, ...]:
    """Options of `synthgym match` for a search that takes no time."""
    return QUICK


@pytest.fixture
def write_note(tmp_path: Path) -> Callable[..., Path]:
    """Writes a note into a WAV file of the asked-for kind."""

    def write(
        name: str = "note.wav",
        *,
        rate_hz: int = RATE_HZ,
        n_channels: int = 1,
        subtype: str = "PCM_16",
        seconds: float = 0.4,
    ) -> Path:
        path = tmp_path / name
        frames = np.repeat(_note(seconds, rate_hz)[:, None], n_channels, axis=1)
        soundfile.write(path, frames, rate_hz, subtype=subtype)
        return path

    return write


@pytest.fixture(scope="session")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `note.wav` and the results of one match of it."""
    folder = tmp_path_factory.mktemp("matched")
    soundfile.write(folder / "note.wav", _note(), RATE_HZ)
    ended = _call("match", folder / "note.wav", *QUICK, "--out", folder)
    assert ended.code == 0, ended.err
    return folder
