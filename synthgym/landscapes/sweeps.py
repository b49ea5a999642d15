"""Loss over oscillator frequency and modulation index, all else at the truth: DiffMoog's Figure 7.

The voice is that of the paper's notebook, the chain LFO_SAW: a sine of low frequency modulates the
frequency of a saw (arXiv 2401.12570, Figure 7 and its text). The paper shows two curves for one
sound; here targets are drawn, so that what a loss does on average can be said.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.landscapes.basins import (
    Floats,
    Ints,
    attracted,
    basins,
    minima,
    surface_minima,
)
from synthgym.landscapes.checked import compared, embedded, rows_of
from synthgym.losses import Loss
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.oscillators import waveform
from synthgym.synth.dsp.tones import fm_tone, tone

CENTS_EITHER_SIDE = 2400.0
TRUE_FREQ_HZ = (130.8, 523.3)
LFO_HZ = (0.5, 15.0)
MAX_INDEX = 0.1


@dataclass(frozen=True)
class Sweep:
    """Targets, and the settings that are tried around each.

    True frequencies are log-uniform from C3 to C5 and swept by two octaves either way, which is
    DiffMoog's range of oscillators; modulation indices are swept over DiffMoog's range from 0 to
    0.1, with the truth in its middle half.

    Args:
        shape: waveform of the carrier.
        n_targets: number of sounds.
        n_freqs: points of the frequency sweep; odd, so that the truth is one of them.
        n_indices: points of the sweep of the modulation index.
        seed: of the draw.
        clock: time base.

    Raises:
        ParameterError: a number is too small, or `n_freqs` is even.
        UnknownNameError: no such waveform.
    """

    shape: str = "saw"
    n_targets: int = 16
    n_freqs: int = 193
    n_indices: int = 101
    seed: int = 0
    clock: Clock = Clock(16000, 16000)

    def __post_init__(self) -> None:
        waveform(self.shape)
        if self.n_targets < 1:
            raise ParameterError(f"n_targets is {self.n_targets}; it must be at least 1")
        if self.n_freqs < 5 or self.n_freqs % 2 == 0:
            raise ParameterError(f"n_freqs is {self.n_freqs}; it must be odd and at least 5")
        if self.n_indices < 5:
            raise ParameterError(f"n_indices is {self.n_indices}; it must be at least 5")

    @property
    def cents(self) -> Floats:
        """The frequencies tried, in cents from the true one, `(n_freqs,)`."""
        return np.linspace(-CENTS_EITHER_SIDE, CENTS_EITHER_SIDE, self.n_freqs)

    @property
    def indices(self) -> Floats:
        """The modulation indices tried, `(n_indices,)`."""
        return np.linspace(0.0, MAX_INDEX, self.n_indices)

    def targets(self) -> Voices:
        """The true settings."""
        digest = hashlib.sha256(f"sweep\x1f{self.shape}\x1f{self.seed}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
        freq, index, lfo, amp = torch.from_numpy(rng.random((self.n_targets, 4))).unbind(1)
        quarter = (self.n_indices - 1) // 4
        at = quarter + (index * (self.n_indices - 2 * quarter)).long()
        return Voices(
            _log_uniform(freq, TRUE_FREQ_HZ),
            torch.from_numpy(self.indices)[at],
            _log_uniform(lfo, LFO_HZ),
            0.1 + 0.9 * amp,
        )

    def true_index(self) -> Ints:
        """Which of `indices` is the true one, `(n_targets,)`."""
        found = np.abs(self.targets().index.numpy()[:, None] - self.indices).argmin(1)
        return np.asarray(found, dtype=np.int64)

    def true_freq(self) -> Ints:
        """Which of `cents` is the true one, `(n_targets,)`."""
        return np.full(self.n_targets, self.n_freqs // 2, dtype=np.int64)


@dataclass(frozen=True)
class Voices:
    """Settings of the voice; each `(batch,)`.

    Args:
        freq_hz: of the carrier.
        index: DiffMoog's modulation index; at `i`, the carrier moves by `i * sample_rate / (2 pi)`
            Hz either way.
        lfo_hz: frequency of the modulator.
        amp: peak amplitude.
    """

    freq_hz: Tensor
    index: Tensor
    lfo_hz: Tensor
    amp: Tensor

    def row(self, k: int, n_rows: int) -> Voices:
        """The voice `k`, `n_rows` times."""
        parts = (self.freq_hz, self.index, self.lfo_hz, self.amp)
        return Voices(*(part[k : k + 1].expand(n_rows) for part in parts))

    def render(self, shape: str, clock: Clock) -> Tensor:
        """Sounds `(batch, n_samples)`, float32, with band-limited waveforms."""
        ones = torch.ones(len(self.amp), 1)
        zero, one = torch.zeros(len(self.amp)), torch.ones(len(self.amp))
        lfo = tone(ones, ("sine",), self.lfo_hz.float(), zero, one, clock)
        depth = (self.index * (clock.sample_rate / (2 * math.pi))).float()
        freq, amp = self.freq_hz.float(), self.amp.float()
        return fm_tone(ones, (shape,), freq, depth, zero, amp, lfo, clock)


@dataclass(frozen=True)
class Curves:
    """Losses along one setting.

    Args:
        points: the settings tried `(n_points,)`, in cents or as modulation indices.
        values: `(n_targets, n_points)`.
        truth: which point is the true one, `(n_targets,)`.
    """

    points: Floats
    values: Floats
    truth: Ints

    @property
    def n_minima(self) -> Ints:
        """Local minima of each curve, `(n_targets,)`; the true one is one of them at best."""
        return np.asarray(minima(self.values).sum(1), dtype=np.int64)

    @property
    def widths(self) -> Floats:
        """Width of the basin around the truth, in the unit of `points`, `(n_targets,)`."""
        ends = self.points[basins(self.values, self.truth)]
        return np.asarray(ends[:, 1] - ends[:, 0])

    @property
    def span(self) -> float:
        """The widest that a basin can be here."""
        return float(self.points[-1] - self.points[0])


def frequency_curves(loss: Loss, sweep: Sweep) -> Curves:
    """Losses over the carrier's frequency.

    Raises:
        LossError: the loss failed, or did not return `(batch,)` finite numbers.
    """
    true, factors = sweep.targets(), torch.from_numpy(2 ** (sweep.cents / 1200))

    def tried(k: int) -> Voices:
        voices = true.row(k, sweep.n_freqs)
        return Voices(voices.freq_hz * factors, voices.index, voices.lfo_hz, voices.amp)

    values = [_against(loss, sweep, true.row(k, 1), tried(k)) for k in range(sweep.n_targets)]
    return Curves(sweep.cents, np.stack(values), sweep.true_freq())


def index_curves(loss: Loss, sweep: Sweep) -> Curves:
    """Losses over the modulation index.

    Raises:
        LossError: the loss failed, or did not return `(batch,)` finite numbers.
    """
    true, indices = sweep.targets(), torch.from_numpy(sweep.indices)

    def tried(k: int) -> Voices:
        voices = true.row(k, sweep.n_indices)
        return Voices(voices.freq_hz, indices, voices.lfo_hz, voices.amp)

    values = [_against(loss, sweep, true.row(k, 1), tried(k)) for k in range(sweep.n_targets)]
    return Curves(sweep.indices, np.stack(values), sweep.true_index())


@dataclass(frozen=True)
class Surface:
    """The loss of one target over both settings.

    Args:
        cents: frequencies tried, `(n_freqs,)`, in cents from the true one.
        indices: modulation indices tried, `(n_indices,)`.
        values: `(n_freqs, n_indices)`.
        truth: row and column of the true settings.
    """

    cents: Floats
    indices: Floats
    values: Floats
    truth: tuple[int, int]

    @property
    def n_minima(self) -> int:
        """Points that are lower than all eight around them."""
        return int(surface_minima(self.values).sum())

    @property
    def attracted(self) -> float:
        """Share of the points from which steepest descent ends at the truth."""
        return float(attracted(self.values, self.truth).mean())


def surface(loss: Loss, sweep: Sweep, target: int = 0) -> Surface:
    """The loss of one of the sweep's targets over frequency and modulation index.

    Raises:
        LossError: the loss failed, or did not return `(batch,)` finite numbers.
    """
    true = sweep.targets()
    factors = torch.from_numpy(2 ** (sweep.cents / 1200))
    voices = true.row(target, sweep.n_freqs * sweep.n_indices)
    tried = Voices(
        voices.freq_hz * factors.repeat_interleave(sweep.n_indices),
        torch.from_numpy(sweep.indices).repeat(sweep.n_freqs),
        voices.lfo_hz,
        voices.amp,
    )
    values = _against(loss, sweep, true.row(target, 1), tried)
    truth = (int(sweep.true_freq()[target]), int(sweep.true_index()[target]))
    return Surface(
        sweep.cents, sweep.indices, values.reshape(sweep.n_freqs, sweep.n_indices), truth
    )


@torch.no_grad()
def _against(loss: Loss, sweep: Sweep, target: Voices, tried: Voices) -> Floats:
    """Losses `(batch,)` of the voices tried against one target, which is embedded once."""
    kept_target = embedded(loss, target.render(sweep.shape, sweep.clock))
    values = []
    for rows in rows_of(len(tried.amp)):
        voices = Voices(tried.freq_hz[rows], tried.index[rows], tried.lfo_hz[rows], tried.amp[rows])
        kept = embedded(loss, voices.render(sweep.shape, sweep.clock))
        values.append(compared(loss, kept, kept_target, rows.stop - rows.start))
    return torch.cat(values).double().numpy()


def _log_uniform(unit: Tensor, limits: tuple[float, float]) -> Tensor:
    low, high = limits
    return low * (high / low) ** unit
