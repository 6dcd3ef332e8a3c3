"""A component under test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from gantool.interfaces.component import Component
from gantool.testing.claims import BrokenPromise

if TYPE_CHECKING:
    from gantool.registry.plugin import Plugin
    from gantool.testing.closed_forms import ClosedForm

AnyComponent = TypeVar("AnyComponent", bound=Component)
Tested_co = TypeVar("Tested_co", bound=Component, covariant=True)


@dataclass(frozen=True)
class Subject(Generic[Tested_co]):
    """A component under test, and a place to make files in.

    Attributes:
        component: Its class.
        plugin: Who supplies it.
        scratch: A folder that is removed when the check has ended.
        closed_form: What its penalty should be on paper, where a test knows it.
    """

    component: type[Tested_co]
    plugin: Plugin
    scratch: Path
    closed_form: ClosedForm | None = None

    def folder(self) -> Path:
        """Return a new, empty folder."""
        return Path(mkdtemp(dir=self.scratch))

    def example(self) -> Tested_co:
        """Return the component's example.

        Raises:
            BrokenPromise: When its options are not valid.
        """
        try:
            return self.component.example(self.folder())
        except ValidationError as error:
            first, *_ = error.errors()
            option = ".".join(map(str, first["loc"])) or "options"
            reason = f"`example` is not valid: {option}: {first['msg']}"
            raise BrokenPromise(f"{reason}; override `example`") from error


def with_options(component: AnyComponent, **options: Any) -> AnyComponent:
    """Return a component with other options, validated as those of a recipe are.

    Raises:
        ValidationError: When they are not valid.
    """
    table = {**component.model_dump(mode="json"), **options}
    return type(component).model_validate_json(json.dumps(table))
