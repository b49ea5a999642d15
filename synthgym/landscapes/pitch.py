"""Does a loss point towards the right pitch? DiffMoog's Table 1, and the gradient it left open.

A target and a prediction are drawn independently: one waveform, other amplitude, frequency and
phase. Three questions are put to a loss:

- Is the prediction nearer to the target than one that is 300 or 600 cents further away? (arXiv
  2401.12570, Table 1, after Turian and Henry, "I'm sorry for your loss", arXiv 2012.04572.)
- Does its derivative with respect to log-frequency, at the prediction, have the sign of the way to
  go? The paper has a column of this too, but its published notebook takes the gradient of the
  frequency itself and not of the loss.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.landscapes.checked import compared, embedded, gradient, rows_of
from synthgym.losses import Loss
from synthgym.synth.clock import Clock
from synthgym.synth.dsp.oscillators import waveform
from synthgym.synth.dsp.tones import tone

SHAPES = ("sine", "square", "saw")
CENTS = (300.0, 600.0)
AMP_DECADES = (-2.5, 0.0)
FREQ_HZ = (30.0, 4000.0)
ONE_SECOND = Clock(16000, 16000)


@dataclass(frozen=True)
class Share:
    """A share of trials.

    Args:
        n_right: trials in which the loss was right.
        n_trials: all trials.
    """

    n_right: int
    n_trials: int

    @property
    def value(self) -> float:
        """The share, in [0, 1]."""
        return self.n_right / self.n_trials

    @property
    def standard_error(self) -> float:
        """Of the share, after two more trials of either outcome (Agresti and Coull, 1998).

        With the plain formula a loss that was right in each of ten trials would be right for sure.
        """
        n_trials = self.n_trials + 4
        share = (self.n_right + 2) / n_trials
        return math.sqrt(share * (1 - share) / n_trials)


@dataclass(frozen=True)
class Tones:
    """Steady tones, one for each trial.

    Args:
        amp: peak amplitude `(n_trials,)`.
        freq_hz: `(n_trials,)`.
        start_cycles: phase at the first sample, `(n_trials,)`.
    """

    amp: Tensor
    freq_hz: Tensor
    start_cycles: Tensor

    def moved(self, cents: Tensor) -> Tones:
        """The same tones, moved in pitch by cents `(n_trials,)`."""
        return Tones(self.amp, self.freq_hz * torch.exp2(cents / 1200), self.start_cycles)


@dataclass(frozen=True)
class PitchTrials:
    """Pairs of tones to try a loss on.

    The first trials of many are those of few, and each waveform has its own.

    Args:
        shape: waveform of both, one of `SHAPES`.
        naive: closed forms, as in the paper, in place of band-limited waveforms.
        n_trials: number of pairs.
        cents: how far the perturbed prediction is moved, away from the target.
        seed: of the draw.
        clock: time base.

    Raises:
        ParameterError: there are no trials.
        UnknownNameError: no such waveform.
    """

    shape: str = "sine"
    naive: bool = False
    n_trials: int = 1000
    cents: tuple[float, ...] = CENTS
    seed: int = 0
    clock: Clock = ONE_SECOND

    def __post_init__(self) -> None:
        waveform(self.shape)
        if self.n_trials < 1:
            raise ParameterError(f"n_trials is {self.n_trials}; it must be at least 1")

    def draw(self) -> tuple[Tones, Tones]:
        """Targets and predictions, as the paper draws them."""
        digest = hashlib.sha256(f"pitch\x1f{self.shape}\x1f{self.seed}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
        draws = torch.from_numpy(rng.random((self.n_trials, 6)))
        return _tones(*draws[:, :3].unbind(1)), _tones(*draws[:, 3:].unbind(1))

    def render(self, tones: Tones) -> Tensor:
        """Sounds `(n_trials, n_samples)`, float32."""
        weights = torch.ones(len(tones.amp), 1)
        return tone(
            weights,
            (self.shape,),
            tones.freq_hz.float(),
            tones.start_cycles.float(),
            tones.amp.float(),
            self.clock,
            self.naive,
        )

    def rendered(self) -> PitchSounds:
        """All sounds of the trials."""
        target, prediction = self.draw()
        away = (prediction.freq_hz - target.freq_hz).sign()
        with torch.no_grad():
            return PitchSounds(
                self,
                self.render(target),
                self.render(prediction),
                tuple(self.render(prediction.moved(away * cents)) for cents in self.cents),
            )


def _tones(amp: Tensor, freq: Tensor, start: Tensor) -> Tones:
    low, high = FREQ_HZ
    first, last = AMP_DECADES
    return Tones(10 ** (first + (last - first) * amp), low * (high / low) ** freq, start)


@dataclass(frozen=True)
class PitchSounds:
    """The sounds of trials, which serve any number of losses; each `(n_trials, n_samples)`.

    Args:
        trials: what they are of.
        target: the targets.
        prediction: the predictions.
        perturbed: the predictions moved away from the target, one tensor for each of the cents.
    """

    trials: PitchTrials
    target: Tensor
    prediction: Tensor
    perturbed: tuple[Tensor, ...]


def direction(loss: Loss, sounds: PitchSounds) -> tuple[Share, ...]:
    """How often the prediction has a smaller loss than what lies further away.

    A tie is wrong: the loss does not tell the two apart.

    Args:
        loss: what is tried.
        sounds: what it is tried on.

    Returns:
        For each of the trials' cents.

    Raises:
        LossError: it failed, or did not return `(batch,)` finite numbers.
    """
    n_trials = sounds.trials.n_trials
    n_right = torch.zeros(len(sounds.perturbed), dtype=torch.int64)
    with torch.no_grad():
        for rows in rows_of(n_trials):
            target = embedded(loss, sounds.target[rows])

            def distance(audio: Tensor, rows: slice = rows, target: object = target) -> Tensor:
                kept = embedded(loss, audio[rows])
                return compared(loss, kept, target, rows.stop - rows.start)

            near = distance(sounds.prediction)
            n_right += torch.stack([(near < distance(far)).sum() for far in sounds.perturbed])
    return tuple(Share(int(n), n_trials) for n in n_right)


def gradient_direction(loss: Loss, sounds: PitchSounds) -> Share:
    """How often the derivative by the prediction's log-frequency has the sign of the way to go.

    A derivative of zero is wrong.

    Args:
        loss: what is tried.
        sounds: what it is tried on; band-limited, as the derivative of a closed form ignores its
            jumps.

    Raises:
        ParameterError: the sounds are naive.
        LossError: it failed, or a value or gradient is not finite.
    """
    if sounds.trials.naive:
        raise ParameterError("the trials are naive; a true gradient needs band-limited waveforms")
    target, prediction = sounds.trials.draw()
    away = (prediction.freq_hz - target.freq_hz).sign()
    slopes = [_slopes(loss, sounds, prediction, rows) for rows in rows_of(sounds.trials.n_trials)]
    return Share(int((torch.cat(slopes).sign() == away).sum()), sounds.trials.n_trials)


def _slopes(loss: Loss, sounds: PitchSounds, prediction: Tones, rows: slice) -> Tensor:
    """Derivatives `(rows,)` of the loss by the logarithm of the prediction's frequency."""
    with torch.no_grad():
        target = embedded(loss, sounds.target[rows])
    log_freq = prediction.freq_hz[rows].log().requires_grad_()
    with torch.enable_grad():
        tones = Tones(prediction.amp[rows], log_freq.exp(), prediction.start_cycles[rows])
        kept = embedded(loss, sounds.trials.render(tones))
        values = compared(loss, kept, target, rows.stop - rows.start)
        return gradient(loss, values, log_freq)
