"""Curves of records that stand in a test, without a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gantool.runs.curves import Curves, Points
from gantool.runs.documents import Damages
from gantool.runs.records import StepLine


def curves_of(records: Iterable[Mapping[str, Any]]) -> Curves:
    """Return the figures of records that have a "step" and perhaps an "epoch" each."""
    points = Points(Path(), Damages())
    lines = [StepLine(n, b"", each["step"], dict(each)) for n, each in enumerate(records, 1)]
    if lines:
        points.add(lines)
    return points.curves()
