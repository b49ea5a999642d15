"""The compiled gradient of a mix against autograd's in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from synthgym import kernels
from synthgym.synth.dsp.mixing import weighted_sum

pytest.importorskip("numba", reason="the extra 'fast' (numba) is not installed")


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    kernels.compile_all()
    assert kernels.ready()


def mixed(dtype: torch.dtype, batch: int, n_samples: int) -> tuple[Tensor, list[Tensor]]:
    """A mix, and the gradients of a product with it.

    Of two levels of three, and of two of the signals: the third is one row for all.
    """
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(batch, n_samples, generator=generator) for _ in range(3)]
    first, second, weight = (draw.to(dtype) for draw in draws)
    shared = torch.randn(1, n_samples, generator=generator).to(dtype).expand(batch, -1)
    levels = [torch.rand(batch, generator=generator).to(dtype) for _ in range(3)]
    leaves = [leaf.requires_grad_() for leaf in (first, second, *levels[:2])]
    assert kernels.serve(*leaves) == (dtype == torch.float32)
    out = weighted_sum([first, second, shared], levels)
    return out.detach(), list(torch.autograd.grad((out * weight).sum(), leaves))


@pytest.mark.parametrize(("batch", "n_samples"), [(1, 1), (5, 1023), (3, 2049), (4, 70000)])
def test_gradients_of_a_mix_equal_those_of_autograd(batch: int, n_samples: int) -> None:
    fast, fast_gradients = mixed(torch.float32, batch, n_samples)
    slow, slow_gradients = mixed(torch.float64, batch, n_samples)
    torch.testing.assert_close(fast.double(), slow, rtol=1e-5, atol=1e-5)
    for found, expected in zip(fast_gradients, slow_gradients, strict=True):
        assert float((found - expected).norm() / expected.norm()) < 1e-5


@pytest.mark.parametrize("n_signals", [1, 2, 3, 4, 6])
def test_mixes_of_fewer_and_of_more_signals_than_one_pass_takes(n_signals: int) -> None:
    generator = torch.Generator().manual_seed(1)
    signals = [torch.randn(3, 2500, generator=generator) for _ in range(n_signals)]
    levels = [torch.rand(3, generator=generator) for _ in range(n_signals)]
    assert kernels.serve(*signals, *levels)
    mixed = weighted_sum(signals, levels)
    exact = sum(s.double() * w.double()[:, None] for s, w in zip(signals, levels, strict=True))
    torch.testing.assert_close(mixed.double(), exact, rtol=1e-5, atol=1e-5)
