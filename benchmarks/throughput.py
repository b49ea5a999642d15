"""How fast the synth and the distance are, beside what the machine does at best in the same run.

    python benchmarks/throughput.py [--chains FM,Voice] [--seconds 4] [--rate 44100] [--json FILE]

For each chain, at batch 1 and 64: sounds per second for a rendering, a rendering with its gradient
(of the sum of squares), an evaluation (rendering and distance) and a gradient evaluation. `x real
time` is sounds per second times their length. The last lines give sines and multiplications in
place per second: the least that a sample costs here. Figures are the best of several repeats.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from synthgym import Clock, MelDistance, chains, kernels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", default="Osc,OscADSR,FM,Subtractive", help="names, or: all")
    parser.add_argument("--rate", type=int, default=16000, help="sample rate in Hz")
    parser.add_argument("--seconds", type=float, default=1.024, help="length of a sound")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = Clock(options.rate, round(options.rate * options.seconds))

    names = chains.names() if options.chains == "all" else options.chains.split(",")
    rows = [measure(name, batch, clock) for name in names for batch in (1, 64)]
    kind = "compiled kernels" if kernels.ready() else "torch alone"
    print(f"{clock.duration_s:.3f} s at {clock.sample_rate} Hz, {options.threads} threads, {kind};")
    print("sounds per second, (times real time)\n")
    columns = ["render", "render_gradient", "evaluation", "gradient_evaluation"]
    print("| chain | batch | " + " | ".join(c.replace("_", " + ") for c in columns) + " |")
    print("|---|--:|" + "--:|" * len(columns))
    for row in rows:
        cells = [f"{row[c]:,.0f} ({row[c] * clock.duration_s:,.0f}x)" for c in columns]
        print(f"| {row['chain']} | {row['batch']} | " + " | ".join(cells) + " |")
    limits = machine_limits()
    print("\nIn place, in the cache: " + ", ".join(f"{v:.2f} G {k}/s" for k, v in limits.items()))
    if options.json:
        document = {
            "sample_rate": clock.sample_rate,
            "n_samples": clock.n_samples,
            "threads": options.threads,
            "torch": torch.__version__,
            "kernels": kernels.ready(),
            "rows": rows,
            "machine_giga_per_s": limits,
        }
        options.json.write_text(json.dumps(document, indent=1) + "\n")


def measure(chain: str, batch: int, clock: Clock) -> dict[str, Any]:
    """Sounds per second of one chain at one batch size."""
    patch = chains.build(chain, clock.duration_s)
    distance = MelDistance(clock.sample_rate)
    generator = torch.Generator().manual_seed(0)
    unit = torch.rand(batch, patch.space.dimension, generator=generator)
    leaf = unit.clone().requires_grad_()
    target = distance.embed(patch.render(1 - unit[:1], clock))

    def evaluate(at: torch.Tensor) -> torch.Tensor:
        return distance.compare(distance.embed(patch.render(at, clock)), target)

    def gradient_of(loss: Callable[[], torch.Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(loss().sum(), leaf)

    return {
        "chain": chain,
        "batch": batch,
        "render": batch / best_time(lambda: patch.render(unit, clock)),
        "render_gradient": batch
        / best_time(gradient_of(lambda: patch.render(leaf, clock).square())),
        "evaluation": batch / best_time(lambda: evaluate(unit)),
        "gradient_evaluation": batch / best_time(gradient_of(lambda: evaluate(leaf))),
    }


def machine_limits() -> dict[str, float]:
    """Elementary operations in place per second, in billions, on a block that fits the cache."""
    block = torch.rand(torch.get_num_threads(), 1 << 15)
    return {
        "sines": block.numel() / best_time(block.sin_) / 1e9,
        "multiplications": block.numel() / best_time(lambda: block.mul_(1.0)) / 1e9,
    }


def best_time(call: Callable[[], object], budget_s: float = 0.7) -> float:
    """Seconds of the fastest of the calls that fit the budget, three at least."""
    call()
    times: list[float] = []
    end = time.perf_counter() + budget_s
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
