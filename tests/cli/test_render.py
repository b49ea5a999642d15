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
