"""Convolution frame by frame in float32: what goes around the FFTs, each in one pass.

A sound is cut into frames of `size` samples that begin `hop` samples apart and overlap by twice the
kernel's reach. Kernels are symmetric, so their spectra are real: twice the real part of that of
their middle and right half, less the middle.
"""

from __future__ import annotations

import numba

from synthgym.kernels.compiling import compiled
from synthgym.kernels.waves import TWO, F


@compiled
def frame(audio, hop, lead, offset, length, frames):
    """Write frames: frame i holds, from `offset` on, `length` samples from `i hop - lead` on.

    Args:
        audio: (batch, n_samples) float32, silent beyond its ends.
        hop: samples from a frame to the next.
        lead: see above.
        offset: see above.
        length: see above.
        frames: (batch, n_frames, size) float32, written; silent elsewhere.
    """
    n_samples = audio.shape[1]
    for b in range(frames.shape[0]):
        for i in range(frames.shape[1]):
            start = i * hop - lead
            low = min(max(0, -start), length)
            high = max(min(length, n_samples - start), low)
            out = frames[b, i]
            out[: offset + low] = F(0)
            out[offset + high :] = F(0)
            into, sound = out[offset + low : offset + high], audio[b, start + low :]
            for k in range(len(into)):
                into[k] = sound[k]


@compiled
def middles(frames, hop, reach, audio):
    """Put together what is of use of filtered frames: the inverse of `frame` with lead = reach.

    Args:
        frames: (batch, n_frames, size) float32.
        hop: as in `frame`.
        reach: how far from a frame's ends the samples of use begin.
        audio: (batch, n_samples) float32, written.
    """
    for b in range(frames.shape[0]):
        for i in range(frames.shape[1]):
            into, own = audio[b, i * hop : (i + 1) * hop], frames[b, i, reach:]
            for k in range(len(into)):
                into[k] = own[k]


@compiled
def overlapped(frames, hop, reach, audio):
    """Add frames up where they overlap; arguments as in `middles`, of which it is no inverse."""
    n_frames = frames.shape[1]
    for b in range(frames.shape[0]):
        for i in range(n_frames):
            into, own = audio[b, i * hop : (i + 1) * hop], frames[b, i, reach:]
            for k in range(len(into)):
                into[k] = own[k]
            if i > 0:
                early, tail = into[:reach], frames[b, i - 1, reach + hop :]
                for k in range(len(early)):
                    early[k] += tail[k]
            if i + 1 < n_frames:
                late, head = into[hop - reach :], frames[b, i + 1]
                for k in range(len(late)):
                    late[k] += head[k]


@compiled
def shape(spectra, halves, middle, kernel, shaped):
    """Multiply spectra of frames by those of their rows' kernels.

    Args:
        spectra: of frames, (batch, n_frames, n_bins, 2) float32.
        halves: of the kernels' halves, (batch, n_bins, 2) float32.
        middle: of the kernels, (batch,) float32.
        kernel: (batch, n_bins) float32, written: the kernels' spectra.
        shaped: as `spectra`, written; may be the same memory.
    """
    for b in range(spectra.shape[0]):
        half, real = halves[b], kernel[b]
        for k in range(len(real)):
            real[k] = TWO * half[k, 0] - middle[b]
        for i in range(spectra.shape[1]):
            row, out = spectra[b, i], shaped[b, i]
            for k in range(len(real)):
                out[k, 0] = row[k, 0] * real[k]
                out[k, 1] = row[k, 1] * real[k]


@compiled
def shape_gradient(spectra, kernel, before, shaped, products):
    """Gradients of `shape`, in spectra.

    Args:
        spectra: of the frames of the gradient, (batch, n_frames, n_bins, 2) float32.
        kernel: as written by `shape`.
        before: the `spectra` given to it, or none of its frames if `products` is not wanted.
        shaped: as `spectra`, written.
        products: (batch, n_bins, 2) float32, written: the correlation of gradient and audio.
    """
    for b in range(spectra.shape[0]):
        real, product = kernel[b], products[b]
        product[:] = F(0)
        for i in range(spectra.shape[1]):
            row, out = spectra[b, i], shaped[b, i]
            for k in range(len(real)):
                out[k, 0] = row[k, 0] * real[k]
                out[k, 1] = row[k, 1] * real[k]
        for i in range(before.shape[1]):
            row, other = spectra[b, i], before[b, i]
            for k in range(len(real)):
                product[k, 0] += row[k, 0] * other[k, 0] + row[k, 1] * other[k, 1]


def signatures():
    """The argument types that each kernel is compiled for, by name."""
    line, plane, cube = numba.float32[::1], numba.float32[:, ::1], numba.float32[:, :, ::1]
    spectra, count = numba.float32[:, :, :, ::1], numba.int64
    return {
        "frame": (plane, count, count, count, count, cube),
        "middles": (cube, count, count, plane),
        "overlapped": (cube, count, count, plane),
        "shape": (spectra, cube, line, plane, spectra),
        "shape_gradient": (spectra, plane, spectra, spectra, cube),
    }
