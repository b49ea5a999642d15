"""The whole way from a recording to a target, and the recordings there are."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from synthgym import audio
from synthgym.errors import AudioError, ParameterError, UnknownNameError

N_SAMPLES = 16384
PEAK = 10 ** (-1 / 20)


@pytest.fixture
def recording(tmp_path, tone):
    """A quiet stereo note after a second of silence, 3 s at 48 kHz."""
    note = 0.04 * tone(500, 48000, duration_s=2.0)
    mono = np.concatenate([np.zeros(48000), note])
    path = tmp_path / "My note.wav"
    soundfile.write(path, np.stack([mono, mono], axis=1), 48000, subtype="PCM_24")
    return path


def test_the_default_policies(recording, strongest):
    target = audio.load_target(recording, 16000, N_SAMPLES)
    assert target.name == "My note"
    assert target.source == str(recording)
    assert target.samples.shape == (N_SAMPLES,) and target.samples.dtype == np.float32
    assert np.abs(target.samples).max() == pytest.approx(PEAK, rel=1e-5)
    assert target.gain_db == pytest.approx(20 * np.log10(PEAK / 0.02), abs=0.05)
    # 5 ms of pre-roll, then the note.
    assert np.abs(target.samples[:70]).max() < 1e-2 < np.abs(target.samples[80:100]).max()
    freq_hz, _ = strongest(target.samples, 16000)
    assert freq_hz == pytest.approx(500, rel=1e-3)
    first_words = [note.split()[0] for note in target.notes]
    assert first_words == ["mixed", "resampled", "dropped", "cut", "applied"]


def test_other_policies(recording):
    kept = audio.load_target(recording, 16000, 64000, start="beginning", level="keep")
    assert kept.gain_db == 0.0
    assert np.abs(kept.samples).max() == pytest.approx(0.02, rel=1e-3)
    assert np.abs(kept.samples[:15500]).max() < 1e-4
    assert not kept.samples[48000:].any()
    assert [note.split()[0] for note in kept.notes] == ["mixed", "resampled", "padded"]
    level = audio.load_target(recording, 16000, N_SAMPLES, level="rms").samples
    assert np.sqrt(np.mean(level**2)) == pytest.approx(0.1, rel=1e-3)


def test_faults_name_the_file(recording, tmp_path):
    with pytest.raises(AudioError, match=r"My note\.wav.*the 0\.500 s that are matched"):
        audio.load_target(recording, 16000, 8000, start="beginning")
    with pytest.raises(AudioError, match=r"silent: 0\.900 s"):
        audio.load_target(recording, 16000, 8000, max_seconds=0.9)
    with pytest.raises(AudioError, match="no such file"):
        audio.load_target(tmp_path / "none.wav", 16000, 8000)
    with pytest.raises(ParameterError, match="n_samples"):
        audio.load_target(recording, 16000, -1)
    with pytest.raises(UnknownNameError, match="'peak'"):
        audio.load_target(recording, 16000, 8000, level="paek")


def test_the_notes_that_ship():
    notes = audio.sample_notes()
    assert list(notes) == ["clean_guitar", "drawbar_organ", "kalimba", "saw_lead", "trumpet"]
    folder = next(iter(notes.values())).parent
    assert "Frank Wen" in (folder / "LICENSE").read_text("utf-8")
    assert sum(file.stat().st_size for file in folder.iterdir()) < 400_000


@pytest.mark.parametrize("name", audio.sample_notes())
def test_each_note_that_ships_holds_its_pitch(name):
    path = audio.sample_notes()[name]
    midi_note = int(path.stem.split("-")[-2])
    check_note(path, midi_note)


@pytest.mark.shared
def test_every_recording_beside_the_repository(shared_dir):
    folder = shared_dir / "instrument_targets"
    listed = json.loads((folder / "targets.json").read_text("utf-8"))
    assert listed["targets"]
    for entry in listed["targets"]:
        check_note(folder / entry["file"], entry["midi_note"])


@pytest.mark.shared
def test_every_sound_beside_the_repository_is_read(shared_dir):
    paths = sorted(shared_dir.rglob("*.wav"))
    assert paths
    for path in paths:
        target = audio.load_target(path, 16000, N_SAMPLES)
        assert np.abs(target.samples).max() == pytest.approx(PEAK, rel=1e-5), path


def check_note(path, midi_note: int) -> None:
    """A recorded note loads at its level, from its onset, and repeats at its pitch."""
    target = audio.load_target(path, 16000, N_SAMPLES)
    assert np.abs(target.samples).max() == pytest.approx(PEAK, rel=1e-5), path
    assert np.isfinite(target.samples).all()
    assert np.abs(target.samples[:400]).max() > 1e-3, f"{path} starts late"
    freq_hz = 440 * 2 ** ((midi_note - 69) / 12)
    spectrum = np.abs(np.fft.rfft(target.samples * np.hanning(N_SAMPLES), 4 * N_SAMPLES))
    freqs_hz = np.fft.rfftfreq(4 * N_SAMPLES, 1 / 16000)
    ratio = freqs_hz[spectrum.argmax()] / freq_hz
    # The strongest partial is a multiple of the note, or as organ stops go of two octaves below.
    assert ratio * 4 == pytest.approx(round(ratio * 4), abs=0.05 * max(1, ratio)), path
