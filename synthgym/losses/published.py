"""Spectral losses with settings that have been published; each names its source."""

from __future__ import annotations

from synthgym.losses.bands import LogFrequencyBlur, MelBands
from synthgym.losses.spectral import Scale, SpectralLoss, overlapping
from synthgym.losses.terms import Convergence, Difference, Norm, ScaleInvariant

POWERS_OF_TWO = (2048, 1024, 512, 256, 128, 64)


def magnitude(n_fft: int = 1024, norm: Norm = 1) -> SpectralLoss:
    """Mean difference of magnitudes at one size, three quarters overlap."""
    return SpectralLoss(overlapping((n_fft,)), (Difference(norm=norm),), name="magnitude")


def log_magnitude(n_fft: int = 1024, norm: Norm = 1, floor: float = 1e-4) -> SpectralLoss:
    """Mean difference of log magnitudes at one size; all under the floor counts as silence."""
    term = Difference("log", norm=norm, floor=floor)
    return SpectralLoss(overlapping((n_fft,)), (term,), name="log-magnitude")


def multi_scale(
    sizes: tuple[int, ...] = POWERS_OF_TWO,
    linear: float = 1.0,
    log: float = 1.0,
    norm: Norm = 1,
    window: str = "hann",
) -> SpectralLoss:
    """DDSP's multi-scale spectral loss: linear and log magnitudes, summed over sizes.

    Engel et al., ICLR 2020, arXiv 2001.04643, with `alpha` 1; three quarters
    overlap, silence after the sound, logarithms floored at 1e-5, as in its code.

    Args:
        sizes: of the FFT.
        linear: weight of the linear term; 0 leaves it out.
        log: weight of the logarithmic term; 0 leaves it out.
        norm: 1 or 2.
        window: one of `frames.WINDOWS`.

    Raises:
        ParameterError: both weights are 0, or no size.
    """
    terms = (Difference(norm=norm, weight=linear), Difference("log", norm=norm, weight=log))
    used = tuple(term for term in terms if term.weight != 0)
    return SpectralLoss(overlapping(sizes), used, window, "end", name="multi-scale")


def multi_resolution() -> SpectralLoss:
    """Spectral convergence and log magnitudes at three resolutions, averaged.

    Yamamoto et al., ICASSP 2020, arXiv 1910.11480 (Parallel WaveGAN), as auraloss has it by
    default.
    """
    scales = (Scale(1024, 120, 600), Scale(2048, 240, 1200), Scale(512, 50, 240))
    share = 1 / len(scales)
    terms = (Convergence(weight=share), Difference("log", weight=share, floor=1e-4))
    return SpectralLoss(scales, terms, name="multi-resolution")


def revisited() -> SpectralLoss:
    """The smooth setting: sizes near powers of two that share no factors, flat-top windows.

    Schwär and Müller, "Multi-Scale Spectral Loss Revisited", IEEE Signal Processing Letters 30,
    2023: half overlap, `log(1 + x)`, squared differences; means, averaged over sizes.
    """
    hops = {67: 32, 127: 63, 257: 128, 509: 254, 1021: 510, 2053: 1026}
    scales = tuple(Scale(size, hop) for size, hop in hops.items())
    term = Difference("log1p", norm=2, weight=1 / len(scales))
    return SpectralLoss(scales, (term,), "flat-top", name="revisited")


def mel_magnitude(sample_rate: int = 16000, n_bands: int = 128, n_fft: int = 1024) -> SpectralLoss:
    """Mean difference of mel magnitudes: Slaney's bands, as librosa and auraloss have them."""
    bands = MelBands(n_bands, sample_rate, scale="slaney")
    return SpectralLoss(overlapping((n_fft,)), (Difference(),), bands=bands, name="mel-magnitude")


def log_mel(
    sample_rate: int = 16000, n_bands: int = 80, n_fft: int = 1024, floor: float = 1e-5
) -> SpectralLoss:
    """Mean difference of log mel magnitudes.

    Kong et al., NeurIPS 2020, arXiv 2010.05646 (HiFi-GAN), with bands up to the Nyquist frequency.
    """
    bands = MelBands(n_bands, sample_rate, scale="slaney")
    term = Difference("log", floor=floor)
    return SpectralLoss(overlapping((n_fft,)), (term,), bands=bands, name="log-mel")


def spectral_convergence(n_fft: int = 1024) -> SpectralLoss:
    """Relative error of magnitudes in the Frobenius norm; see `terms.Convergence`."""
    return SpectralLoss(overlapping((n_fft,)), (Convergence(),), name="spectral-convergence")


def simse(n_fft: int = 512) -> SpectralLoss:
    """Scale-invariant squared error of magnitudes; see `terms.ScaleInvariant`."""
    return SpectralLoss(overlapping((n_fft,)), (ScaleInvariant(),), name="simse")


def blurred(octaves: float = 0.5, n_fft: int = 2048) -> SpectralLoss:
    """Difference of log powers after a blur over log frequency: what a coarse stage compares.

    Args:
        octaves: standard deviation of the blur; 0 leaves the spectrum as it is.
        n_fft: size of the FFT.
    """
    return SpectralLoss(
        overlapping((n_fft,)),
        (Difference("log", floor=1e-6),),
        exponent=2,
        bands=LogFrequencyBlur(octaves),
        name="blurred",
    )
