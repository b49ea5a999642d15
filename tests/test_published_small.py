"""The benchmark of the published small tasks: its draws, its numbers, how it goes on."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from synthgym.synth import Clock

# The publication's names of the DX7's parameters in ours.
DX7 = {"f0": "pitch.freq", **{f"r{n}": f"op{n}.ratio" for n in (2, 3, 4)}}
DX7 |= {f"l{n}": f"op{n}.level" for n in (1, 2, 3, 4)}


@pytest.fixture(scope="module")
def script(repository: Path) -> ModuleType:
    """The benchmark as a module."""
    path = repository / "benchmarks" / "published_small.py"
    spec = importlib.util.spec_from_file_location("published_small", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where joblib's workers and dataclasses look for it.
    sys.modules["published_small"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def published(shared_dir: Path) -> dict[str, Any]:
    document = json.loads((shared_dir / "reference_results.json").read_text("utf-8"))
    found: dict[str, Any] = document["iterative_matching_2026"]
    return found


@pytest.mark.shared
def test_medians_and_protocol_are_those_of_the_reference(
    script: ModuleType, published: dict[str, Any]
) -> None:
    protocol = published["protocol"]
    assert (protocol["evaluations"], protocol["trials"]) == (script.BUDGET, script.N_TRIALS)
    assert script.CLOCK.sample_rate == protocol["sample_rate_hz"]
    assert script.CLOCK.duration_s == protocol["duration_s"]
    small = published["median_p_loss_returned_best_loss_per_cell"]
    assert small["columns"] == list(script.METHODS)
    small = {key.split()[0]: tuple(v) for key, v in small.items() if key != "columns"}
    for name, row in script.ROWS.items():
        own = list(row.medians.values())
        if name.startswith("dx7"):
            last, visited = (
                tuple(published[f"median_p_loss_dx7_{kind}"][name])
                for kind in ("last_evaluation", "best_visited_oracle")
            )
            assert own == [last, visited]
        else:
            assert own == [small[name.removesuffix("_faded")]]
    assert {name.removesuffix("_faded") for name in script.ROWS} == {
        *small,
        *(name for name in published["median_p_loss_dx7_last_evaluation"] if name != "columns"),
    }


@pytest.mark.shared
def test_parameters_are_in_the_references_order(
    script: ModuleType, published: dict[str, Any]
) -> None:
    for number in (1, 2, 3):
        ranges = published["synths"][f"dx7_alg{number}"]["ranges"]
        names = list(DX7) if ranges == "as dx7_alg1" else list(ranges)
        assert script.ROWS[f"dx7_alg{number}"].order == tuple(DX7[name] for name in names)


def test_draws_are_the_published(script: ModuleType) -> None:
    """Trial 7 by hand, in the publication's order; no two trials or streams alike."""
    state = np.random.SeedSequence(7).generate_state(2)
    rng = np.random.default_rng(state[0])
    expected = dict(zip(DX7.values(), rng.uniform(0, 1, 8), strict=True))
    start = dict(zip(DX7.values(), rng.uniform(0, 1, 8), strict=True))
    row = script.ROWS["dx7_alg1"]
    names = row.patch(1.0).space.names
    assert names != list(row.order)
    true, begun, seed = script.draws(row, 7)
    np.testing.assert_array_equal(true, [expected[name] for name in names])
    np.testing.assert_array_equal(begun, [start[name] for name in names])
    assert 1 <= seed < 2**31
    assert len({script.draws(row, trial)[2] for trial in range(300)}) == 300


def test_every_row_draws_all_of_its_parameters(script: ModuleType) -> None:
    for row in script.ROWS.values():
        assert sorted(row.order) == sorted(row.patch(1.0).space.names)


def test_modulators_side_by_side_sound_the_same_in_any_order(script: ModuleType) -> None:
    """Which the P-loss takes for an error, and its best order for none."""
    row = script.ROWS["dx7_alg3"]
    patch, orders = row.patch(1.0), row.orders()
    assert len(orders) == 6
    assert orders[0] == list(range(8))
    true = script.draws(row, 3)[0]
    audio = patch.render(torch.tensor(np.stack([true[order] for order in orders])), Clock())
    torch.testing.assert_close(audio, audio[:1].expand(6, -1), atol=1e-6, rtol=0)
    line = {"trial": 3, "distance_db": 0.0, "n_evaluations": 1, "n_gradients": 0, "wall_s": 0.0}
    summary = script.summary_of("dx7_alg3", [{**line, "x": true[orders[-1]].tolist()}])
    assert summary["median_p_loss"] > 0.1
    assert summary["median_p_loss_in_the_best_order"] == 0
    assert script.any_order(row) > 0.1
    assert script.any_order(script.ROWS["dx7_alg1"]) == 0
    for name in set(script.ROWS) - {"dx7_alg3"}:
        assert len(script.ROWS[name].orders()) == 1


def test_below_a_published_median(script: ModuleType) -> None:
    assert script.beats(0.01, 0.0103) is True
    assert script.beats(0.0104, 0.0103) is False
    # 0.0000 to the digits given tells no order below half of the last.
    assert script.beats(0.00004, 0.0) is None
    assert script.beats(0.0001, 0.0) is False


def test_the_nearest_of_uniform_points_is_as_far_as_they_are_apart(script: ModuleType) -> None:
    """In a square without edges the median of the nearest of n is sqrt(ln 2 / (pi n))."""
    endless = np.sqrt(np.log(2) / (np.pi * script.BUDGET))
    assert endless < script.nearest_of_uniform(script.ROWS["add_sinesaw"]) < 1.2 * endless


def test_interval_of_a_median_holds_it_as_often_as_it_says(script: ModuleType) -> None:
    rng = np.random.default_rng(0)
    for n in (15, 50, 300):
        bounds = np.array([script.median_interval(rng.exponential(size=n)) for _ in range(2000)])
        held = np.mean((bounds[:, 0] <= np.log(2)) & (np.log(2) <= bounds[:, 1]))
        assert 0.935 < held < 0.99


def test_lines_summaries_and_going_on(script: ModuleType, tmp_path: Path) -> None:
    rows = ["add_sinesaw", "am_noise"]
    script.complete("random", rows, 2, 1, tmp_path)
    path = tmp_path / "random.jsonl"
    head, lines = script.read(path)
    assert head["solver"] == "random"
    assert sorted((line["row"], line["trial"]) for line in lines) == [
        (name, trial) for name in rows for trial in (0, 1)
    ]
    assert {(line["n_evaluations"], line["n_gradients"]) for line in lines} == {(200, 0)}

    document = script.summarise(tmp_path)
    for name in rows:
        summary = document["solvers"]["random"][name]
        losses = [
            np.linalg.norm(line["x"] - script.draws(script.ROWS[name], line["trial"])[0])
            for line in lines
            if line["row"] == name
        ]
        assert summary["median_p_loss"] == pytest.approx(np.median(losses), rel=1e-12)
        assert summary["n_trials"] == 2
    shown = (tmp_path / "table.md").read_text("utf-8")
    assert "0.0431" in shown, "the published number beside it"

    whole = path.read_bytes()
    script.complete("random", rows, 2, 1, tmp_path)
    assert path.read_bytes() == whole, "nothing is done twice"
    # Cut short in its last line: that trial is done again, and comes out the same.
    path.write_bytes(whole[:-20])
    script.complete("random", rows, 2, 1, tmp_path)
    _, again = script.read(path)
    for line in (*lines, *again):
        del line["wall_s"]
    assert sorted(map(str, again)) == sorted(map(str, lines))


def test_gradients_count_as_published_and_as_here(script: ModuleType) -> None:
    line = script.run_trial("adam", "sine_mod_saw", 0)
    assert line["n_evaluations"] + line["n_gradients"] == 200
    assert line["n_gradients"] > 0
    summary = script.summary_of("sine_mod_saw", [line])
    assert summary["median_cost_as_they_count"] == 200
    assert summary["median_cost"] == 200 + 2 * line["n_gradients"]


def test_few_trials_are_never_beyond_chance(script: ModuleType) -> None:
    (name,) = [name for name in script.ROWS if name == "add_sinesaw"]
    lines = [
        {**dict.fromkeys(("n_evaluations", "n_gradients", "wall_s", "distance_db"), 0), "trial": t}
        | {"x": script.draws(script.ROWS[name], t)[0].tolist()}
        for t in range(6)
    ]
    for n, surely in ((1, False), (5, False), (6, True)):
        (found,) = script.summary_of(name, lines[:n])["beyond_chance"].values()
        assert found == surely
    summary = script.summary_of(name, lines)
    (kind,) = script.ROWS[name].medians
    assert script._cell(summary, kind) == "**0.0000** [6]"
    assert script._cell({**summary, "beyond_chance": {kind: False}}, kind) == "~0.0000 [6]"


def test_lines_of_another_version_are_not_joined(script: ModuleType, tmp_path: Path) -> None:
    head = script.head_of("random")
    path = tmp_path / "random.jsonl"
    for of in ("source_digest", "imports_digest"):
        path.write_text(json.dumps({**head, of: "another"}) + "\n", "utf-8")
        with pytest.raises(SystemExit, match="another version"):
            script.complete("random", ["am_noise"], 1, 1, tmp_path)
    # Older files do not say what was imported: nothing, or something that may have changed.
    for solver, joined in (("random", True), ("adam", False)):
        old = script.head_of(solver)
        del old["imports_digest"]
        path = tmp_path / f"{solver}.jsonl"
        path.write_text(json.dumps(old) + "\n", "utf-8")
        if joined:
            script.complete(solver, ["am_noise"], 1, 1, tmp_path)
        else:
            with pytest.raises(SystemExit, match="another version"):
                script.complete(solver, ["am_noise"], 1, 1, tmp_path)
            script.complete(solver, ["am_noise"], 0, 1, tmp_path)
        found, lines = script.read(path)
        assert (found, len(lines)) == (old, int(joined))
