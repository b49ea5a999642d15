"""What is reported beside the distance: each metric with one exact definition and its source."""

from synthgym.metrics.base import Card, Metric
from synthgym.metrics.catalogue import REPORTED, build, evaluate, names, table
from synthgym.metrics.parameters import ParameterDistance, PLoss, interchangeable
from synthgym.metrics.pitch import PitchTracker

__all__ = [
    "REPORTED",
    "Card",
    "Metric",
    "PLoss",
    "ParameterDistance",
    "PitchTracker",
    "build",
    "evaluate",
    "interchangeable",
    "names",
    "table",
]
