"""The metrics by name: one of them, all on a pair of sounds, and the table of the documentation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from synthgym.errors import unknown_name
from synthgym.metrics.base import Floats, Metric, Sounds
from synthgym.metrics.cepstral import MfccDistance, WarpedMfccDistance
from synthgym.metrics.envelope import RmsEnvelope
from synthgym.metrics.log_spectra import (
    MEL,
    FrobeniusLogSpectralDistance,
    LogMeanAbsoluteError,
    LogMel,
    LogSpectralDistance,
)
from synthgym.metrics.pitch import F0Error
from synthgym.metrics.spectral import (
    DiffMoogConvergence,
    MultiScaleSpectral,
    PearsonFft,
    PearsonStft,
    SpectralConvergence,
)
from synthgym.metrics.transport import SpectralTransport

_METRICS: dict[str, Callable[[int], Metric]] = {
    "lsd": LogSpectralDistance,
    "lsd_frobenius": FrobeniusLogSpectralDistance,
    "lsd_frobenius_mel": partial(FrobeniusLogSpectralDistance, spectrum=MEL),
    "mss": MultiScaleSpectral,
    "log_mel": LogMel,
    "log_mae": LogMeanAbsoluteError,
    "log_mae_mel": partial(LogMeanAbsoluteError, spectrum=MEL),
    "mfcc": MfccDistance,
    "wmfcc": WarpedMfccDistance,
    "spectral_convergence": SpectralConvergence,
    "spectral_convergence_power": DiffMoogConvergence,
    "spectral_convergence_mel": partial(DiffMoogConvergence, spectrum=MEL),
    "pearson_stft": PearsonStft,
    "pearson_stft_mel": partial(PearsonStft, spectrum=MEL),
    "pearson_fft": PearsonFft,
    "rms_envelope": RmsEnvelope,
    "spectral_transport": SpectralTransport,
    "f0": F0Error,
}

REPORTED = ("lsd", "mss", "log_mel", "mfcc", "rms_envelope", "spectral_transport", "f0")
"""The few that reports show beside the distance: one for each thing that can be wrong."""


def names() -> list[str]:
    """Names of the metrics of sounds."""
    return list(_METRICS)


def build(name: str, sample_rate: int = 16000) -> Metric:
    """The metric of a name.

    Args:
        name: one of `names()`.
        sample_rate: of the sounds, in Hz.

    Raises:
        UnknownNameError: there is no such metric.
        ParameterError: the sample rate is not a number of Hz from 1000 up.
    """
    if name not in _METRICS:
        raise unknown_name("metric", name, _METRICS)
    return _METRICS[name](sample_rate)


def evaluate(
    audio: Sounds, target: Sounds, sample_rate: int, chosen: Sequence[str] | None = None
) -> dict[str, Floats]:
    """Several metrics of the same sounds, `(batch,)` each, by name.

    Args:
        audio: sounds `(batch, n_samples)`.
        target: of the same length, as many or one for all.
        sample_rate: of both, in Hz.
        chosen: names of metrics; all where none are given.

    Raises:
        UnknownNameError: there is no metric of that name.
        ParameterError: the sounds do not fit each other; see `Metric`.
    """
    wanted = names() if chosen is None else chosen
    return {name: build(name, sample_rate)(audio, target) for name in wanted}


def table() -> str:
    """The metrics of sounds as a Markdown table: definition, settings, unit, range, source."""
    head = (
        "Name",
        "Better",
        "Unit",
        "Range",
        "Definition",
        "Settings",
        "Level",
        "Silence",
        "Source",
    )
    rows = [head, tuple("---" for _ in head)]
    for name in names():
        card = build(name).card
        rows.append(
            (
                f"`{card.name}`",
                card.better,
                card.unit or "–",
                f"{_limit(card.range[0])} to {_limit(card.range[1])}",
                card.definition.replace("|", "\\|"),
                card.settings,
                card.level,
                card.silence,
                card.source,
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _limit(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:g}"
