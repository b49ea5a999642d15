"""Which tasks there are. Plain text, so that the ids can be registered without torch."""

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """A task as the catalogue has it.

    Args:
        chain: one of `synthgym.synth.chains.names()`.
        level: 1 for the simplest.
        summary: one line for listings.
        family: one of `FAMILIES`.
        sample_rate: of its clock, in Hz.
        n_samples: of its clock.
    """

    chain: str
    level: int
    summary: str
    family: str = "diffmoog"
    sample_rate: int = 16000
    n_samples: int = 16384


def _published(chain: str, level: int, summary: str) -> Entry:
    """A task at the clock of the comparison that it is from: one second at 44.1 kHz."""
    return Entry(chain, level, summary, "published", 44100, 44100)


FAMILIES: Final = ("diffmoog", "published")
"""`diffmoog` is the suite; `published` are the tasks of others' comparisons of optimizers."""

RECORDINGS: Final = "recordings"
"""The family out of domain: its targets are recordings, which no setting need reproduce."""

# The order is that of listings and reports: within a family by level, which counts what a solver
# must tell apart: 1 a tone, 2 one more stage, 3 two, 4 modulation of pitch, 5 several sources or
# stages with modulation, 6 whole synthesizers with switches.
CATALOGUE: Final = {
    "DiffMoog-Osc-v0": Entry("Osc", 1, "one oscillator: waveform, frequency, amplitude"),
    "DiffMoog-SawSquare-v0": Entry(
        "SawSquare", 1, "saw and square at one pitch, in any proportion"
    ),
    "DiffMoog-OscADSR-v0": Entry("OscADSR", 2, "an oscillator under an envelope"),
    "DiffMoog-OscFilter-v0": Entry("OscFilter", 2, "an oscillator through a lowpass"),
    "DiffMoog-OscTremolo-v0": Entry("OscTremolo", 2, "an oscillator whose level pulsates"),
    "DiffMoog-OscFilterADSR-v0": Entry(
        "OscFilterADSR", 3, "an oscillator, its lowpass moved in time"
    ),
    "DiffMoog-FM-v0": Entry("FM", 4, "a low-frequency oscillator bends the pitch of an oscillator"),
    "DiffMoog-DX7-v0": Entry("DX7", 4, "an enveloped oscillator modulates the pitch of another"),
    "DiffMoog-Subtractive-v0": Entry("Subtractive", 5, "saw and square, envelope, lowpass"),
    "DiffMoog-FMFilterADSR-v0": Entry(
        "FMFilterADSR", 5, "modulated pitch, lowpass or highpass, envelope"
    ),
    "DiffMoog-TwoLFO-v0": Entry(
        "TwoLFO", 5, "an oscillator modulates a second that modulates a third"
    ),
    "DiffMoog-BasicFlow-v0": Entry(
        "BasicFlow", 6, "three modulated oscillators, envelope, lowpass"
    ),
    "DiffMoog-Modular-v0": Entry(
        "Modular", 6, "two levels of modulation, three oscillators, tremolo"
    ),
    "DiffMoog-ModularShaper-v0": Entry(
        "ModularShaper",
        6,
        "the modular chain, its lowpass moved in time by an envelope of its own",
    ),
    "AddSineSaw-v0": _published("AddSineSaw", 2, "a sine and a saw, each at a pitch of its own"),
    "SineModSaw-v0": _published("SineModSaw", 2, "a saw whose amplitude a slow sine modulates"),
    "AMNoise-v0": _published("AMNoise", 2, "noise whose amplitude a very slow sine modulates"),
    "BandpassNoise-v0": _published("BandpassNoise", 3, "noise through a lowpass and a highpass"),
    "Chirplet-v0": _published("Chirplet", 4, "a sine of exponentially rising frequency"),
    "DX7-Alg1-v0": _published("DX7Alg1", 5, "four operators in a stack, up to 8 radians each"),
    "DX7-Alg2-v0": _published("DX7Alg2", 5, "two pairs of operators, up to 8 radians"),
    "DX7-Alg3-v0": _published("DX7Alg3", 5, "three operators modulate a fourth, side by side"),
}

RECORDING_TASKS: Final = {
    "Recordings-Subtractive-v0": Entry(
        "Subtractive", 5, "recorded notes, by saw and square, envelope, lowpass", RECORDINGS
    ),
    "Recordings-FMFilterADSR-v0": Entry(
        "FMFilterADSR", 5, "recorded notes, by modulated pitch, filter, envelope", RECORDINGS
    ),
    "Recordings-Modular-v0": Entry(
        "Modular", 6, "recorded notes, by the modular chain", RECORDINGS
    ),
}
"""Chains of the suite against recordings: one whose overtones are harmonic, one whose are not
(FM makes bells and plucked bars), and a whole synthesizer. Each has an envelope and a filter, as a
note has a beginning, an end and a colour. Apart from `CATALOGUE`: they have no environments, no
splits and no share in any ranking of the suite."""
