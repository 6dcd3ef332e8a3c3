"""Notes of what each logger was sent of a run, whatever became of the process that sent it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Literal

from gantool.errors import UsageError
from gantool.files.durable import written_aside
from gantool.runs.documents import Step, read_document

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("gantool")

What = Literal["scalars", "images"]


class SentSteps:
    """The last steps of which loggers were sent figures and pictures.

    A step is noted before it is sent: a process that is killed in between costs a logger that
    cannot rewind one record, and no record comes twice.

    Args:
        path: The file that holds them, made with the first note; None keeps them in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._steps = {} if path is None else _read(path)

    def last(self, logger: str, *what: What) -> int | None:
        """Return the last step of which a logger was sent something of the kinds named, or any."""
        steps = self._steps.get(logger, {})
        return max((step for kind, step in steps.items() if not what or kind in what), default=None)

    def note(self, logger: str, what: What, step: int) -> None:
        """Take note of a step that is about to be sent."""
        self._steps.setdefault(logger, {})[what] = step
        self._write()

    def rewind(self, logger: str, step: int) -> None:
        """Forget the steps after `step`, which the logger has dropped."""
        steps = self._steps[logger]
        self._steps[logger] = {what: min(sent, step) for what, sent in steps.items()}
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            with written_aside(self._path, durably=False) as aside:
                aside.write_text(json.dumps(self._steps) + "\n", encoding="utf-8")
        except OSError as error:
            log.warning("%s could not be written: %s", self._path.name, error.strerror or error)


def _read(path: Path) -> dict[str, dict[str, int]]:
    """Return the steps by logger and kind; none where the file is missing or damaged."""
    if not path.exists():
        return {}
    try:
        noted: dict[str, dict[str, int]] = read_document(path, dict[str, dict[What, Step]])
    except UsageError as error:
        log.warning("%s", error)
        return {}
    return noted
