"""Sounds drawn by seed: patches uniform in the unit cube, never silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.synth import Clock, Patch

SILENCE_RMS: Final = 10 ** (-50 / 20)
MAX_DRAWS: Final = 1000
CHUNK_SAMPLES: Final = 1 << 18
"""Rendered at once: bounds memory, and keeps the working set near the caches."""


def draw_sounds(patch: Patch, clock: Clock, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """One patch and its sound for each seed, whatever the other seeds are.

    A draw under -50 dB RMS is drawn again from the same generator.

    Args:
        patch: the synthesizer.
        clock: time base.
        seeds: one for each sound.

    Returns:
        Unit vectors `(n, dimension)` and audio `(n, n_samples)`, float32.

    Raises:
        ParameterError: 1000 draws of a seed were silent, or a sound is not finite.
    """
    unit = torch.empty(len(seeds), patch.space.dimension)
    audio = torch.empty(len(seeds), clock.n_samples)
    n_rows = max(CHUNK_SAMPLES // clock.n_samples, 1)
    for first in range(0, len(seeds), n_rows):
        rows = slice(first, first + n_rows)
        _draw_into(unit[rows], audio[rows], patch, clock, seeds[rows])
    return unit, audio


def _draw_into(
    unit: Tensor, audio: Tensor, patch: Patch, clock: Clock, seeds: Sequence[int]
) -> None:
    """As `draw_sounds`, in one rendering for each draw."""
    generators = [np.random.default_rng(seed) for seed in seeds]
    left = list(range(len(seeds)))
    for _ in range(MAX_DRAWS):
        drawn = np.stack([generators[row].random(patch.space.dimension) for row in left])
        candidates = torch.tensor(drawn, dtype=torch.float32)
        with torch.no_grad():
            sounds = patch.render(candidates, clock)
        rms = sounds.square().mean(-1).sqrt()
        _check_finite(patch, rms, candidates)
        unit[left], audio[left] = candidates, sounds
        left = [row for row, level in zip(left, rms.tolist(), strict=True) if level <= SILENCE_RMS]
        if not left:
            return
    raise ParameterError(
        f"{MAX_DRAWS} patches drawn for one sound were silent; the patch's ranges hold hardly any "
        "sound"
    )


def _check_finite(patch: Patch, rms: Tensor, unit: Tensor) -> None:
    bad = torch.nonzero(~torch.isfinite(rms))
    if len(bad):
        values = patch.space.describe(unit[int(bad[0])])
        raise ParameterError(
            f"a drawn patch makes NaN, infinity or samples of an enormous level: {values}; narrow "
            "the ranges"
        )
