"""Every page's code runs, and the machinery that runs it can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import doc_pages
import numpy as np
import pytest
import soundfile

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS_AT_MOST = 280


def pages_with_code() -> list[str]:
    pages = [
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        *sorted((REPOSITORY / "docs").rglob("*.md")),
    ]
    return [
        str(page.relative_to(REPOSITORY))
        for page in pages
        if page.is_file() and any(b.runs for b in doc_pages.read_blocks(page.read_text("utf-8")))
    ]


def run_in(folder: Path, page: Path) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["OMP_NUM_THREADS"] = "1"
    environment["MPLBACKEND"] = "agg"
    return subprocess.run(
        [sys.executable, doc_pages.__file__, str(page)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_AT_MOST,
    )


def write_recording(path: Path) -> None:
    """Half a second of a plucked 220 Hz tone, the `sound.wav` that pages may use."""
    rate_hz = 16_000
    time_s = np.arange(rate_hz // 2) / rate_hz
    harmonics = sum(np.sin(2 * np.pi * 220 * k * time_s) / k for k in range(1, 9))
    soundfile.write(path, 0.3 * np.exp(-4 * time_s) * harmonics, rate_hz)


@pytest.mark.parametrize("page", pages_with_code())
def test_the_code_of_a_page_runs(page: str, tmp_path: Path) -> None:
    write_recording(tmp_path / "sound.wav")
    done = run_in(tmp_path, REPOSITORY / page)
    assert done.returncode == 0, f"{page} does not run:\n{done.stdout}"


def page_of(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


def test_blocks_share_a_namespace_and_keep_the_order(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        '```python\nx = 41\n```\ntext\n```console\n$ python -c \'open("made", "w")\'\n42\n```\n'
        "  ```python\n  import os\n  assert os.path.exists('made')\n  print(x + 1)\n  ```\n",
    )
    done = run_in(tmp_path, page)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("\n42\n")


def test_a_failing_block_points_into_the_page(tmp_path: Path) -> None:
    done = run_in(tmp_path, page_of(tmp_path, "# Title\n\n```python\nok = 1\nassert not ok\n```\n"))
    assert done.returncode != 0
    assert 'page.md", line 5' in done.stdout
    assert "assert not ok" in done.stdout


def test_a_failing_command_fails_the_page(tmp_path: Path) -> None:
    page = page_of(tmp_path, "```console\n$ python -c \\\n    'raise SystemExit(3)'\n```\n")
    done = run_in(tmp_path, page)
    assert done.returncode != 0
    assert "non-zero exit status 3" in done.stdout


def test_marked_blocks_are_left_out_or_written(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        "<!-- not run: needs a cluster -->\n```python\n1 / 0\n```\n"
        "<!-- file: mine.py -->\n\n```python\nVALUE = 7\n```\n"
        "```python\nfrom mine import VALUE\nprint(VALUE)\n```\n",
    )
    done = run_in(tmp_path, page)
    assert done.returncode == 0, done.stdout
    assert done.stdout.strip() == "7"


def test_other_commands_and_languages_are_not_run() -> None:
    text = "```console\n$ make demo\n```\n```text\n$ synthgym\n```\n```\n$ synthgym\n```\n"
    assert not any(block.runs for block in doc_pages.read_blocks(text))


@pytest.mark.parametrize("text", ["```python\nx = 1\n", "<!-- not run: -->\n```python\n```\n"])
def test_a_malformed_page_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        doc_pages.read_blocks(text)
