"""The renders of DiffMoog's own code, reproduced: a table of errors.

    python benchmarks/diffmoog_reference.py [FOLDER]

FOLDER (default: `../shared` beside the repository) holds `diffmoog_reference/*.json` and `*.wav`,
and `diffmoog_examples/*.wav`. Two columns tell errors apart:

- `error`: the largest difference of a sample from the reference's, in units of full scale.
- `apart`: the same where the sound is well defined. A closed-form square or saw jumps between two
  samples; where a jump falls on a sample to within the rounding of the reference's float32 phases,
  it is on one side of it there and may be on the other here. Samples are left out where moving all
  frequencies and modulation indices by two parts in ten million (a few float32 roundings), up or
  down, moves them by over half a thousandth.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from synthgym.synth import Clock
from synthgym.synth.chains import from_diffmoog

FREQUENCIES = ("freq", "freq_c", "mod_index", "fm_lfo_mod_index")
ROUNDING = 2e-7
TOLERANCE = 1e-3

Document = Mapping[str, Any]
# The two sounds that the original's authors publish: their text files are Python, not data. The
# clock of these reaches the end of the last sample.
EXAMPLES: dict[str, dict[str, Any]] = {
    "adsr": {
        "chain": "OSC_ADSR",
        "cells": {
            "0,0": {"op": "osc", "params": {"amp": [1], "freq": [440], "waveform": "sawtooth"}},
            "0,1": {
                "op": "env_adsr",
                "params": {
                    "attack_t": [0.75],
                    "decay_t": [0.75],
                    "sustain_t": [0.5],
                    "sustain_level": [0.03],
                    "release_t": [0],
                },
            },
        },
    },
    "lfo_sine": {
        "chain": "LFO_SIN",
        "cells": {
            "1,1": {"op": "lfo", "params": {"freq": [2], "waveform": "sine"}},
            "0,2": {
                "op": "fm_sine",
                "params": {"amp_c": [1], "freq_c": [1000], "mod_index": [0.1]},
            },
        },
    },
}


@dataclass(frozen=True)
class Row:
    """How near a reproduction is.

    Args:
        name: of the reference.
        error: largest, over all samples.
        apart: largest, over the well-defined samples.
        n_undefined: samples that are not well defined.
        n_wrong: samples off by more than a thousandth.
        correlation: of the two sounds.
    """

    name: str
    error: float
    apart: float
    n_undefined: int
    n_wrong: int
    correlation: float


def references(folder: Path) -> Iterator[tuple[str, Document, NDArray[np.float64]]]:
    """Name, preset and sound of every reference in the folder."""
    for path in sorted((folder / "diffmoog_reference").glob("*.json")):
        sound, _ = soundfile.read(path.with_suffix(".wav"), dtype="float64")
        yield path.stem, json.loads(path.read_text()), sound
    for name, preset in EXAMPLES.items():
        sound, rate = soundfile.read(folder / "diffmoog_examples" / f"{name}.wav", dtype="float64")
        clock = {"sample_rate": rate, "duration_s": len(sound) / rate}
        yield f"example {name}", {**preset, **clock, "clock_includes_endpoint": True}, sound


def detuned(document: Document, factor: float) -> Document:
    """The preset with all frequencies and deviations times a factor."""

    def value(name: str, given: Any) -> Any:
        if name not in FREQUENCIES:
            return given
        return factor * (given[0] if isinstance(given, list) else given)

    cells = {
        place: {**cell, "params": {k: value(k, v) for k, v in cell["params"].items()}}
        for place, cell in document["cells"].items()
    }
    return {**document, "cells": cells}


def rendered(document: Document, n_samples: int) -> NDArray[np.float64]:
    """The preset's sound, in float64."""
    patch, unit = from_diffmoog(document)
    sound: NDArray[np.float64] = patch.render(
        unit[None], Clock(int(document["sample_rate"]), n_samples)
    )[0].numpy()
    return sound


def compare(name: str, document: Document, expected: NDArray[np.float64]) -> Row:
    """Render a preset and hold it against its reference."""
    sound = rendered(document, len(expected))
    error = np.abs(sound - expected)
    moved = [
        np.abs(rendered(detuned(document, 1 + way * ROUNDING), len(expected)) - sound)
        for way in (-1, 1)
    ]
    defined = np.maximum(*moved) < TOLERANCE / 2
    return Row(
        name,
        float(error.max()),
        float(error[defined].max()),
        int((~defined).sum()),
        int((error > TOLERANCE).sum()),
        float(np.corrcoef(sound, expected)[0, 1]),
    )


def main(folder: Path) -> None:
    print(f"{'reference':<26}{'error':>10}{'apart':>10}{'undefined':>11}{'wrong':>7}{'corr.':>11}")
    for name, document, sound in references(folder):
        row = compare(name, document, sound)
        print(
            f"{row.name:<26}{row.error:>10.1e}{row.apart:>10.1e}{row.n_undefined:>11}"
            f"{row.n_wrong:>7}{row.correlation:>11.7f}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared")
