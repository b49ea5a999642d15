"""`synthgym loss rank | list`: built-in losses and a user's own."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from synthgym import losses
from synthgym.cli import loss_loading, loss_ranking
from synthgym.errors import LossError, MissingExtraError
from synthgym.landscapes import trial

Call = Callable[..., Any]
OneLine = Callable[..., None]

QUICK = ("--trials", 2, "--targets", 1, "--only")

MINE = """
import functools

import torch

class Mine:
    def embed(self, audio):
        window = torch.hann_window(audio.shape[1])
        power = torch.fft.rfft(audio * window).abs().square()
        hz = torch.linspace(0, 8000, power.shape[1])
        return ((power * hz).sum(1) / power.sum(1).clamp_min(1e-12)).clamp_min(1e-3).log()

    def compare(self, embedded, embedded_target):
        return (embedded - embedded_target).abs()

class Rated(Mine):
    def __init__(self, sample_rate):
        assert sample_rate == 16000

def made():
    return Mine()

ready = Mine()

class Reduced(Mine):
    def compare(self, embedded, embedded_target):
        return super().compare(embedded, embedded_target).mean()

class Hollow(Mine):
    def compare(self, embedded, embedded_target):
        return super().compare(embedded, embedded_target) * float("nan")

class Stuck(Mine):
    def embed(self, audio):
        return super().embed(audio).detach()

class Crooked(Mine):
    def embed(self, audio):
        raise ValueError("two\\nlines")

class Fussy(Mine):
    def __init__(self, size):
        pass

class Deaf:
    pass

class Quitter(Mine):
    def embed(self, audio):
        raise SystemExit(3)

class Unmade(Mine):
    def __init__(self):
        raise SystemExit(4)

bound = functools.partial(Fussy, colour="red")

class Greedy(Mine):
    def embed(self, audio):
        found = super().embed(audio)
        with torch.no_grad():
            audio.zero_()
        return found
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A file of losses, good ones and bad ones."""
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def rows(out: str) -> dict[str, list[str]]:
    """The cells of the table by the loss."""
    lines = out.split("─\n")[1].splitlines()
    return {
        line.split()[0]: line.split()[1:] for line in lines if not line.startswith("300 cents,")
    }


def test_losses_are_listed(call: Call) -> None:
    ended = call("loss", "list")
    assert ended.code == 0
    assert ended.out.split() == losses.names()


def test_a_users_loss_stands_beside_the_others(mine: Path, call: Call, tmp_path: Path) -> None:
    file = tmp_path / "new" / "rank.json"
    ended = call("loss", "rank", f"{mine}:Mine", "mel", *QUICK, "--json", file)
    assert ended.code == 0, ended.err
    assert sorted(line.split("] ")[1] for line in ended.err.splitlines()) == [f"{mine}:Mine", "mel"]
    assert [line.split("] ")[0] for line in ended.err.splitlines()] == ["[1/2", "[2/2"]
    table = rows(ended.out)
    assert set(list(table)[:2]) == {f"{mine}:Mine", "mel"}
    document = json.loads(file.read_text("utf-8"))
    by_name = {entry["name"]: entry for entry in document["losses"]}
    assert set(by_name) == {f"{mine}:Mine", "mel"}
    own = by_name[f"{mine}:Mine"]
    assert set(own["shares"]) == {"300 cents", "600 cents", "gradient"}
    assert own["shares"]["300 cents"]["sine"] == 1.0, "the centroid of a sine is its pitch"
    assert own["freq_basin_cents"] <= 4800 and own["evaluations_per_s"] > 0
    scores = [entry["score"] for entry in document["losses"]]
    assert scores == sorted(scores, reverse=True)
    assert "Standard error at most" in ended.out


@pytest.mark.parametrize("name", ["Rated", "made", "ready"])
def test_a_class_a_function_and_a_loss_itself_will_do(name: str, mine: Path) -> None:
    found = loss_loading.load_loss(f"{mine}:{name}")
    audio = torch.rand(2, 400)
    assert found.compare(found.embed(audio), found.embed(audio)).tolist() == [0.0, 0.0]


def test_a_loss_of_a_module_will_do(call: Call) -> None:
    ended = call("loss", "rank", "synthgym.losses:MelDistance", *QUICK)
    assert ended.code == 0, ended.err
    assert next(iter(rows(ended.out))) == "synthgym.losses:MelDistance"


def test_all_built_in_losses_are_ranked_unless_told_otherwise(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "names", lambda: ["mel", "simse"])
    chosen, left_out = loss_loading.contenders((f"{mine}:Mine", "simse"), only=False)
    assert (list(chosen), left_out) == ([f"{mine}:Mine", "simse", "mel"], [])
    chosen, _ = loss_loading.contenders(("simse", "simse"), only=True)
    assert list(chosen) == ["simse"]


def test_a_built_in_loss_without_its_extra_is_left_out_unless_named(
    monkeypatch: pytest.MonkeyPatch, call: Call, one_line: OneLine
) -> None:
    build = losses.build

    def poor(name: str, sample_rate: int) -> Any:
        if name == "simse":
            raise MissingExtraError('it needs "x": pip install "synthgym[x]"')
        return build(name, sample_rate)

    monkeypatch.setattr(losses, "names", lambda: ["mel", "simse"])
    monkeypatch.setattr(losses, "build", poor)
    chosen, left_out = loss_loading.contenders((), only=False)
    assert list(chosen) == ["mel"]
    assert len(left_out) == 1 and "simse" in left_out[0] and "synthgym[x]" in left_out[0]
    one_line(call("loss", "rank", "simse", *QUICK), "synthgym[x]")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Mina", ("unknown loss in", "Did you mean 'Mine'?")),
        ("Reduced", ("Reduced", "shape ()", "(batch,)")),
        ("Hollow", ("Hollow", "NaN", "value")),
        ("Stuck", ("Stuck", "no gradient", "detach")),
        ("Crooked", ("Crooked", "failed in embed", "ValueError: two lines")),
        ("Fussy", ("Fussy", "could not be made", "size")),
        ("Deaf", ("Deaf", "embed(audio)")),
        ("Quitter", ("Quitter", "failed in embed", "SystemExit: 3")),
        ("Unmade", ("Unmade", "could not be made", "SystemExit")),
        ("bound", ("bound", "could not be made by partial()", "colour")),
        ("torch", ("torch", "must have embed")),
    ],
)
def test_a_bad_loss_is_one_line(
    name: str, words: tuple[str, ...], mine: Path, call: Call, one_line: OneLine
) -> None:
    one_line(call("loss", "rank", f"{mine}:{name}", *QUICK), *words)


def test_what_a_loss_does_to_its_sounds_is_its_own(mine: Path) -> None:
    """Both are tried on the same sounds, and hear the same whether it comes first or not."""
    on = trial(n_trials=2, n_targets=1, n_freqs=5, n_indices=5)
    before = {shape: sounds.prediction.clone() for shape, sounds in on.pitch.items()}
    several = {name: loss_loading.load_loss(f"{mine}:{name}") for name in ("Greedy", "Mine")}
    found = {
        one.name: one for one in loss_ranking.rank_all(several, on, Console(file=io.StringIO()))
    }
    assert all(torch.equal(on.pitch[shape].prediction, before[shape]) for shape in before)
    assert found["Greedy"].shares == found["Mine"].shares
    assert found["Greedy"].freq_basin_cents == found["Mine"].freq_basin_cents


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mell",), ("unknown loss 'mell'", "Did you mean 'mel'?")),
        (("nowhere.py:Mine",), ("there is no loss file", "nowhere.py")),
        (("mine.py",), ("names a file", "mine.py:MyLoss")),
        (("no.such.module:Mine",), ("there is no module 'no'",)),
        (("mel", "--trials", 0), ("--trials",)),
        (("mel", "--targets", "x"), ("--targets",)),
        ((), ("--only", "name one")),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: tuple[object, ...], words: tuple[str, ...], call: Call, one_line: OneLine
) -> None:
    one_line(call("loss", "rank", *QUICK, *arguments), *words)


def test_a_file_that_cannot_be_imported_is_one_line(
    tmp_path: Path, call: Call, one_line: OneLine
) -> None:
    path = tmp_path / "torn.py"
    path.write_text("def (")
    one_line(call("loss", "rank", f"{path}:Mine", *QUICK), "torn.py", "SyntaxError")
    path.write_text("raise SystemExit(5)")
    one_line(call("loss", "rank", f"{path}:Mine", *QUICK), "torn.py", "SystemExit: 5")
    path.write_text("import no_such_package")
    one_line(call("loss", "rank", f"{path}:Mine", *QUICK), "'no_such_package'", "pip install")


def test_a_file_that_cannot_be_written_is_said_before_the_work(
    tmp_path: Path, call: Call, one_line: OneLine
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    one_line(call("loss", "rank", "mel", *QUICK, "--json", taken / "rank.json"), str(taken))


def test_a_terminal_sees_a_bar_for_each_loss() -> None:
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=80)
    on = trial(n_trials=1, n_targets=1, n_freqs=5, n_indices=5)
    found = loss_ranking.rank_all({"my-mel": losses.build("mel")}, on, terminal)
    assert [one.name for one in found] == ["my-mel"]
    assert "my-mel" in shown.getvalue() and "100%" in shown.getvalue()
    assert "[1/1]" not in shown.getvalue()


def test_ctrl_c_is_one_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loss_ranking, "standing", interrupted)
    ended = call("loss", "rank", "mel", *QUICK)
    assert (ended.code, ended.err.splitlines()[-1]) == (130, "stopped")
    assert "Traceback" not in ended.err


def test_losses_side_by_side_come_to_the_same_and_leave_the_threads_as_they_were() -> None:
    on = trial(n_trials=2, n_targets=1, n_freqs=5, n_indices=5)
    several = {name: losses.build(name) for name in ("mel", "simse", "transport", "magnitude")}
    before = torch.get_num_threads()
    alone = loss_ranking.rank_all(several, on, Console(file=io.StringIO()))
    try:
        torch.set_num_threads(3)
        together = loss_ranking.rank_all(several, on, Console(file=io.StringIO()), 3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert together == alone


def test_a_loss_that_fails_late_ends_the_ranking() -> None:
    class Late:
        """Fails after its first answers, as one with a state might."""

        name = "late"
        left = 9

        def embed(self, audio: torch.Tensor) -> torch.Tensor:
            self.left -= 1
            return audio.mean(1) if self.left > 0 else audio.mean(1) / 0

        def compare(self, embedded: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return (embedded - target).abs()

    on = trial(n_trials=2, n_targets=1, n_freqs=5, n_indices=5)
    with pytest.raises(LossError, match="'late' has a value that is NaN"):
        loss_ranking.rank_all({"late": Late()}, on, Console(file=io.StringIO()))
