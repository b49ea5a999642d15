"""Packs: many records in one file, read back exactly, and damage named by its line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgym.errors import RecordError
from synthgym.leaderboard import Final, Record, RecordWriter, RunHeader, RunId, read_records
from synthgym.leaderboard.packs import pack_bytes, pack_records, write_packs
from synthgym.leaderboard.records import count_records, find_records, read_pack
from synthgym.tasks import Improvement

TASK = "DiffMoog-Osc-v0"


def made(solver: str = "random", index: int = 0, **header: Any) -> Record:
    fields: dict[str, Any] = {
        "solver_spec": solver,
        "track": "search",
        "budget": 200,
        "stop_at_db": 0.25,
        "suite_version": "1",
        "dimension": 2,
        "solved_db": 1.0,
        "settings": {"sizes": [1, None], "name": "é"},
        "versions": {"torch": "2.4"},
        "started_at": "2025-01-01T00:00:00+00:00",
    }
    steps = (Improvement(1, 0, 0.125, 3.5), Improvement(7, 2, 0.25, 1 / 3))
    return Record(
        RunHeader(RunId(TASK, solver, "dev", index, 0), **{**fields, **header}),
        steps,
        Final("budget", (0.1, 0.7), 1 / 3, 194, 2, 1.5, "spent", budget_seen=True),
    )


def write(folder: Path, *records: Record) -> None:
    """Each record in a file of its own."""
    for record in records:
        with RecordWriter(folder, record.header) as writer:
            for one in record.improvements:
                writer.improvement(one)
            writer.finish(record.final)


THREE = [made(index=index) for index in (0, 2, 10)]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack of three records."""
    write_packs(THREE, tmp_path / "packs")
    return tmp_path / "packs" / "random.jsonl"


finite = st.floats(0, 1e300)
distances = st.one_of(
    finite, st.floats(0, 2.0**99, width=32), st.just(float(np.float32(0.1))), st.just(0.1)
)


@given(
    steps=st.lists(st.tuples(st.integers(0, 2**53), st.integers(0, 9), finite, distances)),
    end=st.one_of(
        st.builds(Final, st.just("error"), st.none(), st.just(math.inf), *[st.just(0)] * 2, finite),
        st.builds(
            Final,
            st.just("finished"),
            st.lists(st.floats(0, 1), min_size=1, max_size=4).map(tuple),
            distances,
            st.integers(0, 9),
            st.integers(0, 9),
            finite,
            st.text(max_size=9),
            st.booleans(),
        ),
    ),
)
def test_a_packed_record_reads_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]], end: Final
) -> None:
    record = Record(made().header, tuple(Improvement(*step) for step in steps), end)
    path = tmp_path_factory.getbasetemp() / "one.jsonl"
    path.write_bytes(pack_bytes([record]))
    assert read_pack(path) == [record]


def test_single_precision_takes_few_digits_and_loses_none() -> None:
    exact = float(np.float32(11.948816))
    steps = (Improvement(1, 0, 0.5, exact),)
    short = pack_bytes([Record(made().header, steps, made().final)])
    assert b"[11.948816]" in short
    assert repr(exact).encode() not in short


def test_the_bytes_follow_from_the_records_alone() -> None:
    content = pack_bytes(THREE)
    assert pack_bytes(THREE[::-1]) == content
    lines = [json.loads(line) for line in content.splitlines()]
    assert [line["kind"] for line in lines] == ["pack", "record", "record", "record"]
    assert lines[0]["n_records"] == 3
    assert [line["run"]["index"] for line in lines[1:]] == [0, 2, 10], "by number, not by digits"


def test_packs_and_single_files_are_read_together(tmp_path: Path) -> None:
    packed = [made("adam", 1), *THREE]
    write_packs(packed, tmp_path / "packs")
    single = made("mine", 4)
    write(tmp_path, single)
    assert read_records(tmp_path) == [packed[0], single, *THREE]
    assert count_records(tmp_path) == 5
    found = find_records(tmp_path)
    assert [(one.path.name, one.line) for one in found] == [
        ("seed-0.jsonl", None),
        ("adam.jsonl", 2),
        *(("random.jsonl", line) for line in (2, 3, 4)),
    ]


def test_records_are_packed_solver_by_solver(tmp_path: Path) -> None:
    write(tmp_path / "records", made("adam"), *THREE)
    packs = pack_records(tmp_path / "records", tmp_path / "out")
    assert [(pack.path.name, pack.n_records) for pack in packs] == [
        ("adam.jsonl", 1),
        ("random.jsonl", 3),
    ]
    assert read_records(tmp_path / "out") == read_records(tmp_path / "records")
    again = pack_records(tmp_path / "out", tmp_path / "again")
    assert [p.path.read_bytes() for p in again] == [p.path.read_bytes() for p in packs]


# What is refused


def test_a_pack_loses_no_runs_unasked(tmp_path: Path, pack: Path) -> None:
    write(tmp_path / "fewer", made(index=2), made("adam"))
    before = pack.read_bytes()
    with pytest.raises(RecordError, match=r"random\.jsonl holds 2 runs .* such as .*dev-0/seed-0"):
        pack_records(tmp_path / "fewer", pack.parent)
    assert pack.read_bytes() == before
    assert not (pack.parent / "adam.jsonl").exists(), "nothing was written"
    pack_records(tmp_path / "fewer", pack.parent, replace=True)
    assert [record.header.index for record in read_pack(pack)] == [2]


def test_a_damaged_pack_is_written_over_only_when_told(tmp_path: Path, pack: Path) -> None:
    write(tmp_path / "records", *THREE)
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-20])
    with pytest.raises(RecordError, match=r"random\.jsonl:4: .* --replace writes over it"):
        pack_records(tmp_path / "records", pack.parent)
    pack_records(tmp_path / "records", pack.parent, replace=True)
    assert pack.read_bytes() == whole


def test_what_is_no_run_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not a folder"):
        pack_records(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match="no complete records"):
        pack_records(tmp_path / "empty", tmp_path / "out")
    write(tmp_path / "cut", made(cut_from=900))
    with pytest.raises(RecordError, match="cut from a run with a budget of 900"):
        pack_records(tmp_path / "cut", tmp_path / "out")
    write(tmp_path / "twice", THREE[0])
    write_packs(THREE, tmp_path / "twice")
    with pytest.raises(RecordError, match="dev-0/seed-0' is given twice"):
        pack_records(tmp_path / "twice", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_the_pack_as_it_was(
    tmp_path: Path, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "more", *THREE, made(index=11))
    before = pack.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match=r"No space left on device: '.*random\.jsonl'"):
            pack_records(tmp_path / "more", pack.parent)
    assert pack.read_bytes() == before
    assert [path.name for path in pack.parent.iterdir()] == ["random.jsonl"]
    pack_records(tmp_path / "more", pack.parent)
    assert len(read_pack(pack)) == 4


# Damage


def edit(line: int, change: Callable[[dict[str, Any]], object]) -> Callable[[list[str]], object]:
    def edited(lines: list[str]) -> None:
        fields = json.loads(lines[line - 1])
        change(fields)
        lines[line - 1] = json.dumps(fields)

    return edited


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines.pop(), ":3: the pack ends after 2 records, its first line promises 3"),
        (lambda lines: lines.pop(2), ":3: the pack ends after 2 records"),
        (lambda lines: lines.insert(3, lines[2]), r":4: .*dev-2/seed-0 does not come after"),
        (lambda lines: lines.insert(1, lines.pop(2)), r":3: .*dev-0/seed-0 does not come after"),
        (lambda lines: lines.append(""), ":5: not JSON"),
        (edit(1, lambda head: head.update(schema=2)), ":1: schema 2 is not 1"),
        (edit(1, lambda head: head.pop("solver")), ":1: field 'solver' is missing"),
        (edit(1, lambda head: head.update(solver="adam")), ":2: a record of 'random' in the pack"),
        (edit(1, lambda head: head.update(extra=1)), ":1: unknown field 'extra'"),
        (edit(3, lambda line: line.update(kind="run")), ":3: a pack holds lines of kind 'record'"),
        (edit(3, lambda line: line["run"].update(index=3)), ":3: run: id .* contradicts"),
        (edit(3, lambda line: line["run"].pop("budget")), ":3: run: field 'budget' is missing"),
        (edit(3, lambda line: line["final"].update(x=None)), ":3: final: x and distance_db must"),
        (edit(3, lambda line: line["final"].update(y=1)), ":3: final: unknown field 'y'"),
        (edit(3, lambda line: line["final"].update(budget_seen=2)), ":3: final: budget_seen must"),
        (edit(3, lambda line: line.update(improvements=[])), ":3: improvements must be a JSON obj"),
        (
            edit(3, lambda line: line["improvements"]["wall_s"].pop()),
            ":3: improvements: the columns have different lengths",
        ),
        (
            edit(4, lambda line: line["improvements"].update(n_gradients=[0, True])),
            r":4: improvements: n_gradients\[1\] must be a whole number",
        ),
        (
            edit(4, lambda line: line["improvements"].update(distance_db=[1, "2"])),
            r":4: improvements: distance_db\[1\] must be a number",
        ),
        (
            edit(4, lambda line: line["improvements"].update(wall_s=None)),
            ":4: improvements: wall_s must be a list",
        ),
    ],
)
def test_damage_is_named_by_file_and_line(
    pack: Path, change: Callable[[list[str]], object], message: str
) -> None:
    lines = pack.read_text().splitlines()
    change(lines)
    pack.write_text("".join(line + "\n" for line in lines))
    with pytest.raises(RecordError, match=rf"random\.jsonl{message}"):
        read_pack(pack)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_a_pack_cut_off_anywhere_is_found_out(pack: Path, share: float) -> None:
    whole = pack.read_bytes()
    kept = whole[: int(share * len(whole))]
    assert not kept.endswith(b"\n")
    pack.write_bytes(kept)
    with pytest.raises(RecordError, match=rf":{kept.count(10) + 1}: .*cut off or damaged"):
        read_pack(pack)


def test_a_damaged_line_costs_no_other_record(pack: Path) -> None:
    lines = pack.read_text().splitlines()
    lines[2] = lines[2][:-9]
    pack.write_text("\n".join(lines))
    bad: list[str] = []
    found = read_records(pack.parent, on_bad=lambda path, error: bad.append(str(error)))
    assert found == [THREE[0], THREE[2]]
    assert len(bad) == 1 and f"{pack}:3: not JSON" in bad[0]


def test_a_file_of_nothing_is_no_pack(pack: Path) -> None:
    pack.write_bytes(b"")
    with pytest.raises(RecordError, match=r"random\.jsonl:0: ends without its final line"):
        read_pack(pack)
    assert count_records(pack.parent) == 1
    pack.write_bytes(b"\xff\xfe")
    with pytest.raises(RecordError, match="cannot be read"):
        read_pack(pack)


def test_a_cut_record_may_lack_its_point(pack: Path) -> None:
    cut = Record(
        made(cut_from=900).header, made().improvements, Final("budget", None, 1 / 3, 194, 2, 1.5)
    )
    pack.write_bytes(pack_bytes([cut]))
    assert read_pack(pack) == [cut]
