"""`interfaces.md`: what a plugin implements, and what it is given."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING

import gantool
from generating.markdown import from_docstring

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERFACES = "gantool.interfaces."
HOOK = "gantool_components"

ORDER = (
    "component",
    "dataset",
    "architecture",
    "modules",
    "loss",
    "regularizer",
    "step",
    "optimizer",
    "metric",
    "logger",
    "exporter",
)
"""The modules of interfaces as a reader meets them."""

INTRODUCTION = """
What a plugin implements, and what it is given. Every name is imported from `gantool` itself. What
is not marked "To be implemented" has a default, which for most methods does nothing.
[Write a plugin](writing-a-plugin.md) shows how they come together.
"""


def content() -> Iterator[str]:
    """Yield the page below its introduction."""
    homes = {module: names for module, names in gantool._MODULES.items() if INTERFACES in module}
    for module in sorted(homes, key=lambda home: ORDER.index(home.removeprefix(INTERFACES))):
        for node in ast.parse(inspect.getsource(import_module(module))).body:
            match node:
                case ast.ClassDef(name=name) if name in homes[module]:
                    yield from _class(node)
                case ast.FunctionDef(name=name) if name == HOOK or name in homes[module]:
                    yield from _method(node)
                case (
                    ast.Assign(targets=[ast.Name(id=name)])
                    | ast.AnnAssign(target=ast.Name(id=name))
                ) if name in homes[module]:
                    yield f"## {name}"
                    yield f"```python\n{_code(node)}\n```"


def _class(node: ast.ClassDef) -> Iterator[str]:
    bases = ", ".join(map(ast.unparse, node.bases))
    yield f"## {node.name}"
    yield f"```python\nclass {node.name}{f'({bases})' if bases else ''}\n```"
    yield from_docstring(ast.get_docstring(node) or "")
    if attributes := "\n".join(_attributes(node.body)):
        yield attributes
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and _is_public(member.name):
            yield from _method(member, f"{node.name}.")


def _code(node: ast.AST) -> str:
    """Return a piece of source, with the quotes that the source has."""
    return ast.unparse(node).replace("'", '"')


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name in ("__call__", "__len__")


def _attributes(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the attributes that have a string below them."""
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(), ast.Expr(value=ast.Constant(value=str(text))):
                yield f"- `{_code(field)}`: {' '.join(text.split())}"


def _method(node: ast.FunctionDef, owner: str = "") -> Iterator[str]:
    decorators = {ast.unparse(each) for each in node.decorator_list}
    returns = "" if node.returns is None else f" -> {_code(node.returns)}"
    yield f"{'###' if owner else '##'} {owner}{node.name}"
    if "property" in decorators:
        yield f"```python\n{node.name}{returns.replace(' ->', ':')}\n```"
    else:
        before = "@classmethod\n" if "classmethod" in decorators else ""
        yield f"```python\n{before}def {node.name}({_code(node.args)}){returns}\n```"
    if decorators & {"abstractmethod", "hookspec"}:
        yield "To be implemented."
    yield from_docstring(ast.get_docstring(node) or "")
