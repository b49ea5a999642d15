"""How far spectral mass has to be moved along frequency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgym.metrics.base import Card, Floats, Metric
from synthgym.metrics.spectra import magnitudes


@dataclass(frozen=True)
class SpectralTransport(Metric):
    """Spectral optimal transport: the Wasserstein-1 distance of spectra, frame by frame."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="spectral_transport",
            unit="Nyquist",
            better="lower",
            range=(0.0, 1.0),
            definition="mean over frames of the sum over bins of |F - G|, the running sums of "
            "magnitudes divided by their total, times the bin's share of the band",
            settings="magnitude over its sum (of at least 1e-6), Hann 50 ms, hop 20 ms, silence "
            "beyond the ends; unit: the band from 0 Hz to the Nyquist frequency",
            level="blind, frame by frame",
            silence="finite: from a silent frame, mass is moved to the upper end of the band",
            source="Torres et al. 2024 (arXiv 2312.14507); as in Hayes et al. 2025 (arXiv "
            "2506.07199), SOT; ben-hayes/synth-permutations `scripts/compute_audio_metrics.py`",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (self._running_share(sound) for sound in (audio, target))
        return np.asarray(np.abs(own - theirs).mean(-1).mean(-1))

    def _running_share(self, audio: Floats) -> Floats:
        """Of the mass up to each bin, `(batch, n_frames, n_bins)`."""
        size, hop = int(0.05 * self.sample_rate), int(0.02 * self.sample_rate)
        mass = magnitudes(audio, size, hop, "silence")
        share = mass / np.maximum(mass.sum(-1, keepdims=True), 1e-6)
        return np.asarray(np.cumsum(share, axis=-1))
