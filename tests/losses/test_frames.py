"""Frames, windows and spectra, against torch's, SciPy's and the definition of a transpose."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgym.errors import ParameterError, UnknownNameError
from synthgym.losses import frames

CPU = torch.device("cpu")
SCIPY_NAMES = {
    "rectangular": "boxcar",
    "hann": "hann",
    "hamming": "hamming",
    "blackman": "blackman",
    "flat-top": "flattop",
}


def noise(n: int, batch: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, n, generator=torch.Generator().manual_seed(seed)).double()


def test_every_window_is_scipys() -> None:
    assert set(frames.WINDOWS) == set(SCIPY_NAMES)
    for name, theirs in SCIPY_NAMES.items():
        for size in (1, 2, 67, 512):
            own = frames.window(name, size, torch.float64, CPU).numpy()
            np.testing.assert_allclose(own, scipy.signal.get_window(theirs, size), atol=1e-12)


def test_a_short_window_lies_in_the_middle() -> None:
    inside = frames.window("rectangular", 3, torch.float64, CPU, n_fft=8)
    assert inside.tolist() == [0, 0, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (511, 100), (67, 17), (64, 64), (50, 80)])
def test_mirrored_is_torchs(n_fft: int, hop: int) -> None:
    sound = noise(2000)
    window = torch.hann_window(n_fft, dtype=torch.float64)
    theirs = torch.stft(sound, n_fft, hop, n_fft, window, return_complex=True).transpose(1, 2)
    torch.testing.assert_close(frames.stft(sound, n_fft, hop), theirs)


def test_silence_and_end_by_hand() -> None:
    sound = torch.tensor([[1.0, 2.0, 3.0]])
    centred = frames.frames(sound, 4, 2, "silence")
    assert centred.tolist() == [[[0, 0, 1, 2], [1, 2, 3, 0]]]
    at_start = frames.frames(sound, 4, 2, "end")
    assert at_start.tolist() == [[[1, 2, 3, 0], [3, 0, 0, 0]]]
    mirrored = frames.frames(sound, 4, 2, "reflect")
    assert mirrored.tolist() == [[[3, 2, 1, 2], [1, 2, 3, 2]]]


def test_a_short_sound_is_continued_with_silence_and_then_mirrored() -> None:
    assert frames.frames(torch.tensor([[5.0]]), 4, 2).tolist() == [[[0, 0, 5, 0], [5, 0, 0, 0]]]


@given(
    st.integers(1, 300),
    st.integers(1, 90),
    st.integers(1, 120),
    st.sampled_from(["reflect", "silence", "end"]),
)
def test_unframed_is_the_transpose(n: int, n_fft: int, hop: int, padding: frames.Padding) -> None:
    """The inner product of frames with pieces is that of the sound with the pieces put back."""
    sound = noise(n)
    cut = frames.frames(sound, n_fft, hop, padding)
    pieces = torch.randn(cut.shape, generator=torch.Generator().manual_seed(1)).double()
    back = frames.unframed(pieces, n, hop, padding)
    assert back.shape == sound.shape
    assert float((cut * pieces).sum()) == pytest.approx(float((sound * back).sum()), abs=1e-9)


def test_a_sine_stands_where_it_should() -> None:
    """A full-scale sine in the middle of bin 8: half the sum of the window, in each inner frame."""
    sound = torch.sin(2 * math.pi * 8 / 64 * torch.arange(640).double())[None]
    cells = frames.spectrogram(sound, 64, 16)[0, 4:-4]
    assert cells.argmax(-1).tolist() == [8] * len(cells)
    torch.testing.assert_close(cells[:, 8], torch.full((len(cells),), 16.0).double())
    powers = frames.spectrogram(sound, 64, 16, exponent=2)[0, 4:-4]
    torch.testing.assert_close(powers[:, 8], torch.full((len(cells),), 256.0).double())


def test_magnitudes_have_a_finite_gradient_at_zero() -> None:
    sound = torch.zeros(1, 100, requires_grad=True)
    for exponent in (1, 2):
        cells = frames.spectrogram(sound, 16, 4, exponent=exponent)  # type: ignore[arg-type]
        (slope,) = torch.autograd.grad(cells.sum(), sound)
        assert bool((slope == 0).all())


def test_what_cannot_be_is_refused() -> None:
    sound = torch.zeros(1, 10)
    with pytest.raises(ParameterError, match="n_fft is 0"):
        frames.stft(sound, 0, 1)
    with pytest.raises(ParameterError, match="hop 0"):
        frames.stft(sound, 4, 0)
    with pytest.raises(UnknownNameError, match="Did you mean 'flat-top'"):
        frames.stft(sound, 4, 1, "flattop")
    with pytest.raises(UnknownNameError, match="padding"):
        frames.stft(sound, 4, 1, padding="zero")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="complex64"):
        frames.stft(torch.zeros(1, 10, dtype=torch.complex64), 4, 1)
    with pytest.raises(ParameterError, match="window of 9"):
        frames.window("hann", 9, torch.float32, CPU, n_fft=8)
