"""A loss on mel-frequency cepstral coefficients: the shape of a spectrum without its detail."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.bands import MelBands, kept_weights
from synthgym.losses.base import check_sides
from synthgym.losses.frame_cells import frame_cells
from synthgym.losses.mel import window_length

DB_PER_NEPER = 10 / math.log(10)


@dataclass(frozen=True)
class MFCCEmbedding:
    """What `MFCCDistance` keeps of sounds.

    Args:
        powers: mel powers `(batch, n_frames, n_bands)`.
        floor: power added to every cell as in a target, `(batch, 1, 1)`.
    """

    powers: Tensor
    floor: Tensor

    @property
    def levels(self) -> Tensor:
        """Logarithms of power plus floor, as a target has them; kept unless part of a graph."""
        kept: Tensor | None = self.__dict__.get("_levels")
        if kept is not None:
            return kept
        with torch.inference_mode(False):
            levels = torch.log(self.powers + self.floor)
        if not levels.requires_grad:
            self.__dict__["_levels"] = levels
        return levels

    def row(self, index: int) -> MFCCEmbedding:
        """The embedding of one sound of the batch, as a batch of one."""
        return MFCCEmbedding(self.powers[index : index + 1], self.floor[index : index + 1])


@dataclass(frozen=True)
class MFCCDistance:
    """Mean absolute difference of mel-frequency cepstral coefficients, in dB.

    The orthonormal cosine transform (type 2) of mel powers in dB, over a floor that lies `floor_db`
    under the target's loudest cell and is added. A change of level by x dB moves the first
    coefficient by `x sqrt(n_bands)` and no other. Davis, Mermelstein, "Comparison of parametric
    representations for monosyllabic word recognition", IEEE TASSP 28, 1980; by default with the
    numbers of torchaudio's `MFCC`, which DiffMoog reports, at 16 kHz.

    Args:
        sample_rate: of both sounds, in Hz.
        window_s: length of the Hann window in seconds; frames overlap by half, none reaches beyond
            the end.
        n_bands: HTK mel bands from 0 Hz to the Nyquist frequency.
        n_coefficients: how many are kept, of the lowest.
        floor_db: depth of the floor.
        name: for reports.

    Raises:
        ParameterError: a number outside its limits.
    """

    sample_rate: int = 16000
    window_s: float = 0.025
    n_bands: int = 128
    n_coefficients: int = 40
    floor_db: float = 80.0
    name: str = field(default="mfcc", kw_only=True)

    def __post_init__(self) -> None:
        if not 1 <= self.n_coefficients <= self.n_bands:
            raise ParameterError(
                f"n_coefficients is {self.n_coefficients}; it must be from 1 to n_bands, "
                f"{self.n_bands}"
            )
        if not self.window_s > 0 or not self.floor_db > 0:
            raise ParameterError(
                f"window_s is {self.window_s} and floor_db {self.floor_db}; both must be above 0"
            )

    def embed(self, audio: Tensor) -> MFCCEmbedding:
        """Mel powers.

        Args:
            audio: `(batch, n_samples)`, float32 or float64.

        Raises:
            ParameterError: another shape, no samples, or whole numbers.
        """
        n_fft = window_length(self.window_s, self.sample_rate)
        cells = frame_cells(audio, n_fft, n_fft // 2)
        bands = MelBands(self.n_bands, self.sample_rate)
        powers = cells @ kept_weights(bands, n_fft, cells.dtype, cells.device)
        share = 10 ** (-self.floor_db / 10)
        # The lower limit keeps digital silence finite: 160 dB under full scale.
        floor = powers.amax((1, 2), keepdim=True).mul(share).clamp_min(1e-16)
        return MFCCEmbedding(powers, floor)

    def compare(self, embedded: MFCCEmbedding, embedded_target: MFCCEmbedding) -> Tensor:
        """Distances `(batch,)` in dB.

        Args:
            embedded: a batch of sounds.
            embedded_target: of the same batch size, or a batch of one for all.

        Raises:
            ParameterError: the sounds differ in length, dtype or device, or the target's batch is
                neither as large nor one.
        """
        powers, target = embedded.powers, embedded_target.levels
        check_sides(powers, target)
        if powers.shape[1:] != target.shape[1:]:
            raise ParameterError(
                f"sound and target have {powers.shape[1]} and {target.shape[1]} frames; "
                "they must have the same length"
            )
        # The transform is linear: that of the difference is the difference of the transforms.
        error = torch.log(powers + embedded_target.floor) - target
        transform = _cosines(self.n_bands, self.n_coefficients, error.dtype, error.device)
        return DB_PER_NEPER * (error @ transform).abs().mean((1, 2))

    def __call__(self, audio: Tensor, target: Tensor) -> Tensor:
        """Distances `(batch,)` in dB between sounds and targets, both `(batch, n_samples)`."""
        return self.compare(self.embed(audio), self.embed(target))


@lru_cache(maxsize=64)
def _cosines(n: int, n_kept: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The first columns of the orthonormal cosine transform of type 2, `(n, n_kept)`."""
    with torch.inference_mode(False):  # kept, and used outside of inference mode too
        at = (torch.arange(n, dtype=torch.float64)[:, None] + 0.5) / n
        waves = torch.cos(math.pi * at * torch.arange(n_kept)) * math.sqrt(2 / n)
        waves[:, 0] /= math.sqrt(2)
        return waves.to(device, dtype)
