"""The logger `tensorboard`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import PrivateAttr
from typing_extensions import override

from gantool import Component, Logger, MissingExtraError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool import RunDescription
    from gantool_tensorboard.events import EventFiles


class TensorBoard(Logger):
    """Figures and sample grids for TensorBoard: `tensorboard --logdir runs` shows them.

    Each record is on disk when training goes on. A resumed run goes on with the curves of the
    run; steps that it takes again replace what was drawn of them.
    """

    name = "tensorboard"

    folder: Path | None = None
    """Where runs get a folder each, NAME-IDENTIFIER; by default it is tensorboard/ in the run's."""

    _events: EventFiles | None = PrivateAttr(default=None)

    @override
    def check(self) -> None:
        """Refuse to begin without tensorboard.

        Raises:
            MissingExtraError: When tensorboard is not installed.
        """
        try:
            import gantool_tensorboard.events  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                f"logger 'tensorboard' needs tensorboard, which cannot be imported ({error})",
                "pip install 'gantool[tensorboard]'",
            ) from error

    @override
    def start(self, run: RunDescription) -> None:
        """Make the folder of the run's event files.

        Raises:
            MissingExtraError: When tensorboard is not installed.
            OSError: When the folder cannot be made.
        """
        self.check()
        from gantool_tensorboard.events import EventFiles

        folder = run.folder / "tensorboard"
        if self.folder is not None:
            folder = self.folder.expanduser() / f"{run.name}-{run.identifier[:8]}"
        folder.mkdir(parents=True, exist_ok=True)
        self._events = EventFiles(folder)

    @override
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        if self._events is not None:
            self._events.scalars(step, values)

    @override
    def rewind(self, step: int) -> bool:
        """Hide later steps, which come again."""
        if self._events is not None:
            self._events.rewind(step)
        return True

    @override
    def images(self, step: int, path: Path) -> None:
        if self._events is not None:
            self._events.image(step, path)

    @override
    def finish(self, outcome: str) -> None:
        """Let go of the files; there is nothing left to write."""
        del outcome
        self._events = None


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the logger."""
    return [TensorBoard]
