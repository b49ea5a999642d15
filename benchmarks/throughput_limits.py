"""What the machine does at best, and the least that a chain asks of it; for `throughput.py`.

An operation's rate is that of a torch call in place on blocks that stay in the cache, on as many
threads as everything else. The counts are what is left of a chain when every signal is free to read
and write: the operations on a sample that no way of computing it does without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

BLOCK_SAMPLES = 1 << 15
FRAME_SAMPLES, N_FRAMES = 4096, 24

# Operations for each sample: sines, running sums, multiplications with addition, real FFTs.
#
# A steady phase is a ramp: 1 multiply-add; a modulated one is the ramp and the sum: 2. An amplitude
# is 1. A saw whose jump is a polynomial takes 8 more (wrap 2, two powers of four 4, sum 2), a
# square with two of them 12; a Choice of waveforms counts as a saw. An envelope of straight lines
# takes 4, a product 1, a mix of n signals n, a tremolo 2. A windowed-sinc filter is an FFT and its
# inverse, without the overlap of its frames, and 1 for the kernel. Several carriers share the
# running sum of their modulator. Controls at a rate of their own count nothing; a frequency that
# glides between points takes 3 instead of a sum, an amplitude that does 2.
#
# For the gradient as much again, and: for each parameter of a tone an inner product, for each sine
# its slope, for each running sum one in reverse, for each FFT one; what is known from the way there
# is taken as kept.
RENDER: dict[str, dict[str, float]] = {
    "FM sine": {"sine": 2, "sum": 1, "multiply": 4},
    "Subtractive": {"multiply": 9 + 1 + 13 + 1 + 2 + 5 + 1, "fft": 2},
    "Modular": {
        "sine": 2,
        "sum": 2,
        "multiply": 2 + 11 + 3 + 11 + 15 + 3 + 5 + 1 + 2,
        "fft": 2,
    },
    "Voice": {"sine": 1, "multiply": 3 + 1 + 3 + 9 + 3 * 2 + 3},
}
GRADIENT: dict[str, dict[str, float]] = {
    "FM sine": {"sine": 4, "sum": 2, "multiply": 4 + 8},
    "Subtractive": {"multiply": 32 + 32 + 12, "fft": 4},
    "Modular": {"sine": 4, "sum": 4, "multiply": 53 + 53 + 30, "fft": 4},
    "Voice": {"sine": 2, "multiply": 25 + 25 + 15},
}
# Three resolutions, each sample in two frames of each: a window, the power of a bin (2 for two
# numbers), its place in two bands; then all of it in reverse.
DISTANCE: dict[str, float] = {"fft": 6, "multiply": 6 * 4}
DISTANCE_GRADIENT: dict[str, float] = {"fft": 12, "multiply": 6 * 8}


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


def machine_rates() -> dict[str, float]:
    """Operations on samples per second, on all threads together."""
    n_threads = torch.get_num_threads()
    block = torch.rand(n_threads, BLOCK_SAMPLES)
    frames = torch.rand(n_threads * N_FRAMES, FRAME_SAMPLES)
    spectra = torch.fft.rfft(frames)
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "sine": (block.sin_, block.numel()),
        "sum": (lambda: torch.cumsum(block, 1, out=block), block.numel()),
        "multiply": (lambda: block.mul_(1.0), block.numel()),
        "fft": (lambda: torch.fft.rfft(frames, out=spectra), frames.numel()),
    }
    rates = {}
    for name, (call, n_samples) in calls.items():
        block.fill_(0.5)
        rates[name] = n_samples / best_time(call)
    return rates


def least_time(counts: Mapping[str, float], rates: Mapping[str, float], n_samples: int) -> float:
    """Seconds for so many operations on each of `n_samples` samples."""
    return n_samples * sum(count / rates[name] for name, count in counts.items())


def together(*counts: Mapping[str, float]) -> dict[str, float]:
    """The sum of counts."""
    names = {name for count in counts for name in count}
    return {name: sum(count.get(name, 0) for count in counts) for name in sorted(names)}
