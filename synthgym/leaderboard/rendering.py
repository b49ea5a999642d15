"""The pages of a report as HTML: views in, text out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthgym.errors import require
from synthgym.leaderboard import formatting
from synthgym.leaderboard.critical import ALPHA
from synthgym.leaderboard.distances import gain, recording_name
from synthgym.leaderboard.flags import FEW_RUNS
from synthgym.leaderboard.measures import DEFAULT_WEIGHT, GUESSES, MISS_FACTOR
from synthgym.leaderboard.site import Site

INDEX = "index.html"

_FILTERS = (
    "count",
    "counted",
    "decibels",
    "duration",
    "probability",
    "ratio",
    "share",
    "significant",
    "sort_key",
)


def render(site: Site) -> dict[str, str]:
    """All pages by their path in the report's folder, the index last.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    environment = _environment(site)

    def filled(template: str, **content: Any) -> str:
        text: str = environment.get_template(template).render(**content)
        return text

    pages = {}
    for board in site.boards:
        for level in board.levels:
            pages[level.file] = filled("level.html.j2", board=board, level=level, root="../")
        for task in board.tasks:
            pages[task.file] = filled("task.html.j2", board=board, task=task, root="../")
            if task.sounds_file:
                pages[task.sounds_file] = filled(
                    "listen.html.j2", board=board, task=task, root="../"
                )
    return {**pages, INDEX: filled("index.html.j2", root="")}


def _environment(site: Site) -> Any:
    jinja2 = require("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(formatting, name) for name in _FILTERS})
    environment.filters.update(gain=gain, recording_name=recording_name)
    environment.globals.update(
        site=site,
        alpha=ALPHA,
        few_runs=FEW_RUNS,
        default_weight=DEFAULT_WEIGHT,
        guesses=GUESSES,
        miss_factor=MISS_FACTOR,
    )
    return environment
