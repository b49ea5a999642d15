"""What a report shows of the runs on recordings: a view for the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from synthgym.leaderboard.distances import DistanceBoard, Place
from synthgym.leaderboard.figures import Figure, anytime_per_dimension_figure
from synthgym.leaderboard.records import Record
from synthgym.leaderboard.sounds import TargetSounds, TaskSounds


@dataclass(frozen=True)
class DistanceView:
    """A board of recordings as its section draws it.

    Args:
        anchor: of its section.
        board: what is shown.
        anytime: best distance against cost per dimension.
        sounds: by task; the targets of each by name of the recording.
    """

    anchor: str
    board: DistanceBoard
    anytime: Figure
    sounds: Mapping[str, TaskSounds]

    def groups(self, task: str) -> tuple[TargetSounds, ...]:
        """Sounds of the recordings of a task, in the order of their indices."""
        return tuple(sorted(self.sounds[task].groups, key=lambda group: group.standing.index))

    def nearest(self, place: Place) -> str:
        """The solver that came nearest to a recording."""
        finals = self.board.finals_db[place]
        return min(finals, key=lambda solver: (finals[solver], solver))


def distance_view(
    number: int, board: DistanceBoard, sounds: Mapping[str, TaskSounds]
) -> DistanceView:
    """A board of recordings with its figure.

    Args:
        number: of the board, from 0.
        board: from `score_distances`.
        sounds: by task.
    """
    runs: dict[str, list[Record]] = {standing.solver: [] for standing in board.standings}
    for record in board.records:
        runs[record.header.solver].append(record)
    # Nothing is marked as solved: such a target has no distance at which it is.
    figure = anytime_per_dimension_figure("recordings", runs, board.records[0].header.solved_db)
    return DistanceView(f"recordings-{number}", board, replace(figure, guide=None), sounds)
