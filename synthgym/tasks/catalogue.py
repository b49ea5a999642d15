"""Which tasks the suite has. Plain text, so that the ids can be registered without torch."""

from typing import Final

# Entries: chain, level, summary. The order is that of listings and reports: by level, which counts
# what a solver must tell apart: 1 a tone, 2 one more stage, 3 two, 4 modulation of pitch, 5 several
# sources or stages with modulation, 6 whole synthesizers with switches.
SUITE: Final = {
    "DiffMoog-Osc-v0": ("Osc", 1, "one oscillator: waveform, frequency, amplitude"),
    "DiffMoog-SawSquare-v0": ("SawSquare", 1, "saw and square at one pitch, in any proportion"),
    "DiffMoog-OscADSR-v0": ("OscADSR", 2, "an oscillator under an envelope"),
    "DiffMoog-OscFilter-v0": ("OscFilter", 2, "an oscillator through a lowpass"),
    "DiffMoog-OscTremolo-v0": ("OscTremolo", 2, "an oscillator whose level pulsates"),
    "DiffMoog-OscFilterADSR-v0": ("OscFilterADSR", 3, "an oscillator, its lowpass moved in time"),
    "DiffMoog-FM-v0": ("FM", 4, "a low-frequency oscillator bends the pitch of an oscillator"),
    "DiffMoog-DX7-v0": ("DX7", 4, "an enveloped oscillator modulates the pitch of another"),
    "DiffMoog-Subtractive-v0": ("Subtractive", 5, "saw and square, envelope, lowpass"),
    "DiffMoog-FMFilterADSR-v0": (
        "FMFilterADSR",
        5,
        "modulated pitch, lowpass or highpass, envelope",
    ),
    "DiffMoog-TwoLFO-v0": ("TwoLFO", 5, "an oscillator modulates a second that modulates a third"),
    "DiffMoog-BasicFlow-v0": ("BasicFlow", 6, "three modulated oscillators, envelope, lowpass"),
    "DiffMoog-Modular-v0": ("Modular", 6, "two levels of modulation, three oscillators, tremolo"),
    "DiffMoog-ModularShaper-v0": (
        "ModularShaper",
        6,
        "the modular chain, its lowpass moved in time by an envelope of its own",
    ),
}
