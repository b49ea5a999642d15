"""The picture of a match: both spectrograms under one colour scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import require

Audio = NDArray[np.float32]

_WINDOW_S = 0.064
_HOP_S = 0.008
_RANGE_DB = 80.0
_LOWEST_HZ = 40.0
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


def spectrogram_db(audio: Audio, sample_rate: int) -> NDArray[np.float64]:
    """Magnitudes of a Hann-windowed short-time Fourier transform in dB, (n_bins, n_frames).

    Args:
        audio: (n_samples,), any length; short sounds are padded to one window.
        sample_rate: samples per second.
    """
    size = int(_WINDOW_S * sample_rate)
    hop = max(int(_HOP_S * sample_rate), 1)
    padded = np.pad(np.asarray(audio, dtype=np.float64), (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)).T
    return 20.0 * np.log10(np.maximum(magnitude, 1e-10))


def draw_match(
    path: Path, target: Audio, found: Audio, sample_rate: int, titles: tuple[str, str]
) -> None:
    """Draw the target's spectrogram above the found sound's into a PNG file.

    Both share one scale, from the target's loudest bin down to 80 dB below it.

    Args:
        path: the PNG file to write.
        target: (n_samples,) the recording.
        found: (n_samples,) the synthesizer's sound.
        sample_rate: of both.
        titles: what stands above the two panels.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    # Without pyplot: no display is looked for, and no state stays behind.
    figure = require("matplotlib.figure", "report").Figure(figsize=(9.0, 6.0), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    levels = [spectrogram_db(sound, sample_rate) for sound in (target, found)]
    top = float(levels[0].max())
    n_bins, n_frames = levels[0].shape
    freqs_hz = np.arange(n_bins) / _WINDOW_S
    times_s = np.arange(n_frames) * _HOP_S
    for panel, level, title in zip(panels, levels, titles, strict=True):
        image = panel.pcolormesh(
            times_s, freqs_hz, level - top, vmin=-_RANGE_DB, vmax=0.0, cmap="magma"
        )
        panel.set(
            title=title,
            yscale="log",
            ylim=(_LOWEST_HZ, sample_rate / 2),
            xlim=(0.0, len(target) / sample_rate),
            ylabel="frequency (Hz)",
        )
        shown_hz = [hz for hz in _TICKS_HZ if hz <= sample_rate / 2]
        panel.set_yticks(shown_hz, [f"{hz:,}" for hz in shown_hz])
    panels[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=panels, label="level (dB below the recording's peak)")
    figure.savefig(path, format="png", dpi=110)
