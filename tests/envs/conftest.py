"""What the tests of `synthgym.envs` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def _same(left: Any, right: Any, tolerance: float = 1e-6) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            _same(left[key], right[key], tolerance) for key in left
        )
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, np.ndarray) and left.dtype == object:
        return left.shape == right.shape and all(
            (a is None and b is None) or _same(a, b, tolerance)
            for a, b in zip(left, right, strict=True)
        )
    left, right = np.asarray(left), np.asarray(right)
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    return bool(np.allclose(left, right, rtol=0, atol=tolerance))


@pytest.fixture(scope="session")
def same() -> Callable[..., bool]:
    """Whether two observations, infos or arrays are equal: kinds, shapes, and floats to 1e-6."""
    return _same
