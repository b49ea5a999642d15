"""Butterworth filters of any order, as a chain of state-variable filters."""

from __future__ import annotations

import math

from torch import Tensor

from synthgym.errors import ParameterError, unknown_name
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.svf import state_variable_filter

MODES = ("lowpass", "highpass")
# Far beyond any use; each two orders are another pass over the sound.
HIGHEST_ORDER = 32


def butterworth(mode: str, order: int, audio: Tensor, cutoff_hz: Tensor, clock: Clock) -> Tensor:
    """Maximally flat lowpass or highpass, 6 dB an octave for each order, -3 dB at the cutoff.

    The bilinear transform of S. Butterworth's prototype ("On the theory of filter amplifiers",
    Experimental Wireless 7, 1930), exact at the cutoff: what `scipy.signal.butter` designs, in
    second-order sections that are state-variable filters. Their recursion is exact, and so is its
    gradient. An odd order's section of one pole is a section of two at q = 1/2, whose second pole a
    zero cancels: `(1 + s) / (1 + s)^2` for the lowpass, that is its low and half its band output.

    Args:
        mode: `"lowpass"` or `"highpass"`.
        order: number of poles, 1 to 32.
        audio: `(batch, n_samples)`; the filter is at rest before its start.
        cutoff_hz: `(batch,)` or `(batch, n_samples)`, held within 0 and the Nyquist frequency.
        clock: time base.

    Returns:
        `(batch, n_samples)`.

    Raises:
        UnknownNameError: there is no such mode.
        ParameterError: the order is not a whole number from 1 to 32.
    """
    check(mode, order)
    whole = cutoff_hz.new_ones(len(cutoff_hz), 1)
    quality = cutoff_hz.new_ones(len(cutoff_hz))
    if order % 2:
        both = cutoff_hz.new_tensor([[1.0, 0.5]]).expand(len(cutoff_hz), -1)
        audio = state_variable_filter(
            both, (mode, "bandpass"), audio, cutoff_hz, 0.5 * quality, clock
        )
    # From the section with the lowest peak to that with the highest, so that no state grows large.
    for k in reversed(range(order // 2)):
        q = 1 / (2 * math.sin(math.pi * (2 * k + 1) / (2 * order)))
        audio = state_variable_filter(whole, (mode,), audio, cutoff_hz, q * quality, clock)
    return audio


def check(mode: str, order: int) -> None:
    """Raise `UnknownNameError` or `ParameterError` for what `butterworth` does not take."""
    if mode not in MODES:
        raise unknown_name("mode of a Butterworth filter", mode, MODES)
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= HIGHEST_ORDER:
        raise ParameterError(
            f"order is {order!r}; it must be a whole number from 1 to {HIGHEST_ORDER}"
        )
