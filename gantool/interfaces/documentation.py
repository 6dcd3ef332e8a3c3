"""The strings below the fields of a class: what options mean.

Pydantic reads them too (`use_attribute_docstrings`), but splits every class into tokens; with many
plugins that would be a quarter of the time that `gantool list-plugins` takes. Here each file is
parsed once.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

LOCAL = "<locals>"
"""What a qualified name has behind a function."""


def attribute_docstrings(defined: type) -> dict[str, str]:
    """Return the strings below the annotated attributes of a class that is being defined.

    Empty where the source cannot be read.
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
