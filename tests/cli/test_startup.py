"""The program starts fast, and says what it can do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata

import click
import pytest
from click.testing import CliRunner

from synthgym.cli import main

HEAVY = ("torch", "rich", "scipy", "joblib", "matplotlib", "soundfile", "soxr", "cma", "pandas")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import json, sys\n"
        "from synthgym.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "Usage:" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize("said", [None, "3"])
def test_every_command_computes_on_one_thread_unless_told_otherwise(said: str | None) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    code = (
        "import os\n"
        "from synthgym.cli import main\n"
        "main(['tasks'], standalone_mode=False)\n"
        "import torch\n"
        "print(os.environ['OMP_NUM_THREADS'], torch.get_num_threads())\n"
        "assert os.environ['THP_MEM_ALLOC_ENABLE'] == '1'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment if said is None else {**environment, "OMP_NUM_THREADS": said},
    )
    variable, n_threads = done.stdout.splitlines()[-1].split()
    assert variable == (said or "1")
    assert said is not None or n_threads == "1"  # of 3, torch takes as many as there are cores


def test_version_is_the_installed_one() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"synthgym {metadata.version('synthgym')}\n")


def test_each_command_explains_itself() -> None:
    commands: list[list[str]] = []
    for name, command in main.commands.items():
        members = list(command.commands) if isinstance(command, click.Group) else [""]
        commands += [[name, member] if member else [name] for member in members]
    assert ["bench", "verify"] in commands
    for words in commands:
        result = CliRunner().invoke(main, [*words, "-h"])
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: main {' '.join(words)}")


def test_without_arguments_the_help_is_shown() -> None:
    for command in ([], ["bench"]):
        result = CliRunner().invoke(main, command)
        assert "Commands:" in result.output
        assert "error:" not in result.output
