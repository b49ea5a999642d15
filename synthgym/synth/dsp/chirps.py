"""A sine whose frequency rises exponentially."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from synthgym.synth.clock import Clock
from synthgym.synth.dsp.oscillators import sine

# Where the band-limited chirp begins to fade, as a share of the Nyquist frequency.
FADE_FROM = 0.9
# The exponent where the frequency stands still, at some 1e13 Hz: float64 still tells phases apart.
HIGHEST_EXPONENT = 30.0


def exponential_chirp(
    speed_per_s: Tensor, pitch_hz: Tensor, clock: Clock, naive: bool = False
) -> Tensor:
    """A sine of the momentary frequency `exp(speed t) + pitch` in Hz, t in seconds from 0.

    Its phase is the integral of that, `(exp(speed t) - 1) / speed + pitch t` cycles, so the sound
    is the same at any sample rate. Above the Nyquist frequency there is nothing to hear: the tone
    fades out over the last tenth below it. The closed form goes on and folds back, which at a
    second of speed 20 is most of the sound, and so steep in the speed that one step of float32
    moves the phase by many cycles.

    Args:
        speed_per_s: by which the frequency grows e-fold, above 0, `(batch,)`.
        pitch_hz: `(batch,)`; the frequency at the start is 1 Hz above it.
        clock: time base.
        naive: the closed form, which aliases.

    Returns:
        `(batch, n_samples)`.
    """
    speed, pitch = speed_per_s.double()[:, None], pitch_hz.double()[:, None]
    step = torch.arange(clock.n_samples, dtype=torch.float64, device=speed.device)
    time_s = (step / clock.sample_rate)[None]
    most = HIGHEST_EXPONENT if naive else math.log(4 * clock.nyquist_hz)
    exponent = (speed * time_s).clamp_max(most)
    risen = torch.expm1(exponent)
    cycles = risen / speed + pitch * time_s
    signal = sine((cycles - cycles.detach().floor()).to(speed_per_s.dtype))
    if naive:
        return signal
    beyond = ((risen + 1 + pitch) / clock.nyquist_hz - FADE_FROM) / (1 - FADE_FROM)
    fade = (1 + torch.cos(beyond.clamp(0.0, 1.0) * math.pi)) / 2
    return signal * fade.to(signal.dtype)
