"""Short-time spectra: framing, windows, magnitudes; shared by all spectral losses."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from synthgym.errors import ParameterError, unknown_name

Padding = Literal["reflect", "silence", "end"]

# Sums of cosines, `sum_k (-1)^k a_k cos(2 pi k n / size)`. Flat top: D'Antona and Ferrero,
# "Digital Signal Processing for Measurement Systems", 2006, the one of MATLAB and SciPy.
_COSINES = {
    "rectangular": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "flat-top": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
WINDOWS = tuple(_COSINES)

_AWAY_FROM_ZERO = 2.0**40


def check_audio(audio: Tensor) -> Tensor:
    """The sounds, if they are `(batch, n_samples)`, float32 or float64, and not empty.

    Raises:
        ParameterError: they are not.
    """
    if not isinstance(audio, Tensor):
        raise ParameterError(
            f"audio is a {type(audio).__name__}; it must be a tensor: torch.as_tensor(audio)"
        )
    if audio.dtype not in (torch.float32, torch.float64):
        raise ParameterError(f"audio has dtype {audio.dtype}; it must be float32 or float64")
    if audio.ndim != 2 or audio.shape[1] == 0:
        raise ParameterError(
            f"audio has shape {tuple(audio.shape)}; it must be (batch, n_samples), not empty"
        )
    return audio


def window(
    name: str, size: int, dtype: torch.dtype, device: torch.device, n_fft: int | None = None
) -> Tensor:
    """A periodic window, made once and kept; not to be written to.

    Args:
        name: one of `WINDOWS`.
        size: in samples.
        dtype: of the sounds that it is for.
        device: of the sounds that it is for.
        n_fft: where given, the window is in the middle of `(n_fft,)` with zeros on both sides.

    Raises:
        UnknownNameError: there is no such window.
        ParameterError: it is longer than `n_fft`.
    """
    if name not in _COSINES:
        raise unknown_name("window", name, _COSINES)
    whole = size if n_fft is None else n_fft
    if not 1 <= size <= whole:
        raise ParameterError(f"a window of {size} samples is not from 1 to n_fft, {whole}")
    return _window(name, size, whole, dtype, device)


@lru_cache(maxsize=256)
def _window(name: str, size: int, n_fft: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # kept, and used outside of inference mode too
        # A window of one sample is 1 (SciPy, torch): the period's start would be silence.
        at = torch.arange(size, dtype=torch.float64) if size > 1 else torch.full((1,), 0.5).double()
        angle = 2 * math.pi * at / size
        terms = [(-1) ** k * a * torch.cos(k * angle) for k, a in enumerate(_COSINES[name])]
        before = (n_fft - size) // 2
        shape = F.pad(torch.stack(terms).sum(0), (before, n_fft - size - before))
        return shape.to(device, dtype)


def stft(
    audio: Tensor, n_fft: int, hop: int, window_name: str = "hann", padding: Padding = "reflect"
) -> Tensor:
    """Short-time Fourier transform, not normalized.

    Args:
        audio: `(batch, n_samples)`, float32 or float64, on any device.
        n_fft: length of a frame and of its window, any number from 1.
        hop: samples from frame to frame.
        window_name: one of `WINDOWS`.
        padding: what lies beyond the sound. `"reflect"`: frame i is centred on sample `i * hop`
            and the sound is mirrored at its ends (`torch.stft`, auraloss, torchaudio); one too
            short to be mirrored is continued with silence first. `"silence"`: centred alike, but
            silent beyond the ends. `"end"`: frame i starts at sample `i * hop`, silence after the
            sound, `ceil(n_samples / hop)` frames (TensorFlow with `pad_end`, DDSP).

    Returns:
        Complex `(batch, n_frames, n_fft // 2 + 1)`.

    Raises:
        ParameterError: not such a sound, or `n_fft` or `hop` below 1.
        UnknownNameError: no such window or padding.
    """
    pads(check_audio(audio).shape[1], n_fft, hop, padding)
    shape = window(window_name, n_fft, audio.dtype, audio.device)
    spectrum: Tensor = torch.fft.rfft(frames(audio, n_fft, hop, padding) * shape)
    return spectrum


def power(spectrum: Tensor) -> Tensor:
    """Squared magnitudes of a complex tensor; the gradient at zero is zero."""
    return torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)


def magnitude(spectrum: Tensor) -> Tensor:
    """Magnitudes of a complex tensor; the gradient at zero is zero (the smallest subgradient)."""
    # Torch divides by the magnitude on the way back, which is NaN under 1e-38 in float32: a factor
    # that is a power of two keeps clear of that and moves no other result by a bit.
    return (spectrum * _AWAY_FROM_ZERO).abs() / _AWAY_FROM_ZERO


def spectrogram(
    audio: Tensor,
    n_fft: int,
    hop: int,
    window_name: str = "hann",
    padding: Padding = "reflect",
    exponent: Literal[1, 2] = 1,
) -> Tensor:
    """Magnitudes, or with `exponent` 2 powers, `(batch, n_frames, n_fft // 2 + 1)`; see `stft`."""
    spectrum = stft(audio, n_fft, hop, window_name, padding)
    return magnitude(spectrum) if exponent == 1 else power(spectrum)


def frames(audio: Tensor, n_fft: int, hop: int, padding: Padding = "reflect") -> Tensor:
    """Overlapping views of the padded sound, `(batch, n_frames, n_fft)`; see `stft`."""
    before, after = pads(audio.shape[1], n_fft, hop, padding)
    if padding == "reflect" and before:
        missing = before + 1 - audio.shape[1]
        audio = F.pad(audio, (0, missing)) if missing > 0 else audio
        padded = F.pad(audio, (before, after), mode="reflect")
    else:
        padded = F.pad(audio, (before, after))
    return padded.unfold(-1, n_fft, hop)


def unframed(pieces: Tensor, n_samples: int, hop: int, padding: Padding = "reflect") -> Tensor:
    """The transpose of `frames`: pieces added up where they overlap, mirrored ones included.

    Args:
        pieces: `(batch, n_frames, n_fft)`.
        n_samples: of the sound.
        hop: see `stft`.
        padding: see `stft`.

    Returns:
        `(batch, n_samples)`.
    """
    batch, n_frames, n_fft = pieces.shape
    before, after = pads(n_samples, n_fft, hop, padding)
    length = max(n_samples, before + 1) if padding == "reflect" and before else n_samples
    n_parts = -(-n_fft // hop)
    n_hops = max(n_frames + n_parts - 1, -(-(before + length + max(after, 0)) // hop))
    summed = pieces.new_zeros(batch, n_hops, hop)
    for part in range(n_parts):
        own = pieces[..., part * hop : (part + 1) * hop]
        summed[:, part : part + n_frames, : own.shape[-1]] += own
    line = summed.view(batch, -1)
    audio = line[:, before : before + length]
    if padding == "reflect" and before:
        audio[:, 1 : before + 1] += line[:, :before].flip(1)
        tail = line[:, before + length : before + length + after]
        audio[:, length - 1 - after : length - 1] += tail.flip(1)
    return audio[:, :n_samples]


def pads(n_samples: int, n_fft: int, hop: int, padding: Padding) -> tuple[int, int]:
    """Samples put before and after a sound.

    Raises:
        ParameterError: `n_fft` or `hop` is below 1.
        UnknownNameError: there is no such padding.
    """
    if n_fft < 1 or hop < 1:
        raise ParameterError(f"n_fft is {n_fft} and hop {hop}; both must be 1 or more")
    if padding == "end":
        return 0, (math.ceil(n_samples / hop) - 1) * hop + n_fft - n_samples
    if padding not in ("reflect", "silence"):
        raise unknown_name("padding", padding, ("reflect", "silence", "end"))
    return n_fft // 2, n_fft // 2
