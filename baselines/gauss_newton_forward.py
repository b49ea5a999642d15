"""Gauss-Newton with derivatives through the synthesizer, instead of differences of its sounds.

All else is as in `gauss_newton`, so that the two tell what exact derivatives are worth. Forward
mode gives the derivative of the whole sound by one entry in one pass, counted as a gradient
evaluation: three cost units where a difference of two sounds costs one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad

from synthgym.baselines.gauss_newton import GaussNewton
from synthgym.baselines.gauss_newton_descent import Array, Descent
from synthgym.baselines.linear_steps import Guess


class GaussNewtonForward(GaussNewton):
    """`GaussNewton` with forward-mode differentiation; arguments as there."""

    name = "gauss-newton-forward"
    settings: Mapping[str, Any] = {
        **{k: v for k, v in GaussNewton.settings.items() if not k.startswith("difference")},
        "derivatives": "forward mode",
        "share_of_sound": 0.001,
        "tuning_cost": 0,
    }

    def _derivatives(
        self, descent: Descent, guess: Guess, columns: Sequence[int]
    ) -> dict[str, Array]:
        n = len(columns)
        points = torch.tensor(guess.x, dtype=torch.float32).repeat(n, 1)
        along = torch.zeros_like(points)
        along[range(n), [descent.smooth[i] for i in columns]] = 1.0
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(points, along)  # type: ignore[no-untyped-call]
            heard = descent.problem.render(dual)
            sounds, slopes = forward_ad.unpack_dual(heard)  # type: ignore[no-untyped-call]
        sounds = sounds.detach()
        slopes = torch.zeros_like(sounds) if slopes is None else slopes.detach()
        # The residuals are derived along the slope, by sounds on both sides: to a change of pitch
        # a slope is nearly at right angles, and from one side its square would outweigh it.
        length = slopes.norm(dim=1)
        size = self.settings["share_of_sound"] * sounds.norm(dim=1) / length.clamp_min(1e-9)
        size = torch.where(length > 1e-9, size, torch.ones_like(size))[:, None]
        above = descent.hear((sounds + size * slopes).numpy())
        below = descent.hear((sounds - size * slopes).numpy())
        return {
            view: (rows.astype(np.float64) - below[view]).T / (2 * size.double().numpy().T)
            for view, rows in above.items()
        }
