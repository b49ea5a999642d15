"""The time base of a rendering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synthgym.errors import ParameterError


@dataclass(frozen=True)
class Clock:
    """Sample rate and length of a rendering; sample `n` is at `n / sample_rate` seconds.

    Args:
        sample_rate: in Hz, at least 1000.
        n_samples: length in samples, at least 1.

    Raises:
        ParameterError: a value is not a whole number or below its limit.
    """

    LEAST_HZ: ClassVar[int] = 1000

    sample_rate: int = 16000
    n_samples: int = 16384

    def __post_init__(self) -> None:
        for name, value, least in (
            ("sample_rate", self.sample_rate, self.LEAST_HZ),
            ("n_samples", self.n_samples, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ParameterError(
                    f"Clock {name} is {value!r}; it must be a whole number of at least {least}"
                )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate

    @property
    def nyquist_hz(self) -> float:
        """Half the sample rate, in Hz."""
        return self.sample_rate / 2
