"""Weighted sums and the way from coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError
from synthgym.losses import CoarseToFine, WeightedSum, published


@dataclass(frozen=True)
class Counted:
    """A stub: `factor` times the difference of means; notes each embedding."""

    factor: float
    embedded: list[int] = field(default_factory=list, compare=False)

    def embed(self, audio: Tensor) -> Tensor:
        self.embedded.append(len(audio))
        return audio.mean(1)

    def compare(self, embedded: Any, embedded_target: Any) -> Tensor:
        return self.factor * (embedded - embedded_target).abs()


SOUND, TARGET = torch.tensor([[1.0, 3.0], [0.0, 2.0]]), torch.tensor([[0.0, 0.0]])


def test_a_sum_by_hand() -> None:
    loss = WeightedSum((Counted(1.0), Counted(10.0)), (0.5, 2.0))
    assert loss(SOUND, TARGET).tolist() == [41.0, 20.5]
    assert WeightedSum((Counted(1.0), Counted(10.0)))(SOUND, TARGET).tolist() == [22.0, 11.0]


def test_other_weights_take_the_same_embedding() -> None:
    parts = Counted(1.0), Counted(10.0)
    loss = WeightedSum(parts, (1.0, 0.0))
    kept = loss.embed(TARGET)
    now = replace(loss, weights=(0.0, 1.0))
    assert now.compare(now.embed(SOUND), kept).tolist() == [20.0, 10.0]
    assert parts[0].embedded == [1, 2]


@pytest.mark.parametrize(
    ("progress", "expected", "asked"),
    [
        (0.0, 1.0, [0]),
        (0.25, 5.5, [0, 1]),
        (0.5, 10.0, [1]),
        (0.9, 0.2 * 10 + 0.8 * 100, [1, 2]),
        (1.0, 100.0, [2]),
    ],
)
def test_two_levels_at_most_are_computed(
    progress: float, expected: float, asked: list[int]
) -> None:
    levels = Counted(1.0), Counted(10.0), Counted(100.0)
    loss = CoarseToFine(levels, progress)
    values = loss(torch.ones(1, 2), TARGET)
    assert float(values) == pytest.approx(expected)
    assert [i for i, level in enumerate(levels) if level.embedded] == asked


def test_a_target_is_embedded_once_for_each_level() -> None:
    levels = Counted(1.0), Counted(10.0)
    loss = CoarseToFine(levels)
    kept = loss.embed(TARGET)
    for progress in (0.0, 0.3, 0.6, 1.0):
        now = replace(loss, progress=progress)
        now.compare(now.embed(SOUND), kept)
    assert [level.embedded.count(1) for level in levels] == [1, 1]


def test_gradients_flow_and_batches_are_loops_of_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    sounds = torch.randn(3, 2000, generator=generator)
    target = torch.randn(1, 2000, generator=generator)
    for loss in (
        WeightedSum((published.magnitude(), published.log_mel()), (1.0, 0.1)),
        CoarseToFine((published.blurred(1.0), published.blurred(0.2)), 0.4),
    ):
        leaf = sounds.clone().requires_grad_()
        kept = loss.embed(target)
        values = loss.compare(loss.embed(leaf), kept)
        (slope,) = torch.autograd.grad(values.sum(), leaf)
        assert bool((slope.abs().amax(1) > 0).all())
        assert bool(torch.isfinite(slope).all())
        each = [loss.compare(loss.embed(sounds[i : i + 1]), kept) for i in range(3)]
        torch.testing.assert_close(values, torch.cat(each), rtol=1e-5, atol=1e-6)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ParameterError, match="0 losses"):
        WeightedSum(())
    with pytest.raises(ParameterError, match="2 weights"):
        WeightedSum((Counted(1.0),), (1.0, 2.0))
    with pytest.raises(ParameterError, match="levels"):
        CoarseToFine(())
    with pytest.raises(ParameterError, match=r"progress is 1\.5"):
        CoarseToFine((Counted(1.0),), 1.5)
