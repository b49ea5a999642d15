"""Compiled convolution and tremolo against sums that are written down sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from synthgym import kernels
from synthgym.synth.dsp.convolution import convolved
from synthgym.synth.dsp.modulation import tremolo

pytest.importorskip("numba", reason="the extra 'fast' (numba) is not installed")


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    kernels.compile_all()
    assert kernels.ready()


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def direct(audio: Tensor, side: Tensor) -> Tensor:
    """The convolution as a sum over lags, in float64, differentiable."""
    reach = side.shape[1] - 1
    padded = torch.nn.functional.pad(audio, (reach, reach))
    n = audio.shape[1]
    total = side[:, :1] * audio
    for lag in range(1, reach + 1):
        both = padded[:, reach - lag :][:, :n] + padded[:, reach + lag :][:, :n]
        total = total + side[:, lag : lag + 1] * both
    return total


@pytest.mark.parametrize("n_samples", [1, 20, 95, 96, 97, 700])
@pytest.mark.parametrize("batch", [1, 5])
def test_frames_put_together_are_the_convolution(
    n_samples: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of sounds shorter than a frame, as long as one's new samples, and of many frames and rows."""
    monkeypatch.setattr("synthgym.synth.dsp.convolution.CACHE_SAMPLES", 4000)
    arguments = [draw(batch, n_samples, seed=0), draw(batch, 17, seed=1)]
    weights = draw(batch, n_samples, seed=2)
    results = []
    for dtype in (torch.float32, torch.float64):
        leaves = [a.to(dtype).requires_grad_() for a in arguments]
        out = convolved(*leaves, 128) if dtype == torch.float32 else direct(*leaves)
        gradients = torch.autograd.grad((out * weights.to(dtype)).sum(), leaves)
        results.append((out.detach(), *gradients))
    for found, expected in zip(*results, strict=True):
        error = (found.double() - expected).abs().max() / expected.abs().max()
        assert float(error) < 2e-6


@pytest.mark.parametrize("which", [0, 1])
def test_a_gradient_by_one_of_both_is_that_by_both(which: int) -> None:
    arguments = [draw(3, 300, seed=3).float(), draw(3, 17, seed=4).float()]
    leaves = [a.clone().requires_grad_() for a in arguments]
    whole = torch.autograd.grad(convolved(*leaves, 128).square().sum(), leaves)
    arguments[which].requires_grad_()
    (one,) = torch.autograd.grad(convolved(*arguments, 128).square().sum(), arguments[which])
    torch.testing.assert_close(one, whole[which], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_samples", [1, 1023, 1025, 5000])
def test_tremolo_is_its_formula(n_samples: int) -> None:
    audio, control, weights = (draw(3, n_samples, seed=s) for s in (5, 6, 7))
    leaves = [t.float().requires_grad_() for t in (audio, control, torch.tensor([0.0, 0.4, 1.0]))]
    out = tremolo(*leaves)
    by_audio, by_control, by_amount = torch.autograd.grad((out * weights.float()).sum(), leaves)
    a, c, w = (t.float().double().numpy() for t in (audio, control, weights))
    half = np.array([[0.0], [0.2], [0.5]])
    gain = 1 - half + half * c
    np.testing.assert_allclose(out.detach().numpy(), a * gain, atol=1e-5)
    np.testing.assert_allclose(by_audio.numpy(), w * gain, atol=1e-5)
    np.testing.assert_allclose(by_control.numpy(), w * a * half, atol=1e-5)
    expected = (w * a * (c - 1) / 2).sum(1)
    np.testing.assert_allclose(by_amount.numpy(), expected, rtol=1e-4, atol=1e-3)
