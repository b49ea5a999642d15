"""How fast each loss is, beside auraloss for those it has, in the same run.

    python benchmarks/loss_speed.py [--losses mel,multi-scale] [--threads 2] [--batch 64]

For sounds of 1.024 s at 16 kHz, in batches of 1 and 64: evaluations and gradients (with respect to
the sound) per second, the target embedded once. auraloss has no embedding and transforms the target
anew in each call, so the column "target anew" does the same here. Then the suite's `MelDistance`,
and the share of its time that the FFT takes: its transforms alone, in the same sizes, pieces and
memory, measured in the same run. Best of several calls. Writes benchmarks/results/loss_speed.json
and .md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synthgym import MelDistance, kernels, losses
from synthgym.landscapes import PitchTrials, built_in
from synthgym.losses import Loss
from synthgym.losses.bands import MelBands
from synthgym.losses.mel import RESOLUTIONS, window_length
from synthgym.losses.mel_power import CACHE_SAMPLES
from synthgym.losses.published import POWERS_OF_TWO
from synthgym.losses.spectral import Scale, SpectralLoss, overlapping
from synthgym.losses.terms import Convergence, Difference
from synthgym.synth import Clock

RESULTS = Path(__file__).parent / "results"
ASKED_PER_S = 1500

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--losses", default="all", help="names, or: all")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch", type=int, default=64, help="sounds in a large batch")
    parser.add_argument("--budget", type=float, default=0.5, help="seconds for each figure")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    load_before = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    names = losses.names() if options.losses == "all" else options.losses.split(",")
    built, left_out = built_in(names)
    for line in left_out:
        print(line, file=sys.stderr)
    batches = (1, options.batch)
    rows = [row(n, loss, b, options.budget) for n, loss in built.items() for b in batches]
    document = {
        "command": "python benchmarks/loss_speed.py",
        "sample_rate": 16000,
        "n_samples": 16384,
        "threads": options.threads,
        "cores": os.cpu_count(),
        "load_before": load_before,
        "kernels": kernels.ready(),
        "torch": torch.__version__,
        "rows": rows,
        "auraloss": against_auraloss(batches, options.budget),
        "mel": mel_and_its_fft(options.batch, options.budget),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "loss_speed.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    path.with_suffix(".md").write_text(report(document))
    print(report(document))


def sounds(batch: int) -> tuple[Tensor, Tensor]:
    """Saws of random pitch and their targets, `(batch, n_samples)`."""
    found = PitchTrials("saw", n_trials=batch, cents=(), clock=Clock()).rendered()
    return found.prediction, found.target


def row(name: str, loss: Loss, batch: int, budget_s: float) -> Row:
    audio, target = sounds(batch)
    with torch.no_grad():
        kept = loss.embed(target)
    evaluate = forward(lambda x: loss.compare(loss.embed(x), kept), audio)
    differentiate = backward(lambda x: loss.compare(loss.embed(x), kept), audio)
    times = best_times([evaluate, differentiate], budget_s)
    return {
        "loss": name,
        "batch": batch,
        "evaluations_per_s": batch / times[0],
        "gradients_per_s": batch / times[1],
    }


def forward(value: Callable[[Tensor], Tensor], audio: Tensor) -> Callable[[], object]:
    def call() -> object:
        with torch.no_grad():
            return value(audio)

    return call


def backward(value: Callable[[Tensor], Tensor], audio: Tensor) -> Callable[[], object]:
    leaf = audio.clone().requires_grad_()
    return lambda: torch.autograd.grad(value(leaf).sum(), leaf)


def best_times(calls: Sequence[Callable[[], object]], budget_s: float) -> list[float]:
    """Seconds of the fastest call of each, tried by turns.

    By turns, as other load on the machine comes and goes; the fastest, as it only adds time.
    """
    best = [math.inf] * len(calls)
    for call in calls:
        call()
    end = time.perf_counter() + budget_s * len(calls)
    n_turns = 0
    while n_turns < 5 or time.perf_counter() < end:
        for k, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[k] = min(best[k], time.perf_counter() - start)
        n_turns += 1
    return best


def against_auraloss(batches: tuple[int, ...], budget_s: float) -> list[Row]:
    """The losses that auraloss has too, with its settings; none where it is not installed."""
    if importlib.util.find_spec("auraloss") is None:
        return []
    import auraloss

    sizes = list(POWERS_OF_TWO)
    hops = [n // 4 for n in sizes]
    both = (Convergence(), Difference("log", floor=1e-4))
    six = (Difference(weight=1 / 6), Difference("log", weight=1 / 6, floor=1e-4))
    bands = MelBands(128, scale="slaney")
    pairs: list[tuple[str, Loss, Any]] = [
        ("STFTLoss", SpectralLoss((Scale(1024, 256),), both), auraloss.freq.STFTLoss()),
        (
            "MelSTFTLoss",
            SpectralLoss((Scale(1024, 256),), both, bands=bands),
            auraloss.freq.MelSTFTLoss(16000),
        ),
        (
            "MultiResolutionSTFTLoss",
            losses.build("multi-resolution"),
            auraloss.freq.MultiResolutionSTFTLoss(),
        ),
        (
            "MultiResolutionSTFTLoss, six sizes, linear and log",
            SpectralLoss(overlapping(POWERS_OF_TWO), six),
            auraloss.freq.MultiResolutionSTFTLoss(sizes, hops, sizes, w_sc=0.0, w_lin_mag=1.0),
        ),
        ("SISDRLoss", losses.build("si-sdr"), auraloss.time.SISDRLoss()),
    ]
    return [against(name, own, other, b, budget_s) for name, own, other in pairs for b in batches]


def against(name: str, own: Loss, other: Any, batch: int, budget_s: float) -> Row:
    audio, target = sounds(batch)
    with torch.no_grad():
        kept = own.embed(target)

    def once(x: Tensor) -> Tensor:
        return own.compare(own.embed(x), kept)

    def anew(x: Tensor) -> Tensor:
        return own.compare(own.embed(x), own.embed(target))

    def theirs(x: Tensor) -> Tensor:
        found: Tensor = other(x[:, None], target[:, None])
        return found

    ways = {"once": once, "anew": anew, "auraloss": theirs}
    calls = [make(way, audio) for make in (forward, backward) for way in ways.values()]
    times = iter(best_times(calls, budget_s))
    return {
        "auraloss": name,
        "batch": batch,
        "evaluations_per_s": {way: batch / next(times) for way in ways},
        "gradients_per_s": {way: batch / next(times) for way in ways},
    }


def mel_and_its_fft(batch: int, budget_s: float) -> Row:
    """The suite's distance, and its Fourier transforms alone."""
    distance = MelDistance(16000)
    audio, target = sounds(batch)
    with torch.no_grad():
        kept = distance.embed(target[:1])
    evaluate = forward(lambda x: distance.compare(distance.embed(x), kept), audio)
    differentiate = backward(lambda x: distance.compare(distance.embed(x), kept), audio)
    pieces = list(fft_pieces(audio.shape[1], batch))

    def transform() -> None:
        for frames, spectra in pieces:
            torch.fft.rfft(frames, out=spectra)

    times = best_times([evaluate, differentiate, transform], 2 * budget_s)
    return {
        "batch": batch,
        "evaluations_per_s": batch / times[0],
        "gradients_per_s": batch / times[1],
        "ffts_alone_per_s": batch / times[2],
        "fft_share_of_evaluation": times[2] / times[0],
    }


def fft_pieces(n_samples: int, batch: int) -> list[tuple[Tensor, Tensor]]:
    """Input and output of each transform of an evaluation, in the memory that its kernels use."""
    pieces = []
    step = max(1, CACHE_SAMPLES // n_samples)
    for resolution in RESOLUTIONS:
        size = window_length(resolution.window_s, 16000)
        frames = torch.rand(step, n_samples // (size // 2), size)
        spectra = torch.empty(*frames.shape[:2], size // 2 + 1, dtype=torch.complex64)
        pieces += [(frames, spectra)] * -(-batch // step)
    return pieces


def report(document: Row) -> str:
    load = document["load_before"]
    busy = "" if load is None else f"load of {load:g} on {document['cores']} cores before the run; "
    lines = [
        "# Speed of the losses",
        "",
        f"`{document['command']}`, {document['threads']} threads, "
        f"{'compiled kernels' if document['kernels'] else 'torch alone'}; 1.024 s at 16 kHz, "
        f"target embedded once; per second; {busy}a large batch holds {document['mel']['batch']} "
        "sounds.",
        "",
        "| loss | evaluations, batch 1 | large batch | gradients, batch 1 | large batch |",
        "|---|--:|--:|--:|--:|",
    ]
    by_name: dict[str, list[Row]] = {}
    for entry in document["rows"]:
        by_name.setdefault(entry["loss"], []).append(entry)
    for name, entries in by_name.items():
        kinds = ("evaluations_per_s", "gradients_per_s")
        cells = [f"{entry[kind]:,.0f}" for kind in kinds for entry in entries]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    if document["auraloss"]:
        lines += ["", *auraloss_lines(document["auraloss"])]
    mel = document["mel"]
    lines += [
        "",
        f"`MelDistance` at batch {mel['batch']}: {mel['evaluations_per_s']:,.0f} evaluations per "
        f"second (asked: {ASKED_PER_S:,}), {mel['gradients_per_s']:,.0f} gradients; its FFTs alone "
        f"{mel['ffts_alone_per_s']:,.0f} per second, {mel['fft_share_of_evaluation']:.0%} of an "
        "evaluation.",
    ]
    return "\n".join(lines) + "\n"


def auraloss_lines(rows: Sequence[Row]) -> list[str]:
    lines = [
        "Beside auraloss, same settings, per second: ours with the target embedded once, with the "
        "target anew as auraloss does, auraloss; (ours anew over auraloss).",
        "",
        "| auraloss | batch | evaluations: once | anew | auraloss | gradients: once | anew "
        "| auraloss |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for entry in rows:
        cells = []
        for kind in ("evaluations_per_s", "gradients_per_s"):
            found = entry[kind]
            ratio = found["anew"] / found["auraloss"]
            cells += [
                f"{found['once']:,.0f}",
                f"{found['anew']:,.0f} ({ratio:.1f}x)",
                f"{found['auraloss']:,.0f}",
            ]
        lines.append(f"| {entry['auraloss']} | {entry['batch']} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
