"""The package as it is installed: what it imports, what it offers, what it declares."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zlib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import synthgym
from synthgym.errors import MissingExtraError
from synthgym.leaderboard.compare import read_reference, reference_folder
from synthgym.tasks import SUITE_VERSION, task_ids

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))

NOT_IMPORTED = [
    "cma",
    "click",
    "jinja2",
    "joblib",
    "matplotlib",
    "nevergrad",
    "numba",
    "optuna",
    "pandas",
    "ray",
    "rich",
    "sb3_contrib",
    "scipy.signal",
    "sklearn",
    "stable_baselines3",
]
PUBLIC = [
    "Clock",
    "MelDistance",
    "Patch",
    "Problem",
    "SynthgymError",
    "Task",
    "chains",
    "get_task",
    "make_problem",
    "task_ids",
]
SOLVERS = [
    "adam",
    "adam-coarse-to-fine",
    "adam-one-start",
    "adam-surrogate",
    "adam-surrogate-transport",
    "adam-transport",
    "cma-es",
    "differential-evolution",
    "gauss-newton",
    "gauss-newton-forward",
    "l-bfgs-b",
    "l-bfgs-b-transport",
    "l-shade",
    "ngopt",
    "ppo",
    "pso",
    "random",
    "regression-abc",
    "rmsprop",
    "rmsprop-one-start",
    "rmsprop-transport",
    "sobol",
    "tpe",
    "trust-region-bayes",
]


def in_fresh_python(code: str) -> Any:
    """What `code` prints, read as JSON, from an interpreter that has imported nothing yet."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def import_time_s(statement: str) -> float:
    return float(
        in_fresh_python(
            "import time; start = time.perf_counter()\n"
            f"{statement}\n"
            "print(time.perf_counter() - start)"
        )
    )


def test_import_brings_no_extra() -> None:
    code = (
        "import json, sys\nfrom synthgym import *\n"
        f"print(json.dumps([name for name in {NOT_IMPORTED!r} if name in sys.modules]))"
    )
    assert in_fresh_python(code) == []


def test_import_costs_little_more_than_torch_and_gymnasium() -> None:
    # Names are imported on first use; the star asks for all of them. Other load on the machine only
    # ever adds time, so the quickest of three tells the cost.
    ours_s, theirs_s = [], []
    for _ in range(3):
        theirs_s.append(import_time_s("import torch, gymnasium"))
        ours_s.append(import_time_s("from synthgym import *"))
    assert min(ours_s) <= 1.25 * min(theirs_s) + 0.3


def test_public_surface() -> None:
    assert sorted(synthgym.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(synthgym, name) is not None


def test_versions_agree() -> None:
    version = PROJECT["project"]["version"]
    assert synthgym.__version__ == version
    assert f"\nversion: {version}\n" in (REPOSITORY / "CITATION.cff").read_text("utf-8")
    assert f"\n## {version}" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")


def test_every_folder_with_code_is_a_listed_package() -> None:
    setuptools = PROJECT["tool"]["setuptools"]
    found = {
        ".".join((package, *path.parent.relative_to(REPOSITORY / folder).parts))
        for package, folder in setuptools["package-dir"].items()
        for path in (REPOSITORY / folder).rglob("*.py")
    }
    assert sorted(found) == sorted(setuptools["packages"])
    elsewhere = setuptools["package-dir"]
    folders = [REPOSITORY / elsewhere.get(name, name.replace(".", "/")) for name in found]
    without_init = [str(f) for f in folders if not (f / "__init__.py").is_file()]
    assert without_init == []


def test_declared_solvers_are_installed() -> None:
    declared = PROJECT["project"]["entry-points"]["synthgym.solvers"]
    assert sorted(declared) == SOLVERS
    installed = {
        point.name: point.value
        for point in metadata.entry_points(group="synthgym.solvers")
        if point.dist is not None and point.dist.name == "synthgym"
    }
    assert installed == declared


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_loads_or_names_its_extra(name: str) -> None:
    (point,) = metadata.entry_points(group="synthgym.solvers", name=name)
    try:
        solver = point.load()
    except MissingExtraError as error:
        assert 'pip install "synthgym[baselines]"' in str(error)
    else:
        assert solver.name == name
        assert callable(solver)


def test_the_reference_results_are_installed_and_small() -> None:
    """Those that git holds and no others: what `bench compare` puts newcomers into."""
    folder = reference_folder()
    assert folder == REPOSITORY / "benchmarks/results" / f"suite-{SUITE_VERSION}"
    pattern = PROJECT["tool"]["setuptools"]["package-data"]["synthgym.results"]
    assert sorted((REPOSITORY / "benchmarks/results").glob(*pattern)) == sorted(
        folder.glob("*.jsonl")
    ), "one suite version at a time"
    records = read_reference(folder)
    assert len({record.header.task for record in records}) == len(task_ids("diffmoog"))
    packed = sum(len(zlib.compress(path.read_bytes())) for path in folder.glob("*.jsonl"))
    assert packed < 4e6, "what the reference adds to the wheel, in bytes"


def test_console_script_is_the_command_group() -> None:
    (point,) = metadata.entry_points(group="console_scripts", name="synthgym")
    assert callable(point.load())


def test_constraints_pin_every_requirement_within_its_bounds() -> None:
    project = PROJECT["project"]
    pins = {}
    for line in (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)", line)
            assert match, f"constraints.txt: {line!r} is not a plain pin"
            pins[match[1]] = Version(match[2])
    declared = [*project["dependencies"]]
    for requirements in project["optional-dependencies"].values():
        declared += requirements
    for requirement in map(Requirement, declared):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} has no pin"
        assert pin in requirement.specifier, f"{requirement} does not admit {pin}"


def test_the_marker_of_a_typed_package_is_there() -> None:
    assert (Path(synthgym.__file__).parent / "py.typed").is_file()
