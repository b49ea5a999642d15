"""Large batches, rendered some rows at a time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from synthgym import kernels
from synthgym.errors import ParameterError
from synthgym.synth import Clock, Node, Patch, chains
from synthgym.synth.modules import Inputs, Module
from synthgym.synth.params import Linear
from synthgym.synth.shares import shares

CLOCK = Clock(16000, 600)
KEPT, AGAIN = 1 << 40, 0


def gradient(patch: Patch, unit: Tensor) -> tuple[Tensor, Tensor]:
    leaf = unit.clone().requires_grad_()
    audio = patch.render(leaf, CLOCK)
    (found,) = torch.autograd.grad((audio * torch.sin(0.01 * torch.arange(600.0))).sum(), leaf)
    return audio.detach(), found


@pytest.mark.parametrize("kept", [KEPT, AGAIN], ids=["kept", "again"])
@pytest.mark.parametrize("name", ["FM", "Modular", "Mono", "Voice"])
def test_shares_change_neither_sound_nor_gradient(
    name: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = chains.build(name, CLOCK.duration_s)
    unit = torch.rand(7, patch.space.dimension, generator=torch.Generator().manual_seed(1))
    audio, whole = gradient(patch, unit)
    monkeypatch.setattr("synthgym.synth.patch.KEPT_SAMPLES", kept)
    monkeypatch.setattr("synthgym.synth.shares.SHARE_SAMPLES", 1200)
    assert len(shares(7, 600, len(patch.nodes), unit.device)) >= 4
    shared_audio, shared = gradient(patch, unit)
    torch.testing.assert_close(shared_audio, audio, atol=1e-6, rtol=0)
    torch.testing.assert_close(shared, whole, rtol=1e-4, atol=1e-4 * float(whole.abs().max()))


@pytest.mark.parametrize("kept", [KEPT, AGAIN], ids=["kept", "again"])
def test_a_gradient_can_be_asked_for_twice_but_not_differentiated(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernels.ready():
        pytest.skip("without the kernels, second derivatives are torch's")
    monkeypatch.setattr("synthgym.synth.patch.KEPT_SAMPLES", kept)
    monkeypatch.setattr("synthgym.synth.shares.SHARE_SAMPLES", 1200)
    patch = chains.build("FM", CLOCK.duration_s)
    leaf = torch.full((6, patch.space.dimension), 0.3, requires_grad=True)
    total = patch.render(leaf, CLOCK).square().sum()
    first, second = (torch.autograd.grad(total, leaf, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    with pytest.raises(ParameterError, match="create_graph"):
        torch.autograd.grad(total, leaf, create_graph=True)


@dataclass(frozen=True)
class Counting(Module):
    """A constant, which notes how many rows it is asked for at a time."""

    seen: tuple[list[int], ...] = ()
    level: Linear | float = Linear("level", 0.0, 1.0)

    def render(self, inputs: Inputs) -> Tensor:
        level = inputs.values["level"]
        self.seen[0].append(len(level))
        return level[:, None] * torch.ones(1, inputs.clock.n_samples)


@pytest.mark.parametrize("needs_gradient", [False, True])
def test_a_batch_larger_than_memory_never_stands_there_whole(
    needs_gradient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if needs_gradient and not kernels.ready():
        pytest.skip("without the kernels, second derivatives may be asked for: nothing is dropped")
    monkeypatch.setattr("synthgym.synth.patch.KEPT_SAMPLES", AGAIN)
    monkeypatch.setattr("synthgym.synth.shares.SHARE_SAMPLES", 5 * 600)
    seen: list[int] = []
    patch = Patch((Node("a", Counting((seen,))),))
    unit = torch.rand(103, 1, requires_grad=needs_gradient)
    audio = patch.render(unit, CLOCK)
    assert torch.equal(audio.detach(), unit.detach().expand(-1, 600))
    assert max(seen) <= 5
    assert sum(seen) == 103
    if needs_gradient:
        (found,) = torch.autograd.grad(audio.sum(), unit)
        assert torch.equal(found, torch.full((103, 1), 600.0))
        # Once for the sound and once for the gradient.
        assert sum(seen) == 2 * 103


def test_inference_mode_reaches_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgym.synth.shares.SHARE_SAMPLES", 1200)
    patch = chains.build("FM", CLOCK.duration_s)
    unit = torch.full((6, patch.space.dimension), 0.3)
    with torch.inference_mode():
        audio = patch.render(unit, CLOCK)
        assert audio.is_inference()
    assert torch.equal(audio, patch.render(unit, CLOCK))


def test_threads_leave_torchs_own_number_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgym.synth.shares.SHARE_SAMPLES", 1200)
    before = torch.get_num_threads()
    patch = chains.build("FM", CLOCK.duration_s)
    try:
        torch.set_num_threads(3)
        patch.render(torch.full((6, patch.space.dimension), 0.3), CLOCK)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["FM", "ModularShaper", "Mono", "OscFilterADSR"])
def test_a_row_is_the_same_to_the_bit_in_any_batch_at_any_length(name: str) -> None:
    """1001 samples fill no vectors, so that a row begins anywhere in one, and ends so too."""
    if name == "Mono" and not kernels.ready():
        pytest.skip("sums of four states, as the ladder takes them in torch, round as they come")
    clock = Clock(16000, 1001)
    patch = chains.build(name, clock.duration_s)
    unit = torch.rand(37, patch.space.dimension, generator=torch.Generator().manual_seed(1))
    alone = torch.cat([patch.render(row[None], clock) for row in unit])
    n_threads = torch.get_num_threads()
    try:
        for n in (1, 3):
            torch.set_num_threads(n)
            assert torch.equal(patch.render(unit, clock), alone)
    finally:
        torch.set_num_threads(n_threads)
