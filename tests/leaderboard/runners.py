"""Starts runners, each a process of its own, without importing torch for each of them."""

import os
import sys
from pathlib import Path

from synthgym.leaderboard import Interrupted, Plan, run_plan


def run(solver: str, folder: str, n_indices: str, n_jobs: str) -> int:
    plan = Plan(
        ["DiffMoog-Osc-v0"],
        [solver],
        Path(folder),
        split="dev",
        indices=range(int(n_indices)),
        budget=60,
        n_jobs=int(n_jobs),
    )
    try:
        summary = run_plan(plan)
    except Interrupted as stop:
        print(stop, flush=True)
        return 130
    print("summary", summary.n_done, summary.n_kept, summary.n_elsewhere, flush=True)
    return 0


def start(output: str, *words: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), 1)
    os.dup2(1, 2)
    code = 1
    try:
        code = run(*words)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    for line in sys.stdin:
        order, *words = line.rstrip().split("|")
        if order == "start":
            print(start(*words), flush=True)
        else:
            print(os.waitstatus_to_exitcode(os.waitpid(int(words[0]), 0)[1]), flush=True)
