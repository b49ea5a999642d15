"""`synthgym tasks` and `synthgym solvers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from synthgym.cli import solver_list
from synthgym.errors import MissingExtraError
from synthgym.tasks import get_task, task_ids


def test_tasks_lists_every_task_with_its_numbers(call: Callable[..., Any]) -> None:
    ended = call("tasks")
    assert ended.code == 0
    for task_id in task_ids():
        task = get_task(task_id)
        (line,) = [line for line in ended.out.splitlines() if line.startswith(f"{task_id} ")]
        assert line.split()[1:4] == [str(task.level), str(task.dimension), f"{task.budget:,}"]
        assert task.summary in line


def test_solvers_says_track_origin_and_state(call: Callable[..., Any]) -> None:
    ended = call("solvers")
    assert ended.code == 0
    (line,) = [line for line in ended.out.splitlines() if line.startswith("random ")]
    assert line.split() == [
        "random",
        "search",
        "synthgym.baselines.random_search:RandomSearch",
        "available",
    ]


def test_a_solver_whose_extra_is_missing_is_listed_with_the_remedy(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_name: str) -> None:
        raise MissingExtraError('it needs "x": pip install "synthgym[baselines]"')

    monkeypatch.setattr(solver_list, "load_solver", load)
    listed = solver_list.list_solvers()
    assert {s.is_available for s in listed} == {False}
    assert all('pip install "synthgym[baselines]"' in s.state for s in listed)
    ended = call("solvers")
    assert ended.code == 0
    assert "synthgym[baselines]" in ended.out
