"""Ranking losses, with progress, and how the result is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from synthgym.landscapes import COLUMNS, Standing, Trial, n_steps, standing
from synthgym.losses import Loss

HEADER = (
    "loss",
    *COLUMNS,
    "basin, cents",
    "minima",
    "basin, index",
    "minima",
    "ms",
    "ms with gradient",
)


def rank_all(
    losses: Mapping[str, Loss], on: Trial, console: Console, n_workers: int = 1
) -> list[Standing]:
    """Try all losses, several at a time; the best come first.

    Args:
        losses: by the name under which they are listed.
        on: what they are tried on.
        console: where progress is shown; a terminal gets a bar, anything else a line for each loss.
        n_workers: losses at a time.

    Raises:
        LossError: a loss failed, or a value or gradient is not finite.
    """
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    stopped = threading.Event()
    with bar, _single_threaded(), ThreadPoolExecutor(n_workers) as pool:
        task = bar.add_task("", total=len(losses) * n_steps(on))

        def advance() -> None:
            bar.advance(task)
            if stopped.is_set():
                raise _StoppedError

        def one(name: str, loss: Loss) -> Standing:
            bar.update(task, description=name)
            return standing(loss, on, name, advance)

        running = [pool.submit(one, name, loss) for name, loss in losses.items()]
        try:
            for k, future in enumerate(as_completed(running), 1):
                if not console.is_terminal:
                    line = f"[{k}/{len(losses)}] {future.result().name}"
                    console.print(line, markup=False, highlight=False, soft_wrap=True)
            found = [future.result() for future in running]
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return sorted(found, key=lambda one: -one.score)


class _StoppedError(Exception):
    """Ends the trial of a loss whose result nobody waits for."""


@contextmanager
def _single_threaded() -> Iterator[None]:
    """One thread for each operation meanwhile.

    Losses side by side make better use of the cores than the parts of one operation, whose threads
    wait for each other at each step, and the more so the busier the machine is.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def row(one: Standing) -> tuple[str, ...]:
    """One loss in one line of the table."""
    shares = [f"{one.pooled(c).value:.2f} ({one.worst(c).value:.2f})" for c in COLUMNS]
    return (
        one.name,
        *shares,
        f"{one.freq_basin_cents:,.0f}",
        f"{one.freq_minima:g}",
        f"{one.index_basin:.0%}",
        f"{one.index_minima:g}",
        f"{one.cost.ms_per_evaluation:.2f}",
        f"{one.cost.ms_per_gradient:.2f}",
    )


def notes(found: Sequence[Standing], on: Trial) -> list[str]:
    """What a reader of the table has to know."""
    shares = [one.pooled(column) for one in found for column in COLUMNS]
    error = max(share.standard_error for share in shares)
    n_trials, sweep = shares[0].n_trials, on.sweep
    return [
        f"{', '.join(COLUMNS[:-1])}: share of {n_trials} pairs of tones (sine, square, saw) whose "
        "nearer one has the smaller loss; gradient: whose derivative by log-frequency points the "
        f"right way. Standard error at most {error:.3f}; (in brackets: the worst waveform)",
        f"basin: from where the loss falls all the way to the truth, median of {sweep.n_targets} "
        f"sounds, of 4,800 cents and of modulation indices from 0 to 0.1; minima on {sweep.n_freqs}"
        f" and {sweep.n_indices} points",
        f"ms: for each sound of 1.024 s in a batch of {on.cost_batch}, target embedded once, one "
        "thread",
    ]


def json_text(found: Sequence[Standing], on: Trial) -> str:
    """All that was found, as JSON."""
    document = {
        "n_trials": next(iter(on.pitch.values())).trials.n_trials,
        "n_targets": on.sweep.n_targets,
        "n_freqs": on.sweep.n_freqs,
        "n_indices": on.sweep.n_indices,
        "seed": on.sweep.seed,
        "threads": 1,
        "losses": [_entry(one) for one in found],
    }
    return json.dumps(document, indent=1) + "\n"


def _entry(one: Standing) -> dict[str, object]:
    return {
        "name": one.name,
        "score": one.score,
        "shares": {
            column: {shape: share.value for shape, share in by_shape.items()}
            for column, by_shape in one.shares.items()
        },
        "standard_errors": {column: one.pooled(column).standard_error for column in COLUMNS},
        "freq_basin_cents": one.freq_basin_cents,
        "freq_minima": one.freq_minima,
        "index_basin": one.index_basin,
        "index_minima": one.index_minima,
        "evaluations_per_s": one.cost.evaluations_per_s,
        "gradients_per_s": one.cost.gradients_per_s,
        "batch": one.cost.batch,
    }
