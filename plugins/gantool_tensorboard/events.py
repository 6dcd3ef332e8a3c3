"""TensorBoard's event files, written record by record.

The library's own writer works in a thread, which holds back up to two minutes of figures from a
process that is killed, and prints a traceback for every write that a full disk refuses.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREFIX = "events.out.tfevents."
VERSION = "brain.Event:2"
"""From which on TensorBoard looks for restarts, and hides what was recorded of later steps."""


class EventFiles:
    """The event files of one run, read by TensorBoard in the order of their numbers.

    A file is begun by the first record of a process, when training goes back to a checkpoint, by a
    step that comes a second time for want of a note that it was sent, and after a failed write,
    which may have torn the last record. It hides what earlier files hold of its first step and
    later ones.

    Args:
        folder: Where they are; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._last: dict[str, int] = {}  # steps, by what was recorded

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record figures; TensorBoard keeps them in float32.

        Raises:
            OSError: When the disk is full or failing.
        """
        figures = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._record("scalars", step, Summary(value=figures))

    def image(self, step: int, path: Path) -> None:
        """Record a PNG as it is.

        Raises:
            OSError: When it cannot be read, or the disk is full or failing.
        """
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            image = Summary.Image(
                height=picture.height,
                width=picture.width,
                colorspace=len(picture.getbands()),
                encoded_image_string=content,
            )
        self._record("images", step, Summary(value=[Summary.Value(tag="samples", image=image)]))

    def rewind(self, step: int) -> None:
        """Hide what was recorded of later steps.

        Raises:
            OSError: When the disk is full or failing.
        """
        self._begin(step + 1)

    def _record(self, what: str, step: int, summary: Any) -> None:
        if step <= self._last.get(what, -1):
            self._path = None
        if self._path is None:
            self._begin(step)
        self._append(Event(wall_time=time.time(), step=step, summary=summary))
        self._last[what] = step

    def _begin(self, step: int) -> None:
        """Begin a file that takes over from earlier ones at a step."""
        suffixes = [path.suffix[1:] for path in self._folder.glob(f"{PREFIX}*")]
        number = 1 + max((int(text) for text in suffixes if text.isdigit()), default=0)
        self._path, self._last = self._folder / f"{PREFIX}{number:06}", {}
        now = time.time()
        heading = [Event(wall_time=now, file_version=VERSION)]
        if suffixes:
            start = SessionLog(status=SessionLog.START)
            heading.append(Event(wall_time=now, step=step, session_log=start))
        self._append(*heading)

    def _append(self, *events: Any) -> None:
        """Write events behind the last one, or leave the file and the next record to another."""
        records = io.BytesIO()
        writer = RecordWriter(records)
        for event in events:
            writer.write(event.SerializeToString())
        path, self._path = self._path, None
        assert path is not None
        with path.open("ab") as file:
            file.write(records.getvalue())
        self._path = path
