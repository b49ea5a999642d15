"""What the distance says of a sine that is louder or higher: the table of docs/distance.md.

python benchmarks/distance_unit.py
"""

from __future__ import annotations

import math

import torch

from synthgym import MelDistance

CHANGES = {
    "1 dB louder": (1.0, 0.0),
    "6 dB louder": (6.0, 0.0),
    "5 cents higher": (0.0, 5.0),
    "a semitone higher": (0.0, 100.0),
}
FREQS_HZ = (40.0, 110.0, 440.0)


def main() -> None:
    distance = MelDistance(16000)
    time_s = torch.arange(16384, dtype=torch.float64) / 16000

    def sine(freq_hz: float, amp: float) -> torch.Tensor:
        return amp * torch.sin(2 * math.pi * freq_hz * time_s)[None]

    print("| change of a sine | " + " | ".join(f"{f:.0f} Hz" for f in FREQS_HZ) + " |")
    print("|---|" + "--:|" * len(FREQS_HZ))
    for name, (gain_db, cents) in CHANGES.items():
        values = [
            float(distance(sine(f * 2 ** (cents / 1200), 0.3 * 10 ** (gain_db / 20)), sine(f, 0.3)))
            for f in FREQS_HZ
        ]
        print(f"| {name} | " + " | ".join(f"{v:.2f}" for v in values) + " |")


if __name__ == "__main__":
    main()
