"""The state-variable filter: SciPy at rest, a walk through the samples in motion, its gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
import torch
from torch import Tensor

from synthgym import kernels
from synthgym.errors import ParameterError, UnknownNameError
from synthgym.synth import Clock, Linear, Log, Node, Patch
from synthgym.synth.dsp.scan import affine_scan
from synthgym.synth.dsp.svf import MODES, state_variable_filter
from synthgym.synth.modules import ADSR, SVF, Knob, Noise, Oscillator
from synthgym.synth.modules.filters import peak_octaves

RATE = 16000
NAMES = tuple(MODES)


@pytest.fixture(scope="module")
def compiled() -> None:
    pytest.importorskip("numba", reason="the extra 'fast' (numba) is not installed")
    if not kernels.ready():
        kernels.compile_all()


def svf(mode: str, audio: Tensor, cutoff: Tensor | float, q: Tensor | float) -> Tensor:
    rows = audio.new_zeros(len(audio))
    weights = audio.new_tensor([1.0 if name == mode else 0.0 for name in NAMES])
    return state_variable_filter(
        weights.expand(len(audio), 3),
        NAMES,
        audio,
        cutoff if isinstance(cutoff, Tensor) else rows + cutoff,
        q if isinstance(q, Tensor) else rows + q,
        Clock(RATE, audio.shape[1]),
    )


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.as_tensor(np.random.default_rng(seed).standard_normal(shape))


def motion(*shape: int, low: float, high: float, seed: int) -> Tensor:
    """Anything between low and high, each sample anew."""
    draw = torch.as_tensor(np.random.default_rng(seed).random(shape))
    return low * (high / low) ** draw


def at_rest(mode: str, cutoff: float, q: float) -> tuple[np.ndarray, np.ndarray]:
    """The bilinear transform of the analog filter, made to meet it at the cutoff."""
    numerator = {"lowpass": [1.0], "highpass": [1.0, 0.0, 0.0], "bandpass": [1 / q, 0.0]}[mode]
    warped = math.tan(math.pi * cutoff / RATE)
    numerator = [
        b * warped ** (2 - i)
        for i, b in zip(range(len(numerator) - 1, -1, -1), numerator, strict=True)
    ]
    return scipy.signal.bilinear(numerator, [1.0, warped / q, warped**2], fs=0.5)


def walk(mode: str, audio: np.ndarray, cutoff: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Zavalishin's form, with the tangent and one sample after the other."""
    first = second = 0.0
    out = np.empty(len(audio))
    for n, x in enumerate(audio):
        g, k = math.tan(math.pi * cutoff[n] / RATE), 1 / q[n]
        high = (x - (g + k) * first - second) / (1 + k * g + g * g)
        band = g * high + first
        low = g * band + second
        first, second = g * high + band, g * band + low
        out[n] = {"lowpass": low, "highpass": high, "bandpass": k * band}[mode]
    return out


@pytest.mark.parametrize("mode", NAMES)
@pytest.mark.parametrize(
    ("cutoff", "q"), [(30.0, 0.5), (440.0, 0.707), (1234.5, 12.0), (7900.0, 3.0)]
)
def test_at_rest_it_is_the_bilinear_transform(mode: str, cutoff: float, q: float) -> None:
    audio = noise(2, 1500)
    expected = scipy.signal.lfilter(*at_rest(mode, cutoff, q), audio.numpy())
    np.testing.assert_allclose(svf(mode, audio, cutoff, q).numpy(), expected, atol=1e-8)


@pytest.mark.parametrize("mode", NAMES)
def test_in_motion_it_is_the_recursion(mode: str) -> None:
    audio = noise(2, 1300)
    cutoff = motion(2, 1300, low=20, high=7990, seed=1)
    q = motion(2, 1300, low=0.3, high=30, seed=2)
    after = svf(mode, audio, cutoff, q)
    for row in range(2):
        expected = walk(mode, audio[row].numpy(), cutoff[row].numpy(), q[row].numpy())
        np.testing.assert_allclose(after[row].numpy(), expected, atol=1e-10)


def gain(mode: str, freq: float, cutoff: float, q: float) -> float:
    """Of a tone, once it is steady."""
    time_s = torch.arange(16000, dtype=torch.float64) / RATE
    tone = torch.sin(2 * math.pi * freq * time_s)[None]
    after = svf(mode, tone, cutoff, q)[0, 8000:]
    return float(after.norm() / tone[0, 8000:].norm())


@pytest.mark.parametrize("q", [0.5, 2**-0.5, 10.0])
def test_gain_at_the_cutoff(q: float) -> None:
    assert gain("lowpass", 1000.0, 1000.0, q) == pytest.approx(q, rel=1e-3)
    assert gain("highpass", 1000.0, 1000.0, q) == pytest.approx(q, rel=1e-3)
    assert gain("bandpass", 1000.0, 1000.0, q) == pytest.approx(1, rel=1e-3)


def test_what_passes_and_what_is_stopped() -> None:
    q = 2**-0.5
    assert 20 * math.log10(gain("lowpass", 1000.0, 1000.0, q)) == pytest.approx(-3.01, abs=0.01)
    assert gain("lowpass", 50.0, 1000.0, q) == pytest.approx(1, abs=1e-3)
    assert gain("highpass", 7000.0, 300.0, q) == pytest.approx(1, abs=1e-3)
    octave = gain("lowpass", 1000.0, 100.0, q) / gain("lowpass", 500.0, 100.0, q)
    assert 20 * math.log10(octave) == pytest.approx(-12, abs=0.5)
    octave = gain("highpass", 100.0, 2000.0, q) / gain("highpass", 50.0, 2000.0, q)
    assert 20 * math.log10(octave) == pytest.approx(12, abs=0.2)


def test_the_peak_is_where_theory_has_it() -> None:
    """A lowpass peaks at the cutoff times sqrt(1 - 1 / (2 q^2)), on the warped axis."""
    impulse = torch.zeros(1, 1 << 15, dtype=torch.float64)
    impulse[0, 0] = 1
    q, cutoff = 3.0, 1500.0
    response = torch.fft.rfft(svf("lowpass", impulse, cutoff, q)[0]).abs()
    warped = math.tan(math.pi * cutoff / RATE) * math.sqrt(1 - 1 / (2 * q * q))
    peak_hz = math.atan(warped) * RATE / math.pi
    assert int(response.argmax()) * RATE / (1 << 15) == pytest.approx(peak_hz, abs=1)
    assert float(response.max()) == pytest.approx(q / math.sqrt(1 - 1 / (4 * q * q)), rel=1e-4)


def test_at_the_nyquist_frequency_and_at_0_hz() -> None:
    audio = noise(1, 300)
    for cutoff in (8000.0, 20000.0):
        torch.testing.assert_close(svf("lowpass", audio, cutoff, 2.0), audio)
        assert float(svf("highpass", audio, cutoff, 2.0).abs().max()) < 1e-12
    assert bool((svf("lowpass", audio, 0.0, 2.0) == 0).all())
    torch.testing.assert_close(svf("highpass", audio, 0.0, 2.0), audio)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stable_under_the_wildest_motion(compiled: None, dtype: torch.dtype) -> None:
    """From 20 Hz to the Nyquist frequency and back every few samples, hardly damped."""
    audio = noise(1, 60000).to(dtype)
    audio[:, 30000:] = 0
    period = torch.arange(60000) // 3 % 2
    cutoff = torch.where(period == 1, 8000.0, 20.0).to(dtype)[None]
    q = torch.where(torch.arange(60000) // 5 % 2 == 1, 0.5, 1000.0).to(dtype)[None]
    for mode in NAMES:
        for moving in (cutoff, motion(1, 60000, low=20, high=8000, seed=4).to(dtype)):
            after = svf(mode, audio, moving, q)
            assert bool(after.isfinite().all())
            assert float(after.abs().max()) < 1000
            left = after[:, 30000:].abs()
            assert float(left[:, -1000:].max()) <= float(left[:, :1000].max())


@pytest.mark.parametrize("moving", [False, True])
def test_gradients_against_central_differences(moving: bool) -> None:
    n = 37
    shape = (2, n) if moving else (2,)
    audio = noise(2, n).requires_grad_()
    cutoff = motion(*shape, low=200, high=7000, seed=5).requires_grad_()
    q = motion(*shape, low=0.5, high=8, seed=6).requires_grad_()
    weights = noise(2, 3, seed=7).requires_grad_()
    clock = Clock(RATE, n)

    def loss(weights: Tensor, audio: Tensor, octaves: Tensor, q: Tensor) -> Tensor:
        return state_variable_filter(weights, NAMES, audio, 1000 * octaves, q, clock)

    inputs = (weights, audio, (cutoff / 1000).detach().requires_grad_(), q)
    assert torch.autograd.gradcheck(loss, inputs, check_forward_ad=True)


def test_second_derivatives_of_the_scan() -> None:
    change = (0.3 * noise(2, 2, 1, 9)).requires_grad_()
    offset = noise(2, 1, 9, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(affine_scan, (change, offset), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(affine_scan, (change, offset))


@pytest.mark.parametrize("n", [1, 31, 512, 513, 2500])
@pytest.mark.parametrize("moving", [(False, False), (True, False), (False, True), (True, True)])
def test_kernel_against_torch(compiled: None, n: int, moving: tuple[bool, bool]) -> None:
    batch = 4
    weights = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0]]
    cutoff = motion(batch, n if moving[0] else 1, low=20, high=9000, seed=1)
    q = motion(batch, n if moving[1] else 1, low=0.5, high=20, seed=2)
    values = [
        weights,
        noise(batch, n),
        cutoff if moving[0] else cutoff[:, 0],
        q if moving[1] else q[:, 0],
    ]
    down = noise(batch, n, seed=3)

    def run(dtype: torch.dtype) -> list[Tensor]:
        leaves = [v.to(dtype).requires_grad_() for v in values]
        assert kernels.serve(*leaves) == (dtype == torch.float32)
        w, audio, f, k = leaves
        after = state_variable_filter(w, NAMES, audio, f, k, Clock(RATE, n))
        return [after.detach(), *torch.autograd.grad((after * down.to(dtype)).sum(), leaves)]

    for single, double in zip(run(torch.float32), run(torch.float64), strict=True):
        assert single.dtype == torch.float32
        assert single.shape == double.shape
        assert float((single - double).norm()) <= 2e-5 * float(double.norm()) + 1e-7


def test_low_and_sharp_in_float32_for_long(compiled: None) -> None:
    """Where a step changes the state least: 20 Hz at 44.1 kHz, q 20, ten seconds."""
    audio = noise(1, 441000)
    weights, clock = torch.tensor([[1.0]]), Clock(44100, 441000)
    single, double = (
        state_variable_filter(
            weights.to(dtype),
            ("lowpass",),
            audio.to(dtype),
            torch.full((1,), 20.0, dtype=dtype),
            torch.full((1,), 20.0, dtype=dtype),
            clock,
        )
        for dtype in (torch.float32, torch.float64)
    )
    assert float((single - double).norm() / double.norm()) < 1e-3


@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_does_not_depend_on_the_others(compiled: None, threads: int) -> None:
    audio, q = noise(7, 20000).float(), torch.full((7,), 3.0)
    cutoff = motion(7, 20000, low=20, high=8000, seed=1).float()
    was = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = svf("bandpass", audio, cutoff, q)
    finally:
        torch.set_num_threads(was)
    for row in range(7):
        alone = svf("bandpass", audio[row : row + 1], cutoff[row : row + 1], q[:1])
        assert torch.equal(together[row], alone[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_finite_at_every_corner(compiled: None, dtype: torch.dtype) -> None:
    corners = [(f, q) for f in (-1.0, 0.0, 20.0, 8000.0, 1e5) for q in (0.01, 0.5, 1e4)]
    cutoff, q = torch.tensor(corners, dtype=dtype).T.contiguous()
    audio = noise(len(corners), 700).to(dtype).requires_grad_()
    cutoff.requires_grad_()
    q.requires_grad_()
    for mode in NAMES:
        after = svf(mode, audio, cutoff, q)
        gradients = torch.autograd.grad(after.square().sum(), [audio, cutoff, q])
        assert all(bool(t.isfinite().all()) for t in (after, *gradients))
    assert bool((gradients[1][[0, 1, 2, 12, 13, 14]] == 0).all()), "beyond the limits"


def test_an_envelope_moves_the_cutoff_by_octaves() -> None:
    clock = Clock(RATE, 800)
    saw, envelope = Oscillator("saw", freq=220.0, amp=0.5), ADSR(0.01, 0.02, 0.5, 0.03, 0.01)
    knob = SVF("lowpass", 300.0, 2.0, intensity=Linear("intensity", -4.0, 4.0))
    patch = Patch(
        (
            Node("saw", saw),
            Node("env", envelope),
            Node("svf", knob, {"audio": "saw", "cutoff": "env"}),
        )
    )
    unit = torch.tensor([[0.875], [0.25]], dtype=torch.float64)
    rendered = patch.render(unit, clock, taps=True)
    control = rendered.taps["env"]
    octaves = torch.tensor([[3.0], [-2.0]], dtype=torch.float64)
    expected = svf("lowpass", rendered.taps["saw"], 300 * 2 ** (octaves * control), 2.0)
    torch.testing.assert_close(rendered.audio, expected)


def test_octaves_of_the_papers_filter_shaper() -> None:
    assert peak_octaves(0.0, 300.0, 8000.0) == 0
    assert 300 * 2 ** peak_octaves(1.0, 300.0, 8000.0) == pytest.approx(8000)
    assert 300 * 2 ** peak_octaves(0.5, 300.0, 8000.0) == pytest.approx(300 + 0.5 * 7700)


def test_a_choice_of_modes_knows_what_each_would_do() -> None:
    clock = Clock(RATE, 500)
    patch = Patch(
        (
            Node("saw", Oscillator("saw", freq=220.0, amp=0.5)),
            Node("svf", SVF(cutoff=900.0, q=Log("q", 0.5, 20.0)), {"audio": "saw"}),
        )
    )
    unit = torch.tensor([[0.1, 0.9, 0.2, 0.5]], dtype=torch.float64, requires_grad=True)
    audio = patch.render(unit, clock)
    (gradient,) = torch.autograd.grad(audio.square().sum(), unit)
    assert bool((gradient != 0).all())
    saw = patch.render(unit.detach(), clock, taps=True).taps["saw"]
    torch.testing.assert_close(audio.detach(), svf("highpass", saw, 900.0, math.sqrt(10)))


def test_impossible_filters_are_refused_when_built() -> None:
    with pytest.raises(ParameterError, match=r"q starts at 0\.0; it must be above 0"):
        SVF(q=Linear("q", 0.0, 1.0))
    with pytest.raises(UnknownNameError, match="lowpass"):
        SVF(mode="lowpas")


def test_a_cutoff_is_moved_to_nine_tenths_of_the_nyquist_frequency_at_most() -> None:
    """Beyond, what the filter holds unheard would come out as a bang when the cutoff falls."""
    knobs = Node("up", Knob(1.0)), Node("noise", Noise(amp=1.0))
    inputs = {"audio": "noise", "cutoff": "up"}
    held = Patch((*knobs, Node("svf", SVF("lowpass", 1000.0, 1.0, intensity=9.0), inputs)))
    steady = Patch((*knobs[1:], Node("svf", SVF("lowpass", 7200.0, 1.0), {"audio": "noise"})))
    nothing, clock = torch.zeros(1, 0, dtype=torch.float64), Clock(16000, 1000)
    torch.testing.assert_close(held.render(nothing, clock), steady.render(nothing, clock))
