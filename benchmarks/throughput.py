"""How fast the synth and the distance are, beside what the machine does at best in the same run.

    python benchmarks/throughput.py                        the table of docs/speed.md
    python benchmarks/throughput.py --chains FM,Voice [--seconds 4] [--rate 44100]

Without `--chains`: four chains of 4 s, three at 16 kHz and the voice at 44.1 kHz, at batch 1 and
64. For each, the times real time (sounds per second times their length) of a rendering, a rendering
with its gradient (of the inner product with a fixed signal), an evaluation (rendering and distance)
and a gradient evaluation; the share of the machine's limit that this is, by the counts in
`throughput_limits.py`; the ratio to what others reach; how long a rendering of 1 s and its distance
take together, against both alone; and the memory that a batch takes, by sound. With `--chains`: any
named ones, without the comparisons. Figures are the best of several repeats.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# As the command line does, before torch is imported: see docs/speed.md.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch
from throughput_limits import (
    DISTANCE,
    DISTANCE_GRADIENT,
    GRADIENT,
    RENDER,
    best_time,
    least_time,
    machine_rates,
    together,
)

from synthgym import Clock, MelDistance, Patch, chains, kernels
from synthgym.synth import Node
from synthgym.synth.modules import LFO, FMOscillator

RESULTS = Path(__file__).parent / "results" / "throughput.json"
FIGURES = ("render", "render_gradient", "evaluation", "gradient_evaluation")
BATCHES = (1, 64)
SECONDS = 4.0
RATES_HZ = {"FM sine": 16000, "Subtractive": 16000, "Modular": 16000, "Voice": 44100}
# Times real time at batch 64 and 4 s: DiffMoog's own code on a machine of this kind, with the
# gradient of its objective at six scales at its fastest; for the voice torchsynth's and SynthAX's,
# whichever is faster, which render alone.
OTHERS = {
    "FM sine": {"render": 3300, "render_gradient": 1440, "gradient_evaluation": 86},
    "Subtractive": {"render": 800, "render_gradient": 190, "gradient_evaluation": 86},
    "Modular": {"render": 560, "render_gradient": 140, "gradient_evaluation": 86},
    "Voice": {"render": 485},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", help="names, or: all; by default the four compared ones")
    parser.add_argument("--rate", type=int, default=16000, help="sample rate in Hz, with --chains")
    parser.add_argument("--seconds", type=float, default=1.024, help="length, with --chains")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help=f"write there (compared: {RESULTS.name} too)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kind = "compiled kernels" if kernels.ready() else "torch alone"
    print(f"{options.threads} threads, {kind}, torch {torch.__version__}\n")
    document: dict[str, Any] = {
        "threads": options.threads,
        "torch": torch.__version__,
        "kernels": kernels.ready(),
    }
    if options.chains:
        clock = Clock(options.rate, round(options.rate * options.seconds))
        names = chains.names() if options.chains == "all" else options.chains.split(",")
        document |= chosen(names, clock)
    else:
        document |= compared()
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")


def built(name: str, duration_s: float) -> Patch:
    """A named chain, or what the seed's figures for FM were taken of: sines alone."""
    if name != "FM sine":
        return chains.build(name, duration_s)
    return Patch((Node("lfo", LFO("sine")), Node("fm", FMOscillator("sine"), {"modulator": "lfo"})))


def chosen(names: list[str], clock: Clock) -> dict[str, Any]:
    """Print and return the figures of chains on one clock."""
    rows = [
        {"chain": name, "batch": batch, **speeds(built(name, clock.duration_s), batch, clock)}
        for name in names
        for batch in BATCHES
    ]
    print(f"{clock.duration_s:.3f} s at {clock.sample_rate} Hz; sounds per second (x real time)\n")
    print("| chain | batch | " + " | ".join(f.replace("_", " + ") for f in FIGURES) + " |")
    print("|---|--:|" + "--:|" * len(FIGURES))
    for row in rows:
        cells = [f"{row[f]:,.0f} ({row[f] * clock.duration_s:,.0f}x)" for f in FIGURES]
        print(f"| {row['chain']} | {row['batch']} | " + " | ".join(cells) + " |")
    rates = machine_rates()
    _print_rates(rates)
    return {
        "sample_rate": clock.sample_rate,
        "n_samples": clock.n_samples,
        "rows": rows,
        "machine_giga_per_s": {name: rate / 1e9 for name, rate in rates.items()},
    }


def compared() -> dict[str, Any]:
    """Print and return the table of the compared chains."""
    rows = []
    print("x real time (share of the machine's limit; times the others' speed)\n")
    print("| chain | batch | " + " | ".join(f.replace("_", " + ") for f in FIGURES) + " |")
    print("|---|--:|" + "--:|" * len(FIGURES))
    for name, rate_hz in RATES_HZ.items():
        clock = Clock(rate_hz, round(rate_hz * SECONDS))
        for batch in BATCHES:
            # Anew for each row, as the clock of a machine that others use goes up and down.
            rates = machine_rates()
            row = compared_row(name, batch, clock, rates)
            rows.append(row)
            print(f"| {name} | {batch} | " + " | ".join(_cell(row, f) for f in FIGURES) + " |")
    others = {name: {**latency(name), **memory(name)} for name in RATES_HZ}
    print("\n| chain | 1 s together / alone | MB by sound | with gradient |\n|---|--:|--:|--:|")
    for name, found in others.items():
        sizes = [f"{found[key] / 1e6:.2f}" for key in ("bytes", "bytes_gradient")]
        print(f"| {name} | {found['together_over_alone']:.2f} | " + " | ".join(sizes) + " |")
    _print_rates(rates)
    return {"seconds": SECONDS, "rows": rows, "latency_and_memory": others}


def compared_row(name: str, batch: int, clock: Clock, rates: dict[str, float]) -> dict[str, Any]:
    """One chain at one batch size: speed, share of the limit, ratio to the others' speed."""
    counts = {
        "render": RENDER[name],
        "render_gradient": GRADIENT[name],
        "evaluation": together(RENDER[name], DISTANCE),
        "gradient_evaluation": together(GRADIENT[name], DISTANCE_GRADIENT),
    }
    found = speeds(built(name, clock.duration_s), batch, clock)
    row: dict[str, Any] = {"chain": name, "batch": batch, "sample_rate": clock.sample_rate}
    for figure in FIGURES:
        least_s = least_time(counts[figure], rates, clock.n_samples)
        row[figure] = {
            "times_real_time": found[figure] * clock.duration_s,
            "of_limit": found[figure] * least_s,
            "others": OTHERS[name].get(figure),
        }
    row["machine_giga_per_s"] = {op: rate / 1e9 for op, rate in rates.items()}
    return row


def _cell(row: dict[str, Any], figure: str) -> str:
    found = row[figure]
    ratio = f"; {found['times_real_time'] / found['others']:.1f}" if found["others"] else ""
    return f"{found['times_real_time']:,.0f}x ({found['of_limit']:.0%}{ratio})"


def _print_rates(rates: dict[str, float]) -> None:
    print(
        "\nIn place, in the cache: " + ", ".join(f"{v / 1e9:.2f} G {k}/s" for k, v in rates.items())
    )


def speeds(patch: Patch, batch: int, clock: Clock) -> dict[str, float]:
    """Sounds per second of a patch at one batch size."""
    distance = MelDistance(clock.sample_rate)
    generator = torch.Generator().manual_seed(0)
    unit = torch.rand(batch, patch.space.dimension, generator=generator)
    fixed = torch.rand(batch, clock.n_samples, generator=generator) - 0.5
    leaf = unit.clone().requires_grad_()
    target = distance.embed(patch.render(1 - unit[:1], clock))

    def evaluate(at: torch.Tensor) -> torch.Tensor:
        return distance.compare(distance.embed(patch.render(at, clock)), target)

    calls: dict[str, Callable[[], object]] = {
        "render": lambda: patch.render(unit, clock),
        "render_gradient": lambda: torch.autograd.grad(patch.render(leaf, clock), leaf, fixed),
        "evaluation": lambda: evaluate(unit),
        "gradient_evaluation": lambda: torch.autograd.grad(evaluate(leaf).sum(), leaf),
    }
    return {figure: batch / best_time(calls[figure]) for figure in FIGURES}


def latency(name: str) -> dict[str, float]:
    """Seconds of one rendering of 1 s and its distance, together and each alone."""
    clock = Clock(RATES_HZ[name], RATES_HZ[name])
    patch, distance = built(name, 1.0), MelDistance(clock.sample_rate)
    unit = torch.rand(1, patch.space.dimension, generator=torch.Generator().manual_seed(0))
    audio = patch.render(unit, clock)
    target = distance.embed(patch.render(1 - unit, clock))
    render_s = best_time(lambda: patch.render(unit, clock))
    distance_s = best_time(lambda: distance.compare(distance.embed(audio), target))
    both_s = best_time(lambda: distance.compare(distance.embed(patch.render(unit, clock)), target))
    alone_s = render_s + distance_s
    return {"together_s": both_s, "alone_s": alone_s, "together_over_alone": both_s / alone_s}


def memory(name: str) -> dict[str, float]:
    """Peak bytes by sound at batch 64, its output included, in a process of its own each."""
    fresh = multiprocessing.get_context("spawn")
    with fresh.Pool(1, maxtasksperchild=1) as pool:
        tasks = [(name, False), (name, True)]
        plain, gradient = pool.starmap(_peak_bytes, tasks, chunksize=1)
    return {"bytes": plain, "bytes_gradient": gradient}


def _peak_bytes(name: str, gradient: bool) -> float:
    batch, clock = max(BATCHES), Clock(RATES_HZ[name], round(RATES_HZ[name] * SECONDS))
    patch = built(name, SECONDS)

    def work(n_rows: int) -> None:
        unit = torch.full((n_rows, patch.space.dimension), 0.4, requires_grad=gradient)
        audio = patch.render(unit, clock)
        if gradient:
            torch.autograd.grad(audio, unit, torch.ones(1, 1).expand(audio.shape))

    work(1)
    before = _status_bytes("VmRSS")
    work(batch)
    return (_status_bytes("VmHWM") - before) / batch


def _status_bytes(field: str) -> float:
    """A figure of this process from /proc; not a number where there is none."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((1024 * float(li.split()[1]) for li in lines if li.startswith(field)), float("nan"))


if __name__ == "__main__":
    main()
