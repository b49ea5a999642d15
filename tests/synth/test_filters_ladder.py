"""The ladder: SciPy where it is linear, self-oscillation, saturation, its gradients."""

from __future__ import annotations

import math
import warnings
from functools import reduce

import numpy as np
import pytest
import scipy.signal
import torch
from torch import Tensor

from synthgym import kernels
from synthgym.errors import ParameterError
from synthgym.synth import Clock, Linear, Node, Patch
from synthgym.synth.dsp.ladder import moog_ladder
from synthgym.synth.modules import LFO, Ladder, Oscillator

RATE = 16000
LINEAR = 1e-3


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    pytest.importorskip("numba", reason="the extra 'fast' (numba) is not installed")
    if not kernels.ready():
        kernels.compile_all()


def ladder(
    audio: Tensor, cutoff: Tensor | float, resonance: Tensor | float, drive: Tensor | float
) -> Tensor:
    rows = audio.new_zeros(len(audio))
    cutoff, resonance, drive = (
        value if isinstance(value, Tensor) else rows + value for value in (cutoff, resonance, drive)
    )
    return moog_ladder(audio, cutoff, resonance, drive, Clock(RATE, audio.shape[1]))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.as_tensor(np.random.default_rng(seed).standard_normal(shape))


def motion(*shape: int, low: float, high: float, seed: int) -> Tensor:
    draw = torch.as_tensor(np.random.default_rng(seed).random(shape))
    return low * (high / low) ** draw


def impulse(n: int) -> Tensor:
    sound = torch.zeros(1, n)
    sound[0, 0] = 1
    return sound


def walk(audio: np.ndarray, cutoff: np.ndarray, k: np.ndarray, drive: float) -> np.ndarray:
    """One stage and one sample after the other, with the tangent."""
    states = [0.0] * 4
    out = np.empty(len(audio))
    for n, x in enumerate(audio):
        g = math.tan(math.pi * cutoff[n] / RATE)
        still = 0.0
        for state in states:
            still = (g * still + state) / (1 + g)
        signal = (x - k[n] * still) / (1 + k[n] * (g / (1 + g)) ** 4)
        signal = math.tanh(drive * signal) / drive
        for i, state in enumerate(states):
            step = (signal - state) * g / (1 + g)
            signal = state + step
            states[i] = signal + step
        out[n] = signal
    return out


@pytest.mark.parametrize(("cutoff", "k"), [(60.0, 0.0), (500.0, 1.0), (1500.0, 3.8), (7000.0, 3.0)])
def test_linear_and_at_rest_it_is_four_poles_in_a_loop(cutoff: float, k: float) -> None:
    audio = 0.01 * noise(2, 1200)
    g = math.tan(math.pi * cutoff / RATE)
    over = reduce(np.polymul, [[g, g]] * 4)
    under = reduce(np.polymul, [[1 + g, g - 1]] * 4) + k * over
    expected = scipy.signal.lfilter(over, under, audio.numpy())
    after = ladder(audio.float(), cutoff, k, LINEAR)
    np.testing.assert_allclose(after.numpy(), expected, atol=2e-6)
    np.testing.assert_allclose(ladder(audio, cutoff, k, LINEAR).numpy(), expected, atol=2e-7)


def test_gain_at_0_hz_and_at_the_cutoff() -> None:
    assert float(ladder(torch.ones(1, 4000), 1000.0, 1.5, LINEAR)[0, -1]) == pytest.approx(
        1 / 2.5, rel=1e-4
    )
    tone = torch.sin(2 * math.pi * 1000 / RATE * torch.arange(8000))[None]
    after = ladder(tone, 1000.0, 0.0, LINEAR)
    assert float(after[0, 4000:].norm() / tone[0, 4000:].norm()) == pytest.approx(0.25, rel=1e-3)
    resonant = ladder(tone, 1000.0, 3.0, LINEAR)
    # A quarter, turned by half a cycle, in a loop of gain -3.
    assert float(resonant[0, 4000:].norm() / tone[0, 4000:].norm()) == pytest.approx(1, rel=1e-2)


@pytest.mark.parametrize("cutoff", [200.0, 1000.0, 5000.0])
def test_it_oscillates_by_itself_from_a_resonance_of_4_on(cutoff: float) -> None:
    def loudness(k: float) -> tuple[float, float]:
        after = ladder(1e-3 * impulse(16000), cutoff, k, LINEAR)[0]
        return float(after[4000:6000].norm()), float(after[-2000:].norm())

    before, after = loudness(3.99)
    assert after < 0.9 * before
    before, after = loudness(4.01)
    assert after > 1.1 * before
    before, after = loudness(4.0)
    assert after == pytest.approx(before, rel=2e-2)
    ringing = ladder(impulse(16000), cutoff, 4.0, LINEAR)[0, 4000:12192]
    spectrum = torch.fft.rfft(ringing * torch.hann_window(8192)).abs()
    assert int(spectrum.argmax()) * RATE / 8192 == pytest.approx(cutoff, abs=RATE / 8192)


@pytest.mark.parametrize("drive", [0.5, 1.0, 4.0])
def test_saturation_limits_the_oscillation(drive: float) -> None:
    after = ladder(impulse(32000), 700.0, 6.0, drive)[0]
    early, late = after[-8000:-4000], after[-4000:]
    assert float(late.abs().max()) <= 1 / drive
    assert float(late.norm()) == pytest.approx(float(early.norm()), rel=1e-2)
    assert float(late.norm()) > 1


def test_small_signals_do_not_know_the_drive_and_large_ones_do() -> None:
    audio = noise(1, 2000).float()
    quiet = [ladder(1e-3 * audio, 900.0, 2.0, drive) for drive in (0.1, 3.0)]
    torch.testing.assert_close(*quiet, rtol=1e-3, atol=1e-8)
    loud = [ladder(10 * audio, 900.0, 2.0, drive) for drive in (0.1, 3.0)]
    assert float(loud[1].norm()) < 0.2 * float(loud[0].norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_in_motion_it_is_the_recursion(dtype: torch.dtype) -> None:
    audio = 2 * noise(3, 900)
    cutoff = motion(3, 900, low=20, high=7990, seed=1)
    k = motion(3, 900, low=0.1, high=5, seed=2)
    drive = torch.tensor([0.01, 1.0, 5.0])
    after = ladder(audio.to(dtype), cutoff.to(dtype), k.to(dtype), drive.to(dtype))
    for row in range(3):
        expected = walk(audio[row].numpy(), cutoff[row].numpy(), k[row].numpy(), float(drive[row]))
        tolerance = 2e-5 if dtype == torch.float32 else 1e-7
        np.testing.assert_allclose(after[row].numpy(), expected, atol=tolerance)


def test_at_the_limits_of_the_cutoff() -> None:
    audio = noise(1, 300).float()
    for cutoff in (8000.0, 20000.0):
        torch.testing.assert_close(ladder(audio, cutoff, 0.0, LINEAR), audio, atol=1e-4, rtol=1e-4)
    assert bool((ladder(audio, 0.0, 2.0, 1.0) == 0).all())


def test_nothing_runs_away_under_the_wildest_motion() -> None:
    audio = 10 * noise(1, 60000).float()
    cutoff = torch.where(torch.arange(60000) // 3 % 2 == 1, 8000.0, 20.0)[None]
    k = torch.where(torch.arange(60000) // 7 % 2 == 1, 0.0, 20.0)[None]
    for moving in (cutoff, motion(1, 60000, low=20, high=8000, seed=4).float()):
        after = ladder(audio, moving, k, 1.0)
        assert bool(after.isfinite().all())
        assert float(after.abs().max()) < 200


@pytest.mark.parametrize("moving", [False, True])
def test_gradients_against_central_differences(moving: bool) -> None:
    n = 24
    shape = (2, n) if moving else (2,)
    inputs = [
        noise(2, n),
        motion(*shape, low=0.2, high=7, seed=5),
        motion(*shape, low=0.5, high=5, seed=6),
        motion(2, low=0.3, high=3, seed=7),
    ]
    leaves = [value.requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(lambda x, f, k, d: ladder(x, 1000 * f, k, d), leaves)


@pytest.mark.parametrize(("batch", "n"), [(1, 1), (3, 63), (17, 129), (2, 700)])
@pytest.mark.parametrize("moving", [(False, False), (True, False), (False, True), (True, True)])
def test_kernel_against_torch(batch: int, n: int, moving: tuple[bool, bool]) -> None:
    cutoff = motion(batch, n if moving[0] else 1, low=20, high=9000, seed=1)
    k = motion(batch, n if moving[1] else 1, low=0.1, high=4.5, seed=2)
    values = [
        noise(batch, n),
        cutoff if moving[0] else cutoff[:, 0],
        k if moving[1] else k[:, 0],
        motion(batch, low=0.02, high=5, seed=8),
    ]
    down = noise(batch, n, seed=3)

    def run(dtype: torch.dtype) -> list[Tensor]:
        leaves = [v.to(dtype).requires_grad_() for v in values]
        assert kernels.serve(*leaves) == (dtype == torch.float32)
        after = moog_ladder(*leaves, Clock(RATE, n))
        return [after.detach(), *torch.autograd.grad((after * down.to(dtype)).sum(), leaves)]

    for single, double in zip(run(torch.float32), run(torch.float64), strict=True):
        assert single.dtype == torch.float32
        assert single.shape == double.shape
        assert float((single - double).norm()) <= 1e-4 * float(double.norm()) + 1e-6


@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_does_not_depend_on_the_others(threads: int) -> None:
    audio, cutoff = noise(21, 5000).float(), motion(21, 5000, low=20, high=8000, seed=1).float()
    was = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = ladder(audio, cutoff, 3.0, 1.0)
    finally:
        torch.set_num_threads(was)
    for row in (0, 7, 16, 20):
        alone = ladder(audio[row : row + 1], cutoff[row : row + 1], 3.0, 1.0)
        assert torch.equal(together[row], alone[0])


def test_finite_at_every_corner() -> None:
    corners = [
        (f, k, d)
        for f in (-1.0, 0.0, 20.0, 8000.0, 1e5)
        for k in (0.0, 4.0, 100.0)
        for d in (0.0, 1.0, 1e3)
    ]
    leaves = [t.contiguous().requires_grad_() for t in torch.tensor(corners).T]
    audio = noise(len(corners), 700).float().requires_grad_()
    after = ladder(audio, *leaves)
    gradients = torch.autograd.grad(after.square().sum(), [audio, *leaves])
    assert bool(after.isfinite().all())
    driven = torch.tensor([d > 0 for _, _, d in corners])
    for gradient in gradients:
        assert bool(gradient[driven].isfinite().all())


def test_the_slow_way_is_no_surprise() -> None:
    audio = torch.zeros(1, 4096, dtype=torch.float64)
    with pytest.warns(RuntimeWarning, match="compile_all"):
        ladder(audio, 100.0, 1.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ladder(audio[:, :4000], 100.0, 1.0, 1.0)
        ladder(audio.float(), 100.0, 1.0, 1.0)


def test_an_lfo_moves_the_cutoff_by_octaves() -> None:
    clock = Clock(RATE, 900)
    knob = Ladder(800.0, Linear("resonance", 0.0, 4.0), intensity=1.5)
    patch = Patch(
        (
            Node("saw", Oscillator("saw", freq=220.0, amp=0.5)),
            Node("lfo", LFO("sine", freq=9.0)),
            Node("ladder", knob, {"audio": "saw", "cutoff": "lfo"}),
        )
    )
    rendered = patch.render(torch.tensor([[0.5]], dtype=torch.float64), clock, taps=True)
    cutoff = 800 * 2 ** (1.5 * rendered.taps["lfo"])
    torch.testing.assert_close(rendered.audio, ladder(rendered.taps["saw"], cutoff, 2.0, 1.0))


def test_impossible_filters_are_refused_when_built() -> None:
    with pytest.raises(ParameterError, match=r"resonance starts at -1\.0; it must be at least 0"):
        Ladder(resonance=Linear("resonance", -1.0, 1.0))
