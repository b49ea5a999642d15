"""What no solver reaches: which targets, what their best matches lack, and the landscape there.

    python benchmarks/out_of_reach.py [--check]

Takes the targets that no pack in benchmarks/results/suite-1 solves in any run, and the best point
that any run found for each. Only for such a post-mortem the true parameters are drawn again, which
no solver sees. Writes out-of-reach.md and figures/out-of-reach-{light,dark}.svg beside the packs.
For each target:

- what differs: parameters in the order of what they are worth alone, which is the distance of the
  true patch with the found value of this one parameter;
- repairs: the distance of the found patch with one parameter, or all of one module, set to the
  truth;
- the ridge: the highest distance on the straight line from the found to the true vector. Options
  and switches flip on the way.

The figure has the targets whose best match is farthest away: the distance along that line, and
along the parameter that is worth most alone, once with all others as they were found and once with
all others at the truth. `--check` says, without rendering, whether the page is about the targets
that the packs leave unsolved.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pictures import THEMES, WIDTH, Svg, Theme
from readme_figures import PACKS

from synthgym.leaderboard import Record, read_records
from synthgym.leaderboard.axes import LogAxis, path
from synthgym.losses import MelDistance
from synthgym.tasks import SampledTargets, Task, get_task, stable_seed
from synthgym.tasks.sampling import draw_sounds

PAGE = PACKS / "out-of-reach.md"
N_DRAWN, N_POINTS, N_NAMED, BATCH = 3, 401, 4, 64
WORTH_DB = 0.1
"""A repair that takes less off is none."""
SWITCHED = ("off", "on")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One parameter of which truth and match differ.

    Args:
        name: such as `saw.freq`.
        true: its value, with unit.
        found: likewise.
        alone_db: distance of the true patch with the found value of this parameter.
        repaired_db: distance of the match with the true value of this parameter.
    """

    name: str
    true: str
    found: str
    alone_db: float
    repaired_db: float


@dataclass(frozen=True)
class Cut:
    """Distances along a way through the unit cube.

    Args:
        at: (n,) where on the way, 0 to 1.
        distances_db: (n,).
        found: where the match stands, or None where the way does not pass it.
        true: where the truth stands, likewise.
    """

    at: Floats
    distances_db: Floats
    found: float | None
    true: float | None


@dataclass(frozen=True)
class Autopsy:
    """A target that nobody solved.

    Args:
        record: the run that came nearest.
        differences: most worth first.
        module: the module whose repair helps most.
        module_db: distance with it.
        cut_name: the parameter that is cut along: the first difference that is no option or
            switch, along which there are but steps.
        line: from the match to the truth.
        with_found: along `cut_name`, the others as found.
        with_true: likewise, the others at the truth.
    """

    record: Record
    differences: tuple[Difference, ...]
    module: str
    module_db: float
    cut_name: str
    line: Cut
    with_found: Cut
    with_true: Cut

    @property
    def name(self) -> str:
        """Task and target."""
        return name_of(self.record)


def name_of(record: Record) -> str:
    """Task and target of a run."""
    return f"{record.header.task} {record.header.split}-{record.header.index}"


def unsolved(records: Sequence[Record]) -> list[Record]:
    """The nearest run of each target that no run solved, the farthest first."""
    nearest: dict[tuple[str, str, int], Record] = {}
    for record in records:
        header = record.header
        key = header.task, header.split, header.index
        other = nearest.get(key)
        if other is None or record.final.distance_db < other.final.distance_db:
            nearest[key] = record
    left = [r for r in nearest.values() if r.final.distance_db > r.header.solved_db]
    return sorted(left, key=lambda r: (-r.final.distance_db, r.run_id))


def true_unit(task: Task, split: str, index: int) -> Floats:
    """The vector that a target was drawn as. For a post-mortem only."""
    assert isinstance(task.targets, SampledTargets)
    seed = stable_seed(task.targets.key, split, str(index))
    unit, audio = draw_sounds(task.patch, task.clock, [seed])
    np.testing.assert_array_equal(audio[0].numpy(), task.target(split, index).audio)
    return np.asarray(unit[0].double().numpy())


def distances(task: Task, target: npt.NDArray[np.float32], points: Floats) -> Floats:
    """Distance in dB of each point's sound to a target."""
    distance = MelDistance(task.clock.sample_rate)
    made = []
    with torch.no_grad():
        embedded = distance.embed(torch.tensor(target)[None])
        for part in np.array_split(points, max(1, len(points) // BATCH)):
            sounds = task.patch.render(torch.tensor(part, dtype=torch.float32), task.clock)
            made.append(distance.compare(distance.embed(sounds), embedded).double().numpy())
    return np.concatenate(made)


def parameters(names: Sequence[str]) -> dict[str, list[int]]:
    """Entries of each parameter: one, or those of all options of a choice."""
    found: dict[str, list[int]] = {}
    for entry, name in enumerate(names):
        found.setdefault(name.partition("=")[0], []).append(entry)
    return found


def exchanged(base: Floats, other: Floats, entries: Sequence[int]) -> Floats:
    """A point with some of its entries from another."""
    made = base.copy()
    made[list(entries)] = other[list(entries)]
    return made


def autopsy(record: Record) -> Autopsy:
    """Hold the nearest match of a target against the truth."""
    task = get_task(record.header.task)
    target = task.target(record.header.split, record.header.index).audio
    assert record.final.x is not None
    found = np.array(record.final.x)
    true = true_unit(task, record.header.split, record.header.index)
    groups = parameters(task.patch.space.names)
    differences = _differences(task, target, found, true, groups)
    modules: dict[str, list[int]] = {}
    for name, entries in groups.items():
        modules.setdefault(name.partition(".")[0], []).extend(entries)
    points = np.stack([exchanged(found, true, entries) for entries in modules.values()])
    repaired = distances(task, target, points)
    best = int(repaired.argmin())
    at = np.linspace(0.0, 1.0, N_POINTS)
    line = distances(task, target, found + at[:, None] * (true - found))
    cut_name = next(
        d.name for d in differences if len(groups[d.name]) == 1 and d.true not in SWITCHED
    )
    (entry,) = groups[cut_name]
    across = np.union1d(at, [found[entry], true[entry]])
    cuts = []
    for base in (found, true):
        along = np.repeat(base[None], len(across), axis=0)
        along[:, entry] = across
        cuts.append(distances(task, target, along))
    return Autopsy(
        record=record,
        differences=differences,
        module=list(modules)[best],
        module_db=float(repaired[best]),
        cut_name=cut_name,
        line=Cut(at, line, 0.0, 1.0),
        with_found=Cut(across, cuts[0], found[entry], None),
        with_true=Cut(across, cuts[1], None, true[entry]),
    )


def _differences(
    task: Task,
    target: npt.NDArray[np.float32],
    found: Floats,
    true: Floats,
    groups: dict[str, list[int]],
) -> tuple[Difference, ...]:
    alone = distances(task, target, np.stack([exchanged(true, found, e) for e in groups.values()]))
    fixed = distances(task, target, np.stack([exchanged(found, true, e) for e in groups.values()]))
    says_true, says_found = (task.patch.space.describe(torch.tensor(u)) for u in (true, found))
    made = []
    for name, alone_db, fixed_db in zip(groups, alone.tolist(), fixed.tolist(), strict=True):
        node, _, parameter = name.partition(".")
        values = [_said(says[node][parameter]) for says in (says_true, says_found)]
        made.append(Difference(name, *values, alone_db, fixed_db))
    return tuple(sorted(made, key=lambda d: (-d.alone_db, d.name)))


def _said(described: dict[str, Any]) -> str:
    value = described["value"]
    if isinstance(value, bool):
        return SWITCHED[value]
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return f"{text} {described['unit']}".strip()


def page(autopsies: Sequence[Autopsy], n_targets: int) -> str:
    """The Markdown page."""
    rows = [["Target", "Nearest", "What differs (worth alone)", "One parameter repaired"]]
    rows[0] += ["One module repaired", "Ridge"]
    rows.append([":--"] * 4 + [":--", "--:"])
    for one in autopsies:
        final, solver = one.record.final.distance_db, one.record.header.solver
        named = [
            f"`{d.name}` {d.true}, found {d.found} ({d.alone_db:.2g} dB)"
            for d in one.differences[:N_NAMED]
        ]
        best = min(one.differences, key=lambda d: d.repaired_db)
        rows.append(
            [
                one.name,
                f"{final:.2f} dB by {solver}",
                "; ".join(named),
                f"`{best.name}`: {best.repaired_db:.2f} dB",
                f"`{one.module}`: {one.module_db:.2f} dB",
                f"{one.line.distances_db.max():.1f} dB",
            ]
        )
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    parameter_db = [min(d.repaired_db for d in one.differences) for one in autopsies]
    of_parameter, by_parameter = repaired(autopsies, parameter_db)
    of_module, by_module = repaired(autopsies, [one.module_db for one in autopsies])
    return f"""# What stays out of reach

Of {n_targets} test targets of the suite, {len(autopsies)} are solved by no packed solver. Made by
`python benchmarks/out_of_reach.py`, which says what the columns are and draws their true parameters
anew; no solver sees them.

With one parameter set to the truth, {of_parameter} of the nearest matches come at least
{WORTH_DB:g} dB nearer ({by_parameter} solved so), with all of one module {of_module}
({by_module} solved so).
The ridge is the highest point of the straight line from the nearest match to the truth.

{_picture()}

{table}
"""


def repaired(autopsies: Sequence[Autopsy], repaired_db: Sequence[float]) -> tuple[int, int]:
    """How many nearest matches a repair brings nearer, and how many of them it solves."""
    pairs = [(one.record, after) for one, after in zip(autopsies, repaired_db, strict=True)]
    nearer = [pair for pair in pairs if pair[0].final.distance_db - pair[1] >= WORTH_DB]
    return len(nearer), sum(after <= record.header.solved_db for record, after in nearer)


def _picture() -> str:
    return (
        "<picture>\n"
        '  <source media="(prefers-color-scheme: dark)" srcset="figures/out-of-reach-dark.svg">\n'
        '  <img alt="Distance along the line from the nearest match to the truth, and along one '
        f'parameter" src="figures/out-of-reach-light.svg" width="{WIDTH}">\n'
        "</picture>"
    )


def figure(autopsies: Sequence[Autopsy], theme: Theme) -> str:
    """The cuts of some targets, a row for each."""
    top, row = 66, 190
    svg = Svg(
        top + row * len(autopsies) + 8, theme, "Cuts through the distance at unsolved targets"
    )
    svg.text(16, 24, "Distance (dB) near targets that no solver solves", font_weight="600")
    for number, label in enumerate(("nearest match", "truth")):
        svg.mark(24 + 130 * number, 44, number, theme.colours[1 + number])
        svg.text(36 + 130 * number, 48, label)
    for number, one in enumerate(autopsies):
        low = top + row * number
        svg.text(16, low + 12, one.name, font_weight="600")
        titles = (
            "match to truth, straight",
            f"{one.cut_name}, the others as found",
            f"{one.cut_name}, the others true",
        )
        for place, (cut, title) in enumerate(
            zip((one.line, one.with_found, one.with_true), titles, strict=True)
        ):
            _panel(svg, cut, title, 44 + 276 * place, low + 18)
    return svg.end()


def _panel(svg: Svg, cut: Cut, title: str, left: float, top: float) -> None:
    theme, right, low, high = svg.theme, left + 234, top + 142, top + 22
    axis = LogAxis(0.25, 64.0, low, high)
    svg.text(left, top + 14, title, fill=theme.muted, font_size="11")
    for tick in (0.25, 1.0, 4.0, 16.0, 64.0):
        y = float(axis(tick))
        svg.line(f"M{left} {y:.1f}H{right}", theme.muted if tick == 1.0 else theme.grid)
        svg.text(left - 6, y + 4, f"{tick:g}", "end", fill=theme.muted, font_size="10.5")
    x = left + (right - left) * cut.at
    svg.line(path(x, axis(cut.distances_db)), theme.colours[0], 1.8)
    for number, place in enumerate((cut.found, cut.true)):
        if place is not None:
            nearest = int(np.abs(cut.at - place).argmin())
            at = left + (right - left) * place
            height = 0.0 if number else float(cut.distances_db[nearest])
            svg.mark(at, float(axis(height)), number, theme.colours[1 + number])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="are these the unsolved targets?")
    options = parser.parse_args()
    torch.set_num_threads(1)
    records = [r for r in read_records(PACKS) if r.header.split == "test"]
    left = unsolved(records)
    if options.check:
        if (lines := described(PAGE)) != {name_of(record) for record in left}:
            sys.exit(f"{PAGE} is about other targets than those left unsolved: {sorted(lines)}")
        return
    autopsies = [autopsy(record) for record in left]
    n_targets = len({(r.header.task, r.header.index) for r in records})
    PAGE.write_text(page(autopsies, n_targets), "utf-8")
    for name, theme in THEMES.items():
        file = PACKS / "figures" / f"out-of-reach-{name}.svg"
        file.write_text(figure(autopsies[:N_DRAWN], theme), "utf-8")
    print(f"wrote {PAGE} and its figures: {len(left)} of {n_targets} targets are unsolved")


def described(file: Path) -> set[str]:
    """The targets that a page is about."""
    rows = [line for line in file.read_text("utf-8").split("\n") if line.startswith("| ")]
    return {row.split(" | ")[0].removeprefix("| ") for row in rows[2:]}


if __name__ == "__main__":
    main()
