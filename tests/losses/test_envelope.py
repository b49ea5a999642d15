"""Envelopes of loudness: cases by hand, silence, alignment in time."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.envelope import (
    EnvelopeSoftDTW,
    Framing,
    LogRMSEnvelope,
    RMSEnvelope,
    mean_squares,
)

N = 16384
SHORT = Framing(1000, hop_s=0.01, n_hops=2)


def noise(batch: int = 1, seed: int = 0, n: int = N) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, n, generator=generator, dtype=torch.float64)


def knock(start: int, length: int = 4096) -> Tensor:
    """A tone of 1 kHz between two samples, silence around it."""
    sound = torch.zeros(1, N, dtype=torch.float64)
    at = torch.arange(length).double()
    sound[0, start : start + length] = torch.sin(2 * math.pi * at / 16)
    return sound


def test_windows_by_hand() -> None:
    """Two samples every sample at 1 kHz."""
    framing = Framing(1000, hop_s=0.001, n_hops=2)
    sound = torch.tensor([[1.0, 3.0, 0.0, 0.0]])
    assert mean_squares(sound, framing).tolist() == [[5.0, 4.5, 0.0]]
    # A hop of two: the fifth sample fills no window.
    wide = Framing(1000, hop_s=0.002, n_hops=2)
    assert mean_squares(torch.tensor([[1.0, 3.0, 2.0, 0.0, 9.0]]), wide).tolist() == [[3.5]]
    # Shorter than a window.
    assert mean_squares(sound[:, :2], wide).tolist() == [[2.5]]


def test_steady_sounds_by_hand() -> None:
    """Square waves of 0.5 and 0.25: RMS is the amplitude, a factor of two is 6.02 dB."""
    square = torch.ones(1, 200, dtype=torch.float64)
    square[:, ::2] = -1
    value = float(RMSEnvelope(SHORT)(0.5 * square, 0.25 * square))
    assert value == pytest.approx(0.25, abs=1e-7)
    six = 20 * math.log10(2)
    assert float(LogRMSEnvelope(SHORT)(0.5 * square, 0.25 * square)) == pytest.approx(six, rel=1e-6)
    # From silence to the floor, 80 dB under the target.
    value = float(LogRMSEnvelope(SHORT)(0 * square, 0.25 * square))
    assert value == pytest.approx(80, rel=1e-6)


def test_alignment_of_steady_sounds_by_counting_paths() -> None:
    """19 windows each, every pair 6.02 dB apart: a path's weight depends on its length alone."""
    square = torch.ones(1, 200, dtype=torch.float64)
    gamma, n = 10.0, 19

    def soft(cost: float) -> float:
        weight = math.exp(-cost / gamma)
        paths = {(-1, -1): 1.0}
        for i in range(n):
            for j in range(n):
                before = ((i - 1, j), (i, j - 1), (i - 1, j - 1))
                paths[i, j] = weight * sum(paths.get(cell, 0.0) for cell in before)
        return -gamma * math.log(paths[n - 1, n - 1])

    expected = (soft((20 * math.log10(2)) ** 2) - soft(0.0)) / n
    value = float(EnvelopeSoftDTW(SHORT, gamma=gamma)(0.5 * square, 0.25 * square))
    assert value == pytest.approx(expected, rel=1e-6)


def test_only_the_envelope_counts() -> None:
    low, high = (
        0.3 * torch.sin(2 * math.pi * hz * torch.arange(N).double() / 16000)[None]
        for hz in (500, 3000)
    )
    for loss in (RMSEnvelope(), LogRMSEnvelope(), EnvelopeSoftDTW()):
        assert float(loss(low, high)) == pytest.approx(0, abs=1e-6)


def test_a_late_note_is_near_when_aligned() -> None:
    """Moment by moment, one twice as late is hardly farther; aligned, all late ones are near."""
    target = knock(2048)
    late, later, halved = knock(4096), knock(8192), 0.5 * target
    aligned, by_moment = EnvelopeSoftDTW(), LogRMSEnvelope()
    assert float(by_moment(later, target)) > 20
    assert float(by_moment(late, target)) > float(by_moment(halved, target))
    assert float(aligned(late, target)) < float(aligned(halved, target))
    assert float(aligned(later, target)) < float(aligned(halved, target))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_silence(dtype: torch.dtype) -> None:
    sounds = [torch.zeros(1, N, dtype=dtype), knock(2048).to(dtype)]
    for loss in (RMSEnvelope(), LogRMSEnvelope(), EnvelopeSoftDTW()):
        for sound in sounds:
            for target in sounds:
                leaf = sound.clone().requires_grad_()
                value = loss(leaf, target)
                (slope,) = torch.autograd.grad(value.sum(), leaf)
                assert value.isfinite().all() and slope.isfinite().all()
                if sound is target:
                    assert value.item() == pytest.approx(0.0, abs=1e-4)
                else:
                    assert value.item() > 0.05


@pytest.mark.parametrize(
    "loss", [RMSEnvelope(SHORT), LogRMSEnvelope(SHORT), EnvelopeSoftDTW(SHORT)]
)
def test_slopes(loss: Any) -> None:
    target = noise(1, 1, 120)
    sounds = noise(2, 2, 120).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, target), sounds, eps=1e-7, atol=1e-5)
    # The target's slope, too: its floor and its alignment to itself.
    own = noise(1, 3, 120)
    assert torch.autograd.gradcheck(
        lambda t: loss(own, t), target.requires_grad_(), eps=1e-7, atol=1e-5
    )


def test_a_targets_alignment_to_itself_is_computed_once() -> None:
    kept = EnvelopeSoftDTW(SHORT).embed(noise(2, 1, 300))
    assert kept.to_itself is kept.to_itself
    torch.testing.assert_close(kept.row(1).to_itself, kept.to_itself[1:])


def test_what_cannot_be() -> None:
    with pytest.raises(ParameterError, match="a hop must be a sample or more"):
        Framing(16000, hop_s=1e-5)
    with pytest.raises(ParameterError, match="gamma is 0"):
        EnvelopeSoftDTW(gamma=0)
    with pytest.raises(ParameterError, match="floor_db is -1"):
        LogRMSEnvelope(floor_db=-1)
    with pytest.raises(ParameterError, match="same length"):
        LogRMSEnvelope()(noise(), noise()[:, :8000])
