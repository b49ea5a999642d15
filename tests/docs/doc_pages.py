"""Runs the code of one documentation page, as a reader would who types it in from the top.

`python doc_pages.py PAGE` runs, in the current folder and in the page's order:

- fenced `python` blocks, all in one namespace; a traceback points into the page itself;
- in fenced `console` blocks the lines `$ synthgym ...` and `$ python ...`, whose exit code must be
  0 (what is shown of their output is for the reader and is not compared);
- blocks under a comment `<!-- file: NAME -->` are written to that file and not run;
- blocks under a comment `<!-- not run: reason -->` are left out.

Pages may use `sound.wav`: the test puts a short recording of that name into the folder.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w-]*)\s*$")
_MARK = re.compile(r"^\s*<!--\s*(?P<kind>not run|file):\s*(?P<text>.*?)\s*-->\s*$")
_RUN_PROGRAMS = ("synthgym", "python")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes:
        language: what follows the fence, `"python"` or `"console"` for what can be run.
        code: its lines, without the fence and its indentation.
        line: number of the first line of code in the page, from 1.
        mark: `"not run"`, `"file"` or empty.
        mark_text: the reason or the file name.
    """

    language: str
    code: str
    line: int
    mark: str = ""
    mark_text: str = ""

    @property
    def runs(self) -> bool:
        """Whether running the page runs something of this block."""
        if self.mark:
            return False
        return self.language == "python" or (self.language == "console" and any(self.commands()))

    def commands(self) -> Iterator[list[str]]:
        """The command lines of a console block that are run, split into arguments."""
        joined = re.sub(r"\\\n\s*(?:>\s)?", " ", self.code)
        for line in joined.splitlines():
            if line.startswith("$ "):
                arguments = shlex.split(line[2:], comments=True)
                if arguments and arguments[0] in _RUN_PROGRAMS:
                    yield arguments


def read_blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order.

    Raises:
        ValueError: a block is not closed, or a mark gives no reason or name.
    """
    blocks: list[Block] = []
    mark: re.Match[str] | None = None
    lines = text.splitlines()
    i = 0
    while i < len(lines):
        opening = _FENCE.match(lines[i])
        if opening is None:
            if found := _MARK.match(lines[i]):
                if not found["text"]:
                    raise ValueError(f"line {i + 1}: the mark {lines[i]!r} says nothing")
                mark = found
            elif lines[i].strip():
                mark = None
            i += 1
            continue
        closing = f"{opening['indent']}{opening['fence']}"
        end = next((j for j in range(i + 1, len(lines)) if lines[j].rstrip() == closing), None)
        if end is None:
            raise ValueError(f"line {i + 1}: the block is not closed")
        code = "\n".join(line.removeprefix(opening["indent"]) for line in lines[i + 1 : end])
        kind, detail = (mark["kind"], mark["text"]) if mark else ("", "")
        blocks.append(Block(opening["language"], code + "\n", i + 2, kind, detail))
        mark = None
        i = end + 1
    return blocks


def run_page(page: Path) -> None:
    """Run the blocks of a page in the current folder.

    Raises:
        CalledProcessError: a command of a console block exited with another code than 0.
        Exception: whatever a Python block raised.
    """
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in read_blocks(page.read_text(encoding="utf-8")):
        if block.mark == "file":
            Path(block.mark_text).write_text(block.code, encoding="utf-8")
        elif not block.runs:
            continue
        elif block.language == "python":
            source = "\n" * (block.line - 1) + block.code
            exec(compile(source, str(page), "exec", dont_inherit=True), namespace)
        else:
            for arguments in block.commands():
                print(f"{page.name}:{block.line}: $ {shlex.join(arguments)}", flush=True)
                subprocess.run(arguments, check=True)


if __name__ == "__main__":
    # The reader's own files (<!-- file: ... -->) are importable, as they are from a prompt.
    sys.path[0] = ""
    run_page(Path(sys.argv[1]).resolve())
