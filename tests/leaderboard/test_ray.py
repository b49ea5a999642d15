"""Runs on a Ray cluster: two nodes, started here on loopback addresses of their own."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from trial import files, plan, timeless

from synthgym.errors import MissingExtraError, SolverError
from synthgym.leaderboard import cluster as cluster_runs
from synthgym.leaderboard import read_records, run_plan

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason='Ray is not installed: pip install "synthgym[distributed]"'
)
needs_loopback = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="only Linux answers on all of 127.0.0.0/8"
)

# Nothing leaves the machine, and a dead node is noticed within two seconds.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_initial_delay_ms": "500",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
_STORE_BYTES = 80 * 2**20


@contextmanager
def two_nodes() -> Iterator[tuple[Any, Any]]:
    """A cluster, this process connected to it, and its second node; one CPU each."""
    import ray
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "node_ip_address": "127.0.0.2"})
    try:
        del node["include_dashboard"]
        second = cluster.add_node(wait=False, node_ip_address="127.0.0.3", **node)
        ray.init(address=cluster.address, _node_ip_address="127.0.0.2", log_to_driver=False)
        cluster.wait_for_nodes()
        yield cluster, second
    finally:
        ray.shutdown()
        cluster.shutdown()


def began(solvers: Path) -> list[tuple[int, str]]:
    """Process and node of each run that was begun."""
    names = [path.name.split("-") for path in solvers.parent.glob("began-*")]
    return [(int(pid), node) for _, pid, _, node in names]


def forget(solvers: Path) -> None:
    for path in solvers.parent.glob("began-*"):
        path.unlink()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def held_until(solvers: Path, happened: Callable[[], None]) -> Iterator[None]:
    """Runs wait until each node is at one and `happened` has returned."""
    solvers.with_name("wait").touch()

    def release() -> None:
        try:
            while len({node for _, node in began(solvers)}) < 2:
                time.sleep(0.02)
            happened()
        finally:
            solvers.with_name("wait").unlink()

    thread = threading.Thread(target=release, daemon=True)
    thread.start()
    yield
    thread.join()


@needs_ray
@needs_loopback
@pytest.mark.slow
def test_a_cluster_makes_the_records_of_one_machine_and_outlives_a_node(
    tmp_path: Path, solvers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One cluster for both halves: starting it is what takes long."""
    for name, value in _SETTINGS.items():
        monkeypatch.setenv(name, value)
    specs = ("random", f"{solvers}:OnNode")
    run_plan(plan(tmp_path / "local", *specs, indices=range(4)))
    forget(solvers)
    with two_nodes() as (cluster, second):
        told: list[int] = []
        with held_until(solvers, lambda: None):
            summary = run_plan(
                plan(tmp_path / "ray", *specs, indices=range(4), n_jobs=-1, backend="ray"),
                lambda done, total, record: told.append(done),
            )
        assert (summary.n_done, summary.n_kept, summary.failures) == (8, 0, ())
        assert told == list(range(1, 9))
        assert timeless(tmp_path / "ray") == timeless(tmp_path / "local")
        assert without_times(tmp_path / "ray") == without_times(tmp_path / "local")
        assert files(tmp_path / "ray") == ["seed-0.jsonl"] * 8
        assert {node for _, node in began(solvers)} == {
            cluster.head_node.node_id,
            second.node_id,
        }, "both nodes did runs"

        # A node dies in the middle of its run.
        forget(solvers)

        def lose_node() -> None:
            (pid,) = [pid for pid, node in began(solvers) if node == second.node_id]
            cluster.remove_node(second, allow_graceful=False)
            while is_alive(pid):
                time.sleep(0.02)

        with held_until(solvers, lose_node):
            summary = run_plan(
                plan(tmp_path / "lost", specs[1], indices=range(3), n_jobs=-1, backend="ray")
            )
        assert summary.n_total == summary.n_done == 3
        assert len(began(solvers)) == 4, "the run that died with its node began twice"
        assert timeless(tmp_path / "lost") == [
            record
            for record in timeless(tmp_path / "local")
            if record.header.solver == "on-node" and record.header.index < 3
        ]
        assert files(tmp_path / "lost") == ["seed-0.jsonl"] * 3

        monkeypatch.setattr(cluster_runs, "_RETRIES", 0)
        with pytest.raises(SolverError, match=r"deadly/dev-0.*: its worker or node died 1 times"):
            run_plan(plan(tmp_path / "deadly", f"{solvers}:Deadly", indices=[0], backend="ray"))
        assert read_records(tmp_path / "deadly") == []


def without_times(folder: Path) -> dict[str, list[str]]:
    """The lines of each record as they stand in the file, less the times."""
    times = re.compile(r'"(wall_s|started_at)": ("[^"]*"|[0-9.e-]+)')
    return {
        path.relative_to(folder).as_posix(): [
            times.sub(r'"\1": 0', line) for line in path.read_text().splitlines()
        ]
        for path in sorted(folder.rglob("*.jsonl"))
    }


def test_a_backend_that_is_not_installed_names_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'pip install "synthgym\[distributed\]"'):
        run_plan(plan(tmp_path, "random", n_jobs=2, backend="ray"))
    assert os.listdir(tmp_path) == []
