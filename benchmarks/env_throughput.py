"""How many environment steps a second: one environment, batches, and Stable-Baselines3 over both.

Each figure is of whole episodes with random actions, so it includes new targets. Of several
repeats the fastest counts: other work on the machine only ever slows it down.

    python benchmarks/env_throughput.py                     # all ids, one torch thread
    python benchmarks/env_throughput.py --threads 4 --out results.json
    python benchmarks/env_throughput.py --clock cpu         # on a machine with other work

With one thread, processor seconds are what an idle machine would take; with more, use the wall
clock.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

import synthgym
from synthgym.envs.registration import MAX_EPISODE_STEPS
from synthgym.envs.sb3 import SynthVecEnv

HERE = Path(__file__).resolve().parent

# A player makes its environment, and returns a function that plays one episode of every member
# and how many steps that is.
Player = Callable[[str], tuple[Callable[[], None], int]]


def single(env_id: str) -> tuple[Callable[[], None], int]:
    env = gym.make(env_id)
    rng = np.random.default_rng(0)
    env.reset(seed=0)

    def play() -> None:
        env.reset()
        for _ in range(MAX_EPISODE_STEPS):
            env.step(rng.uniform(-1, 1, env.action_space.shape).astype(np.float32))

    return play, MAX_EPISODE_STEPS


def batched(n_envs: int, mode: str | None = None) -> Player:
    def player(env_id: str) -> tuple[Callable[[], None], int]:
        same_step = {"autoreset_mode": "SameStep"}
        settings = {"vector_kwargs": same_step} if mode == "sync" else same_step
        envs = gym.make_vec(env_id, num_envs=n_envs, vectorization_mode=mode, **settings)
        rng = np.random.default_rng(0)
        envs.reset(seed=0)

        def play() -> None:
            for _ in range(MAX_EPISODE_STEPS):
                envs.step(rng.uniform(-1, 1, envs.action_space.shape).astype(np.float32))

        return play, MAX_EPISODE_STEPS * n_envs

    return player


def stable_baselines(n_envs: int, native: bool) -> Player:
    def player(env_id: str) -> tuple[Callable[[], None], int]:
        if native:
            envs = SynthVecEnv(env_id, n_envs=n_envs)
        else:
            envs = DummyVecEnv([lambda: gym.make(env_id)] * n_envs)
        rng = np.random.default_rng(0)
        envs.seed(0)
        envs.reset()
        shape = (n_envs, *envs.action_space.shape)

        def play() -> None:
            for _ in range(MAX_EPISODE_STEPS):
                envs.step(rng.uniform(-1, 1, shape).astype(np.float32))

        return play, MAX_EPISODE_STEPS * n_envs

    return player


PLAYERS: dict[str, Player] = {
    "gym.make": single,
    "gym.make_vec, 8": batched(8),
    "gym.make_vec, 64": batched(64),
    "SyncVectorEnv, 8": batched(8, "sync"),
    "SB3 DummyVecEnv, 8": stable_baselines(8, native=False),
    "SB3 SynthVecEnv, 64": stable_baselines(64, native=True),
}


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def steps_per_s(
    player: Player, env_id: str, n_repeats: int, repeat_s: float, clock: Callable[[], float]
) -> float:
    """The fastest of the repeats, each of at least `repeat_s` seconds."""
    play, n_steps = player(env_id)
    play()
    best = 0.0
    for _ in range(n_repeats):
        n_played, started = 0, clock()
        while (spent_s := clock() - started) < repeat_s:
            play()
            n_played += n_steps
        best = max(best, n_played / spent_s)
    return best


def machine() -> dict[str, Any]:
    return {
        "processor": processor(),
        "n_cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gymnasium": gym.__version__,
        "synthgym": synthgym.__version__,
    }


def processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ids", nargs="+", default=synthgym.task_ids("diffmoog"))
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="which seconds count")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--repeat-s", type=float, default=1.0, help="least seconds of a repeat")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "env_throughput.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    print(f"steps per second ({arguments.clock} clock), {arguments.threads} torch thread(s)")
    print(f"{'':26}" + "".join(f"{name:>22}" for name in PLAYERS))
    table: dict[str, dict[str, float]] = {}
    for env_id in arguments.ids:
        table[env_id] = {}
        print(f"{env_id:26}", end="", flush=True)
        for name, player in PLAYERS.items():
            clock = CLOCKS[arguments.clock]
            rate = steps_per_s(player, env_id, arguments.repeats, arguments.repeat_s, clock)
            table[env_id][name] = round(rate, 1)
            print(f"{rate:22.0f}", end="", flush=True)
        print()
    document = {
        "unit": "environment steps per second",
        "clock": arguments.clock,
        "command": shlex.join(["python", "benchmarks/env_throughput.py", *sys.argv[1:]]),
        "n_torch_threads": arguments.threads,
        "n_repeats": arguments.repeats,
        "repeat_s": arguments.repeat_s,
        "max_episode_steps": MAX_EPISODE_STEPS,
        "machine": machine(),
        "steps_per_s": table,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
