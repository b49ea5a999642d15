"""Two figures and the tables of the README, from the packs of the suite.

    python benchmarks/readme_figures.py [--check]

Reads benchmarks/results/suite-1/*.jsonl and writes, each for a light and a dark page, figures/
beside them, and the part of README.md between the marks `<!-- generated: results -->` and
`<!-- /generated -->`. Run it again when packs were added. `--check` writes nothing, and exits with
1 if README or a figure is not what the packs say.

- runtime: the share of (task, target) pairs solved against cost / dimension, a panel for each
  level. A solver is drawn on the levels all of whose tasks it ran.
- cost: what solving one target is expected to cost, per dimension, task by task, for the best
  solver of each kind. A solver is of the kind "gradients" if it asked for any, of "differences" if
  its settings say that its derivatives are differences of sounds, of "sounds" if they say that it
  learns from sounds, and else it knows distances alone.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pictures import THEMES, WIDTH, Svg, Theme

from synthgym.leaderboard import read_records
from synthgym.leaderboard.axes import LogAxis, path, stairs
from synthgym.leaderboard.boards import Board, TaskResult
from synthgym.leaderboard.formatting import count, significant
from synthgym.leaderboard.measures import hit_costs, spent
from synthgym.leaderboard.report import write_summary
from synthgym.leaderboard.score import level_boards, score_records
from synthgym.leaderboard.statistics import generator, quantiles, runtime_distribution
from synthgym.tasks import task_ids

ROOT = Path(__file__).resolve().parents[1]
PACKS = ROOT / "benchmarks" / "results" / "suite-1"
README = ROOT / "README.md"
BEGIN, END = "<!-- generated: results -->", "<!-- /generated -->"

KINDS = {
    "distances": "Distances alone",
    "sounds": "Sounds",
    "differences": "Differences",
    "gradients": "Gradients",
}
WITHOUT_DERIVATIVES = ("distances", "sounds")
WITH_DERIVATIVES = tuple(kind for kind in KINDS if kind not in WITHOUT_DERIVATIVES)
RATIOS = {"Ratio": WITHOUT_DERIVATIVES, "To distances alone": ("distances",)}
PAYS = 5
"""The factor by which derivatives are asked to be cheaper."""

N_RESAMPLES = 10_000
N_COLOURS = 8
_DASHES = ("", "7 3", "2 3", "9 3 2 3")


def kind_of(board: Board, solver: str) -> str:
    """One of `KINDS`."""
    runs = [record for record in board.records if record.header.solver == solver]
    if any(record.final.n_gradients for record in runs):
        return "gradients"
    if any("differences" in str(r.header.settings.get("derivatives", "")) for r in runs):
        return "differences"
    return "sounds" if any("learns_from" in r.header.settings for r in runs) else "distances"


def best_of_kind(board: Board, task: str, kind: str) -> TaskResult | None:
    """Of the solvers of a kind the one that solves a task at the least expected cost, if any ran.

    Among those that solve nothing, the one with the best score.
    """
    own = [
        result
        for (of_task, solver), result in board.results.items()
        if of_task == task and kind_of(board, solver) == kind
    ]
    return min(own, key=lambda r: (r.solved_ert, -r.score, r.solver), default=None)


def cost_ratio(board: Board, task: str, kinds: Sequence[str] = WITHOUT_DERIVATIVES) -> float:
    """Least cost of a solver with derivatives over the least of these kinds; NaN where unknown."""
    pair = cheapest(board, task, WITH_DERIVATIVES), cheapest(board, task, kinds)
    if pair[0] is None or pair[1] is None or all(math.isinf(one.solved_ert) for one in pair):
        return math.nan
    return 0.0 if math.isinf(pair[1].solved_ert) else pair[0].solved_ert / pair[1].solved_ert


def ratio_interval(
    board: Board, task: str, kinds: Sequence[str] = WITHOUT_DERIVATIVES
) -> tuple[float, float]:
    """95 % bootstrap interval of `cost_ratio` over targets, for the two solvers it compares.

    Targets are drawn with replacement, the same for both. Draws of which neither solves any say
    nothing and are left out.
    """
    best = cheapest(board, task, WITH_DERIVATIVES), cheapest(board, task, kinds)
    sides = [
        {(run.header.index, run.header.seed): run for run in board.runs(task, one.solver)}
        for one in best
        if one is not None
    ]
    shared = sorted(set.intersection(*map(set, sides)))
    runs = [side[key] for side in sides for key in shared]
    hits = np.array([hit_costs(run, ladder_db=(run.header.solved_db,))[0] for run in runs])
    costs = np.where(np.isfinite(hits), hits, [spent(run) for run in runs])
    costs, solved = costs.reshape(2, -1), np.isfinite(hits).reshape(2, -1)
    n_runs = len(shared)
    rng = generator(0, "ratio", task, *kinds)
    drawn = rng.integers(0, n_runs, size=(N_RESAMPLES, n_runs))
    with np.errstate(divide="ignore", invalid="ignore"):
        erts = costs[:, drawn].sum(2) / solved[:, drawn].sum(2)
        ratios = erts[0] / erts[1]
    low, high = quantiles(ratios[~np.isnan(ratios)], (0.025, 0.975))
    return float(low), float(high)


def cheapest(board: Board, task: str, kinds: Sequence[str]) -> TaskResult | None:
    """Of the solvers of these kinds the one that solves a task at the least expected cost."""
    results = [best_of_kind(board, task, kind) for kind in kinds]
    return min(filter(None, results), key=lambda result: result.solved_ert, default=None)


def level_curves(board: Board, points: Sequence[float]) -> dict[str, np.ndarray]:
    """By solver the share of runs solved within each cost / dimension; each task weighs the same.

    Only solvers that ran every task of the board.
    """
    curves = {}
    for solver in board.solvers:
        cells = [board.runs(task, solver) for task in board.tasks]
        if all(cells):
            shares = [
                runtime_distribution(
                    [
                        hit_costs(r, ladder_db=(r.header.solved_db,))[0] / r.header.dimension
                        for r in cell
                    ],
                    points,
                )
                for cell in cells
            ]
            curves[solver] = np.mean(shares, axis=0)
    return curves


def runtime_svg(board: Board, theme: Theme) -> str:
    """Runtime distributions, a panel for each level."""
    levels = level_boards(board, n_resamples=1)
    names = list(board.solvers)
    n_rows, per_row = math.ceil(len(levels) / 3), 5
    top, panel = 46 + 18 * math.ceil(len(names) / per_row), 214
    svg = Svg(top + panel * n_rows + 26, theme, "Share of targets solved against cost, by level")
    svg.text(16, 24, "Share of targets solved (1 dB) within a cost", font_weight="600")
    for number, name in enumerate(names):
        x, y = 16 + 168 * (number % per_row), 46 + 18 * (number // per_row)
        svg.line(f"M{x} {y - 4}h22", *_style(number, theme))
        svg.text(x + 28, y, name)
    for number, (level, own) in enumerate(levels):
        _runtime_panel(svg, own, names, 44 + 276 * (number % 3), top + panel * (number // 3), level)
    svg.text(WIDTH / 2, top + panel * n_rows + 10, "cost / dimension", "middle", fill=theme.muted)
    return svg.end()


def _runtime_panel(
    svg: Svg, board: Board, names: Sequence[str], left: float, top: float, level: int
) -> None:
    theme, right, low, high = svg.theme, left + 234, top + 172, top + 22
    axis = LogAxis(1.0, 1000.0, left, right)
    tasks = ", ".join(task.split("-")[1] for task in board.tasks)
    svg.text(left, top + 10, f"Level {level}", font_weight="600")
    svg.text(left + 54, top + 10, tasks, fill=theme.muted, font_size="10.5")
    for share in (0.0, 0.5, 1.0):
        y = low + (high - low) * share
        svg.line(f"M{left} {y:g}H{right}", theme.grid)
        svg.text(left - 6, y + 4, f"{share:.0%}", "end", fill=theme.muted, font_size="10.5")
    for cost in (1, 10, 100, 1000):
        x = float(axis(cost))
        svg.line(f"M{x:.1f} {high}V{low}", theme.grid)
        svg.text(x, low + 15, f"{cost:,}", "middle", fill=theme.muted, font_size="10.5")
    points = np.geomspace(1.0, 1000.0, 400)
    curves = level_curves(board, points)
    # The first of the ranking last, on top of the others.
    for number, name in reversed(list(enumerate(names))):
        if name in curves:
            y = low + (high - low) * curves[name]
            svg.line(path(*stairs(axis(points), y)), *_style(number, theme))


def _style(number: int, theme: Theme) -> tuple[str, float, str]:
    """Colour, width and dashes of the line of the solver at a place of the ranking."""
    turn, colour = divmod(number, N_COLOURS)
    return theme.colours[colour], 2.2 if turn == 0 else 1.5, _DASHES[turn % len(_DASHES)]


def cost_svg(board: Board, theme: Theme) -> str:
    """Expected cost of solving, a row for each task and a mark for each kind of solver."""
    cells = {
        (task, kind): result
        for task in board.tasks
        for kind in KINDS
        if (result := best_of_kind(board, task, kind)) is not None
    }
    kinds = [kind for kind in KINDS if any(own == kind for _, own in cells)]
    dimensions = {record.header.task: record.header.dimension for record in board.records}
    left, right, top, row = 150, WIDTH - 20 - 74 * len(kinds), 70, 24
    low = top + row * len(board.tasks)
    svg = Svg(low + 50, theme, "Expected cost of solving a target, by task")
    title = "Expected cost of solving a target (1 dB) with the best solver of each kind"
    svg.text(16, 24, title, font_weight="600")
    finite = [
        cell.solved_ert / dimensions[task]
        for (task, _), cell in cells.items()
        if math.isfinite(cell.solved_ert)
    ]
    ends = min(finite, default=1.0), max(finite, default=10.0)
    axis = LogAxis(*(10.0**e for e in _decades(*ends)), left, right)
    for tick in axis.ticks(10):
        x = float(axis(tick))
        svg.line(f"M{x:.1f} {top - 6}V{low}", theme.grid)
        svg.text(x, low + 16, f"{tick:,.0f}", "middle", fill=theme.muted, font_size="11")
    svg.text((left + right) / 2, low + 36, "expected cost / dimension", "middle", fill=theme.muted)
    for number, kind in enumerate(kinds):
        svg.mark(22 + 126 * number, 44, number, theme.colours[number])
        svg.text(34 + 126 * number, 48, KINDS[kind].lower())
        svg.text(right + 40 + 74 * number, 62, "solved", "middle", fill=theme.muted)
        svg.mark(right + 40 + 74 * number, 44, number, theme.colours[number])
    for place, task in enumerate(board.tasks):
        y = top + row * (place + 0.5)
        svg.line(f"M{left} {y:g}H{right}", theme.grid)
        svg.text(left - 12, y + 4, task.removeprefix("DiffMoog-").removesuffix("-v0"), "end")
        for number, kind in enumerate(kinds):
            if (cell := cells.get((task, kind))) is None:
                continue
            said = f"{cell.n_solved} of {cell.n_runs}"
            svg.text(right + 40 + 74 * number, y + 4, said, "middle", font_size="11")
            if math.isfinite(cell.solved_ert):
                at = float(axis(cell.solved_ert / dimensions[task]))
                svg.mark(at, y, number, theme.colours[number])
    return svg.end()


def _decades(low: float, high: float) -> tuple[int, int]:
    first = math.floor(math.log10(low))
    return first, max(math.ceil(math.log10(high)), first + 1)


def task_table(board: Board) -> str:
    """Markdown: by task and kind the best solver, its solved runs and expected cost of solving."""
    kinds = [kind for kind in KINDS if any(best_of_kind(board, task, kind) for task in board.tasks)]
    rows = [["Task", *(KINDS[kind] for kind in kinds), *RATIOS]]
    rows += [[":--", *["--:"] * (len(kinds) + len(RATIOS))]]
    for task in board.tasks:
        cells = [_cell(best_of_kind(board, task, kind)) for kind in kinds]
        rows.append([task, *cells, *(_ratio(board, task, of) for of in RATIOS.values())])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines += [
        "",
        "Kinds: what a solver knows. Distances alone; sounds, which it learns from without taking "
        "a derivative; differences of sounds as derivatives; gradients. The ratios are the least "
        "expected cost with derivatives over the least without, and over the least of those that "
        "know distances alone; in brackets their 95 % intervals by bootstrap over the targets, one "
        "run on each, the two solvers given.",
    ]
    for name, of in RATIOS.items():
        known = [task for task in board.tasks if not math.isnan(cost_ratio(board, task, of))]
        if known:
            ratios = [cost_ratio(board, task, of) for task in known]
            sure = sum(ratio_interval(board, task, of)[1] < 1 for task in known)
            lines[-1] += (
                f" {name}: a fifth or less on {sum(r <= 1 / PAYS for r in ratios)} of {len(known)} "
                f"tasks, below 1 on {sum(r < 1 for r in ratios)}, with all of its interval on "
                f"{sure}."
            )
    return "\n".join(lines)


def _ratio(board: Board, task: str, kinds: Sequence[str]) -> str:
    ratio = cost_ratio(board, task, kinds)
    if math.isnan(ratio):
        return "–"
    low, high = ratio_interval(board, task, kinds)
    return f"{significant(ratio)} ({low:.2g}–{high:.2g})"


def _cell(result: TaskResult | None) -> str:
    if result is None:
        return "–"
    return f"{result.n_solved}/{result.n_runs} ({count(result.solved_ert)}) {result.solver}"


def readme_part(packs: Path, board: Board) -> str:
    """What stands between the marks."""
    where = packs.relative_to(ROOT).as_posix()
    return "\n".join(
        [
            write_summary(packs).rstrip("\n"),
            "",
            *_picture(where, "runtime", "Share of targets solved against cost, level by level"),
            "",
            "Targets solved by the best solver of each kind, and in brackets the expected cost of "
            "solving one:",
            "",
            task_table(board),
            "",
            *_picture(where, "cost", "Expected cost of solving a target, task by task"),
        ]
    )


def _picture(where: str, name: str, alt: str) -> Iterator[str]:
    yield "<picture>"
    dark = f"{where}/figures/{name}-dark.svg"
    yield f'  <source media="(prefers-color-scheme: dark)" srcset="{dark}">'
    yield f'  <img alt="{alt}" src="{where}/figures/{name}-light.svg" width="{WIDTH}">'
    yield "</picture>"


def made(packs: Path, readme: Path) -> dict[Path, str]:
    """Everything that follows from the packs: the figures and the whole README."""
    suite = set(task_ids("diffmoog"))
    records = [r for r in read_records(packs) if r.header.task in suite]
    board = next(
        board
        for board in score_records(records)
        if board.track == "search" and board.split == "test"
    )
    old = readme.read_text("utf-8")
    if old.count(BEGIN) != 1 or old.count(END) != 1:
        sys.exit(f"{readme} must hold {BEGIN} and {END} once each")
    before, rest = old.split(BEGIN)
    after = rest.split(END)[1]
    files = {readme: f"{before}{BEGIN}\n{readme_part(packs, board)}\n{END}{after}"}
    for name, theme in THEMES.items():
        files[packs / "figures" / f"runtime-{name}.svg"] = runtime_svg(board, theme)
        files[packs / "figures" / f"cost-{name}.svg"] = cost_svg(board, theme)
    return files


def stale(files: dict[Path, str]) -> list[Path]:
    """The files that are not what they should be."""
    return [p for p, text in files.items() if not p.exists() or p.read_text("utf-8") != text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of step")
    options = parser.parse_args()
    files = made(PACKS, README)
    differing = stale(files)
    if options.check and differing:
        sys.exit(
            f"not what the packs say: {', '.join(map(str, differing))}; run me without --check"
        )
    for file in differing:
        file.parent.mkdir(exist_ok=True)
        file.write_text(files[file], "utf-8")
        print(f"wrote {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
