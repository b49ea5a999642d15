"""The inverse that `gauss-newton` learns within a run: what it reads off, and what it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from synthgym.baselines.learned_inverse import LearnedInverse, eigen, gaussian_kernel
from synthgym.baselines.sound_residuals import SoundResiduals
from synthgym.synth import Clock
from synthgym.tasks import get_task

CLOCK = Clock(16000, 16384)


def learned(target: Any, points: Any, sounds: Any, clock: Clock = CLOCK) -> LearnedInverse:
    hear = SoundResiduals(target, clock)
    inverse = LearnedInverse(hear.powers_of_target, clock, jitter=0.0, n_near=16, n_most=250)
    powers = hear.powers(sounds)
    for i, point in enumerate(points):
        inverse.add(point, [power[i] for power in powers])
    return inverse


def rendered(chain: str, n: int, seed: int) -> tuple[Any, Any, Any]:
    """Random points of a chain, options as one of each choice; their sounds; and names."""
    task = get_task(f"DiffMoog-{chain}-v0")
    rng = np.random.default_rng(seed)
    points = rng.random((n, task.dimension))
    sounds = task.patch.render(torch.as_tensor(points, dtype=torch.float32), task.clock)
    return points, sounds.numpy(), list(task.patch.space.names)


def errors(chain: str, entry: str, n_examples: int, n_targets: int = 8) -> tuple[float, float]:
    """Mean error of an entry over several targets: of what is drawn, and of the examples."""
    points, sounds, names = rendered(chain, n_examples, seed=1)
    targets, heard, _ = rendered(chain, n_targets, seed=2)
    at = names.index(entry)
    drawn, blind = [], []
    for target, sound in zip(targets, heard, strict=True):
        found = learned(sound, points, sounds).draw(40, np.random.default_rng(3))
        assert found is not None
        drawn.append(np.abs(found[:, at] - target[at]).mean())
        blind.append(np.abs(points[:, at] - target[at]).mean())
    return float(np.mean(drawn)), float(np.mean(blind))


@pytest.mark.parametrize(
    ("chain", "entry", "share"),
    [
        ("FM", "fm.freq", 0.4),
        ("FM", "lfo.freq", 0.5),
        ("FM", "fm.amp", 0.4),
        ("Subtractive", "env.attack", 0.6),
        ("Subtractive", "lowpass.cutoff", 0.6),
    ],
)
def test_draws_from_sixty_sounds_are_nearer_to_the_truth_than_those_were(
    chain: str, entry: str, share: float
) -> None:
    drawn, blind = errors(chain, entry, n_examples=60)
    assert drawn < share * blind


def test_what_no_figure_shows_is_drawn_as_widely_as_it_was() -> None:
    points, sounds, names = rendered("FM", 60, seed=1)
    _, heard, _ = rendered("FM", 1, seed=2)
    # An entry that has no part in the sound.
    idle = np.random.default_rng(4).random((60, 1))
    inverse = learned(heard[0], np.hstack([points, idle]), sounds)
    found = inverse.draw(200, np.random.default_rng(3))
    assert found is not None
    at = names.index("fm.freq")
    assert found[:, -1].std() > 0.2
    assert found[:, at].std() < 0.1


def test_draws_stay_in_the_unit_cube_and_repeat() -> None:
    points, sounds, _ = rendered("Subtractive", 30, seed=5)
    _, heard, _ = rendered("Subtractive", 1, seed=6)
    inverse = learned(heard[0], points, sounds)
    first, again = (inverse.draw(100, np.random.default_rng(7)) for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.min() >= 0
    assert first.max() <= 1
    np.testing.assert_array_equal(first, again)


def test_too_few_examples_and_examples_all_alike_tell_nothing() -> None:
    points, sounds, _ = rendered("FM", 12, seed=8)
    assert learned(sounds[0], points[:0], sounds[:1]).draw(3, np.random.default_rng(0)) is None
    assert learned(sounds[0], points[:3], sounds).draw(3, np.random.default_rng(0)) is None
    alike = np.repeat(sounds[:1], 12, axis=0)
    assert learned(sounds[0], points, alike).draw(3, np.random.default_rng(0)) is None


@pytest.mark.parametrize("n_samples", [2, 100, 3000, 16384])
def test_silence_noise_and_short_sounds_give_finite_draws(n_samples: int) -> None:
    rng = np.random.default_rng(9)
    clock = Clock(16000, n_samples)
    sounds = rng.standard_normal((12, n_samples)).astype(np.float32)
    sounds[::3] = 0.0
    sounds[1] *= 1e-12
    for target in (np.zeros(n_samples, np.float32), sounds[4]):
        found = learned(target, rng.random((12, 3)), sounds, clock).draw(20, rng)
        assert found is None or np.isfinite(found).all()


def test_kernel_is_exact_where_it_counts_and_never_subnormal() -> None:
    # Subnormal numbers in a kernel matrix made LAPACK's eigenvalues fail to converge.
    squared = np.concatenate([np.linspace(0, 20, 50), np.geomspace(20, 1e5, 50)])
    for width in (1.0, 4.0):
        kernel = gaussian_kernel(squared, width)
        near = squared / width < 50
        np.testing.assert_allclose(kernel[near], np.exp(-squared[near] / width), rtol=1e-12)
        assert kernel[~near].max() < 1e-20
        assert kernel.min() >= np.finfo(float).tiny


def test_eigenvalues_are_found_where_the_fast_method_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    points = rng.standard_normal((60, 3))
    kernel = gaussian_kernel(((points[:, None] - points) ** 2).sum(2), 4.0)
    usual, _ = eigen(kernel)

    def fails(_: Any) -> Any:
        raise np.linalg.LinAlgError("Eigenvalues did not converge")

    monkeypatch.setattr(np.linalg, "eigh", fails)
    values, vectors = eigen(kernel)
    np.testing.assert_allclose(values, usual, atol=1e-10)
    np.testing.assert_allclose((vectors * values) @ vectors.T, kernel, atol=1e-10)
