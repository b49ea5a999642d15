"""Differentiable distances between sounds, `(batch,)`; a target is embedded once and kept."""

from synthgym.losses.bands import LogFrequencyBlur, MelBands
from synthgym.losses.base import Loss
from synthgym.losses.catalogue import build, names
from synthgym.losses.chain import AtRate, ChainLoss, MatchingLoss, Stage, chain_loss
from synthgym.losses.combine import CoarseToFine, WeightedSum
from synthgym.losses.cumulative import Cumulative
from synthgym.losses.envelope import EnvelopeSoftDTW, Framing, LogRMSEnvelope, RMSEnvelope
from synthgym.losses.mel import MelDistance, MelEmbedding
from synthgym.losses.mfcc import MFCCDistance
from synthgym.losses.parameters import ParameterLayout, ParameterLoss
from synthgym.losses.scattering import TimeFrequencyScattering
from synthgym.losses.schedule import Ramp
from synthgym.losses.spectral import Scale, SpectralLoss, overlapping
from synthgym.losses.terms import Convergence, Difference, ScaleInvariant
from synthgym.losses.transport import SpectralTransport
from synthgym.losses.waveform import SISDR, ComplexSpectrumDistance, WaveformDistance

__all__ = [
    "SISDR",
    "AtRate",
    "ChainLoss",
    "CoarseToFine",
    "ComplexSpectrumDistance",
    "Convergence",
    "Cumulative",
    "Difference",
    "EnvelopeSoftDTW",
    "Framing",
    "LogFrequencyBlur",
    "LogRMSEnvelope",
    "Loss",
    "MFCCDistance",
    "MatchingLoss",
    "MelBands",
    "MelDistance",
    "MelEmbedding",
    "ParameterLayout",
    "ParameterLoss",
    "RMSEnvelope",
    "Ramp",
    "Scale",
    "ScaleInvariant",
    "SpectralLoss",
    "SpectralTransport",
    "Stage",
    "TimeFrequencyScattering",
    "WaveformDistance",
    "WeightedSum",
    "build",
    "chain_loss",
    "names",
    "overlapping",
]
