"""Patch documents that are damaged, and options that do not go with them."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
OneLine = Callable[..., None]


def _damaged(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Copies of a patch document with one thing wrong, and what it is."""
    nothing = object()
    wrong: dict[str, tuple[Any, ...]] = {
        "format": (nothing, "synthgym-patch-9", 1, None),
        "chain": (nothing, "Nope", 3, None, ["Osc"]),
        "duration_s": (nothing, "1", math.nan, math.inf, -1, 0, True, None, 10**400),
        "clock": (nothing, 5, None, [], {}, {"sample_rate": 16_000}),
        "unit": (nothing, None, "0.5", [], fields["unit"][:-1], [*fields["unit"], 0.5]),
        "parameters": (nothing, None, [], {}, {"osc": 1}, {"osc": {"freq": 440}}),
    }
    for name, values in wrong.items():
        for value in values:
            copied = {key: value for key, value in fields.items() if key != name}
            if value is not nothing:
                copied[name] = value
            yield f"{name}={'missing' if value is nothing else repr(value)[:40]}", copied
    for value in (math.nan, math.inf, -0.1, 1.1, "0.5", None, True, [0.5], 10**400):
        yield f"unit[0]={repr(value)[:20]}", {**fields, "unit": [value, *fields["unit"][1:]]}
    for name in ("sample_rate", "n_samples"):
        for value in (0, -1, math.nan, 1.5, "16000", None, True, 10**12, 10**400):
            clock = {**fields["clock"], name: value}
            yield f"clock.{name}={repr(value)[:20]}", {**fields, "clock": clock}
    for value in (math.nan, math.inf, -1, 1e9, "high", None, [440.0], {"value": 1}):
        copied = copy.deepcopy(fields)
        copied["parameters"]["osc"]["freq"]["value"] = value
        yield f"freq={value!r}", copied
    copied = copy.deepcopy(fields)
    copied["parameters"]["osc"]["frequency"] = copied["parameters"]["osc"].pop("freq")
    yield "freq misspelt", copied
    for name, document in {"list": [], "text": "x", "number": 1, "null": None}.items():
        yield f"a {name}", document


def test_damaged_patches(matched: Path, tmp_path: Path, call: Call, one_line: OneLine) -> None:
    fields = json.loads((matched / "note.patch.json").read_text("utf-8"))
    path, out = tmp_path / "bad.json", tmp_path / "out.wav"
    n_kinds = 0
    for what, document in _damaged(fields):
        path.write_text(json.dumps(document), encoding="utf-8")
        ended = call("render", path, "--out", out)
        assert ended.code == 2, what
        one_line(ended, str(path))
        assert not out.exists(), what
        n_kinds += 1
    assert n_kinds > 60


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"format": ', b"RIFF" * 10, b" " * 2_000_000],
    ids=["empty", "cut", "binary", "deep", "half", "wav", "huge"],
)
def test_a_patch_that_is_no_json(
    content: bytes, tmp_path: Path, call: Call, one_line: OneLine
) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    one_line(call("render", path, "--out", tmp_path / "out.wav"), str(path))
    assert list(tmp_path.iterdir()) == [path]


def test_a_patch_that_is_a_folder_or_not_there(
    tmp_path: Path, call: Call, one_line: OneLine
) -> None:
    one_line(call("render", tmp_path, "--out", tmp_path / "x.wav"), str(tmp_path), "directory")
    gone = tmp_path / "gone.json"
    one_line(call("render", gone, "--out", tmp_path / "x.wav"), str(gone), "No such file")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "x.xyz"), ("x.xyz", ".wav")),
        (("--out", "nowhere/x.wav"), ("nowhere",)),
        (("--out", "x.wav", "--sample-rate", "0"), ("--sample-rate",)),
        (("--out", "x.wav", "--sample-rate", "16 kHz"), ("--sample-rate",)),
        (("--out", "x.wav", "--seconds", "-1"), ("--seconds",)),
        (("--out", "x.wav", "--seconds", "auto"), ("--seconds",)),
        (("--out", "x.wav", "--use", "both"), ("--use",)),
        (("--out", "/dev/full"), ("/dev/full",)),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_bad_option_of_render(
    options: tuple[str, ...],
    words: tuple[str, ...],
    matched: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    one_line: OneLine,
) -> None:
    monkeypatch.chdir(tmp_path)
    one_line(call("render", matched / "note.patch.json", *options), *words)
    assert list(tmp_path.iterdir()) == []
