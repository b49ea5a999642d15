"""What losses look like to an optimizer: directions, gradients, minima, basins, cost."""

from synthgym.landscapes.basins import attracted, basins, minima, surface_minima
from synthgym.landscapes.built_in import built_in
from synthgym.landscapes.cost import Cost, best_time_s, check, cost
from synthgym.landscapes.pitch import (
    SHAPES,
    PitchSounds,
    PitchTrials,
    Share,
    Tones,
    direction,
    gradient_direction,
)
from synthgym.landscapes.standing import COLUMNS, Standing, Trial, n_steps, standing, trial
from synthgym.landscapes.sweeps import (
    Curves,
    Surface,
    Sweep,
    Voices,
    frequency_curves,
    index_curves,
    surface,
)

__all__ = [
    "COLUMNS",
    "SHAPES",
    "Cost",
    "Curves",
    "PitchSounds",
    "PitchTrials",
    "Share",
    "Standing",
    "Surface",
    "Sweep",
    "Tones",
    "Trial",
    "Voices",
    "attracted",
    "basins",
    "best_time_s",
    "built_in",
    "check",
    "cost",
    "direction",
    "frequency_curves",
    "gradient_direction",
    "index_curves",
    "minima",
    "n_steps",
    "standing",
    "surface",
    "surface_minima",
    "trial",
]
