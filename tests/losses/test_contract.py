"""What every built-in loss keeps, by its name in the catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from synthgym import losses
from synthgym.errors import MissingExtraError, ParameterError, UnknownNameError

N = 3000
NAMES = losses.names()

# Losses that are not 0 for equal sounds, and why.
NOT_ZERO_AT_EQUALITY: dict[str, str] = {"si-sdr": "a ratio, at its ceiling for equal sounds"}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def built(name: str) -> Any:
    try:
        return losses.build(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


def noise(batch: int = 1, seed: int = 0, n: int = N, dtype: torch.dtype = torch.float64) -> Tensor:
    """Noise under an envelope, so that frames differ."""
    generator = torch.Generator().manual_seed(seed)
    envelope = torch.linspace(1.0, 0.1, n, dtype=dtype)
    return 0.1 * envelope * torch.randn(batch, n, generator=generator, dtype=dtype)


def gradient(loss: Any, audio: Tensor, target: Tensor) -> Tensor:
    leaf = audio.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(leaf, target).sum(), leaf)
    return found


def test_names_are_unique_and_lead_to_losses_of_that_name() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {"mel", "multi-scale", "mss_cumsum_time", "lfo_only"} <= set(NAMES)
    for name in NAMES:
        assert built(name).name == name


def test_a_wrong_name_gets_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'multi-scale'"):
        losses.build("multiscale")
    with pytest.raises(ParameterError, match="sample_rate is 0"):
        losses.build("mel", sample_rate=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("device", DEVICES)
def test_one_number_for_each_sound(name: str, dtype: torch.dtype, device: str) -> None:
    loss = built(name)
    values = loss(noise(3, dtype=dtype).to(device), noise(3, seed=1, dtype=dtype).to(device))
    assert values.shape == (3,)
    assert values.dtype == dtype
    assert values.device.type == device
    assert bool(torch.isfinite(values).all())
    assert len(set(values.tolist())) == 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU to agree with")
@pytest.mark.parametrize("name", NAMES)
def test_devices_agree(name: str) -> None:
    loss, device = built(name), "cuda"
    there = loss(noise(2).to(device), noise(seed=1).to(device)).cpu()
    torch.testing.assert_close(there, loss(noise(2), noise(seed=1)), rtol=1e-9, atol=1e-9)
    slope = gradient(loss, noise(2).to(device), noise(seed=1).to(device)).cpu()
    here = gradient(loss, noise(2), noise(seed=1))
    scale = float(here.abs().max())
    torch.testing.assert_close(slope, here, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_equal_sounds_are_at_zero_and_others_are_not(name: str) -> None:
    loss = built(name)
    apart = loss(noise(), noise(seed=1))
    if name in NOT_ZERO_AT_EQUALITY:
        assert bool(loss(noise(), noise()) < apart)
        return
    same = loss(noise(2), noise(2))
    torch.testing.assert_close(same, torch.zeros_like(same), rtol=0, atol=1e-6 * float(apart))
    assert bool(apart > 0)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_a_loop_of_ones(name: str) -> None:
    """Values and gradients, in a batch of more sounds than are worked out at once."""
    loss, sounds, targets = built(name), noise(25, n=5000), noise(25, seed=1, n=5000)
    together, slopes = loss(sounds, targets), gradient(loss, sounds, targets)
    for i in (0, 12, 13, 24):
        one, of_one = sounds[i : i + 1], targets[i : i + 1]
        torch.testing.assert_close(loss(one, of_one), together[i : i + 1], rtol=1e-9, atol=1e-12)
        alone = gradient(loss, one, of_one)
        size = float(alone.abs().max())
        torch.testing.assert_close(slopes[i : i + 1], alone, rtol=0, atol=1e-7 * size)


@pytest.mark.parametrize("name", NAMES)
def test_one_target_serves_a_batch_and_is_embedded_once(name: str) -> None:
    loss, sounds, target = built(name), noise(4), noise(seed=1)
    each = loss(sounds, target.expand(4, -1).contiguous())
    with torch.inference_mode():
        kept = loss.embed(target)
    for _ in range(2):  # nothing that a gradient leaves behind spoils it
        torch.testing.assert_close(loss.compare(loss.embed(sounds), kept), each)
        leaf = sounds.clone().requires_grad_()
        torch.autograd.grad(loss.compare(loss.embed(leaf), kept).sum(), leaf)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_is_not_the_callers_buffer(name: str) -> None:
    loss, target = built(name), noise(seed=1)
    before = loss(noise(), target)
    kept = loss.embed(target)
    target.zero_()
    torch.testing.assert_close(loss.compare(loss.embed(noise()), kept), before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("side", ["sound", "target", "both"])
def test_silence_is_finite(name: str, dtype: torch.dtype, side: str) -> None:
    loss, silence = built(name), torch.zeros(2, N, dtype=dtype)
    audio = noise(2, dtype=dtype) if side == "target" else silence
    target = noise(2, seed=1, dtype=dtype) if side == "sound" else silence
    assert bool(torch.isfinite(loss(audio, target)).all())
    assert bool(torch.isfinite(gradient(loss, audio, target)).all())
    half = audio.clone()
    half[:, N // 2 :] = 0
    assert bool(torch.isfinite(gradient(loss, half, target)).all())


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_that_of_the_value(name: str) -> None:
    """Along a random direction, against central differences."""
    loss, audio, target = built(name), noise(2), noise(seed=1)
    direction, step = noise(2, seed=2), 1e-6
    slope = (gradient(loss, audio, target) * direction).sum(1)
    moved = loss(audio + step * direction, target) - loss(audio - step * direction, target)
    scale = float(slope.abs().max())
    assert scale > 0
    # Absolute values have a corner; few of the thousands of cells cross it within a step.
    torch.testing.assert_close(moved / (2 * step), slope, rtol=2e-3, atol=1e-3 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_down_the_gradient_comes_nearer(name: str) -> None:
    loss, target = built(name), noise(seed=1)
    audio = target + 0.3 * noise(seed=2)
    slope = gradient(loss, audio, target)
    step = 1e-3 * audio.norm() * slope / slope.norm()
    assert float(loss(audio - step, target)) < float(loss(audio, target))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 2, 63, 700])
def test_short_sounds_are_taken(name: str, n: int) -> None:
    loss = built(name)
    values = loss(noise(2, n=n), noise(seed=1, n=n))
    assert values.shape == (2,)
    assert bool(torch.isfinite(values).all())
    assert bool(torch.isfinite(gradient(loss, noise(2, n=n), noise(seed=1, n=n))).all())


@pytest.mark.parametrize("name", NAMES)
def test_wrong_sounds_are_refused(name: str) -> None:
    loss = built(name)
    with pytest.raises(ParameterError, match=r"shape \(10,\)"):
        loss.embed(torch.zeros(10))
    with pytest.raises(ParameterError, match="int64"):
        loss.embed(torch.zeros(1, 10, dtype=torch.int64))
    with pytest.raises(ParameterError, match="same length"):
        loss(noise(n=3000), noise(n=1500))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n_sounds", "n_targets"), [(1, 2), (3, 2), (2, 3), (13, 26), (26, 20)])
def test_a_target_for_each_or_one_for_all(name: str, n_sounds: int, n_targets: int) -> None:
    """Nothing is broadcast the other way, nor left over where sounds go 13 at a time."""
    loss = built(name)
    sounds, kept = noise(n_sounds, n=5000), loss.embed(noise(n_targets, seed=1, n=5000))
    words = f"{n_sounds} sounds and {n_targets} targets"
    with pytest.raises(ParameterError, match=words):
        loss.compare(loss.embed(sounds), kept)
    with pytest.raises(ParameterError, match=words):
        gradient(loss, sounds, noise(n_targets, seed=1, n=5000))


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_have_one_precision(name: str) -> None:
    loss = built(name)
    single, double = noise(dtype=torch.float32), noise(seed=1)
    with pytest.raises(ParameterError, match=r"sound has dtype torch\..* and target torch"):
        loss(single, double)
    with pytest.raises(ParameterError, match=r"sound has dtype torch\..* and target torch"):
        loss(double, single)
    with pytest.raises(ParameterError, match=r"float16; it must be float32 or float64"):
        loss.embed(single.half())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [1e-40, 1e-20])
def test_next_to_silence_gradients_are_finite(name: str, level: float) -> None:
    """Down to numbers that float32 can only just hold, or no longer normally."""
    loss, still = built(name), torch.zeros(1, N)
    faint = level * noise(dtype=torch.float32) / 0.1
    for audio, target in ((faint, still), (still, faint), (faint, faint)):
        watched = target.clone().requires_grad_()  # a target in a graph goes the long way
        assert bool(torch.isfinite(loss(audio, target)).all())
        assert bool(torch.isfinite(gradient(loss, audio, target)).all())
        assert bool(torch.isfinite(gradient(loss, audio, watched)).all())


def test_a_sound_that_is_no_tensor_is_refused() -> None:
    loss = losses.build("mel")
    with pytest.raises(ParameterError, match=r"audio is a ndarray; it must be a tensor"):
        loss.embed(np.zeros((1, 4096), np.float32))  # type: ignore[arg-type]
