"""Cepstral distance: an independent reckoning with SciPy's cosine transform, and level by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.fft import dct
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses.mfcc import MFCCDistance

N = 4000


def noise(batch: int = 1, seed: int = 0, n: int = N) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, n, generator=generator, dtype=torch.float64)


def mel_powers(sound: np.ndarray, size: int, n_bands: int, rate: int) -> np.ndarray:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + rate / 1400), n_bands + 2) / 2595) - 1)
    bins = np.arange(size // 2 + 1) * rate / size
    weights = [np.interp(bins, edges[b : b + 3], [0, 1, 0], 0, 0) for b in range(n_bands)]
    padded = np.concatenate([np.zeros(size // 2), sound])
    frames = [padded[at : at + size] for at in range(0, len(padded) - size + 1, size // 2)]
    spectra = np.abs(np.fft.rfft(np.array(frames) * window * 2 / size)) ** 2
    return np.asarray(spectra @ np.array(weights).T)


def test_equals_an_independent_reckoning() -> None:
    sound, target = noise(1, 1)[0].numpy(), noise(1, 2)[0].numpy()
    powers = [mel_powers(s, 400, 128, 16000) for s in (sound, target)]
    floor = powers[1].max() * 1e-8
    cepstra = [dct(10 * np.log10(p + floor), type=2, norm="ortho", axis=-1)[:, :40] for p in powers]
    expected = np.abs(cepstra[0] - cepstra[1]).mean()
    value = float(MFCCDistance()(torch.tensor(sound[None]), torch.tensor(target[None])))
    assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("gain_db", [-12.0, 3.0])
def test_level_is_in_the_first_coefficient_alone(gain_db: float) -> None:
    """Bands without a bin hold the floor in both, so wide bands, one for every bin or more."""
    target = noise()
    louder = 10 ** (gain_db / 20) * target
    for n_kept in (1, 4):
        loss = MFCCDistance(n_bands=16, n_coefficients=n_kept)
        expected = abs(gain_db) * math.sqrt(16) / n_kept
        assert float(loss(louder, target)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_silence(dtype: torch.dtype) -> None:
    loss, silence, sound = MFCCDistance(), torch.zeros(1, N, dtype=dtype), noise().to(dtype)
    for own, target, least in ((silence, sound, 10), (sound, silence, 10), (silence, silence, 0)):
        leaf = own.clone().requires_grad_()
        value = loss(leaf, target)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
        assert math.inf > value.item() >= least
        assert bool(slope.isfinite().all())
    assert float(loss(silence, silence)) == 0.0


def test_slope() -> None:
    loss = MFCCDistance(1000, n_bands=8, n_coefficients=5)
    target, sounds = noise(1, 1, 100), noise(2, 2, 100).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, target), sounds, eps=1e-7, atol=1e-4)


def test_a_targets_levels_are_computed_once() -> None:
    loss = MFCCDistance()
    kept = loss.embed(noise(2))
    assert kept.levels is kept.levels
    torch.testing.assert_close(kept.row(1).levels, kept.levels[1:])
    assert loss.embed(noise(2).requires_grad_()).levels.requires_grad


def test_what_cannot_be() -> None:
    with pytest.raises(ParameterError, match="n_coefficients is 200"):
        MFCCDistance(n_coefficients=200)
    with pytest.raises(ParameterError, match="window_s is 0"):
        MFCCDistance(window_s=0)
    with pytest.raises(ParameterError, match="same length"):
        MFCCDistance()(noise(n=4000), noise(n=8000))
