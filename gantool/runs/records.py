"""Figures of a run, one JSON object a line."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class JsonLines:
    """A file of JSON objects that have a "step", in rising order, appended to and cut back."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a line. What JSON cannot say, NaN and infinity, becomes null and is named."""
        values = {key: None if _is_non_finite(value) else value for key, value in record.items()}
        if lost := [key for key, value in record.items() if _is_non_finite(value)]:
            values["non_finite"] = lost
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values, allow_nan=False) + "\n")

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the objects; a torn last line, left by a crash, is passed over."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                if not line.endswith("\n"):
                    return
                try:
                    record = json.loads(line)
                except ValueError:
                    return
                yield record

    def cut_after(self, step: int) -> None:
        """Drop the records of later steps, and a torn last line; the file is replaced at once."""
        kept = [record for record in self.read() if record["step"] <= step]
        aside = self.path.with_name(f".tmp-{self.path.name}")
        with aside.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(record, allow_nan=False) + "\n" for record in kept)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.path)

    def sync(self) -> None:
        """Make what was appended durable."""
        if self.path.exists():
            with self.path.open("a", encoding="utf-8") as file:
                os.fsync(file.fileno())


def _is_non_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
