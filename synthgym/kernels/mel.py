"""Framing, mel bands and their transposes in float32; rows are frames of sounds, one after another.

A bank of bands is given as the bins that each band covers, `[first, end)`, and their weights in one
array, band after band, from `offset`.
"""

from __future__ import annotations

import numba
import numpy as np

from synthgym.kernels.compiling import compiled
from synthgym.kernels.waves import F


@compiled
def frame(audio, window, frames):
    """Windowed frames that overlap by half; frame i is centred on sample i * size / 2.

    Args:
        audio: (batch, n_samples) float32, silent beyond its ends.
        window: (size,) float32, size even.
        frames: (batch, n_frames, size) float32, written.
    """
    n_samples, size = audio.shape[1], window.shape[0]
    hop = size // 2
    for b in range(audio.shape[0]):
        for i in range(frames.shape[1]):
            start = (i - 1) * hop
            low = min(max(0, -start), size)
            high = max(min(size, n_samples - start), low)
            out = frames[b, i]
            out[:low] = F(0)
            out[high:] = F(0)
            # Slices, because a computed index might be negative for all the compiler knows, and the
            # check for it would keep a loop from becoming a vector.
            into, sound, shape = out[low:high], audio[b, start + low :], window[low:high]
            for k in range(high - low):
                into[k] = sound[k] * shape[k]


@compiled
def unframe(pairs, n_frames, window, add, audio):
    """The transpose of `frame`: windowed frames, added up where they overlap.

    Args:
        pairs: (batch, (n_frames + 1) // 2, size, 2) float32: frame 2 i as real, frame 2 i + 1 as
            imaginary part.
        n_frames: how many there are.
        window: as in `frame`.
        add: whether to add to `audio` or to overwrite it.
        audio: (batch, n_samples) float32, written.
    """
    n_samples, size = audio.shape[1], window.shape[0]
    hop = size // 2
    falling = window[hop:]
    for b in range(audio.shape[0]):
        if not add:
            audio[b] = F(0)
        for i in range(n_frames):
            part, following = i % 2, i + 1 < n_frames
            left, right = pairs[b, i // 2, hop:], pairs[b, (i + following) // 2]
            into = audio[b, i * hop :]
            n = min(hop, n_samples - i * hop)
            rising = F(1) if following else F(0)
            if part == 0:
                for k in range(n):
                    into[k] += left[k, 0] * falling[k]
                    into[k] += rising * right[k, 1] * window[k]
            else:
                for k in range(n):
                    into[k] += left[k, 1] * falling[k]
                    into[k] += rising * right[k, 0] * window[k]


@compiled
def bands(spectra, first, end, offset, weights, out):
    """Power in each band.

    Args:
        spectra: (batch, n_frames, n_bins, 2) float32, real and imaginary parts.
        first: the first bin of each band, (n_bands,) int64.
        end: one past the last bin of each band.
        offset: where the weights of each band begin.
        weights: float32.
        out: (batch, n_frames, n_bands) float32, written.
    """
    power = np.empty(spectra.shape[2], np.float32)
    for b in range(spectra.shape[0]):
        for i in range(spectra.shape[1]):
            row = spectra[b, i]
            for k in range(len(power)):
                power[k] = row[k, 0] * row[k, 0] + row[k, 1] * row[k, 1]
            for j in range(len(first)):
                total = F(0)
                weight, own = weights[offset[j] :], power[first[j] : end[j]]
                for k in range(len(own)):
                    total += weight[k] * own[k]
                out[b, i, j] = total


@compiled
def bands_gradient(spectra, first, end, offset, weights, gradient, pairs):
    """Spectra of the frames' gradients, two frames in one complex spectrum.

    The derivative of |S|^2 is 2 Re(conj(S) dS). Of its real frames, frame 2 i becomes the real and
    frame 2 i + 1 the imaginary part of an inverse FFT of full length: two for the price of one.

    Args:
        spectra: as in `bands`; scaled in place.
        first: see there.
        end: see there.
        offset: see there.
        weights: see there.
        gradient: of the output of `bands`.
        pairs: (batch, (n_frames + 1) // 2, size, 2) float32, written.
    """
    n_frames, n_bins, size = spectra.shape[1], spectra.shape[2], pairs.shape[2]
    scale = np.empty(n_bins, np.float32)
    for b in range(spectra.shape[0]):
        for i in range(n_frames):
            scale[:] = F(0)
            for j in range(len(first)):
                weight, own, g = weights[offset[j] :], scale[first[j] : end[j]], gradient[b, i, j]
                for k in range(len(own)):
                    own[k] += weight[k] * g
            scale[0] *= F(2)
            scale[n_bins - 1] *= F(2)
            row = spectra[b, i]
            for k in range(n_bins):
                row[k, 0] *= scale[k]
                row[k, 1] *= scale[k]
            row[0, 1] = F(0)
            row[n_bins - 1, 1] = F(0)
        for i in range(pairs.shape[1]):
            real, out = spectra[b, 2 * i], pairs[b, i]
            if 2 * i + 1 < n_frames:
                imag = spectra[b, 2 * i + 1]
                for k in range(n_bins):
                    out[k, 0] = real[k, 0] - imag[k, 1]
                    out[k, 1] = real[k, 1] + imag[k, 0]
                for k in range(1, n_bins - 1):
                    out[size - k, 0] = real[k, 0] + imag[k, 1]
                    out[size - k, 1] = imag[k, 0] - real[k, 1]
            else:
                for k in range(n_bins):
                    out[k, 0] = real[k, 0]
                    out[k, 1] = real[k, 1]
                for k in range(1, n_bins - 1):
                    out[size - k, 0] = real[k, 0]
                    out[size - k, 1] = -real[k, 1]


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    line, plane, cube = numba.float32[::1], numba.float32[:, ::1], numba.float32[:, :, ::1]
    spectra, whole = numba.float32[:, :, :, ::1], numba.int64[::1]
    return {
        "frame": (plane, line, cube),
        "unframe": (spectra, numba.int64, line, numba.boolean, plane),
        "bands": (spectra, whole, whole, whole, line, cube),
        "bands_gradient": (spectra, whole, whole, whole, line, cube, spectra),
    }
