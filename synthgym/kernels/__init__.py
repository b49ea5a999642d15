"""Compiled float32 loops for the CPU (numba); the same results as the torch functions in `dsp`.

Compilation takes half a minute and is kept on disk, so it is asked for and never a surprise:
`synthgym compile`, or `compile_all()`. Until then, without numba, on a GPU, in float64 and for
forward-mode derivatives, the torch functions do the work. Kernels write into arrays they are given,
and release the interpreter's lock; `in_threads` shares rows out over as many threads as torch has.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from synthgym.errors import SynthgymError

MODULES = (
    "tones",
    "envelopes",
    "stages",
    "glides",
    "mixing",
    "overlap",
    "mel",
    "svf",
    "ladder",
    "tremolo",
)
MIN_SAMPLES_PER_THREAD = 1 << 15
# Just under the 32 MB up to which glibc adapts itself.
LARGE_BYTES = (32 << 20) - (64 << 10)


@cache
def ready() -> bool:
    """Whether the kernels are compiled for this machine; found out once, without compiling."""
    if os.environ.get("SYNTHGYM_KERNELS", "1") == "0" or importlib.util.find_spec("numba") is None:
        return False
    try:
        return all(_load(kernel, signature) for kernel, signature in _kernels())
    except (SynthgymError, ImportError):  # a numba that cannot be used: torch does the work
        return False


def compile_all(force: bool = False) -> None:
    """Compile every kernel and keep the results on disk, for this and later processes.

    Args:
        force: compile again what is there already.

    Raises:
        ModuleNotFoundError: numba is not installed.
        SynthgymError: there is no folder to keep them in.
    """
    for compile_one in pending(force):
        compile_one()


def pending(force: bool = False) -> list[Callable[[], None]]:
    """What `compile_all` would do, step by step, so that progress can be shown."""
    ready.cache_clear()
    return [
        partial(_compile, kernel, signature)
        for kernel, signature in _kernels()
        if force or not _load(kernel, signature)
    ]


def _compile(kernel: Any, signature: Any) -> None:
    kernel._cache.flush()
    kernel.compile(signature)
    ready.cache_clear()


def serve(*tensors: Tensor) -> bool:
    """Whether the kernels can take these tensors: compiled, on the CPU, float32, reverse mode."""
    return (
        all(
            t.dtype == torch.float32 and t.device.type == "cpu" and not has_tangent(t)
            for t in tensors
        )
        and ready()
    )


@cache
def keep_freed_memory() -> None:
    """Have glibc keep up to 64 MB of what is freed, for the next call: fresh pages are slow.

    It keeps twice the largest block that it saw freed, so this frees a large one, never touched.
    Another C library takes no notice.
    """
    torch.empty(LARGE_BYTES, dtype=torch.uint8)


class _Scratch(threading.local):
    """Memory that a thread's kernels use again: fresh pages cost more than the arithmetic."""

    def __init__(self) -> None:
        self.buffers: dict[tuple[str, torch.dtype], Tensor] = {}


_SCRATCH = _Scratch()


def scratch(name: str, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    """A tensor of any content, the same memory each time for a name and a thread."""
    size = math.prod(shape)
    buffer = _SCRATCH.buffers.get((name, dtype))
    if buffer is None or len(buffer) < size:
        buffer = _SCRATCH.buffers[name, dtype] = torch.empty(size, dtype=dtype)
    return buffer[:size].view(shape)


def in_threads(call: Callable[[slice], object], n_rows: int, n_samples: int) -> None:
    """Call for slices that make up `n_rows`, side by side where the work is worth it."""
    enough = n_rows * n_samples // MIN_SAMPLES_PER_THREAD
    n_threads = max(1, min(torch.get_num_threads(), n_rows, enough))
    if n_threads == 1:
        call(slice(0, n_rows))
        return
    bounds = [n_rows * k // n_threads for k in range(n_threads + 1)]
    side_by_side(call, [slice(*pair) for pair in pairwise(bounds)])


def side_by_side(call: Callable[[slice], object], pieces: Sequence[slice]) -> None:
    """Call for every piece, each on one thread, as many at a time as torch has threads.

    In a call torch has one thread, so that what it calls in turn is not shared out again.
    """
    n_threads = min(torch.get_num_threads(), len(pieces))
    if n_threads == 1:
        for piece in pieces:
            call(piece)
        return
    for _ in _pool(os.getpid(), n_threads).map(call, pieces):
        pass


@cache
def _pool(process: int, n_threads: int) -> ThreadPoolExecutor:
    """Threads of this process: those of a parent do not survive a fork."""
    before, started = torch.get_num_threads(), threading.Barrier(n_threads + 1)

    def alone() -> None:
        # The first call makes the thread take over the process's number, the second sets its own.
        torch.get_num_threads()
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(n_threads, "synthgym", alone)
    for _ in range(n_threads):
        pool.submit(int)
    started.wait()
    # What a thread sets is also what later threads begin with.
    torch.set_num_threads(before)
    return pool


def module(name: str) -> ModuleType:
    """One of the modules of kernels, `"tones"` or `"mel"`; importing it imports numba."""
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except RuntimeError as error:  # numba's way to say that it found no folder
        raise SynthgymError(
            f"compiled kernels cannot be kept: neither {Path(__file__).parent} nor the user's "
            "cache can be written to; name a folder that can in NUMBA_CACHE_DIR"
        ) from error


def _kernels() -> list[tuple[Any, Any]]:
    return [
        (getattr(module(name), kernel), signature)
        for name in MODULES
        for kernel, signature in module(name).signatures().items()
    ]


def _load(kernel: Any, signature: Any) -> bool:
    """Whether a kernel is compiled in this process or, after this call, loaded from disk."""
    if signature in kernel.overloads:
        return True
    if _older_than_the_sources(Path(kernel._cache._cache_file._index_path)):
        return False
    try:
        found = kernel._cache.load_overload(signature, kernel.targetctx)
    except Exception:  # a damaged file: unpickling it raises anything
        return False
    if found is None:
        return False
    kernel.add_overload(found)
    return True


def _older_than_the_sources(index: Path) -> bool:
    """Whether any of the kernels' files changed since; numba itself looks at one of them alone."""
    if not index.exists():
        return True
    sources = Path(__file__).parent.glob("*.py")
    return index.stat().st_mtime < max(source.stat().st_mtime for source in sources)


def has_tangent(*tensors: Tensor) -> bool:
    """Whether forward-mode differentiation is at work on any of the tensors."""
    duals = (forward_ad.unpack_dual(tensor) for tensor in tensors)  # type: ignore[no-untyped-call]
    return any(dual.tangent is not None for dual in duals)
