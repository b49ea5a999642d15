"""Sound files in and out: read, resample, fit to a length, bring to a level, write.

```python
sound = audio.read("note.wav", 16000)                  # mono float32 at 16 kHz
fitted = audio.fit(sound.samples, 16384, 16000)        # from its onset, 16384 samples
samples, gain_db = audio.level(fitted.samples)         # peak at -1 dBFS
target = audio.load_target("note.wav", 16000, 16384)   # the three above in one, with notes
audio.write("out.wav", samples, 16000)                 # whole or not at all
```

Samples are mono float32 arrays of shape `(n,)`, full scale is 1. What is wrong with a file is an
`AudioError` of one line that names the file, the fault and the remedy. `docs/audio.md` states the
policies.
"""

from __future__ import annotations

from synthgym.audio._notes import sample_notes
from synthgym.audio._read import MIN_SECONDS, Sound, read
from synthgym.audio._shape import (
    LEVELS,
    SILENCE_DBFS,
    STARTS,
    Fitted,
    Samples,
    fit,
    level,
    resample,
)
from synthgym.audio._target import TargetSound, load_target
from synthgym.audio._write import SUBTYPES, write

__all__ = [
    "LEVELS",
    "MIN_SECONDS",
    "SILENCE_DBFS",
    "STARTS",
    "SUBTYPES",
    "Fitted",
    "Samples",
    "Sound",
    "TargetSound",
    "fit",
    "level",
    "load_target",
    "read",
    "resample",
    "sample_notes",
    "write",
]
