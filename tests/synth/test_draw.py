"""Drawn patches: every text is there, nothing lies on anything else, any viewer can read it."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import combinations
from xml.etree import ElementTree

import pytest
from graphs import patches
from hypothesis import given, settings

from synthgym.synth import Choice, Linear, Node, Patch, Switched, chains
from synthgym.synth.boxes import box_of, n_cells, readable
from synthgym.synth.draw import dot, svg
from synthgym.synth.layout import Cell, arrange, edges_of
from synthgym.synth.modules import ADSR, LFO, FMOscillator, Lowpass, Mix, Oscillator

SVG = "{http://www.w3.org/2000/svg}"
Rect = tuple[float, float, float, float]


def boxes(root: ElementTree.Element) -> list[Rect]:
    """Left, top, right and bottom of each node's box."""
    found = []
    for rect in root.iterfind(f"{SVG}g/{SVG}rect"):
        x, y, width, height = (float(rect.get(k, "")) for k in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


def points(path: str) -> list[tuple[float, float]]:
    """Points along a path of the kinds that wires are made of, the ends left out."""
    x = y = 0.0
    found = []
    for command, numbers in re.findall(r"([MHC])([^MHC]+)", path):
        values = [float(number) for number in numbers.split()]
        for step in range(1, 21):
            t = step / 20
            if command == "H":
                found.append((x + t * (values[0] - x), y))
            elif command == "C":
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
                xs, ys = (x, *values[0::2]), (y, *values[1::2])
                found.append(tuple(sum(map(lambda w, v: w * v, weights, v)) for v in (xs, ys)))
        x, y = (values[0], y) if command == "H" else (values[-2], values[-1])
    return found[:-1]


def overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def check_picture(patch: Patch) -> ElementTree.Element:
    root = ElementTree.fromstring(svg(patch))
    placed = boxes(root)
    assert len(placed) == len(patch.nodes)
    assert not any(overlap(a, b) for a, b in combinations(placed, 2))
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    assert all(min(a, b) > 0 and c < width and d < height for a, b, c, d in placed)
    wires = [p.get("d", "") for p in root.iterfind(f"{SVG}path") if "sg-wire" in p.get("class", "")]
    assert len(wires) >= len(edges_of(patch))
    for wire in wires[: len(edges_of(patch))]:
        for x, y in points(wire):
            inside = [b for b in placed if b[0] + 1 < x < b[2] - 1 and b[1] + 1 < y < b[3] - 1]
            assert not inside, (wire, inside)
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@given(patches())
@settings(max_examples=30)
def test_any_patch_can_be_drawn(patch: Patch) -> None:
    root = check_picture(patch)
    assert {readable(node.name) for node in patch.nodes} <= set(texts(root))
    cells = arrange(patch)
    assert len(set(cells.values())) == len(cells)
    for edge in edges_of(patch):
        assert cells[edge.source].column < cells[edge.target].column
    assert dot(patch).count(" -> ") == len(edges_of(patch))


@pytest.mark.parametrize("chain", chains.names())
def test_every_chain_can_be_drawn(chain: str) -> None:
    check_picture(chains.build(chain))


def custom() -> Patch:
    shapes = Choice("shape", ("sine", "square", "saw"))
    return Patch(
        (
            Node("lfo", LFO()),
            Node('<vibrato> & "co"', FMOscillator(shape=shapes), {"modulator": Switched("lfo")}),
            Node("osc\n2", Oscillator(shape="saw", freq=Linear("freq", 55.0, 110.0, "Hz"))),
            Node("mix", Mix(), {"audio": ('<vibrato> & "co"', Switched("osc\n2"))}),
            Node("env", ADSR(), {"audio": "mix"}, switched=True),
            Node("filter", Lowpass(cutoff=900.0), {"audio": "env"}),
            Node("sum", Mix(), {"audio": ("filter", "osc\n2", "lfo")}),
        )
    )


def test_names_modules_ports_ranges_and_constants_are_told() -> None:
    found = texts(check_picture(custom()))
    for text in (
        '<vibrato> & "co"',
        "FMOscillator",
        "modulator",
        "55 \N{EN DASH} 110 Hz",
        "2.5 \N{EN DASH} 255 Hz log",
        "sine | square | saw",
        "900",
        "on | off",
        "osc\N{REPLACEMENT CHARACTER}2",
        "output",
        "switched on and off by the unit vector",
    ):
        assert text in found
    assert "naive" not in found


def test_switched_connections_are_dashed_and_told_about() -> None:
    assert svg(custom()).count("sg-wire sg-dash") == 3  # two connections and the legend
    assert "sg-wire sg-dash" not in svg(chains.build("FM"))
    assert dot(custom()).count("style=dashed") == 2


def test_positions_are_used_where_they_fit() -> None:
    patch = chains.build("Subtractive")
    assert arrange(patch) == {
        "saw": Cell(0, 0),
        "square": Cell(0, 1),
        "mix": Cell(1, 0),
        "env": Cell(2, 0),
        "lowpass": Cell(3, 0),
    }


def test_positions_that_do_not_fit_are_computed_anew() -> None:
    back = Patch(
        (
            Node("a", Oscillator(), position=(0, 3)),
            Node("b", ADSR(), {"audio": "a"}, position=(2, 1)),
        )
    )
    assert arrange(back) == {"a": Cell(0, 0), "b": Cell(1, 1)}


def test_a_source_stands_beside_what_it_is_used_with() -> None:
    assert arrange(custom())["osc\n2"].column == 1
    assert arrange(custom())["lfo"].column == 0


def test_long_lists_of_options_are_broken() -> None:
    box = box_of(custom().nodes[0], custom())
    assert [line.label for line in box.lines[:2]] == ["shape", "freq"]
    wide = Patch((Node("osc", Oscillator(), {}),))
    assert all(n_cells(line.value) <= 26 for line in box_of(wide.nodes[0], wide).lines)
    assert n_cells("鍵盤") == 4


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@given(patches())
@settings(max_examples=5)
def test_graphviz_reads_the_dot_text(patch: Patch) -> None:
    done = subprocess.run(
        ["dot", "-Tcanon"], input=dot(patch), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
