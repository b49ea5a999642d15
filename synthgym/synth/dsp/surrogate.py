"""A gradient that finds frequencies from far away, in place of the true one.

The loss between two sines has a ripple of local minima along the frequency. Hayes, Saitis and
Fazekas ("Sinusoidal frequency estimation by gradient descent", arXiv 2210.14476) let the gradient
be that of a complex exponential `z^n` with `|z| < 1`, whose damping irons the ripple out: for a
squared error the derivative with respect to the angle of `z`,

    sum of n |z|^n sin((w - v) n)  ~  s (w - v) / (s^2 + (w - v)^2)^2,   s = -log |z|,

has the sign of the frequency error w - v, however large (as a sine has a mirror at -w, for w above
v / 3). Here the sound stays the true one, of `|z| = 1`; the backward pass takes the derivative at
`|z| = exp(-1 / (memory * sample_rate))`. It is by design not the derivative of the sound.
It costs the tone itself a second time: once it moves with amplitude and waveform, whose gradients
are the true ones, and once with frequency and phase.
"""

from __future__ import annotations

import torch
from torch import Tensor

from synthgym import kernels
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.tones import fm_tone, tone


def surrogate_tone(
    weights: Tensor,
    shapes: tuple[str, ...],
    freq_hz: Tensor,
    start_cycles: Tensor,
    amp: Tensor,
    memory_s: float,
    clock: Clock,
) -> Tensor:
    """As `tones.tone`, to the bit, with the surrogate's gradient by frequency and phase.

    Args:
        weights: one-hot, `(batch, len(shapes))`.
        shapes: waveform names. For a sine it is the surrogate of the source; for the others the
            same damping of what frequency and phase do, with band-limited waveforms.
        freq_hz: `(batch,)`.
        start_cycles: `(batch,)`.
        amp: `(batch,)`.
        memory_s: in which the surrogate decays by e; shorter is smoother and less exact.
        clock: time base.
    """
    held = tone(weights, shapes, freq_hz.detach(), start_cycles.detach(), amp, clock)
    if not _differentiable(freq_hz, start_cycles):
        return held
    moved = tone(weights.detach(), shapes, freq_hz, start_cycles, amp.detach(), clock)
    return _joined(held, moved, memory_s, clock)


def surrogate_fm_tone(
    weights: Tensor,
    shapes: tuple[str, ...],
    freq_hz: Tensor,
    depth_hz: Tensor,
    start_cycles: Tensor,
    amp: Tensor,
    modulator: Tensor,
    memory_s: float,
    clock: Clock,
) -> Tensor:
    """As `tones.fm_tone`, with the surrogate's gradient; other arguments as in `surrogate_tone`.

    Args:
        weights: see there.
        shapes: see there.
        freq_hz: see there.
        depth_hz: deviation at a modulator of 1, `(batch,)`.
        start_cycles: see there.
        amp: see there.
        modulator: `(batch, n_samples)`; its gradient is damped too.
        memory_s: see there.
        clock: see there.
    """
    bends = (freq_hz, depth_hz, start_cycles)
    still = modulator.detach()
    freq, depth, start = (value.detach() for value in bends)
    held = fm_tone(weights, shapes, freq, depth, start, amp, still, clock)
    if not _differentiable(*bends, modulator):
        return held
    moved = fm_tone(weights.detach(), shapes, *bends, amp.detach(), modulator, clock)
    return _joined(held, moved, memory_s, clock)


def _differentiable(*values: Tensor) -> bool:
    backward = torch.is_grad_enabled() and any(value.requires_grad for value in values)
    return backward or kernels.has_tangent(*values)


def _joined(held: Tensor, moved: Tensor, memory_s: float, clock: Clock) -> Tensor:
    """The sound of both; its gradient is that of `held`, and that of `moved`, which fades.

    Args:
        held: `(batch, n_samples)`.
        moved: the same values.
        memory_s: in which its gradient fades by e.
        clock: time base.
    """
    time_s = torch.arange(clock.n_samples, dtype=held.dtype, device=held.device)
    fading = torch.exp(time_s * (-1 / (memory_s * clock.sample_rate)))
    # What is added is zero in every sample: of it, only the gradient is wanted.
    return held + fading * (moved - moved.detach())
