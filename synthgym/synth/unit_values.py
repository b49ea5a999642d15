"""The values that entries of a unit vector may have."""

from __future__ import annotations

import torch
from torch import Tensor

from synthgym.errors import ParameterError

_FEW = 256
"""So many numbers are looked at sooner one by one than by torch, whose calls take longer."""


def check_unit_values(unit: Tensor) -> None:
    """Raise `ParameterError` if an entry of unit vectors `(batch, d)` is NaN or outside [0, 1].

    Values that are not there yet cannot be looked at: nothing is checked while `torch.compile`
    traces, nor inside a transform of `torch.func`.
    """
    if torch.compiler.is_compiling() or torch._C._functorch.is_functorch_wrapped_tensor(unit):
        return
    if unit.numel() <= _FEW and unit.device.type == "cpu":
        for row in unit.tolist():
            for entry in row:
                if not 0.0 <= entry <= 1.0:  # so for NaN too
                    _refuse(unit.detach())
        return
    plain = unit.detach()
    if not torch.equal(plain.clamp(0.0, 1.0), plain):  # NaN equals nothing
        _refuse(plain)


def _refuse(unit: Tensor) -> None:
    if not bool(torch.isfinite(unit).all()):
        raise ParameterError("unit holds NaN or infinity; every entry must be in [0, 1]")
    raise ParameterError(
        f"unit has entries from {float(unit.min()):g} to {float(unit.max()):g}; every entry must "
        "be in [0, 1]: unit.clamp(0, 1)"
    )
