"""The two-parameter synthesizers of a published comparison of optimizers.

Formulas and ranges are those of Salimi et al., arXiv 2506.22628, and of its follow-up
(imilas/realtime_soundmatching, 2026). Three things differ. Saws are band-limited, so that their
gradient is the true one. The chirp fades out at the Nyquist frequency, beyond which the original
folds back; `chirplet(..., naive=True)` is the original. And the noise is this project's own, the
same in every rendering, as theirs is.
"""

from __future__ import annotations

from synthgym.synth.modules import (
    Butterworth,
    Chirp,
    Knob,
    Noise,
    Oscillator,
    RingModulator,
    WeightedMix,
)
from synthgym.synth.params import Linear
from synthgym.synth.patch import Node, Patch

_FREQ = Linear("freq", 20.0, 1000.0, unit="Hz")
# A saw from 0 to 1 that starts at 0, as the original's phase: half of one from -1 to 1 that starts
# half a cycle in, and this on top.
_HALF_SAW = Node("saw", Oscillator("saw", _FREQ, amp=0.5, phase=0.5))
_OFFSET = Node("offset", Knob(0.5))

Range = tuple[float, float]


def add_sine_saw(duration_s: float) -> Patch:
    """A sine and a saw, each at a pitch of its own."""
    sine = Node("sine", Oscillator("sine", _FREQ, amp=1.0))
    out = Node("out", WeightedMix(3, 1.0), {"audio": ("saw", "sine", "offset")})
    return Patch((_HALF_SAW, sine, _OFFSET, out))


def sine_mod_saw(duration_s: float) -> Patch:
    """A saw whose amplitude a slow sine modulates."""
    modulator = Node("modulator", Oscillator("sine", Linear("freq", 1.0, 20.0, "Hz"), amp=1.0))
    positive = Node("positive", WeightedMix(2, 1.0), {"audio": ("saw", "offset")})
    out = Node("out", RingModulator(), {"audio": "positive", "carrier": "modulator"})
    return Patch((_HALF_SAW, modulator, _OFFSET, positive, out))


def am_noise(duration_s: float) -> Patch:
    """White noise whose amplitude a very slow sine modulates."""
    noise = Node("noise", Noise(amp=Linear("amp", 0.0, 5.0)))
    carrier = Node("carrier", Oscillator("sine", Linear("freq", 0.0, 4.0, "Hz"), amp=1.0))
    out = Node("out", RingModulator(), {"audio": "noise", "carrier": "carrier"})
    return Patch((noise, carrier, out))


def bandpass_noise(
    duration_s: float, lowpass: Range = (60.0, 6000.0), highpass: Range = (30.0, 5000.0)
) -> Patch:
    """White noise through a lowpass of order 3 and a highpass of order 10.

    Args:
        duration_s: is of no effect.
        lowpass: range of its cutoff in Hz.
        highpass: likewise.
    """
    low = Butterworth("lowpass", 3, Linear("cutoff", *lowpass, "Hz"))
    high = Butterworth("highpass", 10, Linear("cutoff", *highpass, "Hz"))
    return Patch(
        (
            Node("noise", Noise(amp=1.0)),
            Node("lowpass", low, {"audio": "noise"}),
            Node("highpass", high, {"audio": "lowpass"}),
        )
    )


def chirplet(duration_s: float, naive: bool = False) -> Patch:
    """A sine of rising frequency; `naive` lets it fold back at the Nyquist frequency."""
    return Patch((Node("chirp", Chirp(naive=naive)),))
