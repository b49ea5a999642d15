"""Which tasks the suite has. Plain text, so that the ids can be registered without torch."""

from typing import Final

# Entries: chain, level, summary. The order is that of listings and reports.
SUITE: Final = {
    "DiffMoog-Osc-v0": ("Osc", 1, "one oscillator: waveform, frequency, amplitude"),
    "DiffMoog-OscADSR-v0": ("OscADSR", 2, "an oscillator under an envelope"),
    "DiffMoog-FM-v0": ("FM", 4, "a low-frequency oscillator bends the pitch of an oscillator"),
    "DiffMoog-Subtractive-v0": ("Subtractive", 5, "saw and square, envelope, lowpass"),
}
