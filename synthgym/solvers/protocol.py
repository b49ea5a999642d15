"""What a solver is: its methods, its name, its track, its seed."""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from numpy.typing import ArrayLike

from synthgym.tasks import Problem, stable_seed

Track = Literal["search", "amortized"]
"""`search` learns nothing beforehand; `amortized` was trained on the train split."""

SOLVER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
"""Names stand in the paths of records."""


class AskTellSolver(Protocol):
    """A solver that proposes points and is told their values."""

    name: str

    def ask(self) -> ArrayLike:
        """The next points (n, d), one point (d,), or an empty array when finished."""

    def tell(self, points: Any, values: Any, /) -> None:
        """Learn the values of the points that `ask` returned."""


class GradientAskTellSolver(Protocol):
    """An ask-and-tell solver that is told gradients too; `wants_gradients` is True."""

    name: str
    wants_gradients: bool

    def ask(self) -> ArrayLike:
        """The next points (n, d), one point (d,), or an empty array when finished."""

    def tell(self, points: Any, values: Any, gradients: Any, /) -> None:
        """Learn the values and gradients of the points that `ask` returned."""


class DrivingSolver(Protocol):
    """A solver that calls the problem itself."""

    name: str

    def solve(self, problem: Problem) -> None:
        """Evaluate `problem` as often as wanted; the best point is kept by the problem."""


Solver: TypeAlias = AskTellSolver | GradientAskTellSolver | DrivingSolver


def solver_seed(task: str, solver: str, split: str, index: int, seed: int) -> int:
    """The seed of one run, from what names it and nothing else; in 1 ... 2^31 - 1.

    It fits every generator in use (NumPy's legacy one takes 32 bits, some libraries take a signed
    int) and is never 0, which some libraries read as "from the clock".
    """
    return 1 + stable_seed("solver", task, solver, split, str(index), str(seed)) % (2**31 - 1)


def describe_error(error: BaseException) -> str:
    """An exception in one line, for a message about whatever raised it, and where that was."""
    text = str(error)
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frame = _frame_of_user(error)
    if frame is None:
        return what
    # The name alone: what is recorded of a run says nothing of the machine's folders.
    return f"{what} ({Path(frame.filename).name}:{frame.lineno}, in {frame.name})"


_PACKAGE = Path(__file__).resolve().parents[1]
_LIBRARIES = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")
)


def _frame_of_user(error: BaseException) -> traceback.FrameSummary | None:
    """The last frame in a user's code; where all of that is installed, the first of it.

    Library calls that a solver makes come after its own frames, those of synthgym before or after.
    """
    written = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename).resolve()
        ours = path.is_relative_to(_PACKAGE) and not path.is_relative_to(_PACKAGE / "baselines")
        if not ours and not frame.filename.startswith("<"):
            written.append((path, frame))
    own = [f for path, f in written if not any(path.is_relative_to(of) for of in _LIBRARIES)]
    installed = [f for path, f in written if not path.is_relative_to(_LIBRARIES[0])]
    return own[-1] if own else installed[0] if installed else None
