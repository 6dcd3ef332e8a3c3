"""The one class that every component is: options, documentation and behavior together."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from gantool.interfaces.documentation import attribute_docstrings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KINDS = ("dataset", "architecture", "loss", "regularizer", "metric", "extractor", "logger")
RESERVED_OPTIONS = frozenset({"name", "kind", "use"})


class Component(BaseModel):
    """Something a recipe can name: a frozen model whose fields are the recipe's options.

    A subclass sets `name`, documents each field with a string below it, and implements the
    methods of its kind. It holds nothing mutable: what changes during training lives in the
    `torch.nn.Module` that `Regularizer.make_state` returns.

    Raises:
        TypeError: When a subclass has a field called `name`, `kind` or `use`.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        defer_build=True,
    )

    kind: ClassVar[str]
    name: ClassVar[str]
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Contract checks that cannot pass, and why: `{"stays_finite": "it has a pole at 0"}`."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse options that a recipe's table could not hold; read what the others mean."""
        super().__pydantic_init_subclass__(**kwargs)
        silent = {name: field for name, field in cls.model_fields.items() if not field.description}
        meanings = attribute_docstrings(cls) if silent else {}
        for name in silent.keys() & meanings.keys():
            silent[name].description = meanings[name]
        if taken := sorted(RESERVED_OPTIONS & cls.model_fields.keys()):
            msg = f"{cls.__qualname__}: {', '.join(taken)} cannot be an option; rename the field"
            raise TypeError(msg)

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the class docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    @classmethod
    def example(cls, scratch: Path) -> Self:
        """Return an instance that checks can use, with default options unless overridden.

        Args:
            scratch: An empty folder in which the example may make files.
        """
        del scratch
        return cls()
