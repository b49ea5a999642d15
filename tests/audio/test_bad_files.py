"""Each fault of a file is one line that names the file, the fault and the remedy."""

from __future__ import annotations

import io
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synthgym import audio
from synthgym.errors import AudioError, SynthgymError


def fault_of(path: Path, **arguments) -> str:
    """The message of the `AudioError` that reading raises, with its form checked."""
    with pytest.raises(AudioError) as caught:
        audio.read(path, **arguments)
    message = str(caught.value)
    assert isinstance(caught.value, SynthgymError)
    assert message.startswith(f"cannot read {str(path)!r}: ")
    assert "\n" not in message
    assert re.search(r"; \w+", message), "no remedy"
    return message


def test_a_link_to_nowhere_is_called_that(tmp_path):
    path = tmp_path / "link.wav"
    path.symlink_to("gone.wav")
    assert "it is a link to nowhere" in fault_of(path)


def test_missing_file_suggests_the_near_name(tone_file):
    path = tone_file("trumpet.wav")
    message = fault_of(path.with_name("trumpett.wav"))
    assert "no such file" in message and "did you mean 'trumpet.wav'" in message
    assert "check the name" in fault_of(path.with_name("zzz.flac"))
    assert "folder" in fault_of(path.parent / "nowhere" / "x.wav")


def test_folder(tmp_path):
    assert "folder" in fault_of(tmp_path)


def test_a_file_taken_for_a_folder(tone_file):
    fault_of(tone_file("x.wav") / "y.wav")


def test_empty_file(tmp_path):
    (tmp_path / "x.wav").touch()
    assert "empty (0 bytes)" in fault_of(tmp_path / "x.wav")


@pytest.mark.parametrize("format", ["WAV", "OGG", "AIFF"])
def test_no_frames(tmp_path, format):
    path = tmp_path / f"x.{format.lower()}"
    soundfile.write(path, np.zeros(0), 16000, format=format)
    assert "no samples" in fault_of(path)


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_all_zeros_are_silent(tmp_path, subtype):
    soundfile.write(tmp_path / "x.wav", np.zeros(16000), 16000, subtype=subtype)
    assert "silent" in fault_of(tmp_path / "x.wav")


def test_silence_ends_at_minus_80_dbfs(tmp_path, tone):
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(amplitude=10 ** (-81 / 20)), 44100, subtype="FLOAT")
    assert "-81.0 dBFS (less than -80)" in fault_of(path)
    soundfile.write(path, tone(amplitude=10 ** (-79 / 20)), 44100, subtype="FLOAT")
    assert audio.read(path).samples.size == 22050


def test_a_constant_level_is_silent(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.full(16000, 0.7), 16000, subtype="FLOAT")
    assert "silent" in fault_of(tmp_path / "x.wav")


def test_silent_at_the_wanted_rate(tmp_path, tone):
    path = tmp_path / "x.wav"
    # Faded at its ends, for a sudden end sounds at all frequencies.
    soundfile.write(path, tone(15000, 48000) * np.hanning(24000), 48000, subtype="FLOAT")
    assert audio.read(path).samples.size == 24000
    assert "below 8000 Hz" in fault_of(path, sample_rate=16000)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"this is no sound\n" * 100, "its content is text"),
        ("für später\n".encode() * 6 + b"\xc3", "its content is text"),
        (bytes(range(1, 256)) * 20, "no known sound format"),
        (b"\0\0\0\x20ftypM4A " + bytes(500), "M4A"),
        (b"\x1a\x45\xdf\xa3" + bytes(500), "WebM"),
        (b"MThd\0\0\0\x06" + bytes(100), "MIDI"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "damaged or cut-short WAV"),
        (b"fLaC\0\0\0\x22" + bytes(10), "damaged or cut-short FLAC"),
        (b"OggS\0\x02" + bytes(10), "damaged or cut-short OGG"),
    ],
)
@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.raw"])
def test_content_that_is_no_sound(tmp_path, content, expected, name):
    (tmp_path / name).write_bytes(content)
    assert expected in fault_of(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "format", "subtype"),
    [
        ("x.wav", "WAV", "PCM_16"),
        ("x.wav", "WAVEX", "PCM_24"),
        ("x.wav", "WAV", "FLOAT"),
        ("x.wav", "RF64", "PCM_16"),
        ("x.aiff", "AIFF", "PCM_16"),
        ("x.flac", "FLAC", "PCM_16"),
        ("x.mp3", "MP3", "MPEG_LAYER_III"),
        ("x.ogg", "OGG", "VORBIS"),
    ],
)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_cut_short(tmp_path, tone, name, format, subtype, share):
    path = tmp_path / name
    noise = np.random.default_rng(0).normal(0, 0.05, 4 * 44100)
    soundfile.write(path, tone(duration_s=4.0) + noise, 44100, format=format, subtype=subtype)
    audio.read(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    message = fault_of(path)
    if name == "x.ogg" and "damaged" in message:
        return  # so short that libsndfile finds no end to it
    assert "cut short" in message
    readable_s = float(re.search(r"cut short or damaged: ([\d.]+) s", message)[1])
    assert 4 * share - 1.0 < readable_s < 4 * share + 0.1
    if name != "x.ogg":
        assert "of 4.000 s" in message or (name == "x.mp3" and " s of 4.0" in message)
    # The remedy that the message names works, and less than that does too.
    advised_s = float(re.search(r"max_seconds=([\d.]+)", message)[1])
    for seconds in (advised_s, 1.0):
        sound = audio.read(path, max_seconds=seconds)
        assert sound.duration_s == pytest.approx(seconds, abs=1e-3)


def test_cut_right_after_the_header(tone_file):
    path = tone_file("x.wav")
    path.write_bytes(path.read_bytes()[:44])
    message = fault_of(path)
    assert "damaged: 0.000 s" in message and "max_seconds" not in message


def test_a_header_a_few_bytes_off_is_let_pass(tone_file):
    path = tone_file("x.wav")
    content = bytearray(path.read_bytes())
    # As writers do that forget to take the header off.
    content[40:44] = (int.from_bytes(content[40:44], "little") + 36).to_bytes(4, "little")
    path.write_bytes(content)
    assert audio.read(path).samples.size == 22050


def test_chunks_before_and_after_the_data_are_walked_over(tone_file):
    path = tone_file("x.wav")
    content = path.read_bytes()
    expected = audio.read(path).samples
    junk = b"LIST" + (5).to_bytes(4, "little") + b"INFO.\0"
    path.write_bytes(content[:12] + junk + content[12:] + junk)
    np.testing.assert_array_equal(audio.read(path).samples, expected)
    path.write_bytes(content[:12] + junk + content[12:-20000])
    assert "cut short" in fault_of(path)


def test_mp3_that_misjudges_its_length(tmp_path):
    # Near silence first, at a low bit rate, then noise at a high one; and no table of contents.
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * 44100)
    noise[: 3 * 44100] *= 1e-3
    noise[:20000] = 0.1 * np.random.default_rng(1).normal(size=20000)
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", 44100, 1, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5
    ) as file:
        file.write(noise)
    mp3 = buffer.getvalue()
    (tmp_path / "x.mp3").write_bytes(mp3)
    assert audio.read(tmp_path / "x.mp3").duration_s == pytest.approx(4.0, abs=0.05)
    (tmp_path / "x.mp3").write_bytes(mp3[mp3.index(mp3[:2], 2) :])
    assert soundfile.info(tmp_path / "x.mp3").duration < 3.5
    assert "misjudges its length" in fault_of(tmp_path / "x.mp3")


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.ogg", "x.mp3", "x.aiff"])
def test_damage_is_an_audio_error_and_nothing_else(tone_file, capfd, name):
    path = tone_file(name)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    n_refused = 0
    for _ in range(60):
        content = bytearray(whole)
        for at in rng.integers(0, 100, size=4):
            content[at] = rng.choice([0, 1, 127, 128, 255])
        path.write_bytes(content[: rng.integers(1, len(content))])
        try:
            assert np.isfinite(audio.read(path, 16000).samples).all()
        except AudioError:
            n_refused += 1
    assert n_refused > 30
    # Nor is anything printed, but for what the MP3 decoder has to say.
    assert name == "x.mp3" or capfd.readouterr().err == ""


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(tmp_path, tone, bad):
    samples = tone()
    samples[[4410, 8820]] = bad
    soundfile.write(tmp_path / "x.wav", samples, 44100, subtype="FLOAT")
    message = fault_of(tmp_path / "x.wav")
    assert "2 of 22050 samples are NaN or infinite, the first at 0.100 s" in message


def test_ten_milliseconds_are_the_least(tmp_path, tone):
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(duration_s=0.0099), 44100)
    assert "lasts 9.91 ms, expected at least 10 ms" in fault_of(path)
    soundfile.write(path, tone(duration_s=0.010), 44100)
    assert audio.read(path).samples.size == 441


@pytest.mark.parametrize("rate_hz", [1, 500, 2_000_000])
def test_absurd_sample_rates(tmp_path, tone, rate_hz):
    soundfile.write(tmp_path / "x.wav", tone(), rate_hz)
    assert f"{rate_hz} Hz" in fault_of(tmp_path / "x.wav")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert "pipe or a device" in fault_of(tmp_path / "pipe.wav")
    assert "pipe or a device" in fault_of(Path("/dev/zero"))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no user ids")
def test_permission_denied(tone_file, as_nobody):
    path = tone_file("x.wav")
    path.chmod(stat.S_IWUSR)
    with as_nobody():
        message = fault_of(path)
    assert "permission denied" in message


def test_names_that_no_file_can_have(tmp_path):
    fault_of(tmp_path / ("x" * 300 + ".wav"))
    with pytest.raises(AudioError, match="null"):
        audio.read("x\0.wav")


def test_a_name_with_a_line_break_stays_on_one_line(tmp_path):
    fault_of(tmp_path / "two\nlines.wav")


def test_a_header_that_claims_the_world_takes_no_memory(tone_file):
    path = tone_file("x.flac")
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)
    assert "cut short" in fault_of(path)
