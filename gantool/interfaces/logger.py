"""Loggers: other places that a run's figures and pictures go to."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gantool.interfaces.component import Bearing, Component

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class RunDescription:
    """What a logger is told of the run.

    Attributes:
        identifier: Stable over every resume of the run.
        name: The run folder's name.
        folder: The run folder.
        recipe: The resolved recipe, as plain data.
        resumed_from: The step at which this process took over; 0 in a new run.
        sent_until: The last step of which an earlier process sent this logger anything, which is
            beyond `resumed_from` if that process was killed; None where none has.
    """

    identifier: str
    name: str
    folder: Path
    recipe: Mapping[str, Any]
    resumed_from: int
    sent_until: int | None = None


class Logger(Component):
    """A destination of figures and pictures, active only when a recipe names it.

    Whatever a logger raises is reported once and never stops the run, except that a run does not
    begin where the package of a logger is missing that is not `optional`.
    """

    kind: ClassVar[str] = "logger"
    bears_upon: ClassVar[Bearing] = "nothing"

    optional: bool = False
    """Whether a run goes on without it where its package is not installed."""

    def check(self) -> None:
        """Refuse to begin where the library is not installed; called before anything is made.

        Raises:
            MissingExtraError: When it is not; the hint is the command that installs it.
        """

    @abstractmethod
    def start(self, run: RunDescription) -> None:
        """Import the library and open the destination.

        Raises:
            MissingExtraError: When the library is not installed.
        """

    @abstractmethod
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record figures of the step; the scores of metrics among them, as "score/NAME"."""

    def rewind(self, step: int) -> bool:
        """Drop what was recorded of steps after `step`; return whether that has been done.

        Called when training goes on from a checkpoint behind what this logger was sent: after
        `start`, where a process takes over from a killed one, or when a run that diverged rolls
        back. If it is done, what is recorded of those steps comes again, as it is then. If not,
        as by default, nothing of them is sent a second time, and what was sent stays.
        """
        del step
        return False

    def images(self, step: int, path: Path) -> None:
        """Record a picture of the step, a PNG file; it comes before the figures of the step."""

    def finish(self, outcome: str) -> None:
        """Close the destination; the outcome is "completed", "stopped" or "failed"."""
