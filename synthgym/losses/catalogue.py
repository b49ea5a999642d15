"""The built-in losses by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from synthgym.errors import ParameterError, unknown_name
from synthgym.losses import presets, published
from synthgym.losses.base import Loss
from synthgym.losses.envelope import EnvelopeSoftDTW, Framing, LogRMSEnvelope, RMSEnvelope
from synthgym.losses.mel import MelDistance
from synthgym.losses.mfcc import MFCCDistance
from synthgym.losses.scattering import TimeFrequencyScattering
from synthgym.losses.transport import SpectralTransport
from synthgym.losses.waveform import SISDR, ComplexSpectrumDistance, WaveformDistance

_LOSSES: dict[str, Callable[[int], Loss]] = {
    "mel": MelDistance,
    "magnitude": lambda sample_rate: published.magnitude(),
    "log-magnitude": lambda sample_rate: published.log_magnitude(),
    "multi-scale": lambda sample_rate: published.multi_scale(),
    "multi-resolution": lambda sample_rate: published.multi_resolution(),
    "revisited": lambda sample_rate: published.revisited(),
    "mel-magnitude": published.mel_magnitude,
    "log-mel": published.log_mel,
    "spectral-convergence": lambda sample_rate: published.spectral_convergence(),
    "simse": lambda sample_rate: published.simse(),
    "blurred": lambda sample_rate: published.blurred(),
    "mfcc": MFCCDistance,
    "scattering": TimeFrequencyScattering,
    "rms-envelope": lambda sample_rate: RMSEnvelope(Framing(sample_rate)),
    "log-rms-envelope": lambda sample_rate: LogRMSEnvelope(Framing(sample_rate)),
    "envelope-soft-dtw": lambda sample_rate: EnvelopeSoftDTW(Framing(sample_rate)),
    "waveform-l1": lambda sample_rate: WaveformDistance(1),
    "waveform-l2": lambda sample_rate: WaveformDistance(2, name="waveform-l2"),
    "si-sdr": lambda sample_rate: SISDR(),
    "complex-spectrum": lambda sample_rate: ComplexSpectrumDistance(),
    "transport": SpectralTransport.at,
    "transport-squared": partial(SpectralTransport.at, order=2, name="transport-squared"),
    "transport-mel": partial(SpectralTransport.at, axis="mel", name="transport-mel"),
    "transport-linear": partial(SpectralTransport.at, axis="linear", name="transport-linear"),
    **{name: partial(presets.build, name) for name in presets.PRESETS},
}


def names() -> list[str]:
    """Names of the built-in losses."""
    return list(_LOSSES)


def build(name: str, sample_rate: int = 16000) -> Loss:
    """A built-in loss with its usual settings.

    Args:
        name: one of `names()`.
        sample_rate: of the sounds to compare, in Hz.

    Raises:
        UnknownNameError: there is no such loss; the message suggests the nearest name.
        ParameterError: `sample_rate` is below 1.
    """
    if name not in _LOSSES:
        raise unknown_name("loss", name, _LOSSES)
    if sample_rate < 1:
        raise ParameterError(f"sample_rate is {sample_rate}; it must be 1 Hz or more")
    return _LOSSES[name](sample_rate)
