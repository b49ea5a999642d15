"""Tones and amplifiers steered by points: the compiled kernels against the torch functions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from synthgym import kernels
from synthgym.synth import Clock
from synthgym.synth.dsp.control import amplified, control_clock, glide_tone

pytest.importorskip("numba", reason="the extra 'fast' (numba) is not installed")

CLOCK = Clock(16000, 3003)
SHAPES = ("saw", "sine", "square", "triangle")
BATCH = 8


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    kernels.compile_all()
    assert kernels.ready()


def draw(*shape: int, low: float, high: float, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def both(
    function: Callable[..., Tensor], arguments: list[Tensor]
) -> list[tuple[Tensor, list[Tensor]]]:
    """Values and gradients of a smooth sum, in float32 by the kernels and in float64 by torch."""
    results = []
    for dtype in (torch.float32, torch.float64):
        leaves = [a.to(dtype).requires_grad_() for a in arguments]
        out = function(*leaves)
        smooth = torch.sin(torch.arange(out.shape[1]) * 0.01).to(dtype)
        gradients = torch.autograd.grad((out * smooth).sum(), leaves)
        results.append((out.detach().double(), [g.double() for g in gradients]))
    return results


@pytest.mark.parametrize("hop", [2, 40, 128, 300, 5000])
def test_gliding_tones_equal_the_torch_functions(hop: int) -> None:
    """With points within a block, on its end, many blocks apart, and beyond the sound."""
    n_points = control_clock(CLOCK, hop).n_samples
    points = draw(BATCH, n_points, low=100, high=900, seed=1)
    points[1] *= -1  # a tone that runs backwards
    points[2] *= 10  # beyond the widest step
    arguments = [
        torch.eye(4, dtype=torch.float64).repeat(BATCH // 4, 1),
        points,
        draw(BATCH, low=0, high=1, seed=2),
        draw(BATCH, low=0.1, high=1, seed=3),
    ]

    def tone(weights: Tensor, points_hz: Tensor, start: Tensor, amp: Tensor) -> Tensor:
        return glide_tone(weights, SHAPES, points_hz, hop, start, amp, CLOCK)

    (fast, fast_gradients), (slow, slow_gradients) = both(tone, arguments)
    assert float((fast - slow).abs().mean()) < 5e-6
    assert float((fast - slow).abs().max()) < 5e-3
    for found, expected in zip(fast_gradients, slow_gradients, strict=True):
        rows = found.reshape(BATCH, -1), expected.reshape(BATCH, -1)
        errors = (rows[0] - rows[1]).norm(dim=1) / rows[1].norm(dim=1)
        assert float(errors.median()) < 1e-3
        assert float((found - expected).norm() / expected.norm()) < 5e-3


@pytest.mark.parametrize("hop", [2, 40, 5000])
@pytest.mark.parametrize("n_sounds", [1, BATCH])
def test_amplifying_by_points_equals_the_torch_function(hop: int, n_sounds: int) -> None:
    points = draw(BATCH, control_clock(CLOCK, hop).n_samples, low=-1, high=1, seed=4)
    sounds = draw(n_sounds, CLOCK.n_samples, low=-1, high=1, seed=5)

    def amplify(own: Tensor, steering: Tensor) -> Tensor:
        return amplified(own.expand(BATCH, -1), steering, hop, CLOCK)

    (fast, fast_gradients), (slow, slow_gradients) = both(amplify, [sounds, points])
    torch.testing.assert_close(fast, slow, atol=1e-6, rtol=0)
    for found, expected in zip(fast_gradients, slow_gradients, strict=True):
        assert float((found - expected).norm() / expected.norm()) < 1e-5


def test_one_noise_for_all_rows_is_not_copied_out_of_place() -> None:
    """Without a gradient by the sound, a row that stands for all is read as one."""
    points = draw(3, control_clock(CLOCK, 40).n_samples, low=0, high=1, seed=6).float()
    row = draw(1, CLOCK.n_samples, low=-1, high=1, seed=7).float()
    shared = amplified(row.expand(3, -1), points, 40, CLOCK)
    assert torch.equal(shared, amplified(row.repeat(3, 1), points, 40, CLOCK))
