"""Pictures of an episode: target and current sound as mel spectrograms, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gymnasium import logger
from numpy.typing import NDArray
from torch import Tensor

from synthgym.errors import unknown_name

if TYPE_CHECKING:
    from synthgym.envs.core import MatchCore

__all__ = ["RENDER_MODES", "checked_render_mode", "draw_member", "warn_nothing_drawn"]

RENDER_MODES = ("rgb_array",)

# From silence to the target's loudest cell; linear in between. Lightness rises throughout.
_COLOURS = np.array(
    [[8, 8, 24], [38, 20, 92], [104, 28, 128], [176, 52, 104], [232, 108, 60], [250, 188, 72],
     [252, 250, 200]]
)  # fmt: skip
_RANGE_DB = 80.0
_ZOOM = 3
_GAP = 6
_BAR_HEIGHT = 6
_BACKGROUND = np.array([24, 24, 28], dtype=np.uint8)
_BAR = np.array([90, 200, 140], dtype=np.uint8)
_BAR_LAST = np.array([110, 110, 120], dtype=np.uint8)


def checked_render_mode(render_mode: str | None) -> str | None:
    """The render mode itself.

    Raises:
        UnknownNameError: a mode that does not exist.
    """
    if render_mode is not None and render_mode not in RENDER_MODES:
        raise unknown_name("render_mode", str(render_mode), RENDER_MODES)
    return render_mode


def warn_nothing_drawn() -> None:
    """Warn that `render()` was called without a render mode."""
    logger.warn(
        "render() draws nothing without a render mode; make the environment with "
        'render_mode="rgb_array"'
    )


def draw_member(core: MatchCore, member: int) -> NDArray[np.uint8]:
    """The picture of one member: target left, current sound right, bars below.

    The bars are shares of the first distance, so shorter is better: the last one (grey, right)
    and the best one (green, left).

    Returns:
        uint8, shape (height, width, 3).
    """
    target, sound = (s.embedded.powers[1][member] for s in (core.targets, core.sounds))
    peak = float(target.max())
    left, right = _paint(target, peak), _paint(sound, peak)
    gap = np.broadcast_to(_BACKGROUND, (left.shape[0], _GAP, 3))
    pictures = np.concatenate([left, gap, right], axis=1)
    first_db = core.first_db[member]
    shares = [
        float(distance / first_db) if first_db > 0 else 0.0
        for distance in (core.best_db[member], core.distance_db[member])
    ]
    width = left.shape[1]
    bars = np.concatenate(
        [
            _bar(shares[0], width, _BAR),
            np.broadcast_to(_BACKGROUND, (_BAR_HEIGHT, _GAP, 3)),
            _bar(shares[1], width, _BAR_LAST),
        ],
        axis=1,
    )
    space = np.broadcast_to(_BACKGROUND, (_GAP, pictures.shape[1], 3))
    return np.concatenate([pictures, space, bars], axis=0)


def _paint(power: Tensor, peak: float) -> NDArray[np.uint8]:
    """A mel spectrogram (n_frames, n_bands) as a picture, low bands at the bottom."""
    reference = max(peak, 1e-16)
    level_db = 10.0 * np.log10(power.numpy().T[::-1] / reference + 10.0 ** (-_RANGE_DB / 10.0))
    position = np.clip(level_db / _RANGE_DB + 1.0, 0.0, 1.0) * (len(_COLOURS) - 1)
    steps = np.arange(len(_COLOURS))
    channels = [np.interp(position, steps, _COLOURS[:, c]) for c in range(3)]
    picture = np.stack(channels, axis=-1).round().astype(np.uint8)
    return picture.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)


def _bar(share: float, width: int, colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    bar = np.empty((_BAR_HEIGHT, width, 3), dtype=np.uint8)
    bar[:] = _BACKGROUND
    bar[:, : round(min(share, 1.0) * width)] = colour
    return bar
