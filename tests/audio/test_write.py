"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synthgym import audio
from synthgym.errors import AudioError, ParameterError

FORMATS = [(f"x{extension}", s) for extension, subtypes in audio.SUBTYPES.items() for s in subtypes]


def fault_of(path: Path, samples, *arguments) -> str:
    """The message of the `AudioError` that writing raises; nothing new is left in the folder."""
    folder = path.parent
    before = sorted(folder.iterdir()) if folder.is_dir() else None
    with pytest.raises(AudioError) as caught:
        audio.write(path, samples, *(arguments or (16000,)))
    if before is not None:
        assert sorted(folder.iterdir()) == before
    message = str(caught.value)
    assert message.startswith(f"cannot write {str(path)!r}: ") and "\n" not in message
    return message


@pytest.mark.parametrize(("name", "subtype"), FORMATS)
def test_round_trip(tmp_path, tone, strongest, name, subtype):
    samples = tone()
    assert audio.write(tmp_path / name, samples, 44100, subtype) == tmp_path / name
    sound = audio.read(tmp_path / name)
    freq_hz, amplitude = strongest(sound.samples, 44100)
    assert freq_hz == pytest.approx(1000, rel=1e-3)
    assert amplitude == pytest.approx(0.5, rel=0.01)
    steps = {"PCM_16": 2**-15, "PCM_24": 2**-23, "PCM_32": 1e-7, "FLOAT": 1e-7}
    if subtype in steps:
        np.testing.assert_allclose(sound.samples, samples, atol=steps[subtype])
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_24_bit_is_the_default(tmp_path, tone):
    for name in ("x.wav", "x.flac"):
        audio.write(tmp_path / name, tone(), 44100)
        np.testing.assert_allclose(audio.read(tmp_path / name).samples, tone(), atol=2**-23)


def test_full_scale_is_no_clipping_and_float_holds_more(tmp_path):
    square = np.repeat([1.0, -1.0], 1000)
    audio.write(tmp_path / "x.wav", square, 16000)
    np.testing.assert_allclose(audio.read(tmp_path / "x.wav").samples, square, atol=2**-22)
    assert "2000 samples would clip, the peak is 1.5" in fault_of(tmp_path / "y.wav", 1.5 * square)
    assert "would clip" in fault_of(tmp_path / "y.mp3", 1.5 * square)
    audio.write(tmp_path / "y.wav", 1.5 * square, 16000, "FLOAT")
    np.testing.assert_array_equal(audio.read(tmp_path / "y.wav").samples, 1.5 * square)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_samples_that_are_not_finite(tmp_path, bad, subtype):
    assert "NaN or infinite" in fault_of(tmp_path / "x.wav", [0.1, bad], 16000, subtype)


def test_unknown_formats_list_the_known(tmp_path, tone):
    for name in ("x.aac", "x", "x.wav.bak"):
        assert ".wav, .flac, .ogg, .mp3" in fault_of(tmp_path / name, tone())
    assert "PCM_24, PCM_16" in fault_of(tmp_path / "x.flac", tone(), 16000, "FLOAT")


@pytest.mark.parametrize(
    ("name", "rate_hz"), [("x.mp3", 96000), ("x.ogg", 384000), ("x.flac", 700_000)]
)
def test_rates_that_a_format_does_not_know(tmp_path, tone, name, rate_hz):
    # Asked for 384 kHz, libsndfile's Vorbis encoder would take the process down.
    message = fault_of(tmp_path / name, tone(), rate_hz)
    assert f"does not hold {rate_hz} Hz" in message and "resample to" in message


def test_bad_arguments(tmp_path, tone):
    for rate_hz in (0, -1, 44100.5, None):
        with pytest.raises(ParameterError, match="sample_rate"):
            audio.write(tmp_path / "x.wav", tone(), rate_hz)
    for samples in (np.zeros((2, 2)), [], "abc"):
        with pytest.raises(ParameterError, match="samples"):
            audio.write(tmp_path / "x.wav", samples, 16000)


def test_a_long_ogg_does_not_crash(tmp_path):
    # Written in one piece, two minutes overrun libsndfile's stack.
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 6_000_000).astype(np.float32)
    audio.write(tmp_path / "x.ogg", noise, 200_000)
    assert audio.read(tmp_path / "x.ogg", max_seconds=0.1).samples.size == 20_000


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(tmp_path, tone, monkeypatch, code, step):
    path = tmp_path / "x.wav"
    audio.write(path, tone(), 44100)
    before = path.read_bytes()

    def fail(*_arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    if step == "write":
        monkeypatch.setattr(os, "fdopen", lambda fd, mode: _FailingFile(fd, fail))
    else:
        monkeypatch.setattr(os, step, fail)
    message = fault_of(path, tone(500))
    assert path.read_bytes() == before
    if code != errno.EIO:
        assert "no space left" in message and "free some space" in message


class _FailingFile:
    """A file whose first write fails, as on a full disk."""

    def __init__(self, descriptor, fail):
        self._descriptor = descriptor
        self.write = fail

    def __enter__(self):
        return self

    def __exit__(self, *_details):
        os.close(self._descriptor)


FILL_A_DISK = """
import os, subprocess, sys
folder = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
import numpy as np
from synthgym import audio
from synthgym.errors import AudioError
path = os.path.join(folder, "x.wav")
audio.write(path, np.ones(8000), 16000)
try:
    audio.write(path, np.ones(16000), 16000)
except AudioError as error:
    print(error)
print(*os.listdir(folder))
print(os.path.getsize(path))
"""


def test_a_disk_that_is_really_full(tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("no unshare: a small disk cannot be mounted out of others' sight")
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*own, "mount", "-t", "tmpfs", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    done = subprocess.run(
        [*own, sys.executable, "-c", FILL_A_DISK, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    message, listing, size = done.stdout.splitlines()
    assert "no space left for its 48044 bytes" in message
    assert listing == "x.wav"
    assert int(size) == 24044


def test_a_file_too_large_for_the_process(tmp_path, tone):
    resource = pytest.importorskip("resource", reason="this system has no process limits")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        message = fault_of(tmp_path / "x.wav", tone())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in message


def test_a_folder_without_permission(tmp_path, tone, as_nobody):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with as_nobody(), pytest.raises(AudioError, match="no permission to write in"):
        audio.write(folder / "x.wav", tone(), 44100)
    assert not list(folder.iterdir())


def test_no_such_folder(tmp_path, tone):
    assert "there is no folder" in fault_of(tmp_path / "nowhere" / "x.wav", tone())
    (tmp_path / "file").touch()
    assert "there is no folder" in fault_of(tmp_path / "file" / "x.wav", tone())
    assert "cannot write" in fault_of(tmp_path / ("x" * 300 + ".wav"), tone())
    with pytest.raises(AudioError, match="null"):
        audio.write(tmp_path / "x\0.wav", tone(), 44100)


def test_only_regular_files_are_replaced(tmp_path, tone):
    (tmp_path / "folder.wav").mkdir()
    assert "not a file" in fault_of(tmp_path / "folder.wav", tone())
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not a file" in fault_of(tmp_path / "pipe.wav", tone())
    (tmp_path / "null.wav").symlink_to("/dev/null")
    assert "not a file" in fault_of(tmp_path / "null.wav", tone())
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_link_stays_a_link(tmp_path, tone):
    audio.write(tmp_path / "x.wav", tone(), 44100)
    (tmp_path / "link.wav").symlink_to("x.wav")
    audio.write(tmp_path / "link.wav", tone(500), 44100)
    assert (tmp_path / "link.wav").is_symlink()
    np.testing.assert_allclose(audio.read(tmp_path / "x.wav").samples, tone(500), atol=1e-6)


def test_the_umask_decides_about_permissions(tmp_path, tone):
    before = os.umask(0o027)
    try:
        audio.write(tmp_path / "x.wav", tone(), 44100)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.wav").stat().st_mode) == 0o640
