"""Differentiable distances between sounds, `(batch,)`; a target is embedded once and kept."""

from synthgym.losses.base import Loss
from synthgym.losses.catalogue import build, names
from synthgym.losses.mel import MelDistance, MelEmbedding

__all__ = ["Loss", "MelDistance", "MelEmbedding", "build", "names"]
