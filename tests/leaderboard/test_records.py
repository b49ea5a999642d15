from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgym.errors import RecordError
from synthgym.leaderboard import (
    Final,
    Record,
    RecordWriter,
    RunHeader,
    RunId,
    read_record,
    read_records,
)
from synthgym.tasks import Improvement

RUN_ID = RunId("DiffMoog-Osc-v0", "cma-es", "dev", 3, 0)


def header(run_id: RunId = RUN_ID, **changes: Any) -> RunHeader:
    fields: dict[str, Any] = {
        "solver_spec": "cma-es",
        "track": "search",
        "budget": 200,
        "stop_at_db": 0.25,
        "suite_version": "0",
        "dimension": 2,
        "solved_db": 1.0,
        "settings": {"sigma0": 0.3, "restarts": [1, None, "bipop"]},
        "versions": {"torch": "2.4"},
        "started_at": "2025-01-01T00:00:00+00:00",
    }
    return RunHeader(run_id, **{**fields, **changes})


def write(folder: Path, run_id: RunId = RUN_ID, final: Final | None = None) -> Record:
    with RecordWriter(folder, header(run_id)) as writer:
        writer.improvement(Improvement(1, 0, 0.125, 3.5))
        writer.improvement(Improvement(7, 0, 0.25, 1.0 / 3.0))
        return writer.finish(final or Final("budget", (0.1, 0.7), 1.0 / 3.0, 200, 0, 1.5, "spent"))


def edited(path: Path, line: int, **changes: Any) -> None:
    """Change fields of a line of a record; `...` removes one."""
    lines = path.read_text().splitlines()
    fields = {**json.loads(lines[line]), **changes}
    lines[line] = json.dumps({name: value for name, value in fields.items() if value is not ...})
    path.write_text("\n".join(lines) + "\n")


def test_a_record_reads_back_as_it_was_written(tmp_path: Path) -> None:
    written = write(tmp_path)
    path = tmp_path / "DiffMoog-Osc-v0/cma-es/dev-3/seed-0.jsonl"
    assert read_record(path) == written
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == [
        "run",
        "improvement",
        "improvement",
        "final",
    ]
    assert sorted(path.parent.iterdir()) == [path]


@given(
    x=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    distance_db=st.floats(0, 1e9),
    message=st.text(max_size=20),
)
def test_numbers_and_texts_survive_exactly(
    tmp_path_factory: pytest.TempPathFactory, x: list[float], distance_db: float, message: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "survive"
    final = Final("finished", tuple(x), distance_db, 7, 1, 1.5, message)
    write(folder, final=final)
    assert read_record(RUN_ID.path(folder)).final == final


def test_infinity_is_null_in_the_file(tmp_path: Path) -> None:
    final = Final("error", None, math.inf, 0, 0, 0.1, "it broke")
    write(tmp_path, final=final)
    text = RUN_ID.path(tmp_path).read_text()
    assert "Infinity" not in text and '"distance_db": null' in text
    assert read_record(RUN_ID.path(tmp_path)).final == final


def test_only_a_whole_record_gets_the_name_of_one(tmp_path: Path) -> None:
    with RecordWriter(tmp_path, header()) as writer:
        part = RUN_ID.part_path(tmp_path)
        assert json.loads(part.read_text())["id"] == str(RUN_ID), "the header is there at once"
        writer.improvement(Improvement(1, 0, 0.1, 3.0))
        assert len(part.read_text().splitlines()) == 2, "and so is each improvement"
        assert read_records(tmp_path) == []
    assert not RUN_ID.path(tmp_path).exists()
    assert part.exists(), "what a run left behind that was not finished"
    write(tmp_path)
    assert len(read_records(tmp_path)) == 1
    assert not part.exists()


def test_a_full_disk_is_said_and_spoils_nothing(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    before = write(tmp_path)
    part = RUN_ID.part_path(tmp_path)
    part.symlink_to(full)
    writer = RecordWriter(tmp_path, header())
    with pytest.raises(RecordError, match=r"cannot write .*\.part: No space left on device"):
        writer.__enter__()
    assert writer.failure is not None
    assert read_records(tmp_path) == [before]


def test_a_failure_to_write_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with RecordWriter(tmp_path, header()) as writer:
        with pytest.raises(RecordError, match="No space left on device"):
            writer.finish(Final("finished", None, math.inf, 0, 0, 0.1))
        with pytest.raises(RecordError, match="No space left on device"):
            writer.improvement(Improvement(1, 0, 0.1, 3.0))
    assert not RUN_ID.path(tmp_path).exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "DiffMoog-Osc-v0").write_text("a file is in the way")
    with pytest.raises(RecordError, match=r"cannot write .*(Not a directory|File exists)"):
        write(tmp_path)


def test_records_come_sorted_and_bad_ones_are_reported(tmp_path: Path) -> None:
    ids = [RunId("DiffMoog-Osc-v0", s, "dev", i, 0) for s in ("adam", "random") for i in (2, 10)]
    for run_id in reversed(ids):
        write(tmp_path, run_id)
    assert [record.run_id for record in read_records(tmp_path)] == ids
    ids[1].path(tmp_path).write_text("nothing like it")
    with pytest.raises(RecordError, match="dev-10"):
        read_records(tmp_path)
    bad: list[tuple[Path, str]] = []
    found = read_records(tmp_path, on_bad=lambda path, error: bad.append((path, str(error))))
    assert [record.run_id for record in found] == [ids[0], *ids[2:]]
    assert [path for path, _ in bad] == [ids[1].path(tmp_path)]
    assert f"{ids[1].path(tmp_path)}:1: not JSON" in bad[0][1]
    with pytest.raises(RecordError, match="is not a folder"):
        read_records(tmp_path / "elsewhere")


@pytest.mark.parametrize("keep", [0, 1, 40, 200, 700])
def test_a_record_cut_off_anywhere_is_not_read(tmp_path: Path, keep: int) -> None:
    write(tmp_path)
    path = RUN_ID.path(tmp_path)
    whole = path.read_bytes()
    assert keep < len(whole) - 1
    path.write_bytes(whole[:keep])
    with pytest.raises(RecordError, match="cut off"):
        read_record(path)


@pytest.mark.parametrize(
    ("line", "changes", "message"),
    [
        (0, {"schema": 2}, ":1: schema 2 is not 1"),
        (0, {"id": "DiffMoog-Osc-v0/cma-es/dev-4/seed-0"}, ":1: id .* contradicts"),
        (0, {"task": "../../etc", "id": "x"}, "is not of the form"),
        (0, {"index": -1}, ":1: index must be a whole number of at least 0, not -1"),
        (0, {"seed": True}, ":1: seed must be a whole number"),
        (0, {"budget": 2.5}, ":1: budget must be a whole number"),
        (0, {"budget": 0}, ":1: budget must be from 1 to"),
        (0, {"budget": 10**400}, ":1: budget must be from 1 to 9007199254740992, not 1000"),
        (0, {"dimension": 0}, ":1: dimension must be from 1 to"),
        (0, {"solved_db": 0.0}, ":1: solved_db must be above 0"),
        (3, {"n_evaluations": 2**60}, ":4: n_evaluations must be from 0 to"),
        (0, {"track": "other"}, ":1: track is 'other'; it must be one of search, amortized"),
        (0, {"settings": []}, ":1: settings must be a JSON object"),
        (0, {"versions": {"torch": 2}}, ":1: versions must be texts"),
        (0, {"kind": "final"}, ":1: the first line, and only it, must be of kind 'run'"),
        (1, {"kind": "run"}, ":2: the first line, and only it"),
        (1, {"kind": "remark"}, ":2: unknown kind 'remark'"),
        (1, {"distance_db": ...}, ":2: field 'distance_db' is missing"),
        (1, {"distance_db": math.nan}, ":2: NaN is not a number that a record can hold"),
        (1, {"distance_db": "3"}, ":2: distance_db must be a number, not '3'"),
        (1, {"extra": 1}, ":2: unknown field 'extra'"),
        (3, {"x": [0.1, math.inf]}, ":4: Infinity is not a number"),
        (3, {"x": [0.1, "0.2"]}, r":4: x\[1\] must be a number"),
        (3, {"x": 0.5}, ":4: x must be a list of numbers"),
        (3, {"x": None}, ":4: x and distance_db must both be null or both be given"),
        (3, {"status": "won"}, ":4: status is 'won'; it must be one of target, budget, finished"),
        (2, {"kind": "final"}, ":3: "),
    ],
)
def test_a_damaged_line_is_named(
    tmp_path: Path, line: int, changes: dict[str, Any], message: str
) -> None:
    write(tmp_path)
    edited(RUN_ID.path(tmp_path), line, **changes)
    with pytest.raises(RecordError, match=message):
        read_record(RUN_ID.path(tmp_path))


@pytest.mark.parametrize(
    "text",
    ["[1]\n", "\n", "3\n", '{"kind": 1e999}\n', "[" * 100_000, '{"kind": "run"'],
)
def test_what_is_no_record_at_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(text)
    with pytest.raises(RecordError, match=r"some\.jsonl:1: "):
        read_record(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="cannot be read"):
        read_record(path)


def test_numbers_beyond_float_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    path = RUN_ID.path(tmp_path)
    text = path.read_text()
    for huge in ("1e999", "1" + "0" * 400):
        path.write_text(text.replace('"distance_db": 3.5', f'"distance_db": {huge}'))
        with pytest.raises(RecordError, match=":2: distance_db must be finite"):
            read_record(path)


def test_run_ids_are_text_and_back() -> None:
    assert str(RUN_ID) == "DiffMoog-Osc-v0/cma-es/dev-3/seed-0"
    assert RunId.parse(str(RUN_ID)) == RUN_ID
    with pytest.raises(RecordError, match="one looks like"):
        RunId.parse("DiffMoog-Osc-v0/cma-es/dev-03/seed-0")
    with pytest.raises(RecordError, match="names may hold"):
        RunId("DiffMoog-Osc-v0", "../up", "dev", 0, 0)
    with pytest.raises(RecordError, match="numbers are not negative"):
        RunId("DiffMoog-Osc-v0", "random", "dev", -1, 0)


def test_timeless_forgets_when_and_how_fast(tmp_path: Path) -> None:
    one = write(tmp_path)
    slow = Final("budget", (0.1, 0.7), 1.0 / 3.0, 200, 0, 99.0, "spent")
    other = write(tmp_path, final=slow)
    assert one != other
    assert one.timeless() == other.timeless()
