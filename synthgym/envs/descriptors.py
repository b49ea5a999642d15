"""Descriptors: a sound as a short vector, from the spectrograms that the distance computes.

Each part answers another question about a synthesizer's knobs: which pitch and timbre (the long
spectrum, fine in frequency), what happens when (the coarse grid, the envelope and the centroid),
and how fast it wobbles (the modulation spectra of these two).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from synthgym.losses import MelEmbedding

__all__ = ["SoundDescriptor", "level_unit", "long_spectrum"]

# Levels are read between these, and mapped to [-1, 1]. A full-scale sine is near 0 dB.
FLOOR_DB, CEILING_DB = -100.0, 0.0


def level_unit(power: Tensor) -> Tensor:
    """Powers as levels: -100 dB or less is -1, 0 dB or more is 1; same shape."""
    level_db = 10.0 * torch.log10(power + 10.0 ** (FLOOR_DB / 10.0))
    return ((level_db - FLOOR_DB) * (2.0 / (CEILING_DB - FLOOR_DB)) - 1.0).clamp(-1.0, 1.0)


def long_spectrum(embedded: MelEmbedding) -> Tensor:
    """Level of the mean power in each band of the longest window, (n, n_bands), in [-1, 1]."""
    return level_unit(embedded.powers[-1].mean(1))


@dataclass(frozen=True)
class SoundDescriptor:
    """Sounds as vectors in [-1, 1].

    The parts, in order, with their default sizes:

    1. the mean spectrum over 128 ms windows, 128 mel bands;
    2. the level on a coarse grid of time and frequency, 12 by 8, time first;
    3. the level envelope (16 ms windows), 16 points;
    4. the spectral centroid on the mel scale over time, 16 points;
    5. the modulation spectrum of the envelope and that of the centroid, 24 bins each, from one
       cycle per sound upwards (about 1 Hz apart for the suite's 1.024 s).
    """

    n_grid_frames: int = 12
    n_grid_bands: int = 8
    n_envelope: int = 16
    n_modulation: int = 24

    def __call__(self, embedded: MelEmbedding) -> Tensor:
        """Descriptors of embedded sounds, float32, shape (n, k)."""
        return torch.cat(list(self.parts(embedded).values()), dim=1).to(torch.float32)

    def parts(self, embedded: MelEmbedding) -> dict[str, Tensor]:
        """The parts by name, each (n, k), in the order in which the descriptor has them."""
        short, middle = embedded.powers[0], embedded.powers[1]
        grid = F.adaptive_avg_pool2d(middle, (self.n_grid_frames, self.n_grid_bands))
        total = short.sum(2)
        envelope = level_unit(total)
        centroid = _centroid_unit(short, total)
        tracks = torch.stack([envelope, centroid], dim=1)
        modulation = self._modulation(tracks)
        courses = F.adaptive_avg_pool1d(tracks, self.n_envelope)
        return {
            "spectrum": long_spectrum(embedded),
            "grid": level_unit(grid).flatten(1),
            "envelope": courses[:, 0],
            "centroid": courses[:, 1],
            "envelope_modulation": modulation[:, 0],
            "centroid_modulation": modulation[:, 1],
        }

    def _modulation(self, tracks: Tensor) -> Tensor:
        """Magnitudes of the first modulation bins of (n, c, n_frames), (n, c, n_modulation).

        The root spreads the small magnitudes of faint modulation over more of the range.
        """
        n_frames = tracks.shape[-1]
        centred = tracks - tracks.mean(-1, keepdim=True)
        # Zeros at the end give short sounds as many bins as long ones.
        n_points = max(n_frames, 2 * self.n_modulation)
        magnitude: Tensor = torch.fft.rfft(centred, n=n_points).abs()
        lowest = magnitude[..., 1 : self.n_modulation + 1]
        return (lowest * (2.0 / n_frames)).sqrt().clamp(0.0, 1.0)


def _centroid_unit(power: Tensor, total: Tensor) -> Tensor:
    """Centre of gravity of (n, n_frames, n_bands) over bands, (n, n_frames), in [-1, 1].

    A frame without sound has its centre in the middle, 0.
    """
    place = torch.linspace(-1.0, 1.0, power.shape[2], dtype=power.dtype)
    floor = 10.0 ** (FLOOR_DB / 10.0)
    # A product with a matrix would add up in an order that depends on the batch.
    moment: Tensor = (power * place).sum(2)
    centroid: Tensor = moment / (total + floor)
    return centroid
