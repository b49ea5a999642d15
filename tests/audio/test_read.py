"""What is in a file comes out: frequency and level over formats, rates and channels."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
import soxr

from synthgym import audio
from synthgym.errors import ParameterError

TENTH_OF_A_DB = 10 ** (0.1 / 20) - 1

LOSSLESS = [
    ("x.wav", "PCM_U8"),
    ("x.wav", "PCM_16"),
    ("x.wav", "PCM_24"),
    ("x.wav", "PCM_32"),
    ("x.wav", "FLOAT"),
    ("x.wav", "DOUBLE"),
    ("x.flac", "PCM_16"),
    ("x.flac", "PCM_24"),
    ("x.aiff", "PCM_16"),
]
LOSSY = [("x.ogg", "VORBIS"), ("x.mp3", "MPEG_LAYER_III"), ("x.wav", "MS_ADPCM")]


@pytest.mark.parametrize(("name", "subtype"), LOSSLESS + LOSSY)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_formats_keep_frequency_and_level(tone_file, strongest, name, subtype, n_channels):
    sound = audio.read(tone_file(name, n_channels=n_channels, subtype=subtype))
    assert sound.samples.dtype == np.float32 and sound.samples.ndim == 1
    assert (sound.sample_rate, sound.sample_rate_in) == (44100, 44100)
    assert sound.n_channels_in == n_channels
    assert sound.duration_s == pytest.approx(0.5, abs=0.06)  # whole blocks
    freq_hz, amplitude = strongest(sound.samples, sound.sample_rate)
    assert freq_hz == pytest.approx(1000, rel=1e-3)
    assert amplitude == pytest.approx(0.5, rel=TENTH_OF_A_DB)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 48000, 96000, 192000, 384000])
@pytest.mark.parametrize("wanted_hz", [8000, 16000, 48000])
def test_rates_keep_frequency_level_and_length(tone_file, strongest, rate_hz, wanted_hz):
    sound = audio.read(tone_file("x.wav", rate_hz=rate_hz, subtype="FLOAT"), wanted_hz)
    assert sound.sample_rate == wanted_hz
    assert sound.samples.size == round(round(rate_hz * 0.5) * wanted_hz / rate_hz)
    freq_hz, amplitude = strongest(sound.samples, wanted_hz)
    assert freq_hz == pytest.approx(1000, rel=1e-3)
    assert amplitude == pytest.approx(0.5, rel=TENTH_OF_A_DB)
    assert any("resampled" in note for note in sound.notes) == (rate_hz != wanted_hz)


def test_opus_is_read(tone_file, strongest, tmp_path, tone):
    path = tmp_path / "x.ogg"
    soundfile.write(path, tone(rate_hz=48000), 48000, format="OGG", subtype="OPUS")
    freq_hz, amplitude = strongest(audio.read(path, 16000).samples, 16000)
    assert freq_hz == pytest.approx(1000, rel=1e-3)
    assert amplitude == pytest.approx(0.5, rel=0.03)


def test_what_a_lower_rate_cannot_hold_does_not_fold_back(tmp_path, tone, strongest):
    path = tmp_path / "x.wav"
    both = tone(1000, 48000) + tone(11000, 48000, amplitude=0.4)
    soundfile.write(path, both, 48000, subtype="FLOAT")
    sound = audio.read(path, 16000)
    assert strongest(sound.samples, 16000).freq_hz == pytest.approx(1000, rel=1e-3)
    time_s = np.arange(sound.samples.size) / 16000
    rest = sound.samples - 0.5 * np.sin(2 * np.pi * 1000 * time_s)
    # 11 kHz would fold to 5 kHz.
    assert np.abs(rest[800:-800]).max() < 0.4 * 10 ** (-100 / 20)


@pytest.mark.parametrize("n_channels", [3, 6, 12])
def test_channels_are_mixed_by_their_mean(tmp_path, tone, n_channels):
    frames = np.zeros((22050, n_channels))
    frames[:, -1] = tone()
    soundfile.write(tmp_path / "x.wav", frames, 44100, subtype="FLOAT")
    sound = audio.read(tmp_path / "x.wav")
    np.testing.assert_allclose(sound.samples, tone() / n_channels, atol=1e-6)
    assert sound.notes == (f"mixed {n_channels} channels to their mean",)


def test_the_loudest_channel_stands_in_for_a_mean_that_cancels(tmp_path, tone):
    frames = np.stack([tone(amplitude=0.5), -tone(amplitude=0.505)], axis=1)
    soundfile.write(tmp_path / "x.wav", frames, 44100, subtype="FLOAT")
    sound = audio.read(tmp_path / "x.wav")
    np.testing.assert_allclose(sound.samples, frames[:, 1], atol=1e-6)
    assert "channel 2 of 2" in sound.notes[0]
    # 30 dB down is no cancellation.
    soundfile.write(tmp_path / "y.wav", frames * [1, 0.9], 44100, subtype="FLOAT")
    assert "mean" in audio.read(tmp_path / "y.wav").notes[0]


def test_max_seconds_reads_the_beginning(tone_file):
    path = tone_file("x.flac")
    whole = audio.read(path).samples
    part = audio.read(path, max_seconds=0.1).samples
    np.testing.assert_array_equal(part, whole[:4410])
    np.testing.assert_array_equal(audio.read(path, max_seconds=9.0).samples, whole)


@pytest.mark.parametrize("max_seconds", [0.0, -1.0, 0.001, float("nan"), float("inf")])
def test_max_seconds_out_of_its_domain(tone_file, max_seconds):
    with pytest.raises(ParameterError, match="max_seconds"):
        audio.read(tone_file("x.wav"), max_seconds=max_seconds)


@pytest.mark.parametrize("rate_hz", [0, -16000, 10, 2e6, float("nan"), "16k", True])
def test_sample_rate_out_of_its_domain(tone_file, rate_hz):
    with pytest.raises(ParameterError, match="sample_rate"):
        audio.read(tone_file("x.wav"), rate_hz)


def test_the_content_decides_and_not_the_extension(tone_file):
    path = tone_file("x.flac")
    for name in ("x.wav", "x", "x.raw", "x.mp3"):
        renamed = path.with_name(name)
        renamed.write_bytes(path.read_bytes())
        np.testing.assert_array_equal(audio.read(renamed).samples, audio.read(path).samples)


def test_float_files_may_go_beyond_full_scale(tmp_path, tone):
    soundfile.write(tmp_path / "x.wav", tone(amplitude=4.0), 44100, subtype="FLOAT")
    assert np.abs(audio.read(tmp_path / "x.wav").samples).max() == pytest.approx(4.0, rel=1e-3)


def test_long_files_are_read_in_blocks_without_seams(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1_500_000, 3))
    soundfile.write(tmp_path / "x.flac", noise, 44100, subtype="PCM_16")
    expected = soundfile.read(tmp_path / "x.flac")[0].mean(axis=1)
    np.testing.assert_allclose(audio.read(tmp_path / "x.flac").samples, expected, atol=1e-6)


def test_id3_tags_do_not_hide_an_mp3(tone_file):
    path = tone_file("x.mp3")
    plain = audio.read(path).samples
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + b"\0" * 10
    path.write_bytes(tag + path.read_bytes() + b"TAG" + b"\0" * 125)
    np.testing.assert_allclose(audio.read(path).samples, plain, atol=1e-6)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF])
def test_a_wav_from_a_pipe_is_whole(tone_file, size):
    path = tone_file("x.wav")
    expected = audio.read(path).samples
    content = bytearray(path.read_bytes())
    assert content[36:40] == b"data"
    content[4:8] = content[40:44] = size.to_bytes(4, "little")
    path.write_bytes(content)
    np.testing.assert_array_equal(audio.read(path).samples, expected)


def test_a_flac_from_a_pipe_is_whole(tone_file):
    path = tone_file("x.flac")
    expected = audio.read(path).samples
    content = bytearray(path.read_bytes())
    # STREAMINFO: the number of samples is the last 36 bits before the checksum.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert soundfile.info(path).frames > 2**62
    np.testing.assert_array_equal(audio.read(path).samples, expected)


def test_a_sound_keeps_where_it_came_from(tone_file):
    path = tone_file("x.wav", rate_hz=48000, n_channels=2)
    sound = audio.read(str(path), 16000)
    assert sound.source == str(path)
    assert (sound.sample_rate_in, sound.n_channels_in) == (48000, 2)
    assert [note.split()[0] for note in sound.notes] == ["mixed", "resampled"]


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.ogg", "x.mp3"])
def test_a_note_is_read_about_as_fast_as_the_libraries_can(tmp_path, tone, name):
    path = tmp_path / name
    soundfile.write(path, np.stack([tone(duration_s=4.0)] * 2, axis=1), 44100)

    def least() -> None:
        samples, _ = soundfile.read(path, dtype="float32")
        soxr.resample(samples.mean(1), 44100, 16000, quality="VHQ")

    def seconds(call: Callable[[], object]) -> float:
        begun = time.perf_counter()
        call()
        return time.perf_counter() - begun

    # Beside what the libraries alone take, in turn, so that a busy machine slows both.
    pairs = [(seconds(lambda: audio.read(path, 16000)), seconds(least)) for _ in range(9)]
    assert min(ours for ours, _ in pairs) < 4 * min(theirs for _, theirs in pairs)


def test_mp3_without_a_table_of_contents(tmp_path, tone):
    constant = _mp3(tone(duration_s=2.0), "CONSTANT")
    (tmp_path / "x.mp3").write_bytes(_without_first_frame(constant))
    sound = audio.read(tmp_path / "x.mp3")
    assert sound.duration_s == pytest.approx(2.0, abs=0.06)


def _mp3(samples, bitrate_mode: str) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", 44100, 1, format="MP3", bitrate_mode=bitrate_mode, compression_level=0.5
    ) as file:
        file.write(samples)
    return buffer.getvalue()


def _without_first_frame(mp3: bytes) -> bytes:
    return mp3[mp3.index(mp3[:2], 2) :]
