"""Differentiable distances between sounds, `(batch,)`; a target is embedded once and kept."""

from synthgym.losses.bands import LogFrequencyBlur, MelBands
from synthgym.losses.base import Loss
from synthgym.losses.catalogue import build, names
from synthgym.losses.chain import AtRate, ChainLoss, MatchingLoss, Stage, chain_loss
from synthgym.losses.combine import CoarseToFine, WeightedSum
from synthgym.losses.cumulative import Cumulative
from synthgym.losses.mel import MelDistance, MelEmbedding
from synthgym.losses.parameters import ParameterLayout, ParameterLoss
from synthgym.losses.schedule import Ramp
from synthgym.losses.spectral import Scale, SpectralLoss, overlapping
from synthgym.losses.terms import Convergence, Difference, ScaleInvariant

__all__ = [
    "AtRate",
    "ChainLoss",
    "CoarseToFine",
    "Convergence",
    "Cumulative",
    "Difference",
    "LogFrequencyBlur",
    "Loss",
    "MatchingLoss",
    "MelBands",
    "MelDistance",
    "MelEmbedding",
    "ParameterLayout",
    "ParameterLoss",
    "Ramp",
    "Scale",
    "ScaleInvariant",
    "SpectralLoss",
    "Stage",
    "WeightedSum",
    "build",
    "chain_loss",
    "names",
    "overlapping",
]
