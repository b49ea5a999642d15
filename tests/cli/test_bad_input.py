"""Whatever is wrong with the input: one line, exit code 2, no traceback, nothing half-written."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synthgym import audio

Call = Callable[..., Any]
OneLine = Callable[..., None]

RATE_HZ = 16_000


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where results would go; a fault must not even make it."""
    return tmp_path / "out"


# Recordings


def silent(path: Path, _note: np.ndarray) -> None:
    soundfile.write(path, np.zeros(8_000), RATE_HZ)


def with_nan(path: Path, note: np.ndarray) -> None:
    soundfile.write(path, np.where(np.arange(note.size) == 100, np.nan, note), RATE_HZ, "FLOAT")


def truncated(path: Path, note: np.ndarray) -> None:
    soundfile.write(path, note, RATE_HZ)
    path.write_bytes(path.read_bytes()[: note.size])


def truncated_flac(path: Path, note: np.ndarray) -> None:
    soundfile.write(path.with_suffix(".flac"), note, RATE_HZ)
    content = path.with_suffix(".flac").read_bytes()
    path.write_bytes(content[: len(content) // 2])


BAD_RECORDINGS: dict[str, tuple[Callable[[Path, np.ndarray], object], str]] = {
    "empty": (lambda path, _: path.write_bytes(b""), "empty"),
    "silent": (silent, "silent"),
    "nan": (with_nan, "NaN"),
    "truncated": (truncated, "cut short"),
    "truncated-flac": (truncated_flac, "cut short"),
    "text": (lambda path, _: path.write_text("hello, world\n" * 50), "text"),
    "noise": (lambda path, _: path.write_bytes(bytes(range(256)) * 8), "sound format"),
    "folder": (lambda path, _: path.mkdir(), "folder"),
    "click": (lambda path, note: soundfile.write(path, note[:10], RATE_HZ), "ms"),
    "header-only": (lambda path, _: soundfile.write(path, np.zeros(0), RATE_HZ), "no samples"),
    "missing": (lambda path, _: None, "no such file"),
}


@pytest.mark.parametrize("kind", BAD_RECORDINGS)
def test_a_bad_recording(
    kind: str, tmp_path: Path, out: Path, note: np.ndarray, call: Call, one_line: OneLine
) -> None:
    make, word = BAD_RECORDINGS[kind]
    path = tmp_path / "bad.wav"
    make(path, note)
    one_line(call("match", path, "--solver", "random", "--out", out), word, str(path))
    assert not out.exists()


@pytest.mark.parametrize(
    "kind",
    [
        {"n_channels": 2},
        {"n_channels": 6},
        {"rate_hz": 96_000},
        {"rate_hz": 8_000},
        {"subtype": "PCM_24"},
        {"subtype": "PCM_U8"},
        {"subtype": "DOUBLE"},
        {"rate_hz": 192_000, "n_channels": 2, "subtype": "PCM_32"},
    ],
    ids=str,
)
def test_every_kind_of_good_recording_works(
    kind: dict[str, Any], out: Path, write_note: Callable[..., Path], call: Call, quick: Any
) -> None:
    ended = call("match", write_note(**kind), *quick, "--out", out)
    assert ended.code == 0, ended.err
    fields = json.loads((out / "note.patch.json").read_text("utf-8"))
    assert fields["clock"]["n_samples"] / RATE_HZ == pytest.approx(0.4, abs=0.02)


# Options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--task", "DiffMoog-FN-v0"), ("unknown task", "Did you mean 'DiffMoog-FM-v0'?")),
        (("--task", "FM"), ("unknown task", "Did you mean 'DiffMoog-FM-v0'?")),
        (("--task", "substractive"), ("Did you mean 'DiffMoog-Subtractive-v0'?",)),
        (("--task", ""), ("unknown task",)),
        (("--solver", "cma"), ("unknown solver 'cma'", "Did you mean 'cma-es'?")),
        (("--solver", "no_such_module:Name"), ("no_such_module",)),
        (("--solver", "nowhere.py:Name"), ("nowhere.py",)),
        (("--solver", "json:loads"), ("must be a class",)),
        (("--budget", "0"), ("--budget", "0")),
        (("--budget", "-5"), ("--budget", "-5")),
        (("--budget", "many"), ("--budget", "many")),
        (("--budget", "1.5"), ("--budget", "1.5")),
        (("--budget", "nan"), ("--budget", "nan")),
        (("--seed", "-1"), ("--seed", "-1")),
        (("--duration", "0"), ("--duration", "above 0")),
        (("--duration", "nan"), ("--duration", "above 0")),
        (("--duration", "1e9"), ("--duration", "up to 60")),
        (("--duration", "0.00001"), ()),
        (("--bugdet", "3"), ("--bugdet", "--budget")),
        (("extra",), ("unexpected extra argument",)),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("-") else None,
)
def test_a_bad_option_of_match(
    options: tuple[str, ...],
    words: tuple[str, ...],
    matched: Path,
    out: Path,
    call: Call,
    one_line: OneLine,
) -> None:
    one_line(call("match", matched / "note.wav", "--out", out, *options), *words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("bench", "run", "--tasks", "DiffMoog-Osk-v0"), ("Did you mean 'DiffMoog-Osc-v0'?",)),
        (("bench", "run", "--solvers", "randon"), ("Did you mean 'random'?",)),
        (("bench", "run", "--solvers", ","), ("--solvers", "names nothing")),
        (("bench", "run", "--solvers", "random", "--targets", "99"), ("index 15", "less than 15")),
        (("bench", "run", "--targets", "none"), ("--targets", "none")),
        (("bench", "run", "--budget", "0"), ("--budget",)),
        (("bench", "run", "--jobs", "0"), ("--jobs",)),
        (("bench", "run", "--split", "tset"), ("--split", "test")),
        (("bench", "verify", "nowhere"), ("nowhere", "not a folder")),
        (("bench", "verify", "."), ("no complete records",)),
        (("bench", "report", "nowhere"), ("nowhere",)),
        (("bench", "table", "nowhere"), ("nowhere",)),
        (("bench", "table", "."), ("no complete records",)),
        (("bench", "runn"), ("unknown command", "Did you mean 'run'?")),
        (("macht", "x.wav"), ("unknown command", "Did you mean 'match'?")),
        (("match",), ("Missing argument 'FILE'",)),
        (("match", "trumpt"), ("no file 'trumpt'", "Did you mean 'trumpet'?")),
        (("--nonsense",), ("--nonsense",)),
        (("render", "patch.json"), ("--out",)),
    ],
    ids=lambda value: "-".join(value),
)
def test_a_bad_call(
    args: tuple[str, ...],
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    one_line: OneLine,
) -> None:
    monkeypatch.chdir(tmp_path)
    one_line(call(*args), *words)
    assert list(tmp_path.iterdir()) == []


# Solvers of users

BAD_SOLVERS = {
    "syntax": ("class Mine(:\n", ("SyntaxError",)),
    "other-name": ("class Minne:\n    name = 'm'\n    def solve(self, p): ...", ("Did you mean",)),
    "import-raises": ("raise OSError('no licence\\nfound')", ("no licence found",)),
    "import-missing": ("import a_missing_module", ("a_missing_module", "pip install")),
    "no-methods": ("class Mine:\n    name = 'mine'\n    def __init__(s, dimension, seed): ...", ()),
    "ask-raises": (
        "class Mine:\n"
        "    name = 'mine'\n"
        "    def __init__(self, dimension, seed): ...\n"
        "    def ask(self): return {}['lost']\n"
        "    def tell(self, points, values): ...\n",
        ("mine", "KeyError", "lost"),
    ),
    "init-raises": (
        "class Mine:\n"
        "    name = 'mine'\n"
        "    def __init__(self, dimension, seed): raise ValueError('two\\nlines')\n"
        "    def solve(self, problem): ...\n",
        ("mine", "two lines"),
    ),
    "ask-nan": (
        "import numpy as np\n"
        "class Mine:\n"
        "    name = 'mine'\n"
        "    def __init__(self, dimension, seed): self.d = dimension\n"
        "    def ask(self): return np.full((2, self.d), np.nan)\n"
        "    def tell(self, points, values): ...\n",
        ("mine", "not finite"),
    ),
    "never-tries": (
        "class Mine:\n"
        "    name = 'mine'\n"
        "    def __init__(self, dimension, seed): ...\n"
        "    def solve(self, problem): ...\n",
        ("mine", "without evaluating anything"),
    ),
}


@pytest.mark.parametrize("kind", BAD_SOLVERS)
def test_a_bad_solver_file(
    kind: str,
    tmp_path: Path,
    out: Path,
    matched: Path,
    call: Call,
    one_line: OneLine,
    without_progress: Call,
) -> None:
    text, words = BAD_SOLVERS[kind]
    solver = tmp_path / "mine.py"
    solver.write_text(text, encoding="utf-8")
    ended = call("match", matched / "note.wav", "--solver", f"{solver}:Mine", "--out", out)
    # A solver that fails on the way has a progress line or two before its error line.
    one_line(without_progress(ended), *words)
    assert not out.exists() or list(out.iterdir()) == []


# Real processes


def test_faults_of_a_real_process(tmp_path: Path, call_process: Call, one_line: OneLine) -> None:
    (tmp_path / "bad.wav").write_text("hello", encoding="utf-8")
    one_line(call_process(["match", "bad.wav"], tmp_path), "text")
    one_line(call_process(["match", "bad.wav", "--budget", "0"], tmp_path), "--budget")


def test_a_name_that_the_terminal_cannot_show(
    tmp_path: Path, call_process: Call, one_line: OneLine
) -> None:
    ended = call_process(["match", "a→b.wav"], tmp_path, PYTHONIOENCODING="cp1252")
    one_line(ended, "a?b.wav", "no such file")


def test_debugging_shows_the_traceback_and_then_the_line(
    tmp_path: Path, call_process: Call
) -> None:
    ended = call_process(["render", "gone.json", "--out", "x.wav"], tmp_path, SYNTHGYM_DEBUG="1")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1] == "error: gone.json: No such file or directory"


def test_stdout_that_is_full(tmp_path: Path, command: tuple[str, ...]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*command, "tasks"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["error: No space left on device"]


def test_a_bug_of_synthgym_itself_is_not_hidden(
    matched: Path, out: Path, quick: Any, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: Any, **__: Any) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr(audio, "load_target", bug)
    with pytest.raises(IndexError, match="a bug"):
        call("match", matched / "note.wav", *quick, "--out", out)
