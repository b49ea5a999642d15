from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from synthgym.errors import (
    MissingExtraError,
    SolverError,
    UnknownNameError,
)
from synthgym.solvers import load_solver, loading, run_solver, solver_names
from synthgym.tasks import make_problem

TASK = "DiffMoog-Osc-v0"


MINIMAL = """
import numpy as np

class Mine:
    name = "mine"
    settings = {"n": 3}

    def __init__(self, dimension, seed):
        self.dimension, self.rng = dimension, np.random.default_rng(seed)

    def ask(self):
        return self.rng.random((3, self.dimension))

    def tell(self, points, values):
        pass
"""


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_file_is_loaded_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, MINIMAL)
    monkeypatch.chdir(tmp_path)
    factory = load_solver("mine.py:Mine")
    assert factory.spec == f"{path}:Mine", "loadable from any folder"
    assert (factory.name, factory.track, dict(factory.settings)) == ("mine", "search", {"n": 3})
    p = make_problem(TASK, budget=10)
    outcome = run_solver(factory(p.dimension, 3), p)
    assert (outcome.status, outcome.n_evaluations) == ("budget", 10)
    assert not (tmp_path / "__pycache__").exists()


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    before = load_solver(f"{path}:Mine")
    write(tmp_path, MINIMAL.replace('"mine"', '"mind"'))  # same size, same second
    after = load_solver(f"{path}:Mine")
    assert (before.name, after.name) == ("mine", "mind")
    assert before.digests.own != after.digests.own
    assert len(before.digests.own) == 16
    assert before.digests.imports == after.digests.imports == ""


def test_a_file_may_import_the_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "NAME = 'beside'", "part_of_it_only.py")
    path = write(tmp_path, MINIMAL.replace('"mine"', "NAME") + "", "uses.py")
    Path(path).write_text("from part_of_it_only import NAME\n" + Path(path).read_text())
    assert load_solver(f"{path}:Mine").name == "beside"


def test_a_digest_is_of_what_a_file_imports_too(tmp_path: Path) -> None:
    """Directly or not; of files beside it and of baselines, and of no other library."""

    def digests(*, beside: str = "import json", unrelated: str = "") -> tuple[str, str]:
        write(tmp_path, "from .deeper import X", "pack_of_digests/__init__.py")
        write(tmp_path, beside, "pack_of_digests/deeper.py")
        write(tmp_path, unrelated, "unrelated_to_digests.py")
        text = "import numpy\nimport pack_of_digests\n" + MINIMAL
        found = load_solver(f"{write(tmp_path, text)}:Mine").digests
        return found.own, found.imports

    (tmp_path / "pack_of_digests").mkdir()
    own, imports = digests(beside="X = 1")
    assert len(imports) == 16
    assert digests(beside="X = 1", unrelated="Y = 2") == (own, imports)
    assert digests(beside="X = 2") == (own, digests(beside="X = 2")[1]) != (own, imports)
    text = "from synthgym.baselines import sobol\nclass Mine(sobol.Sobol):\n    pass\n"
    base = write(tmp_path, text, "based.py")
    assert len(load_solver(f"{base}:Mine").digests.imports) == 16


@pytest.mark.parametrize(
    ("file", "imports", "counted", "left_alone"),
    [
        ("mine.py", "import beside", "beside.py", "other.py"),
        ("mine.v2.py", "import beside", "beside.py", "other.py"),
        ("mine.py", "from deep.er import x", "deep/er.py", "deep/x.py"),
        ("mine.py", "from deep.er import x", "deep/__init__.py", "deep/other.py"),
        ("mine.py", "def late():\n    from deep import x", "deep/x.py", "deep/er.py"),
        ("mine.py", "import beside", "next.py", "other.py"),
        ("deep/mine.py", "from deep.er import x", "deep/er.py", "er.py"),
        ("site-packages/mine.py", "import beside", None, "site-packages/beside.py"),
    ],
)
def test_which_files_are_in_the_digest_of_imports(
    tmp_path: Path,
    file: str,
    imports: str,
    counted: str | None,
    left_alone: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / Path(file).parent
    for path in (tmp_path / "deep", folder):
        path.mkdir(exist_ok=True)
    for name in ("deep/__init__.py", "deep/er.py", "next.py", "beside.py"):
        (tmp_path / name).write_text("x = 0")
    (folder / "beside.py").write_text("import next")
    (folder / "next.py").write_text("x = 0")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / file).write_text(f"{imports}\n{MINIMAL}")

    def digest_after_editing(name: str) -> str:
        with (tmp_path / name).open("a") as edited:
            edited.write("\ny = 1")
        return load_solver(f"{tmp_path / file}:Mine").digests.imports

    before = load_solver(f"{tmp_path / file}:Mine").digests.imports
    assert (before == "") == (counted is None)
    assert digest_after_editing(left_alone) == before
    if counted is not None:
        assert digest_after_editing(counted) != before


def test_relative_imports_of_a_package_are_in_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    deep = tmp_path / "related" / "solvers"
    deep.mkdir(parents=True)
    for name in ("__init__.py", "solvers/__init__.py", "parts.py", "unused.py", "solvers/near.py"):
        (tmp_path / "related" / name).write_text("")
    (deep / "mine.py").write_text(f"from .. import parts\nfrom .near import __doc__\n{MINIMAL}")
    seen = [load_solver("related.solvers.mine:Mine").digests.imports]
    for name in ("unused.py", "parts.py", "solvers/near.py", "__init__.py"):
        (tmp_path / "related" / name).write_text("x = 1")
        seen.append(load_solver("related.solvers.mine:Mine").digests.imports)
    assert seen[0] == seen[1]
    assert len(set(seen)) == 4


def test_what_lies_beside_is_read_again_too(tmp_path: Path) -> None:
    """After an edit, and where two folders have a file of the same name."""
    names = []
    for folder, name in (("a", "first"), ("a", "second"), ("b", "third")):
        (tmp_path / folder).mkdir(exist_ok=True)
        write(tmp_path / folder, f"NAME = {name!r}", "named_alike.py")
        text = "from named_alike import NAME\n" + MINIMAL.replace('"mine"', "NAME")
        names.append(load_solver(f"{write(tmp_path / folder, text)}:Mine").name)
    assert names == ["first", "second", "third"]


@pytest.mark.parametrize("content", [b"\0", b"(" * 100_000, "é".encode("latin-1"), b"def", None])
def test_what_cannot_be_read_is_no_reason_to_fail(tmp_path: Path, content: bytes | None) -> None:
    """A file that an import would look at, and does not find to be what it needs."""
    beside = tmp_path / "unreadable_part.py"
    beside.mkdir() if content is None else beside.write_bytes(content)
    long = "a" * 300
    text = f"try:\n    import unreadable_part, {long}\nexcept BaseException:\n    pass\n{MINIMAL}"
    assert load_solver(f"{write(tmp_path, text)}:Mine").name == "mine"


def test_digests_of_baselines() -> None:
    random, adam, newton, rms = (
        load_solver(name).digests for name in ("random", "adam", "gauss-newton", "rmsprop")
    )
    assert random.own and not random.imports, "it imports no other baseline"
    assert adam == rms, "of one file"
    assert len({adam.imports, newton.imports, ""}) == 3


def test_a_module_is_loaded() -> None:
    assert load_solver("synthgym.baselines.random_search:RandomSearch").name == "random"


def test_registered_solvers_are_found() -> None:
    assert {"random", "cma-es", "differential-evolution", "adam", "ppo"} <= set(solver_names())
    assert load_solver("random").name == "random"


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ("cma_es", UnknownNameError, "unknown solver 'cma_es'. Did you mean 'cma-es'?"),
        ("{path}", SolverError, "say which class in it"),
        ("{path}:Mein", UnknownNameError, "Did you mean 'Mine'?"),
        ("{path}x.py:Mine", SolverError, "there is no solver file"),
        ("no_such_module:Mine", SolverError, "there is no module 'no_such_module'"),
        ("synthgym.no_such:Mine", SolverError, "there is no module 'synthgym.no_such'"),
        ("synthgym.errors:near", UnknownNameError, "errors.py 'near'"),
        ("synthgym.errors:require", SolverError, "must be a class"),
    ],
)
def test_a_solver_that_is_not_there(
    tmp_path: Path, spec: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as error:
        load_solver(spec.format(path=write(tmp_path, MINIMAL)))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', "pass", "class attribute name is None"),
        ('name = "mine"', 'name = "../mine"', "class attribute name is '../mine'"),
        ("def ask", "def answer", "lacks ask()"),
        ("def tell", "def told", "lacks tell()"),
        ("class Mine:", "class Mine:\n    track = 'fast'", "track is 'fast'"),
        ("dimension, seed)", "dimension)", "must be made as Solver(dimension: int, seed: int)"),
        ("dimension, seed)", "dimension, seed, lr)", "Give further arguments defaults"),
        ("class Mine:", "class Mine:\n    wants_gradients = True", "so its tell must take"),
        ("import numpy", "import nampy", "needs 'nampy', which is not installed: pip install"),
        ("import numpy", "1 / 0 #", "cannot be imported: ZeroDivisionError"),
        ("import numpy", "import numpy as", "cannot be imported: SyntaxError"),
    ],
)
def test_a_class_that_breaks_the_protocol(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, MINIMAL.replace(old, new))
    with pytest.raises((SolverError, MissingExtraError)) as error:
        load_solver(f"{path}:Mine")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("raise ValueError('too few dimensions')", SolverError, "ValueError: too few dimensions"),
        ("import nampy", MissingExtraError, 'pip install "synthgym[baselines]"'),
        ("from synthgym.errors import require; require('nampy', 'x')", MissingExtraError, "[x]"),
    ],
)
def test_a_constructor_that_fails(
    tmp_path: Path, body: str, kind: type[Exception], message: str
) -> None:
    text = MINIMAL.replace("self.dimension, self.rng =", f"{body}; self.dimension, self.rng =")
    text = text.replace("settings =", 'needs = "baselines"\n    settings =')
    factory = load_solver(f"{write(tmp_path, text)}:Mine")
    with pytest.raises(kind) as error:
        factory(5, 1)
    assert message in str(error.value)


def test_entry_points_that_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "synthgym.baselines.random_search:RandomSearch"
    points = EntryPoints(
        EntryPoint(name, value, loading.ENTRY_POINT_GROUP)
        for name, value in [
            ("chance", place),
            ("gone", "synthgym.baselines.gone:Gone"),
            ("renamed", "synthgym.baselines.random_search:RandomSaerch"),
            ("twice", place),
            ("twice", "other:Solver"),
        ]
    )
    monkeypatch.setattr(loading, "entry_points", lambda **selection: points.select(**selection))
    assert solver_names() == ["chance", "gone", "renamed", "twice"]
    with pytest.raises(SolverError, match="whose name is 'random'; make the two equal"):
        load_solver("chance")
    with pytest.raises(SolverError, match=r"'gone': there is no module .*\.gone'"):
        load_solver("gone")
    with pytest.raises(UnknownNameError, match=r"search\.py 'RandomSaerch'\. Did you mean"):
        load_solver("renamed")
    with pytest.raises(SolverError, match="'twice' is registered more than once: other:Solver, sy"):
        load_solver("twice")
