"""The lowpass: what passes, what dies, and that it is smooth in its cutoff."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from synthgym.errors import ParameterError, UnknownNameError
from synthgym.synth import Clock, Linear, Log, Node, Patch
from synthgym.synth.dsp.sinc import windowed_sinc_highpass, windowed_sinc_lowpass
from synthgym.synth.modules import Highpass, Inputs, Lowpass, Module

CLOCK = Clock(16000, 4000)
MIDDLE = slice(1000, 3000)


@dataclass(frozen=True, eq=False)
class Played(Module):
    """A given sound as a source."""

    samples: Tensor

    def render(self, inputs: Inputs) -> Tensor:
        return self.samples


def lowpass(
    audio: np.ndarray | Tensor, cutoff_hz: float | Tensor, clock: Clock = CLOCK, zeros: int = 8
) -> Tensor:
    """Through a lowpass whose cutoff is a parameter from 100 to 8000 Hz."""
    batch = torch.atleast_2d(torch.as_tensor(audio, dtype=torch.float64))
    cutoff = torch.as_tensor(cutoff_hz, dtype=torch.float64).reshape(-1, 1)
    unit = (torch.log(cutoff / 100.0) / np.log(80.0)).expand(len(batch), 1)
    patch = Patch(
        (Node("in", Played(batch)), Node("filter", Lowpass(zeros=zeros), {"audio": "in"}))
    )
    return patch.render(unit, clock)


def tone(freq_hz: float, clock: Clock = CLOCK) -> np.ndarray:
    return np.sin(2 * np.pi * freq_hz * np.arange(clock.n_samples) / clock.sample_rate + 0.3)


def gain_db(freq_hz: float, cutoff_hz: float) -> float:
    """Away from the ends, where the silence outside does not reach."""
    before = tone(freq_hz)[MIDDLE]
    after = lowpass(tone(freq_hz), cutoff_hz)[0].numpy()[MIDDLE]
    return float(20 * np.log10(np.linalg.norm(after) / np.linalg.norm(before)))


def direct(audio: np.ndarray, cutoff_hz: float, rate: int, zeros: int = 8) -> np.ndarray:
    """The definition, by direct convolution."""
    cutoff = min(cutoff_hz / rate, 0.5)
    reach = int(np.ceil(zeros / 2 / cutoff))
    cycles = np.arange(-reach, reach + 1) * cutoff
    window = np.where(np.abs(cycles) < zeros / 2, np.cos(np.pi * cycles / zeros) ** 2, 0)
    kernel = np.sinc(2 * cycles) * window
    full = np.convolve(audio, kernel / kernel.sum())
    return full[reach : reach + len(audio)]


@pytest.mark.parametrize("cutoff_hz", [200.0, 1000.0, 3456.7])
def test_passes_below_and_stops_above(cutoff_hz: float) -> None:
    for share in (0.1, 0.3, 0.6):
        assert gain_db(share * cutoff_hz, cutoff_hz) == pytest.approx(0, abs=0.1)
    assert gain_db(cutoff_hz, cutoff_hz) == pytest.approx(-6.02, abs=0.1)
    for share in (1.5, 1.9, 2.2):
        assert gain_db(share * cutoff_hz, cutoff_hz) < -40


def test_gain_falls_steadily_through_the_transition() -> None:
    gains = [gain_db(share * 1000, 1000.0) for share in np.linspace(0.75, 1.15, 9)]
    assert (np.diff(gains) < 0).all()


@pytest.mark.parametrize("cutoff_hz", [100.0, 777.7, 5000.0, 8000.0])
def test_unit_gain_at_0_hz(cutoff_hz: float) -> None:
    after = lowpass(np.ones(CLOCK.n_samples), cutoff_hz)[0].numpy()
    np.testing.assert_allclose(after[MIDDLE], 1.0, atol=1e-10)


def test_zero_phase() -> None:
    impulse = np.zeros(CLOCK.n_samples)
    impulse[2000] = 1
    response = lowpass(impulse, 500.0)[0].numpy()
    assert response.argmax() == 2000
    np.testing.assert_allclose(response[1500:2000], response[2500:2000:-1], atol=1e-12)
    after = lowpass(tone(300.0), 1000.0)[0].numpy()
    np.testing.assert_allclose(after[MIDDLE], tone(300.0)[MIDDLE], atol=5e-3)


@pytest.mark.parametrize(
    ("rate", "cutoff_hz"), [(8000, 4000.0), (8000, 5600.0), (11025, 5600.0), (16000, 8000.0)]
)
def test_a_cutoff_from_the_nyquist_frequency_on_is_the_identity(
    rate: int, cutoff_hz: float
) -> None:
    noise = np.random.default_rng(0).standard_normal(3000)
    after = lowpass(noise, cutoff_hz, Clock(rate, 3000))[0].numpy()
    np.testing.assert_allclose(after, noise, atol=1e-9)


@given(
    st.floats(100.0, 8000.0),
    st.sampled_from([1, 2, 7, 127, 128, 129, 1000, 4001]),
    st.sampled_from([8000, 16000, 44100]),
    st.sampled_from([4, 8, 16]),
)
def test_equals_direct_convolution(cutoff_hz: float, n: int, rate: int, zeros: int) -> None:
    noise = np.random.default_rng(n).standard_normal(n)
    after = lowpass(noise, cutoff_hz, Clock(rate, n), zeros)[0].numpy()
    np.testing.assert_allclose(after, direct(noise, cutoff_hz, rate, zeros), atol=1e-9)


def test_each_row_has_its_own_cutoff() -> None:
    noise = np.random.default_rng(1).standard_normal((3, 2000))
    cutoffs = torch.tensor([150.0, 1234.0, 7000.0])
    clock = Clock(16000, 2000)
    together = lowpass(noise, cutoffs, clock)
    for row in range(3):
        alone = lowpass(noise[row], float(cutoffs[row]), clock)[0]
        torch.testing.assert_close(together[row], alone, atol=1e-12, rtol=0)


def test_a_fixed_cutoff_filters_as_a_driven_one() -> None:
    noise = torch.as_tensor(np.random.default_rng(2).standard_normal((1, 2000)))
    patch = Patch(
        (Node("in", Played(noise)), Node("filter", Lowpass(cutoff=900.0), {"audio": "in"}))
    )
    fixed = patch.render(torch.zeros(1, 0, dtype=torch.float64), Clock(16000, 2000))
    torch.testing.assert_close(fixed, lowpass(noise, 900.0, Clock(16000, 2000)))


@pytest.mark.parametrize("half_length", [16, 40, 41, 160])
def test_derivative_in_the_cutoff_is_continuous_where_the_kernel_grows(half_length: int) -> None:
    """At these cutoffs the kernel's half length is a whole number of samples."""
    noise = np.random.default_rng(3).standard_normal(1000)
    weights = torch.as_tensor(np.random.default_rng(4).standard_normal(1000))
    clock = Clock(16000, 1000)
    corner_hz = 4 * 16000 / half_length

    def slope(cutoff_hz: float) -> float:
        cutoff = torch.tensor(cutoff_hz, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(
            (lowpass(noise, cutoff, clock)[0] * weights).sum(), cutoff
        )
        return float(gradient)

    def value(cutoff_hz: float) -> float:
        return float((lowpass(noise, cutoff_hz, clock)[0] * weights).sum())

    step = 1e-5 * corner_hz
    left, here, right = slope(corner_hz - step), slope(corner_hz), slope(corner_hz + step)
    scale = max(abs(here), 1e-3)
    assert abs(left - here) < 1e-2 * scale
    assert abs(right - here) < 1e-2 * scale
    across = (value(corner_hz + step) - value(corner_hz - step)) / (2 * step)
    assert across == pytest.approx(here, rel=1e-3, abs=1e-6)


def test_float32_is_close_to_float64() -> None:
    noise = torch.as_tensor(np.random.default_rng(5).standard_normal((1, 4000)))
    for unit in (0.0, 0.4, 0.9):
        single, double = (
            Patch(
                (Node("in", Played(noise.to(dtype))), Node("f", Lowpass(), {"audio": "in"}))
            ).render(torch.full((1, 1), unit, dtype=dtype), CLOCK)
            for dtype in (torch.float32, torch.float64)
        )
        assert single.dtype == torch.float32
        assert float((single.double() - double).abs().max()) < 1e-4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Lowpass(cutoff=Linear("cutoff", 0.0, 8000.0)), ["cutoff", "0.0", "above 0"]),
        (lambda: Lowpass(cutoff=-5.0), ["cutoff", "-5.0", "above 0"]),
        (lambda: Lowpass(cutoff=Log("cutoff", 50.0, 900.0), zeros=0), ["zeros", "0", "at least 1"]),
    ],
)
def test_impossible_filters_are_refused_when_built(make: object, words: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        make()  # type: ignore[operator]
    for word in words:
        assert word in str(caught.value)


def papers_filter(audio: np.ndarray, cutoff_hz: float, rate: int, zeros: int = 8) -> np.ndarray:
    """As the paper's reference has it: whole half length, first and last sample repeated."""
    cutoff = cutoff_hz / rate
    half = int(zeros / cutoff / 2)
    kernel = np.hanning(2 * half + 1) * np.sinc(2 * cutoff * np.arange(-half, half + 1))
    return np.convolve(np.pad(audio, half, mode="edge"), kernel / kernel.sum(), mode="valid")


@pytest.mark.parametrize("cutoff_hz", [101.0, 640.0, 1234.5, 7999.0])
@pytest.mark.parametrize("n", [50, 3000])
def test_rounded_with_repeated_edges_it_is_the_papers(cutoff_hz: float, n: int) -> None:
    noise = torch.as_tensor(np.random.default_rng(6).standard_normal((1, n)))
    cutoff, clock = torch.tensor([cutoff_hz], dtype=torch.float64), Clock(16000, n)
    expected = papers_filter(noise[0].numpy(), cutoff_hz, 16000)
    low = windowed_sinc_lowpass(noise, cutoff, clock, 100.0, edge="repeat", rounded=True)
    np.testing.assert_allclose(low[0].numpy(), expected, atol=1e-9)
    high = windowed_sinc_highpass(noise, cutoff, clock, 100.0, edge="repeat", rounded=True)
    np.testing.assert_allclose(high[0].numpy(), noise[0].numpy() - expected, atol=1e-9)


def test_repeated_edges_keep_a_constant_to_the_end() -> None:
    ones = torch.ones(1, 500, dtype=torch.float64)
    low = windowed_sinc_lowpass(
        ones, torch.full((1,), 150.0).double(), Clock(16000, 500), 100.0, edge="repeat"
    )
    torch.testing.assert_close(low, ones)


def test_highpass_is_what_the_lowpass_takes_away() -> None:
    noise = torch.as_tensor(np.random.default_rng(7).standard_normal((1, 2000)))
    clock = Clock(16000, 2000)
    low, high = (
        Patch((Node("in", Played(noise)), Node("f", kind(900.0), {"audio": "in"}))).render(
            torch.zeros(1, 0, dtype=torch.float64), clock
        )
        for kind in (Lowpass, Highpass)
    )
    torch.testing.assert_close(low + high, noise)
    for freq_hz, passes in ((450.0, 0.0), (1800.0, 1.0)):
        sound = torch.as_tensor(tone(freq_hz))[None]
        after = windowed_sinc_highpass(sound, torch.full((1,), 900.0).double(), CLOCK, 100.0)
        share = float(after[0, MIDDLE].norm() / sound[0, MIDDLE].norm())
        assert share == pytest.approx(passes, abs=2e-2)


@pytest.mark.parametrize("n", [100, 1000, 16384])
@pytest.mark.parametrize("least_hz", [20.0, 100.0, 2000.0])
def test_float32_gradients_and_rows_alone(n: int, least_hz: float) -> None:
    """Against float64's automatic ones; and each row is the same to the bit in every batch."""
    batch, clock = 5, Clock(16000, n)
    generator = torch.Generator().manual_seed(n)
    audio = torch.randn(batch, n, generator=generator)
    down = torch.randn(batch, n, generator=generator)
    cutoff = least_hz + torch.rand(batch, generator=generator) * (7900 - least_hz)

    def run(rows: slice, dtype: torch.dtype) -> list[Tensor]:
        leaves = [t[rows].to(dtype).requires_grad_() for t in (audio, cutoff)]
        after = windowed_sinc_lowpass(*leaves, clock, least_hz)
        return [after.detach(), *torch.autograd.grad((after * down[rows]).sum(), leaves)]

    whole = run(slice(0, batch), torch.float32)
    for single, double in zip(whole, run(slice(0, batch), torch.float64), strict=True):
        assert float((single - double).norm() / double.norm()) < 1e-5
    for row in range(batch):
        for together, alone in zip(whole, run(slice(row, row + 1), torch.float32), strict=True):
            assert torch.equal(together[row], alone[0])


def test_an_unknown_edge_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="silent"):
        Highpass(edge="silence")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_rows_come_out_of_no_rows(dtype: torch.dtype) -> None:
    cutoff = torch.empty(0, dtype=dtype, requires_grad=True)
    audio = torch.empty(0, 100, dtype=dtype, requires_grad=True)
    for function in (windowed_sinc_lowpass, windowed_sinc_highpass):
        out = function(audio, cutoff, Clock(16000, 100), 100.0)
        assert out.shape == (0, 100)
        out.sum().backward()


@pytest.mark.parametrize(("least_hz", "zeros"), [(1e-300, 8), (1e-3, 8), (100.0, 10**12)])
def test_a_kernel_of_minutes_is_refused(least_hz: float, zeros: int) -> None:
    """Before memory is asked for that no machine has."""
    cutoff = torch.full((1,), 1000.0)
    with pytest.raises(ParameterError, match="raise the cutoff or take fewer zeros"):
        windowed_sinc_lowpass(torch.zeros(1, 100), cutoff, Clock(16000, 100), least_hz, zeros)


def test_float32_without_the_kernels_has_the_gradients_of_float64(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("synthgym.kernels.serve", lambda *tensors: False)
    generator = torch.Generator().manual_seed(0)
    audio = torch.rand(3, 900, generator=generator, dtype=torch.float64) - 0.5
    cutoff = torch.tensor([150.0, 1234.5, 6000.0], dtype=torch.float64)
    probe = torch.rand(3, 900, generator=generator, dtype=torch.float64) - 0.5
    found = []
    for dtype in (torch.float32, torch.float64):
        leaves = [audio.to(dtype).requires_grad_(), cutoff.to(dtype).requires_grad_()]
        out = windowed_sinc_lowpass(leaves[0], leaves[1], Clock(16000, 900), 100.0)
        found.append(torch.autograd.grad((out * probe.to(dtype)).sum(), leaves))
    for single, double in zip(*found, strict=True):
        for row, expected in zip(single.double(), double, strict=True):
            assert float((row - expected).norm() / expected.norm()) < 1e-4
