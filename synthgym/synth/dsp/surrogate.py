"""A gradient that finds frequencies from far away, in place of the true one.

The loss between two sines has a ripple of local minima along the frequency. Hayes, Saitis and
Fazekas ("Sinusoidal frequency estimation by gradient descent", arXiv 2210.14476) let the gradient
be that of a complex exponential `z^n` with `|z| < 1`, whose damping irons the ripple out: for a
squared error the derivative with respect to the angle of `z`,

    sum of n |z|^n sin((w - v) n)  ~  s (w - v) / (s^2 + (w - v)^2)^2,   s = -log |z|,

has the sign of the frequency error w - v, however large (as a sine has a mirror at -w, for w above
v / 3). Here the sound stays the true one, of `|z| = 1`; the backward pass takes the derivative at
`|z| = exp(-1 / (memory * sample_rate))`. It is by design not the derivative of the sound.
"""

from __future__ import annotations

import torch
from torch import Tensor

from synthgym.synth.clock import Clock
from synthgym.synth.dsp.oscillators import selected_waveform
from synthgym.synth.dsp.phase import constant_phase, modulated_phase


def damped_gradient(phase: Tensor, memory_s: float, clock: Clock) -> Tensor:
    """The same phase, `(batch, n_samples)`; its gradient fades by e every `memory_s` seconds."""
    time_s = torch.arange(clock.n_samples, dtype=phase.dtype, device=phase.device)
    fading = torch.exp(time_s * (-1 / (memory_s * clock.sample_rate)))
    still = phase.detach()
    return still + fading * (phase - still)


def surrogate_tone(
    weights: Tensor,
    shapes: tuple[str, ...],
    freq_hz: Tensor,
    start_cycles: Tensor,
    amp: Tensor,
    memory_s: float,
    clock: Clock,
) -> Tensor:
    """As `tones.tone`, with the surrogate's gradient by frequency and phase.

    Args:
        weights: one-hot, `(batch, len(shapes))`.
        shapes: waveform names. For a sine it is the surrogate of the source; for the others the
            same damping of what the phase does, with band-limited waveforms.
        freq_hz: `(batch,)`.
        start_cycles: `(batch,)`.
        amp: `(batch,)`.
        memory_s: in which the surrogate decays by e; shorter is smoother and less exact.
        clock: time base.
    """
    phase = damped_gradient(constant_phase(freq_hz, start_cycles, clock), memory_s, clock)
    increment = freq_hz[:, None] / clock.sample_rate
    return amp[:, None] * selected_waveform(weights, shapes, phase, increment)


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
    phase = modulated_phase(freq_hz, depth_hz, modulator, start_cycles, clock)
    increment = (freq_hz[:, None] + depth_hz[:, None] * modulator) / clock.sample_rate
    phase = damped_gradient(phase, memory_s, clock)
    return amp[:, None] * selected_waveform(weights, shapes, phase, increment)
