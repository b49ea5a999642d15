"""The README's figures and tables: in step with the packs, and what they say of made-up records."""

from __future__ import annotations

import importlib
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import made_records
import numpy as np
import pytest

from synthgym.leaderboard.boards import Board
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.score import score_records

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def script(repository: Path) -> ModuleType:
    """The benchmark as a module, beside the one that its pictures are drawn with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "benchmarks"))
        return importlib.import_module("readme_figures")


def runs(
    solver: str,
    costs: Sequence[int | None],
    *,
    task: str = "DiffMoog-FM-v0",
    gradients: int = 0,
    derivatives: str = "",
    learns_from: str = "",
) -> list[Record]:
    """One run for each target, solved at a cost (None: never) with a budget of 1000."""
    settings = {"derivatives": derivatives} if derivatives else {}
    settings |= {"learns_from": learns_from} if learns_from else {}
    return [
        made_records.record(
            solver,
            [(1, 0, 9.0), *([] if cost is None else [(cost - 3 * gradients, gradients, 0.2)])],
            task=task,
            split="test",
            index=index,
            budget=1000,
            spent=(1000, 0) if cost is None else None,
            settings=settings,
        )
        for index, cost in enumerate(costs)
    ]


def board_of(records: Sequence[Record]) -> Board:
    (board,) = score_records(records, n_resamples=10)
    return board


@pytest.fixture
def board() -> Board:
    return board_of(
        [
            *runs("blind", [400, 600]),
            *runs("lucky", [100, None]),
            *runs("draws", [200, 300], learns_from="sounds"),
            *runs("steps", [50, 150], derivatives="differences of sounds"),
            *runs("downhill", [None, None]),
            *runs("adam", [300, 300], gradients=5),
            *runs("blind", [400, 600], task="DiffMoog-Osc-v0"),
        ]
    )


def test_readme_and_figures_are_what_the_packs_say(script: ModuleType) -> None:
    assert script.stale(script.made(script.PACKS, script.README)) == []


def test_a_page_out_of_step_is_found(script: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    text = script.README.read_text("utf-8")
    row = next(line for line in text.split("\n") if line.startswith("| 1 | "))
    page.write_text(text.replace(row, row.replace("| 1 | ", "| 2 | ")), "utf-8")
    files = script.made(script.PACKS, page)
    assert script.stale(files) == [page]
    assert files[page] == text


def test_solvers_are_of_the_kind_that_their_records_show(script: ModuleType, board: Board) -> None:
    kinds = {solver: script.kind_of(board, solver) for solver in board.solvers}
    assert kinds == {
        "blind": "distances",
        "lucky": "distances",
        "draws": "sounds",
        "steps": "differences",
        "downhill": "distances",
        "adam": "gradients",
    }


def test_the_best_of_a_kind_solves_at_the_least_expected_cost(
    script: ModuleType, board: Board
) -> None:
    # blind: (400 + 600) / 2; lucky: (100 + 1000) / 1, as its miss counts whole.
    assert script.best_of_kind(board, "DiffMoog-FM-v0", "distances").solver == "blind"
    assert script.best_of_kind(board, "DiffMoog-Osc-v0", "gradients") is None


def test_ratio_is_least_cost_with_derivatives_over_least_without(
    script: ModuleType, board: Board
) -> None:
    assert script.cost_ratio(board, "DiffMoog-FM-v0") == 100 / 250
    assert script.cost_ratio(board, "DiffMoog-FM-v0", ["distances"]) == 100 / 500
    assert np.isnan(script.cost_ratio(board, "DiffMoog-Osc-v0"))
    table = script.task_table(board).split("\n")
    cells = "2/2 (500) blind | 2/2 (250) draws | 2/2 (100) steps | 2/2 (300) adam"
    assert f"| DiffMoog-FM-v0 | {cells} | 0.400 (0.25–0.5) | 0.200 (0.12–0.25) |" in table
    said = "of 1 tasks, below 1 on 1, with all of its interval on 1."
    assert f"Ratio: a fifth or less on 0 {said}" in table[-1]
    assert f"To distances alone: a fifth or less on 1 {said}" in table[-1]


def test_interval_of_a_ratio_draws_the_same_targets_for_both(script: ModuleType) -> None:
    task = "DiffMoog-FM-v0"
    # 50 / 200, 150 / 300, or both together.
    drawn = [*runs("blind", [200, 300]), *runs("steps", [50, 150], derivatives="differences")]
    assert script.ratio_interval(board_of(drawn), task) == (50 / 200, 150 / 300)
    # Where a miss alone is drawn, whoever solves it is infinitely cheaper.
    drawn = [*runs("blind", [200, None]), *runs("steps", [50, 150], derivatives="differences")]
    assert script.ratio_interval(board_of(drawn), task) == (0, 50 / 200)
    drawn = [*runs("blind", [200, 300]), *runs("steps", [50, None], derivatives="differences")]
    assert script.ratio_interval(board_of(drawn), task) == (50 / 200, np.inf)
    # A draw of targets that neither solves says nothing.
    drawn = [*runs("blind", [200, None]), *runs("steps", [50, None], derivatives="differences")]
    low, high = script.ratio_interval(board_of(drawn), task)
    assert (low, high) == (50 / 200, (50 + 1000) / (200 + 1000))


def test_no_target_solved_without_derivatives_counts_as_infinitely_dear(script: ModuleType) -> None:
    board = board_of([*runs("blind", [None]), *runs("steps", [50], derivatives="differences")])
    assert script.cost_ratio(board, "DiffMoog-FM-v0") == 0
    board = board_of([*runs("blind", [50]), *runs("steps", [None], derivatives="differences")])
    assert script.cost_ratio(board, "DiffMoog-FM-v0") == np.inf
    board = board_of([*runs("blind", [None]), *runs("steps", [None], derivatives="differences")])
    assert np.isnan(script.cost_ratio(board, "DiffMoog-FM-v0"))


def test_curves_are_shares_of_targets_of_those_who_ran_every_task(
    script: ModuleType, board: Board
) -> None:
    # Dimension 10: solved at 40 and 60 of cost / dimension on both tasks.
    curves = script.level_curves(board, [39, 41, 61])
    assert list(curves) == ["blind"]
    assert curves["blind"].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_pictures_with_every_solver_and_task(
    script: ModuleType, board: Board, theme: str
) -> None:
    runtime = ElementTree.fromstring(script.runtime_svg(board, script.THEMES[theme]))
    words = {element.text for element in runtime.iter(f"{SVG}text")}
    assert {*board.solvers, "Level 1", "Level 4"} <= words
    cost = ElementTree.fromstring(script.cost_svg(board, script.THEMES[theme]))
    words = {element.text for element in cost.iter(f"{SVG}text")}
    assert {"FM", "Osc", "2 of 2"} <= words
    # One circle for each task in the plot, one in the legend, one over the column.
    assert len(list(cost.iter(f"{SVG}circle"))) == 4


def test_marks_stand_on_the_axis_by_cost(script: ModuleType, board: Board) -> None:
    cost = ElementTree.fromstring(script.cost_svg(board, script.THEMES["light"]))
    ticks = {
        element.text: float(element.get("x", "nan"))
        for element in cost.iter(f"{SVG}text")
        if element.text in ("10", "100")
    }
    circles = [float(element.get("cx", "nan")) for element in cost.iter(f"{SVG}circle")][-2:]
    share = np.log10(50 / 10)  # 500 / dimension, between 10 and 100
    expected = ticks["10"] + share * (ticks["100"] - ticks["10"])
    assert circles == pytest.approx([expected, expected], abs=0.1)
