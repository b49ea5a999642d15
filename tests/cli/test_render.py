"""`synthgym render`: a patch document becomes a sound."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

Call = Callable[..., Any]


@pytest.fixture
def edited(matched: Path, tmp_path: Path) -> Path:
    """A patch whose amplitude was changed by hand, in physical units."""
    fields = json.loads((matched / "note.patch.json").read_text("utf-8"))
    (node,) = fields["parameters"]
    fields["parameters"][node]["freq"]["value"] = 440.0
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def pitch_hz(path: Path) -> float:
    """The strongest partial of a sound file."""
    samples, rate_hz = soundfile.read(path)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size), 8 * samples.size))
    return float(spectrum.argmax() * rate_hz / (8 * samples.size))


def test_it_is_the_sound_that_match_wrote(matched: Path, tmp_path: Path, call: Call) -> None:
    ended = call("render", matched / "note.patch.json", "--out", tmp_path / "again.wav")
    assert ended.code == 0
    assert (tmp_path / "again.wav").read_bytes() == (matched / "note.match.wav").read_bytes()
    assert str(tmp_path / "again.wav") in ended.out


def test_rate_and_length_can_be_chosen_and_the_pitch_stays(
    matched: Path, tmp_path: Path, call: Call
) -> None:
    out = tmp_path / "x.flac"
    options = ("--sample-rate", 48_000, "--seconds", 1.5)
    assert call("render", matched / "note.patch.json", "--out", out, *options).code == 0
    info = soundfile.info(out)
    assert (info.samplerate, info.frames, info.format) == (48_000, 72_000, "FLAC")
    assert pitch_hz(out) == pytest.approx(pitch_hz(matched / "note.match.wav"), rel=0.01)


def test_an_edit_in_physical_units_is_heard_once_it_is_asked_for(
    edited: Path, matched: Path, tmp_path: Path, call: Call, one_line: Callable[..., None]
) -> None:
    out = tmp_path / "x.wav"
    ended = call("render", edited, "--out", out)
    one_line(ended, "freq is 440.0", "--use parameters", "--use unit")
    assert not out.exists()
    assert call("render", edited, "--out", out, "--use", "parameters").code == 0
    assert pitch_hz(out) == pytest.approx(440.0, rel=0.01)
    assert call("render", edited, "--out", out, "--use", "unit").code == 0
    assert out.read_bytes() == (matched / "note.match.wav").read_bytes()


def test_values_rounded_for_reading_are_no_edit(matched: Path, tmp_path: Path, call: Call) -> None:
    fields = json.loads((matched / "note.patch.json").read_text("utf-8"))
    for group in fields["parameters"].values():
        for entry in group.values():
            if isinstance(entry["value"], float):
                entry["value"] = float(f"{entry['value']:.6g}")
    rounded = tmp_path / "rounded.json"
    rounded.write_text(json.dumps(fields), encoding="utf-8")
    assert call("render", rounded, "--out", tmp_path / "x.wav").code == 0


TOML = """
format = "synthgym-graph-1"

[[nodes]]
name = "osc"
module = "Oscillator"
switched = true
parameters.shape = { options = ["sine", "saw"] }
parameters.freq = { low = 100, high = 1000, unit = "Hz" }
parameters.amp = 0.5
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


def test_a_patch_without_a_sound_is_at_the_middle_of_its_ranges_or_as_set(
    mine: Path, tmp_path: Path, call: Call
) -> None:
    out = tmp_path / "x.wav"
    assert call("render", mine, "--out", out).code == 0
    middle_hz = 316.2  # of 100 to 1000, evenly in their logarithm
    assert pitch_hz(out) == pytest.approx(middle_hz, rel=0.01)
    ended = call("render", mine, "--out", out, "--set", "osc.freq=220", "--set", "osc.shape=saw")
    assert ended.code == 0, ended.err
    assert pitch_hz(out) == pytest.approx(220, rel=0.01)
    samples, _ = soundfile.read(out)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    per_hz = samples.size / 16_000
    assert spectrum[round(440 * per_hz)] > 0.2 * spectrum[round(220 * per_hz)], "a saw"
    assert call("render", mine, "--out", out, "--set", "osc.active=off").code == 0
    assert not np.any(soundfile.read(out)[0])


def test_seeds_draw_sounds_and_a_chain_is_a_patch(mine: Path, tmp_path: Path, call: Call) -> None:
    for patch in (mine, "FM"):
        made = []
        for k, seed in enumerate((1, 1, 2)):
            out = tmp_path / f"{k}.wav"
            assert call("render", patch, "--out", out, "--seed", seed).code == 0
            made.append(out.read_bytes())
        assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "osc.freq"), ("'osc.freq'", "node.parameter=value")),
        (("--set", "osc.frequ=220"), ("unknown parameter", "Did you mean 'osc.freq'")),
        (("--set", "osc.freq=5000"), ("5000", "[100", "1000")),
        (("--set", "osc.freq=high"), ("osc.freq=high", "a number of Hz")),
        (("--set", "osc.shape=sow"), ("sow", "saw")),
        (("--set", "osc.active=maybe"), ("on or off",)),
        (("--use", "unit"), ("without a sound", "--use")),
    ],
)
def test_what_cannot_be_set_is_told(
    options: tuple[str, ...],
    words: tuple[str, ...],
    mine: Path,
    tmp_path: Path,
    call: Call,
    one_line: Callable[..., None],
) -> None:
    out = tmp_path / "x.wav"
    one_line(call("render", mine, "--out", out, *options), *words)
    assert not out.exists()


def test_a_document_can_be_set_and_takes_no_seed(
    matched: Path, tmp_path: Path, call: Call, one_line: Callable[..., None]
) -> None:
    out = tmp_path / "x.wav"
    document = matched / "note.patch.json"
    (node,) = json.loads(document.read_text("utf-8"))["parameters"]
    assert call("render", document, "--out", out, "--set", f"{node}.freq=330").code == 0
    assert pitch_hz(out) == pytest.approx(330, rel=0.01)
    one_line(call("render", document, "--out", out, "--seed", 1), "--seed is for patches without")
