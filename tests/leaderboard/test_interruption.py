from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import pytest
from trial import files, plan, timeless

from synthgym.leaderboard import (
    Summary,
    run_plan,
)


class Runner:
    """A process that carries out a plan with the solver `Slow`."""

    def __init__(self, ask: Callable[..., int], output: Path, *words: object) -> None:
        self._ask = ask
        self._output = output
        self._code: int | None = None
        self.pid = ask("start", output, *words)

    def send(self, signal_: signal.Signals) -> None:
        os.kill(self.pid, signal_)

    def end(self) -> tuple[int, str]:
        """Wait for the process; its exit code and what it printed."""
        if self._code is None:
            self._code = self._ask("wait", self.pid)
        return self._code, self._output.read_text()

    def discard(self) -> None:
        if self._code is None:
            self.send(signal.SIGKILL)
            self.end()


Start: TypeAlias = "Callable[..., Runner]"


@pytest.fixture(scope="module")
def ask_runners() -> Iterator[Callable[..., int]]:
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    script = Path(__file__).with_name("runners.py")
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(*words: object) -> int:
            stdin.write("|".join(map(str, words)) + "\n")
            stdin.flush()
            return int(stdout.readline())

        yield ask
        stdin.close()


@pytest.fixture
def start(tmp_path: Path, solvers: Path, ask_runners: Callable[..., int]) -> Iterator[Start]:
    """Start a runner; it does not outlive the test."""
    started: list[Runner] = []

    def run(folder: Path, n_indices: int = 4, n_jobs: int = 1) -> Runner:
        output = tmp_path / f"output-{len(started)}"
        runner = Runner(ask_runners, output, f"{solvers}:Slow", folder, n_indices, n_jobs)
        started.append(runner)
        return runner

    yield run
    for runner in started:
        runner.discard()


def wait_for(condition: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end_s, f"waited a minute for {what}"
        time.sleep(0.005)


# Interruption


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(tmp_path: Path, start: Start, solvers: Path) -> None:
    folder = tmp_path / "records"
    undisturbed = tmp_path / "undisturbed"
    run_plan(plan(undisturbed, f"{solvers}:Slow", indices=range(4)))

    def n_files(suffix: str) -> int:
        return sum(name.endswith(suffix) for name in files(folder))

    def n_lines() -> int:
        return sum(len(part.read_text().splitlines()) for part in folder.rglob("*.part"))

    moments: list[tuple[signal.Signals, Callable[[], object]]] = [
        (signal.SIGKILL, lambda: n_files(".lock") == 1),
        (signal.SIGKILL, lambda: n_lines() > 1),
        (signal.SIGINT, lambda: n_files(".jsonl") == 1),
        (signal.SIGKILL, lambda: n_files(".jsonl") == 2 and n_lines() > 2),
    ]
    for number, (by, moment) in enumerate(moments):
        runner = start(folder)
        # A part that becomes a record while it is looked at: as good a moment.
        with suppress(FileNotFoundError):
            wait_for(moment, f"moment {number}")
        runner.send(by)
        code, output = runner.end()
        if by == signal.SIGINT:
            assert code == 130
            assert "of 4 runs are complete" in output.splitlines()[-1]
            assert n_files(".lock") == 0
        for record in timeless(folder):
            assert record in timeless(undisturbed), "what is named a record is a whole one"
    assert n_files(".part") <= 1
    code, output = start(folder).end()
    assert code == 0, output
    assert timeless(folder) == timeless(undisturbed)
    assert files(folder) == files(undisturbed) == ["seed-0.jsonl"] * 4


def children_of(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_workers_do_not_outlive_their_runner(
    tmp_path: Path, start: Start, solvers: Path, by: signal.Signals
) -> None:
    folder = tmp_path / "records"
    runner = start(folder, n_indices=4, n_jobs=2)
    # Held in the middle of a run each, so that what they are doing is known.
    wait_for(lambda: "seed-0.jsonl" in files(folder) if folder.exists() else False, "a record")
    solvers.with_name("wait").touch()
    wait_for(lambda: sum(name.endswith(".part") for name in files(folder)) == 2, "two runs")
    workers = children_of(runner.pid)
    assert len(workers) >= 2
    began_s = time.monotonic()
    if by == signal.SIGINT:
        os.killpg(runner.pid, by)  # as a terminal does: the workers get it too
    else:
        runner.send(by)
    code, output = runner.end()
    wait_for(lambda: not any(map(is_alive, workers)), "the workers to end")
    assert time.monotonic() - began_s < 15
    n_complete = files(folder).count("seed-0.jsonl")
    if by == signal.SIGINT:
        assert code == 130
        # Not always the last line: joblib may warn of what it clears away after its workers.
        assert (
            f"stopped: {n_complete} of 4 runs are complete in {folder}; run the same plan again "
            "to go on"
        ) in output.splitlines()
        assert set(files(folder)) == {"seed-0.jsonl", "seed-0.jsonl.part"}
        assert "Traceback" not in output
    solvers.with_name("wait").unlink()
    summary = run_plan(plan(folder, f"{solvers}:Slow", indices=range(4)))
    assert (summary.n_done, summary.n_kept) == (4 - n_complete, n_complete)
    run_plan(plan(tmp_path / "undisturbed", f"{solvers}:Slow", indices=range(4)))
    assert timeless(folder) == timeless(tmp_path / "undisturbed")
    assert files(folder) == ["seed-0.jsonl"] * 4


# Two runners on one folder


@pytest.mark.slow
def test_two_runners_share_the_work(tmp_path: Path, start: Start, solvers: Path) -> None:
    folder = tmp_path / "records"
    ends = [runner.end() for runner in [start(folder, n_indices=5) for _ in range(2)]]
    assert [code for code, _ in ends] == [0, 0], ends
    counts = [[int(n) for n in output.split("summary")[1].split()] for _, output in ends]
    assert sum(n_done for n_done, _, _ in counts) == 5, "no run was done twice"
    assert all(sum(count) == 5 for count in counts), "both end when all is complete"
    run_plan(plan(tmp_path / "alone", f"{solvers}:Slow", indices=range(5)))
    assert timeless(folder) == timeless(tmp_path / "alone")
    assert files(folder) == ["seed-0.jsonl"] * 5


def test_what_another_runner_leaves_is_taken_over(
    tmp_path: Path, start: Start, solvers: Path
) -> None:
    folder = tmp_path / "records"
    solvers.with_name("wait").touch()
    runner = start(folder, n_indices=1)
    wait_for(lambda: "seed-0.jsonl.part" in files(folder), "the other runner to be at it")
    summaries: list[Summary] = []
    thread = threading.Thread(
        target=lambda: summaries.append(run_plan(plan(folder, f"{solvers}:Slow", indices=range(1))))
    )
    thread.start()
    time.sleep(0.5)
    assert thread.is_alive(), "it waits for the other runner"
    runner.send(signal.SIGKILL)
    runner.end()
    solvers.with_name("wait").unlink()
    thread.join(timeout=30)
    assert [(one.n_done, one.n_elsewhere) for one in summaries] == [(1, 0)]
