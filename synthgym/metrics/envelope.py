"""Likeness of loudness over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgym.metrics.base import Card, Floats, Metric
from synthgym.metrics.spectra import frames


@dataclass(frozen=True)
class RmsEnvelope(Metric):
    """Cosine similarity of RMS envelopes."""

    @property
    def card(self) -> Card:
        """What is measured."""
        return Card(
            name="rms_envelope",
            unit="",
            better="higher",
            range=(0.0, 1.0),
            definition="cosine of the angle between the RMS of all frames of each sound",
            settings="frames of 50 ms, hop 25 ms, silence beyond the ends",
            level="blind to one gain over the whole sound",
            silence="0 for one silent sound, 1 if both are silent",
            source="Hayes et al. 2025 (arXiv 2506.07199), their RMS; "
            "ben-hayes/synth-permutations `scripts/compute_audio_metrics.py`",
        )

    def measure(self, audio: Floats, target: Floats) -> Floats:
        """See `Metric`."""
        own, theirs = (self._rms(sound) for sound in (audio, target))
        lengths = [np.sqrt((envelope**2).sum(-1)) for envelope in (own, theirs)]
        scale = lengths[0] * lengths[1]
        both_silent = (lengths[0] == 0) & (lengths[1] == 0)
        shared = (own * theirs).sum(-1)
        cosine = np.divide(shared, scale, out=both_silent.astype(np.float64), where=scale > 0)
        return np.asarray(np.minimum(cosine, 1.0))

    def _rms(self, audio: Floats) -> Floats:
        """`(batch, n_frames)`."""
        size, hop = int(0.05 * self.sample_rate), int(0.025 * self.sample_rate)
        return np.asarray(np.sqrt((frames(audio, size, hop, "silence") ** 2).mean(-1)))
