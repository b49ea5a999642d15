"""The compiled kernels against the torch functions that they stand in for."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

import synthgym
from synthgym import kernels
from synthgym.errors import ParameterError
from synthgym.losses import MelDistance
from synthgym.synth import Clock
from synthgym.synth.dsp.envelopes import adsr
from synthgym.synth.dsp.tones import fm_tone, tone

pytest.importorskip("numba", reason="the extra 'fast' (numba) is not installed")

CLOCK = Clock(16000, 2100)
SHAPES = ("saw", "sine", "square")
BATCH = 12


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    kernels.compile_all()
    assert kernels.ready()


def draw(*shape: int, low: float, high: float, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def tone_arguments() -> list[Tensor]:
    """Weights, freq, start, amp; the first of the frequencies is beyond the widest step."""
    weights = torch.eye(3, dtype=torch.float64).repeat(BATCH // 3, 1)
    freq = 30 * 100 ** draw(BATCH, low=0, high=1, seed=0)
    freq[0] = 5000.0
    return [weights, freq, draw(BATCH, low=0, high=1, seed=1), draw(BATCH, low=0.1, high=1, seed=2)]


def fm_arguments() -> list[Tensor]:
    weights, freq, start, amp = tone_arguments()
    depth = draw(BATCH, low=2, high=250, seed=3)
    modulator = torch.sin(draw(BATCH, 1, low=0.001, high=0.01, seed=4) * torch.arange(2100))
    return [weights, freq, depth, start, amp, modulator]


def value_and_gradients(
    function: Callable[..., Tensor], arguments: list[Tensor], dtype: torch.dtype
) -> tuple[Tensor, list[Tensor]]:
    leaves = [a.to(dtype).requires_grad_() for a in arguments]
    assert kernels.serve(*leaves) == (dtype == torch.float32)
    out = function(*leaves)
    smooth = torch.sin(torch.arange(out.shape[1]) * 0.01).to(dtype)
    gradients = torch.autograd.grad((out * smooth).sum(), leaves)
    return out.detach().double(), [g.double() for g in gradients]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (lambda w, f, s, a: tone(w, SHAPES, f, s, a, CLOCK), tone_arguments()),
        (lambda w, f, d, s, a, m: fm_tone(w, SHAPES, f, d, s, a, m, CLOCK), fm_arguments()),
    ],
    ids=["tone", "fm_tone"],
)
def test_tones_equal_the_torch_functions(
    function: Callable[..., Tensor], arguments: list[Tensor]
) -> None:
    """In float32 against float64: an edge may shift by a rounding error, so the mean counts."""
    fast, fast_gradients = value_and_gradients(function, arguments, torch.float32)
    slow, slow_gradients = value_and_gradients(function, arguments, torch.float64)
    assert float((fast - slow).abs().mean()) < 2e-6
    assert float((fast - slow).abs().max()) < 5e-3
    for found, expected in zip(fast_gradients, slow_gradients, strict=True):
        assert float((found - expected).norm() / expected.norm()) < 2e-3
    # Of the waveforms that a row does not have, too: by the weights, row by row.
    weights, expected = fast_gradients[0], slow_gradients[0]
    assert float(((weights - expected).norm(dim=1) / expected.norm(dim=1)).max()) < 2e-2


@pytest.mark.parametrize("n_samples", [1, 3, 128, 129, 511, 512, 513, 1025])
def test_a_short_tone_is_the_start_of_a_long_one(n_samples: int) -> None:
    """Kernels take many samples at a time: what they make of the rest must not be heard."""
    leaves = [a.float().requires_grad_() for a in fm_arguments()]
    weights, freq, depth, start, amp, modulator = leaves
    clock = Clock(16000, n_samples)
    long = fm_tone(weights, SHAPES, freq, depth, start, amp, modulator, CLOCK)[:, :n_samples]
    part = modulator[:, :n_samples]
    short = fm_tone(weights, SHAPES, freq, depth, start, amp, part, clock)
    assert torch.equal(short, long)
    steady = tone(weights, SHAPES, freq, start, amp, CLOCK)[:, :n_samples]
    assert torch.equal(tone(weights, SHAPES, freq, start, amp, clock), steady)
    rise = torch.linspace(-1, 1, n_samples)
    of_short = torch.autograd.grad((short * rise).sum(), leaves)
    of_long = torch.autograd.grad((long * rise).sum(), leaves)
    for found, expected in zip(of_short, of_long, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_phase_stays_exact_over_ten_seconds() -> None:
    clock = Clock(44100, 441000)
    weights, zero, one = torch.ones(1, 1), torch.zeros(1), torch.ones(1)
    freq = torch.tensor([3987.654])
    fast = tone(weights, ("sine",), freq, zero, one, clock)
    wide = [t.double() for t in (freq, zero, one)]
    slow = tone(weights.double(), ("sine",), *wide, clock)  # type: ignore[arg-type]
    # 1e-3 of a cycle is 6e-3 in the sine's value.
    assert float((fast - slow).abs().max()) < 1e-3


def test_a_steady_modulator_does_not_drift_over_ten_seconds() -> None:
    """Roundings of one sign add up: of 0.9 they would make 2.6e-3 of a cycle."""
    clock = Clock(44100, 441000)
    weights, zero, one = torch.ones(1, 1), torch.zeros(1), torch.ones(1)
    freq, depth = torch.tensor([440.0]), torch.tensor([255.0])
    modulator = torch.full((1, clock.n_samples), 0.9)
    arguments = [weights, freq, depth, zero, one, modulator]
    fast = fm_tone(weights, ("sine",), freq, depth, zero, one, modulator, clock)
    wide = [t.double() for t in arguments]
    slow = fm_tone(wide[0], ("sine",), *wide[1:], clock)  # type: ignore[arg-type]
    assert float((fast - slow).abs().max()) < 2 * math.pi * 5e-4


@pytest.mark.parametrize("n_samples", [1, 3, 127, 128, 129, 2048, 16384])
def test_distance_equals_the_torch_functions(n_samples: int) -> None:
    sound = draw(5, n_samples, low=-0.1, high=0.1, seed=0)
    target = draw(1, n_samples, low=-0.3, high=0.3, seed=1)
    distance = MelDistance()
    results = []
    for dtype in (torch.float32, torch.float64):
        leaf = sound.to(dtype).requires_grad_()
        value = distance(leaf, target.to(dtype))
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        results.append((value.detach().double(), gradient.double()))
    (fast, fast_gradient), (slow, slow_gradient) = results
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-4)
    assert float((fast_gradient - slow_gradient).norm() / slow_gradient.norm()) < 1e-3


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_and_batches_change_nothing(n_threads: int) -> None:
    arguments = [a.float().repeat(8, *[1] * (a.ndim - 1)) for a in fm_arguments()]
    weights, freq, depth, start, amp, modulator = arguments
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        out = fm_tone(weights, SHAPES, freq, depth, start, amp, modulator, CLOCK)
    finally:
        torch.set_num_threads(before)
    for row in (0, 50, 95):
        one = [a[row : row + 1] for a in (weights, freq, depth, start, amp, modulator)]
        alone = fm_tone(one[0], SHAPES, *one[1:], CLOCK)  # type: ignore[arg-type]
        assert torch.equal(alone[0], out[row])


def test_forward_mode_falls_back_to_torch() -> None:
    weights, freq, start, amp = (a.float() for a in tone_arguments())
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(freq, torch.ones_like(freq))  # type: ignore[no-untyped-call]
        assert not kernels.serve(weights, dual, start, amp)
        out = tone(weights, SHAPES, dual, start, amp, CLOCK)
        tangent = forward_ad.unpack_dual(out).tangent  # type: ignore[no-untyped-call]
    leaf = freq.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(tone(weights, SHAPES, leaf, start, amp, CLOCK).sum(), leaf)
    torch.testing.assert_close(tangent.sum(1), gradient, rtol=1e-2, atol=1e-2)


def test_the_environment_turns_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHGYM_KERNELS", "0")
    kernels.ready.cache_clear()
    try:
        assert not kernels.ready()
    finally:
        monkeypatch.undo()
        kernels.ready.cache_clear()
    assert kernels.ready()


def test_kernels_older_than_their_sources_are_not_used(tmp_path: Path) -> None:
    index = tmp_path / "kernel.nbi"
    assert kernels._older_than_the_sources(index)
    index.write_bytes(b"")
    assert not kernels._older_than_the_sources(index)


def in_a_copy(tmp_path: Path, code: str) -> str:
    """What `code` prints, with a copy of the package that it may damage."""
    shutil.copytree(Path(synthgym.__file__).parent, tmp_path / "synthgym")
    for file in (tmp_path / "synthgym/kernels/__pycache__").glob("*.nb?"):
        file.touch()  # not older than the sources
    done = subprocess.run(
        [sys.executable, "-c", f"from synthgym import kernels\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("damage", "content"), [("*.nbi", b""), ("*.nbc", b"\x02 no pickle")])
def test_damaged_files_are_not_used(tmp_path: Path, damage: str, content: bytes) -> None:
    code = (
        "from pathlib import Path\n"
        f"files = list(Path('synthgym/kernels/__pycache__').glob({damage!r}))\n"
        f"for file in files: file.write_bytes({content!r})\n"
        "print(len(files) > 0, kernels.ready(), len(kernels.pending()) > 0)"
    )
    assert in_a_copy(tmp_path, code) == "True False True\n"


def test_without_a_folder_to_keep_them_torch_does_the_work(tmp_path: Path) -> None:
    """As in a container whose file system cannot be written to."""
    code = (
        "import numba.core.caching as caching\n"
        "def refuse(self): raise OSError('read-only')\n"
        "for name, found in vars(caching).items():\n"
        "    if name.endswith('Locator'): found.ensure_cache_path = refuse\n"
        "print(kernels.ready())\n"
        "try: kernels.compile_all()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    ready, error = in_a_copy(tmp_path, code).splitlines()
    assert ready == "False"
    assert error.startswith("SynthgymError") and "NUMBA_CACHE_DIR" in error


def test_bad_audio_is_refused_before_a_kernel_sees_it() -> None:
    with pytest.raises(ParameterError, match="shape"):
        MelDistance().embed(torch.zeros(16384))


def test_adsr_equals_the_torch_function() -> None:
    times = [draw(BATCH, low=0.01, high=0.1, seed=s) for s in (0, 1)]
    times += [draw(BATCH, low=0, high=1, seed=2)]
    times += [draw(BATCH, low=0.01, high=0.1, seed=s) for s in (3, 4)]

    def envelope(*values: Tensor) -> Tensor:
        return adsr(*values, CLOCK)  # type: ignore[call-arg, misc, arg-type]

    fast, fast_gradients = value_and_gradients(envelope, times, torch.float32)
    slow, slow_gradients = value_and_gradients(envelope, times, torch.float64)
    assert float((fast - slow).abs().max()) < 1e-5
    for found, expected in zip(fast_gradients, slow_gradients, strict=True):
        assert float((found - expected).norm() / expected.norm()) < 1e-3
