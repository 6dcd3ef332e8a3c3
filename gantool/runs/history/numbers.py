"""Numbers as they are believed in a file that anybody may have written."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gantool.runs.history.lines import MOST_STEPS

LARGEST = 1e100
"""Of figures, which are float32 where they are computed: squares and sums of these are finite."""

Step = Annotated[int, Field(ge=0, le=MOST_STEPS)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]


def number(value: object) -> float | None:
    """Return a value if it is a number of a size that can be computed with."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if -LARGEST <= value <= LARGEST else None
