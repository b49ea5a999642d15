"""docs/modules.md is what the modules say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from synthgym.synth.fields import module_types

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "modules_page.py"


@pytest.fixture
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("modules_page", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def check(maker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "argv", ["modules_page.py", "--check"])
    return maker


def test_the_page_is_up_to_date(check: ModuleType) -> None:
    assert check.main() == 0, "python docs/modules_page.py makes it anew"


def test_an_old_page_is_told(
    check: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = tmp_path / "modules.md"
    old.write_text(check.PAGE.read_text("utf-8").replace("Hz", "kHz"), encoding="utf-8")
    monkeypatch.setattr(check, "PAGE", old)
    assert check.main() == 1
    assert "python docs/modules_page.py" in capsys.readouterr().err


def test_every_module_is_there_with_its_ports_and_ranges(maker: ModuleType) -> None:
    text = maker.PAGE.read_text("utf-8")
    for name in module_types():
        assert f"\n### {name}\n" in text
    assert "| `cutoff` | 100 to 8000 Hz, logarithmic | in Hz; the gain there is -3 dB. |" in text
    assert "Ports: (`audio`), (`hold`)." in text, "what may stay open is in brackets"
