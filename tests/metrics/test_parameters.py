"""Errors of unit vectors, by hand, and the exchange of interchangeable parts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgym import Clock, Patch, metrics
from synthgym.errors import ParameterError, UnknownNameError
from synthgym.metrics import ParameterDistance, PLoss, interchangeable
from synthgym.synth import Node
from synthgym.synth.modules import Mix, Oscillator

NAMES = (
    "one.shape=sine",
    "one.shape=saw",
    "one.freq",
    "one.active",
    "two.shape=sine",
    "two.shape=saw",
    "two.freq",
    "two.active",
    "lowpass.cutoff",
)
GROUP = interchangeable(NAMES, ("one", "two"))
SWITCHES = ("one.active", "two.active")


def test_each_parameter_counts_once_and_by_its_kind():
    target = np.array([[1.0, 0.0, 0.2, 1.0, 0.0, 1.0, 0.8, 0.0, 0.5]])
    other = np.array([[0.6, 0.5, 0.3, 0.7, 1.0, 0.0, 0.8, 0.9, 0.1]])
    metric = ParameterDistance(NAMES, switches=SWITCHES)
    # The first shape is the same option; 0.1; both on; another option; 0; one on, one off; 0.4.
    assert metric(other, target) == pytest.approx([(0 + 0.1 + 0 + 1 + 0 + 1 + 0.4) / 7])
    assert metric(target, target) == [0.0]


def test_swapped_oscillators_are_the_same_patch():
    target = np.array([[1.0, 0.0, 0.2, 1.0, 0.0, 1.0, 0.8, 0.0, 0.5]])
    swapped = target[:, [4, 5, 6, 7, 0, 1, 2, 3, 8]]
    aware = ParameterDistance(NAMES, (GROUP,), SWITCHES)
    assert aware(swapped, target) == pytest.approx([0.0])
    plain = ParameterDistance(NAMES, switches=SWITCHES)
    assert plain(swapped, target) == pytest.approx([(1 + 0.6 + 1 + 1 + 0.6 + 1) / 7])


@given(st.integers(0, 2**32 - 1))
def test_the_exchange_is_the_best_of_all(seed):
    names = tuple(f"osc_{k}.{entry}" for k in range(4) for entry in ("freq", "amp"))
    group = interchangeable(names, [f"osc_{k}" for k in range(4)])
    own, target = np.random.default_rng(seed).uniform(size=(2, 3, 8))
    found = ParameterDistance(names, (group,))(own, target)
    blocks = own.reshape(3, 4, 2)
    tried = [
        np.abs(blocks[:, list(order)].reshape(3, 8) - target).mean(1)
        for order in itertools.permutations(range(4))
    ]
    np.testing.assert_allclose(found, np.min(tried, axis=0))


def test_groups_come_from_the_names_of_a_patch():
    nodes = (
        Node("low", Oscillator()),
        Node("high", Oscillator()),
        Node("mix", Mix(), {"audio": ("low", "high")}),
    )
    patch = Patch(nodes)
    group = interchangeable(patch.space.names, ("low", "high"))
    metric = ParameterDistance(tuple(patch.space.names), (group,))
    unit = torch.rand(1, patch.space.dimension, generator=torch.Generator().manual_seed(0))
    half = patch.space.dimension // 2
    swapped = torch.cat([unit[:, half:], unit[:, :half]], dim=1)
    # What the group says is true of the sound.
    clock = Clock(16_000, 2048)
    np.testing.assert_allclose(patch.render(swapped, clock), patch.render(unit, clock), atol=1e-5)
    assert metric(swapped, unit) == pytest.approx([0.0])
    assert ParameterDistance(tuple(patch.space.names))(swapped, unit)[0] > 0.05


def test_p_loss_is_the_euclidean_distance():
    own, target = np.array([[0.0, 0.0], [0.5, 0.5]]), np.array([[0.3, 0.4]])
    np.testing.assert_allclose(PLoss()(own, target), [0.5, math.hypot(0.2, 0.1)])


def test_what_cannot_be_exchanged_is_refused():
    with pytest.raises(ParameterError, match="differ in amp"):
        interchangeable(("a.freq", "a.amp", "b.freq"), ("a", "b"))
    with pytest.raises(UnknownNameError, match="Did you mean 'one'"):
        interchangeable(NAMES, ("one", "on"))
    with pytest.raises(ParameterError, match="two or more"):
        interchangeable(NAMES, ("one",))
    with pytest.raises(UnknownNameError, match=r"'one\.frq'"):
        ParameterDistance(NAMES, ((("one.frq",), ("two.freq",)),))
    with pytest.raises(ParameterError, match="not interchangeable"):
        ParameterDistance(NAMES, ((("one.freq",), ("two.shape=saw",)),))
    with pytest.raises(ParameterError, match=r"one\.freq named twice"):
        ParameterDistance(NAMES, ((("one.freq",), ("one.freq",)),))
    with pytest.raises(ParameterError, match="4 entries"):
        ParameterDistance(NAMES)(np.zeros((1, 4)), np.zeros((1, 4)))


def test_cards_of_parameters_say_what_they_are():
    for metric, name in ((ParameterDistance(NAMES), "parameter_error"), (PLoss(), "p_loss")):
        assert metric.card.name == name and metric.card.better == "lower"
        assert name not in metrics.names()
