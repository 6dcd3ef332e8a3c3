"""The base of all tables of the core."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from gantool.interfaces.component import Bearing

Fraction = Annotated[float, Field(ge=0, lt=1)]
"""A share of a whole, never all of it."""


class Table(BaseModel):
    """A table that the core owns; each field's docstring is its documentation."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        defer_build=True,
    )

    bears_upon: ClassVar[Bearing] = "training"
    """What its options change unless they say it themselves with `Bears`."""
