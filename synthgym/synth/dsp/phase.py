"""Phase accumulation, in cycles, exact over long sounds in float32.

A float32 phase that grows to thousands of cycles loses its fraction. So a signal is cut into
blocks: where each block starts is counted in float64 and reduced modulo 1, and only the few cycles
within a block are counted in the signal's own precision. Reducing modulo 1 has derivative 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from synthgym.synth.clock import Clock

BLOCK = 128


def constant_phase(freq_hz: Tensor, start_cycles: Tensor, clock: Clock) -> Tensor:
    """Phase of a steady tone.

    Args:
        freq_hz: `(batch,)`.
        start_cycles: phase at the first sample, `(batch,)`.
        clock: time base.

    Returns:
        `(batch, n_samples)` in cycles, equal modulo 1 to `start + freq * n / sample_rate`.
    """
    increment, starts = _carrier(freq_hz, start_cycles, clock)
    ramp = torch.arange(BLOCK, dtype=freq_hz.dtype, device=freq_hz.device)
    phase = torch.addcmul(_wrap(starts)[:, :, None].to(freq_hz.dtype), increment, ramp)
    return phase.flatten(1)[:, : clock.n_samples]


def modulated_phase(
    freq_hz: Tensor, deviation_hz: Tensor, modulator: Tensor, start_cycles: Tensor, clock: Clock
) -> Tensor:
    """Phase of a frequency-modulated tone: the running sum of its momentary frequency.

    The sum includes the current sample, as in DiffMoog (arXiv 2401.12570):
    `start + freq * n / s + deviation / s * sum(modulator[: n + 1])`, with `s` the sample rate.

    Args:
        freq_hz: carrier frequency, `(batch,)`.
        deviation_hz: peak frequency deviation at a modulator of 1, `(batch,)`.
        modulator: `(batch, n_samples)`, usually within [-1, 1].
        start_cycles: `(batch,)`.
        clock: time base.

    Returns:
        `(batch, n_samples)` in cycles, modulo 1 within the precision of its dtype.
    """
    dtype = freq_hz.dtype
    increment, starts = _carrier(freq_hz, start_cycles, clock)
    n_blocks = -(-clock.n_samples // BLOCK)
    padded = F.pad(modulator, (0, n_blocks * BLOCK - clock.n_samples))
    blocks = padded.view(len(modulator), n_blocks, BLOCK)
    within = blocks.cumsum(-1)
    sums = within[:, :, -1].double()
    scale = (deviation_hz.double() / clock.sample_rate)[:, None]
    starts = _wrap(starts + scale * (sums.cumsum(-1) - sums))[:, :, None].to(dtype)
    ramp = torch.arange(BLOCK, dtype=dtype, device=freq_hz.device)
    phase = torch.addcmul(
        torch.addcmul(starts, increment, ramp), scale[:, :, None].to(dtype), within
    )
    return phase.flatten(1)[:, : clock.n_samples]


def _carrier(freq_hz: Tensor, start_cycles: Tensor, clock: Clock) -> tuple[Tensor, Tensor]:
    """Cycles per sample `(batch, 1, 1)`, and the phase at each block's start in float64."""
    per_sample = freq_hz.double() / clock.sample_rate
    first = torch.arange(0, clock.n_samples, BLOCK, dtype=torch.float64, device=freq_hz.device)
    starts = start_cycles.double()[:, None] + per_sample[:, None] * first
    return per_sample[:, None, None].to(freq_hz.dtype), starts


def _wrap(cycles: Tensor) -> Tensor:
    return cycles - cycles.detach().floor()
