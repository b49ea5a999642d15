"""DiffMoog's 18 named loss presets.

Settings of arXiv 2401.12570's published code (aisynth/diffmoog, `spectral_loss_presets.py`), as its
module ends up: two names are assigned twice there, and the second one counts. Spectrograms are
powers of Hann-windowed frames, mirrored at the ends; means over cells are summed over sizes and
processing types. Where the original brings a term in gradually, that is left to the caller here:
`build(..., gradual=share)`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from synthgym.errors import ParameterError, unknown_name
from synthgym.losses.bands import MelBands
from synthgym.losses.cumulative import Cumulative
from synthgym.losses.spectral import Scale, SpectralLoss, overlapping
from synthgym.losses.terms import Difference, Norm, Term

SIX = (2048, 1024, 512, 256, 128, 64)
LOW = (128, 64)
ONE = (2048,)

# What "normalize_loss_by_nfft" multiplies by: (300 / n_fft) to this power.
_SIZE_EXPONENTS = {"mag": 2.0, "logmag": 1.0, "cumsum_time": 0.0, "cumsum_freq": 2.0}


@dataclass(frozen=True)
class Preset:
    """One row of the table.

    Args:
        sizes: of the FFT.
        weights: by processing type: `mag`, `logmag` (of one plus the power), `cumsum_time`,
            `cumsum_freq`.
        mel: whether bins go through 1024 mel bands from 30 to 4000 Hz.
        norm: 1 or 2.
        normalized: whether weights depend on the size of the FFT.
        gradual: processing type that the original brings in after step 20000, if any.
    """

    sizes: tuple[int, ...]
    weights: tuple[tuple[str, float], ...]
    mel: bool = False
    norm: Norm = 1
    normalized: bool = False
    gradual: str = ""


_MAG, _LOGMAG = (("mag", 1.0),), (("logmag", 1.0),)
_TIME, _FREQ = (("cumsum_time", 1.0),), (("cumsum_freq", 1.0),)
_SLOW_TIME = ("cumsum_time", 1 / 2000)

PRESETS: dict[str, Preset] = {
    "mss_cumsum_time": Preset(SIX, _TIME),
    "mss_cumsum_freq": Preset(SIX, _FREQ),
    "mss_cumsum_time_freq": Preset(SIX, _TIME + _FREQ),
    "cumsum_time": Preset(ONE, _TIME),
    "cumsum_freq": Preset(ONE, _FREQ),
    "cumsum_time_low_fft": Preset(LOW, (_SLOW_TIME,)),
    "lfo_only": Preset(ONE, _TIME),
    "fm_only": Preset(LOW, (_SLOW_TIME, ("mag", 1 / 200)), normalized=True, gradual="mag"),
    "cumsum_time_freq_mag": Preset(
        SIX,
        (_SLOW_TIME, ("cumsum_freq", 1 / 5000), ("mag", 1 / 200)),
        normalized=True,
        gradual="mag",
    ),
    "mag_logmag": Preset(ONE, _LOGMAG, norm=2),
    "spectrogram_magnitude": Preset(ONE, _MAG),
    # Linear and squared, whatever its name says: so it is in the original.
    "spectrogram_log_magnitude": Preset(ONE, _MAG, norm=2),
    "mel_spectrogram_magnitude": Preset((1024,), _MAG, mel=True),
    "mss_magnitude": Preset(SIX, _MAG),
    "mss_log_magnitude": Preset(SIX, _LOGMAG),
    "mss_mel_spectrogram_magnitude": Preset(SIX, _MAG, mel=True),
    "mss_mel_spectrogram_cumsum_time": Preset(SIX, _TIME, mel=True),
    "mss_mel_spectrogram_cumsum_freq": Preset(SIX, _FREQ, mel=True),
}


def build(name: str, sample_rate: int = 16000, gradual: float = 1.0) -> SpectralLoss:
    """One of DiffMoog's presets.

    Args:
        name: a key of `PRESETS`.
        sample_rate: in Hz; matters to the mel presets alone.
        gradual: share, from 0 to 1, of the term that the original brings in over time (`fm_only`
            and `cumsum_time_freq_mag`); the target's embedding stays good for any share.

    Raises:
        UnknownNameError: there is no such preset.
        ParameterError: `gradual` is not from 0 to 1.
    """
    if name not in PRESETS:
        raise unknown_name("DiffMoog preset", name, PRESETS)
    if not 0 <= gradual <= 1:
        raise ParameterError(f"gradual is {gradual}; it must be from 0 to 1")
    preset = PRESETS[name]
    return SpectralLoss(
        overlapping(preset.sizes),
        tuple(_term(kind, weight, preset, gradual) for kind, weight in preset.weights),
        exponent=2,
        bands=MelBands(1024, sample_rate, 30.0, 4000.0) if preset.mel else None,
        name=name,
    )


def control(name: str, hop: int = 512) -> SpectralLoss:
    """What DiffMoog compares low-frequency oscillators by, at 100 Hz, with a preset's terms.

    Args:
        name: a key of `PRESETS`; its sizes and bands do not matter.
        hop: of the FFT of 128 samples. The original's 512 are 5.12 s: of a shorter sound it sees
            one frame, that of the first 0.64 s.

    Raises:
        UnknownNameError: there is no such preset.
    """
    return replace(build(name), scales=(Scale(128, hop),), bands=None, name=f"control_{name}")


def _term(kind: str, weight: float, preset: Preset, gradual: float) -> Term:
    share = gradual if kind == preset.gradual else 1.0
    exponent = _SIZE_EXPONENTS[kind] if preset.normalized else 0.0
    if kind == "cumsum_time":
        return Cumulative("time", preset.norm, weight * share, exponent)
    if kind == "cumsum_freq":
        return Cumulative("frequency", preset.norm, weight * share, exponent)
    scale = Difference("linear" if kind == "mag" else "log1p", preset.norm, weight * share)
    return replace(scale, size_exponent=exponent)
