"""Noise: the same whatever is rendered beside it, and of the color that it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthgym.errors import UnknownNameError
from synthgym.synth import Clock, Node, Patch
from synthgym.synth.modules import Noise

CLOCK = Clock(16000, 16000)


def rendered(
    name: str,
    module: Noise,
    n_rows: int = 1,
    clock: Clock = CLOCK,
    dtype: torch.dtype = torch.float64,
) -> torch.Tensor:
    patch = Patch((Node(name, module),))
    return patch.render(
        torch.full((n_rows, patch.space.dimension), 0.5, dtype=torch.float64), clock
    )


@pytest.mark.parametrize("color", ["white", "pink"])
def test_every_row_has_the_same_noise_in_any_batch(color: str) -> None:
    alone = rendered("n", Noise(color))
    batch = rendered("n", Noise(color), 7)
    assert torch.equal(batch, alone.expand(7, -1))


@pytest.mark.parametrize("color", ["white", "pink"])
def test_no_chance_is_read_or_used_up(color: str) -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = rendered("n", Noise(color, 1.0))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()
    torch.manual_seed(1)
    assert torch.equal(rendered("n", Noise(color, 1.0)), first)


@pytest.mark.parametrize("color", ["white", "pink"])
def test_a_longer_noise_begins_as_the_shorter(color: str) -> None:
    short, long = (rendered("n", Noise(color), clock=Clock(16000, n)) for n in (1000, 5000))
    torch.testing.assert_close(long[:, :1000], short, atol=1e-12, rtol=0)


def test_names_and_seeds_tell_noises_apart() -> None:
    noises = [
        rendered(name, Noise("white", 1.0, seed))[0]
        for name, seed in (("a", 0), ("b", 0), ("a", 1))
    ]
    correlation = torch.corrcoef(torch.stack(noises))
    assert float((correlation - torch.eye(3)).abs().max()) < 0.03


def test_white_noise_is_even_in_level_and_spectrum() -> None:
    noise = rendered("n", Noise("white", 1.0), clock=Clock(16000, 1 << 16))[0].numpy()
    assert -1 <= noise.min() < -0.999
    assert 0.999 < noise.max() < 1
    counts = np.histogram(noise, 10, (-1, 1))[0]
    assert np.abs(counts / len(noise) - 0.1).max() < 0.006
    power = np.square(np.abs(np.fft.rfft(noise))).reshape(-1)[1:].reshape(16, -1).mean(1)
    np.testing.assert_allclose(power / power.mean(), 1, atol=0.1)
    around = np.correlate(noise, noise[100:-100], "valid") / np.square(noise).sum()
    assert np.abs(np.delete(around, 100)).max() < 0.03


def test_pink_noise_loses_3_db_an_octave() -> None:
    noise = rendered("n", Noise("pink", 1.0), clock=Clock(16000, 1 << 17))[0].numpy()
    assert np.sqrt(np.square(noise).mean()) == pytest.approx(0.25, abs=0.03)
    power = np.square(np.abs(np.fft.rfft(noise)))
    bands = [power[2**k : 2 ** (k + 1)].mean() for k in range(8, 15)]
    steps_db = 10 * np.log10(np.divide(bands[1:], bands[:-1]))
    np.testing.assert_allclose(steps_db, -3.01, atol=0.6)
    # From the first sample on: no build-up.
    assert np.square(noise[: 1 << 13]).mean() > 0.2 * np.square(noise).mean()


def test_amp_scales_it_and_has_the_gradient_that_it_should() -> None:
    patch = Patch((Node("n", Noise()),))
    unit = torch.tensor([[0.4]], dtype=torch.float64, requires_grad=True)
    audio = patch.render(unit, CLOCK)
    (gradient,) = torch.autograd.grad(audio.square().sum(), unit)
    assert float(gradient) == pytest.approx(
        2 * float(audio.detach().square().sum()) * float(np.log(100)), rel=1e-9
    )


def test_what_is_kept_is_not_what_is_given_away() -> None:
    first = rendered("n", Noise("white", 1.0))
    expected = first.clone()
    first.zero_()
    assert torch.equal(rendered("n", Noise("white", 1.0)), expected)


def test_unknown_colors_are_refused_when_built() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'pink'"):
        Noise("pnk")
