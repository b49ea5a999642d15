"""`synthgym match`: what it finds, writes and says."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from synthgym import audio, metrics
from synthgym.cli import main, matching, picture
from synthgym.errors import MissingExtraError
from synthgym.leaderboard.commands import match_command
from synthgym.synth import chains, document, graph
from synthgym.tasks import get_task

Call = Callable[..., Any]


def test_results_lie_beside_each_other_and_agree(matched: Path) -> None:
    names = {"note.wav", "note.match.wav", "note.patch.json", "note.png"}
    assert {path.name for path in matched.iterdir()} == names
    fields = json.loads((matched / "note.patch.json").read_text("utf-8"))
    patch, unit, clock = document.load(fields)
    rendered = patch.render(unit[None].float(), clock)[0].numpy()
    written, rate_hz = soundfile.read(matched / "note.match.wav", dtype="float32")
    assert rate_hz == clock.sample_rate
    assert np.abs(written - rendered).max() < 2**-22
    assert fields["parameters"] == patch.space.describe(unit)
    assert fields["match"]["n_evaluations"] == 32
    assert (matched / "note.png").read_bytes().startswith(b"\x89PNG")


def test_the_distance_written_is_that_of_the_sound(matched: Path) -> None:
    fields = json.loads((matched / "note.patch.json").read_text("utf-8"))
    target = audio.load_target(matched / "note.wav", 16_000, fields["clock"]["n_samples"])
    found, _ = soundfile.read(matched / "note.match.wav", dtype="float32")
    distance = get_task("DiffMoog-Osc-v0").distance
    (distance_db,) = distance(torch.as_tensor(found[None]), torch.as_tensor(target.samples[None]))
    assert float(distance_db) == pytest.approx(fields["match"]["distance_db"], abs=0.01)


def test_the_metrics_written_are_those_of_the_sound(matched: Path) -> None:
    fields = json.loads((matched / "note.patch.json").read_text("utf-8"))
    target = audio.load_target(matched / "note.wav", 16_000, fields["clock"]["n_samples"])
    found, _ = soundfile.read(matched / "note.match.wav", dtype="float32")
    measured = metrics.evaluate(found[None], target.samples[None], 16_000)
    written = fields["match"]["metrics"]
    assert list(written) == metrics.names()
    for name, (value,) in measured.items():
        if np.isnan(value):
            assert written[name] is None
        else:
            # The file has 24 bits, and silence in it a floor.
            assert written[name] == pytest.approx(value, rel=0.02, abs=0.02)


def test_the_sound_is_matched_as_long_as_it_sounds(
    tmp_path: Path, note: np.ndarray, call: Call, quick: tuple[str, ...]
) -> None:
    silence = np.zeros(8_000)
    soundfile.write(tmp_path / "gap.wav", np.concatenate([silence, note, silence]), 16_000)
    assert matching.sounding_seconds(tmp_path / "gap.wav", 16_000) == pytest.approx(0.4, abs=0.02)
    soundfile.write(tmp_path / "tick.wav", note[:1_600], 16_000)
    assert matching.sounding_seconds(tmp_path / "tick.wav", 16_000) == 0.25
    soundfile.write(tmp_path / "long.wav", np.tile(note, 20), 16_000)
    assert matching.sounding_seconds(tmp_path / "long.wav", 16_000) == 5.0
    ended = call("match", tmp_path / "long.wav", *quick, "--out", tmp_path, "--duration", "0.5")
    assert ended.code == 0
    assert soundfile.info(tmp_path / "long.match.wav").frames == 8_000


def test_the_same_seed_finds_the_same_patch_and_another_seed_another(
    tmp_path: Path, matched: Path, call: Call, quick: tuple[str, ...]
) -> None:
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        call("match", matched / "note.wav", *quick, "--seed", seed, "--out", folder)
    first = (matched / "note.patch.json").read_bytes()
    assert (tmp_path / "0" / "note.patch.json").read_bytes() == first
    assert (tmp_path / "1" / "note.patch.json").read_bytes() != first


def test_the_command_of_a_match_finds_it_again(
    tmp_path: Path,
    matched: Path,
    call: Call,
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a report names to make it anew, with a length that is no round number."""
    monkeypatch.chdir(tmp_path)
    call("match", matched / "note.wav", *quick, "--duration", "0.2346", "--out", "first")
    first = Path("first/note.patch.json").read_text("utf-8")
    command = match_command(json.loads(first), str(matched / "note.wav"), "again")
    assert call(*shlex.split(command)[1:]).code == 0
    assert Path("again/note.patch.json").read_text("utf-8") == first


def test_the_command_of_a_match_names_what_is_one_s_own(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A solver's file, a patch's file, and a sample note by its file's name."""
    monkeypatch.chdir(tmp_path)
    graph.save(Path("own.toml"), chains.build("FM")).rename("Own.TOML")
    Path("own.py").write_text(
        "from synthgym.baselines.random_search import RandomSearch\n"
        "class Own(RandomSearch):\n    name = 'own'\n"
    )
    options = ("--patch", "Own.TOML", "--solver", "own.py:Own", "--budget", 4, "--duration", 0.3)
    assert call("match", "kalimba", *options, "--out", "first").code == 0
    (patch,) = Path("first").glob("*.patch.json")
    document = json.loads(patch.read_text("utf-8"))
    command = match_command(document, document["match"]["recording"], "again")
    assert call(*shlex.split(command)[1:]).code == 0
    assert Path("again", patch.name).read_text("utf-8") == patch.read_text("utf-8")


def test_what_another_search_found_is_kept(
    tmp_path: Path, matched: Path, call: Call, quick: tuple[str, ...]
) -> None:
    def found(*options: Any) -> tuple[str, str]:
        """The stem that was written, and what was said of others."""
        ended = call("match", matched / "note.wav", *quick, *options, "--out", tmp_path)
        (patch,) = (Path(line.split()[1]) for line in ended.out.splitlines() if ".json" in line)
        return patch.name.removesuffix(".patch.json"), ended.err

    assert found()[0] == "note"
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    stem, said = found()
    assert (stem, "kept" in said) == ("note", False), "the same search"
    for options in (("--seed", 1), ("--duration", 0.2)):
        for _ in range(2):
            stem, said = found(*options)
            assert f"kept {tmp_path / 'note.match.wav'}" in said
        assert stem == ("note-2" if options[0] == "--seed" else "note-3")
    assert {name: (tmp_path / name).read_bytes() for name in first} == first
    (tmp_path / "note-4.png").write_text("of something else")
    assert found("--seed", 2)[0] == "note-5"
    patch = tmp_path / "note.patch.json"
    fields = json.loads(patch.read_text("utf-8"))
    fields["match"]["distance_db"] -= 0.01  # as if it had been stopped earlier this time
    patch.write_text(json.dumps(fields))
    assert found()[0] == "note-6"
    for damage in ("{", "[]", '{"match": 1}', "[" * 100_000):
        patch.write_text(damage)
        assert found()[0] == "note-6"
        assert patch.read_text() == damage


def test_help_names_the_sample_notes(call: Call) -> None:
    assert f"Sample notes: {', '.join(audio.sample_notes())}." in call("match", "--help").out


def test_a_sample_note_goes_by_its_name(tmp_path: Path, call: Call, quick: tuple[str, ...]) -> None:
    name, path = next(iter(audio.sample_notes().items()))
    assert matching.find_recording(name) == matching.find_recording(path.stem) == path
    ended = call("match", name, *quick, "--duration", "0.3", "--out", tmp_path)
    assert ended.code == 0
    assert (tmp_path / f"{path.stem}.match.wav").is_file()


def test_it_says_what_it_found_and_where(
    tmp_path: Path, matched: Path, call: Call, quick: tuple[str, ...]
) -> None:
    ended = call("match", matched / "note.wav", *quick, "--out", tmp_path)
    fields = json.loads((tmp_path / "note.patch.json").read_text("utf-8"))
    for node, group in fields["parameters"].items():
        for name, entry in group.items():
            value = entry["value"]
            shown = value if isinstance(value, str) else f"{value:.4g}"
            row = [node, name, shown, *([entry["unit"]] if entry["unit"] else [])]
            assert row in [line.split() for line in ended.out.splitlines()]
    for name in metrics.REPORTED:
        value, metric = fields["match"]["metrics"][name], metrics.build(name)
        shown = "none" if value is None else f"{value:.4g}"
        row = [name, shown, *([metric.unit] if metric.unit else []), metric.better]
        assert row in [line.split() for line in ended.out.splitlines()]
    assert f"distance {fields['match']['distance_db']:.2f} dB" in ended.out
    assert "spent the budget" in ended.out
    for suffix in (".match.wav", ".patch.json", ".png"):
        assert str(tmp_path / f"note{suffix}") in ended.out
    assert "note: random:" in ended.err  # progress stays off the results' stream
    assert "32 of 32" in ended.err


def test_without_matplotlib_all_but_the_picture_is_written(
    tmp_path: Path,
    matched: Path,
    call: Call,
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(module: str, extra: str) -> None:
        raise MissingExtraError(f"{module} comes with {extra}")

    monkeypatch.setattr(picture, "require", missing)
    ended = call("match", matched / "note.wav", *quick, "--out", tmp_path)
    assert ended.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"note.match.wav", "note.patch.json"}
    assert 'no picture: pip install "synthgym[report]"' in ended.err


def test_ctrl_c_keeps_the_best_so_far(
    tmp_path: Path, matched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(job: matching.MatchJob) -> matching.Match:
        job.problem.batch(np.full((4, job.problem.dimension), 0.5))
        raise KeyboardInterrupt

    monkeypatch.setattr(matching, "run_match", stopped)
    args = ["match", str(matched / "note.wav"), "--solver", "random", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 130
    assert "stopped: keeping the best so far" in result.stderr
    fields = json.loads((tmp_path / "note.patch.json").read_text("utf-8"))
    assert fields["unit"] == [0.5] * len(fields["unit"])
    assert fields["match"]["status"] == "stopped by Ctrl-C"
    assert (tmp_path / "note.match.wav").is_file()


def test_ctrl_c_before_the_first_sound_writes_nothing(
    tmp_path: Path, matched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(job: matching.MatchJob) -> matching.Match:
        raise KeyboardInterrupt

    monkeypatch.setattr(matching, "run_match", stopped)
    args = ["match", str(matched / "note.wav"), "--solver", "random", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 130
    assert "nothing is written" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_default_budget_buys_about_the_same_time_for_every_length() -> None:
    assert matching.default_budget(4.0) == 4_000
    assert matching.default_budget(1.0) == 16_000
    assert matching.default_budget(1e4) == 100


def test_a_sound_past_full_scale_is_turned_down_as_a_whole() -> None:
    loud = np.array([0.5, -2.0, 1.0], dtype=np.float32)
    assert matching.within_full_scale(loud).tolist() == [0.25, -1.0, 0.5]
    assert matching.within_full_scale(loud / 4).tolist() == [0.125, -0.5, 0.25]


@pytest.mark.shared
def test_every_reference_note_can_be_matched(
    tmp_path: Path, shared_dir: Path, call: Call, quick: tuple[str, ...]
) -> None:
    notes = sorted((shared_dir / "instrument_targets").glob("*.flac"))
    assert notes
    for path in notes:
        problem = matching.open_match(str(path), matching.MatchSettings(solver="random")).problem
        assert problem.batch(np.full((1, problem.dimension), 0.5)) < 80.0
    ended = call("match", notes[0], *quick, "--duration", "0.3", "--out", tmp_path)
    assert ended.code == 0
