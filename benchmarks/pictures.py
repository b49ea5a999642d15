"""What the figures of the benchmarks are drawn with: lines, words and marks, in a theme."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

WIDTH = 860
_CORNERS = (
    [(0, -6.5), (6.5, 0), (0, 6.5), (-6.5, 0)],
    [(0, -6), (6, 5), (-6, 5)],
    [(-5, -5), (5, -5), (5, 5), (-5, 5)],
)


@dataclass(frozen=True)
class Theme:
    """Colours of a page; those of the report."""

    ground: str
    text: str
    muted: str
    grid: str
    colours: tuple[str, ...]


THEMES = {
    "light": Theme(
        "#ffffff",
        "#1c1b1a",
        "#5f5b56",
        "#e6e3de",
        ["#0067a5", "#c44e00", "#00805c", "#a8457f", "#7a6000", "#6f52c4", "#5b6770", "#b3263a"],
    ),
    "dark": Theme(
        "#16181b",
        "#eceae6",
        "#a5a29c",
        "#2f3338",
        ["#62b8f5", "#ff9a5c", "#43cfa5", "#f095c9", "#e3c44f", "#b7a2ff", "#b4bec6", "#ff8590"],
    ),
}


class Svg:
    """Elements of a picture, in a theme."""

    def __init__(self, height: float, theme: Theme, title: str) -> None:
        self.theme = theme
        self.lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
            f'width="{WIDTH}" height="{height:g}" role="img" font-size="12" '
            'font-family="system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, '
            'DejaVu Sans, sans-serif">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{height:g}" rx="8" fill="{theme.ground}"/>',
        ]

    def text(self, x: float, y: float, text: str, anchor: str = "start", **style: str) -> None:
        """A line of text; `fill` and other attributes by name."""
        attributes = {"fill": self.theme.text, "text-anchor": anchor} | style
        self.lines.append(f'<text x="{x:g}" y="{y:g}"{_written(attributes)}>{escape(text)}</text>')

    def line(self, d: str, stroke: str, width: float = 1, dash: str = "") -> None:
        """A path that is not filled."""
        attributes = {"stroke": stroke, "stroke-width": f"{width:g}", "fill": "none"}
        attributes |= {"stroke-dasharray": dash} if dash else {}
        self.lines.append(f'<path d="{d}"{_written(attributes)}/>')

    def mark(self, x: float, y: float, kind: int, fill: str) -> None:
        """A circle, a diamond, a triangle or a square."""
        if kind == 0:
            self.lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}"/>')
            return
        d = "M" + "L".join(f"{x + a:.1f} {y + b:.1f}" for a, b in _CORNERS[kind - 1]) + "Z"
        self.lines.append(f'<path d="{d}" fill="{fill}"/>')

    def end(self) -> str:
        """The file."""
        return "\n".join([*self.lines, "</svg>"]) + "\n"


def _written(attributes: dict[str, str]) -> str:
    return "".join(
        f' {name.replace("_", "-")}="{escape(value)}"' for name, value in attributes.items()
    )
