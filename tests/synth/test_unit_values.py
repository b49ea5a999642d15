"""What cannot be rendered is refused: entries of unit vectors, and clocks that are none."""

from __future__ import annotations

import math

import pytest
import torch

from synthgym.errors import ParameterError
from synthgym.synth import Clock, chains
from synthgym.synth.unit_values import check_unit_values

CLOCK = Clock(8000, 256)
PATCH = chains.build("OscADSR", CLOCK.duration_s)
D = PATCH.space.dimension


@pytest.mark.parametrize("n_rows", [1, 3, 200])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("learning", [False, True])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (math.nan, "NaN or infinity"),
        (math.inf, "NaN or infinity"),
        (-math.inf, "NaN or infinity"),
        (1.001, r"from 0\.5 to 1\.001; .* unit\.clamp"),
        (-0.001, r"from -0\.001 to 0\.5; "),
    ],
)
def test_what_is_no_unit_vector_is_refused(
    n_rows: int, dtype: torch.dtype, learning: bool, bad: float, words: str
) -> None:
    unit = torch.full((n_rows, D), 0.5, dtype=dtype)
    unit[-1, D // 2] = bad
    with pytest.raises(ParameterError, match=words):
        PATCH.render(unit.requires_grad_(learning), CLOCK)


@pytest.mark.parametrize("n_rows", [0, 1, 200])
def test_both_ends_are_in(n_rows: int) -> None:
    for value in (0.0, -0.0, 1.0):
        audio = PATCH.render(torch.full((n_rows, D), value), CLOCK)
        assert audio.shape == (n_rows, 256)


def test_values_that_are_not_there_yet_are_let_through() -> None:
    """Looking at them would stop a transform, or split what is compiled in two."""

    def checked(unit: torch.Tensor) -> torch.Tensor:
        check_unit_values(unit)
        return unit.sum()

    unit = torch.full((2, 3, D), 0.5)
    assert torch.equal(torch.func.vmap(checked)(unit), unit.sum((1, 2)))
    assert torch.equal(torch.func.grad(checked)(unit[0]), torch.ones(3, D))
    compiled = torch.compile(checked, backend="eager", fullgraph=True)
    assert float(compiled(unit[0])) == float(unit[0].sum())


def test_a_rate_is_no_clock() -> None:
    with pytest.raises(ParameterError, match=r"clock is 16000; .* Clock\(16000, 16384\)"):
        PATCH.render(torch.full((1, D), 0.5), 16000)  # type: ignore[call-overload]
