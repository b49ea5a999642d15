"""Adam by the gradient of surrogate oscillators first, and by the true one after.

The gradient of a tone by its frequency ripples, and a descent ends in the ripple beside it. The
surrogate's is that of a tone that fades (see `synthgym.synth.dsp.surrogate`): it sees further and
less sharply, so the last half of the steps follows the true one. Sounds and scores are the true
ones throughout, and the price is the same. Where a synthesizer has no such oscillator, these are
`adam` and `adam-transport`.

Sources: Hayes, Saitis and Fazekas, "Sinusoidal frequency estimation by gradient descent", ICASSP
2023, arXiv 2210.14476.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgym.baselines.adam import Adam


class AdamSurrogate(Adam):
    """Adam down the distance, by the surrogate's gradient first; arguments as in `Adam`."""

    name = "adam-surrogate"
    runs_by_default = False
    settings: Mapping[str, Any] = {**Adam.settings, "losses": ["surrogate-distance", "distance"]}


class AdamSurrogateTransport(Adam):
    """Adam down the transport of spectra by the surrogate's gradient, then down the distance."""

    name = "adam-surrogate-transport"
    runs_by_default = False
    settings: Mapping[str, Any] = {**Adam.settings, "losses": ["surrogate-transport", "distance"]}
