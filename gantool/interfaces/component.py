"""The one class that every component is: options, documentation and behavior together."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

import pluggy
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

PROJECT = "gantool"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

KINDS = (
    "dataset",
    "architecture",
    "loss",
    "regularizer",
    "optimizer",
    "metric",
    "extractor",
    "logger",
    "exporter",
)
RESERVED_OPTIONS = frozenset({"name", "kind", "use"})
Bearing = Literal["training", "start", "bits", "nothing"]


@dataclass(frozen=True)
class Bears:
    """What another value of an option changes, said beside the option's type.

    `log_every: Annotated[int, Bears("nothing")] = 10`. Resuming, comparing, the grouping of seeds
    and ablations go by it; an option that says nothing has the `bears_upon` of its class.

    "training" is what is trained; "start" only how a run begins, its images or first weights, which
    one that goes on has already; "bits" only the last bits of numbers; "nothing" only what is
    shown, recorded or kept.

    Attributes:
        upon: One of these four.

    Raises:
        ValueError: When it is another word.
    """

    upon: Bearing

    def __post_init__(self) -> None:
        if self.upon not in get_args(Bearing):
            msg = f"expected one of {', '.join(map(repr, get_args(Bearing)))}, got {self.upon!r}"
            raise ValueError(msg)


def bearings_of(model: type[BaseModel]) -> dict[str, Bearing]:
    """Return what the options of a component, or of a table of the core, bear upon."""
    of_class: Bearing = getattr(model, "bears_upon", "training")
    return {
        field.alias or name: next(
            (each.upon for each in field.metadata if isinstance(each, Bears)), of_class
        )
        for name, field in model.model_fields.items()
    }


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
    bears_upon: ClassVar[Bearing] = "training"
    """What its options change unless they say it themselves with `Bears`."""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Contract checks that cannot pass, and why: `{"stays_finite": "it has a pole at 0"}`."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse options that a recipe's table could not hold; read what the others mean."""
        super().__pydantic_init_subclass__(**kwargs)
        _forget_types_of_class_variables(cls)
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


def _forget_types_of_class_variables(model: type[BaseModel]) -> None:
    """Spare pydantic from compiling their annotations again for every class made from a model."""
    own = vars(model).get("__annotations__", {})
    own.update(dict.fromkeys(own.keys() & model.__class_vars__, ClassVar))


_forget_types_of_class_variables(Component)


@hookspec
def gantool_components() -> list[type[Component]]:
    """Return the component classes that this plugin offers."""
    return []


LOCAL = "<locals>"
"""What a qualified name has behind a function."""


def attribute_docstrings(defined: type) -> dict[str, str]:
    """Return the strings below the annotated attributes of a class that is being defined.

    Empty where the source cannot be read. Pydantic reads them too (`use_attribute_docstrings`), but
    splits every class into tokens, a quarter of the time that `gantool list-plugins` would take.
    """
    found = _classes(_source_of(defined.__module__)).get(defined.__qualname__)
    return {} if found is None else dict(_documented(found.body))


def _source_of(module: str) -> str:
    """Return the source of the module that runs further up the stack, or nothing."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") != module:
        frame = frame.f_back
    if frame is None:
        return ""
    file = frame.f_code.co_filename
    linecache.checkcache(file)
    return "".join(linecache.getlines(file, frame.f_globals))


@lru_cache(maxsize=16)
def _classes(source: str) -> Mapping[str, ast.ClassDef]:
    """Return the classes of a file by their qualified names."""
    try:
        return dict(_within(ast.parse(source).body, ""))
    except SyntaxError:  # cells of a notebook have a syntax of their own
        return {}


def _within(nodes: Iterable[ast.AST], prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in nodes:
        match node:
            case ast.ClassDef():
                yield f"{prefix}{node.name}", node
                yield from _within(node.body, f"{prefix}{node.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _within(node.body, f"{prefix}{node.name}.{LOCAL}.")
            case ast.If() | ast.Try() | ast.ExceptHandler() | ast.With() | ast.For():
                yield from _within(ast.iter_child_nodes(node), prefix)


def _documented(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield sys.intern(name), inspect.cleandoc(text)
