"""The compiled bent envelope against the torch function that it stands in for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from synthgym import kernels
from synthgym.synth import Clock
from synthgym.synth.dsp.envelopes import bent_adsr

pytest.importorskip("numba", reason="the extra 'fast' (numba) is not installed")

CLOCK = Clock(16000, 4100)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    kernels.compile_all()
    assert kernels.ready()


def arguments(n_rows: int, low: float, high: float, seed: int) -> list[Tensor]:
    """Attack, decay, sustain, hold, release and curve; times around the sound's length."""
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand(6, n_rows, generator=generator, dtype=torch.float64)
    times = 0.002 * 200 ** draws[[0, 1, 3, 4]]
    curve = low * (high / low) ** draws[5]
    return [times[0], times[1], draws[2], times[2], times[3], curve]


def value_and_gradients(
    given: list[Tensor], dtype: torch.dtype, clock: Clock
) -> tuple[Tensor, list[Tensor]]:
    leaves = [value.to(dtype).requires_grad_() for value in given]
    assert kernels.serve(*leaves) == (dtype == torch.float32)
    out = bent_adsr(*leaves, clock)
    probe = torch.sin(torch.arange(clock.n_samples) * 0.003 + 0.5).to(dtype)
    gradients = torch.autograd.grad((out * probe).sum(), leaves)
    return out.detach().double(), [g.double() for g in gradients]


@pytest.mark.parametrize(("low", "high"), [(0.1, 6.0), (0.01, 0.1), (6.0, 50.0)])
def test_bent_envelopes_equal_the_torch_function(low: float, high: float) -> None:
    given = arguments(64, low, high, seed=0)
    fast, fast_gradients = value_and_gradients(given, torch.float32, CLOCK)
    slow, slow_gradients = value_and_gradients(given, torch.float64, CLOCK)
    # The times themselves are rounded: a sample may lie on the other side of a steep stage's end.
    assert float((fast - slow).abs().max()) < 1e-4
    for found, expected in zip(fast_gradients, slow_gradients, strict=True):
        scale = expected.abs() + 1e-3 * expected.abs().max() + 1e-6
        assert float(((found - expected).abs() / scale).max()) < 1e-2


@pytest.mark.parametrize("n_samples", [1, 2, 127, 128, 129])
def test_any_length_is_filled(n_samples: int) -> None:
    given = arguments(40, 0.1, 6.0, seed=1)
    clock = Clock(8000, n_samples)
    fast, _ = value_and_gradients(given, torch.float32, clock)
    slow, _ = value_and_gradients(given, torch.float64, clock)
    assert float((fast - slow).abs().max()) < 1e-4


def test_many_threads_do_what_one_does() -> None:
    given = [value.float() for value in arguments(64, 0.1, 6.0, seed=2)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = bent_adsr(*given, CLOCK)
        torch.set_num_threads(3)
        assert torch.equal(bent_adsr(*given, CLOCK), alone)
    finally:
        torch.set_num_threads(before)
