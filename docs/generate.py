"""Write the reference pages from the code: `python docs/generate.py`.

`components.md` holds what the built-in plugins offer, `interfaces.md` what a plugin implements,
`contract-checks.md` what it promises. A test compares the pages with the code.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import gantool
from gantool.cli.describe import default, shortest_name
from gantool.cli.options import options_of
from gantool.interfaces.component import KINDS
from gantool.registry.catalog import Catalog, Offer
from gantool.registry.discovery import discover
from gantool.testing import checks_for
from gantool.testing.promises import COMPONENT, PLUGIN

FOLDER = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py; what it says is said in the code. -->"
PLURALS = {"dataset": "Datasets", "loss": "Losses"}
SECTIONS = ("Args", "Attributes", "Raises", "Returns")
INTERFACES = "gantool.interfaces."
HOOK = "gantool_components"

ORDER = (
    "component",
    "hooks",
    "dataset",
    "image",
    "architecture",
    "loss",
    "regularizer",
    "step",
    "metric",
    "extractor",
    "logger",
)
"""The modules of interfaces as a reader meets them."""

COMPONENTS_INTRODUCTION = """
What a recipe can name with the plugins that come with gantool. `gantool describe KIND/NAME` says
the same of every component that is installed, with a table to paste.
"""
INTERFACES_INTRODUCTION = """
What a plugin implements, and what it is given. Every name is imported from `gantool` itself. What
is not marked "To be implemented" has a default, which for most methods does nothing.
[Write a plugin](writing-a-plugin.md) shows how they come together.
"""
CHECKS_INTRODUCTION = """
What gantool expects of every plugin, one function a promise. Three lines in a plugin's own tests
check all of them:

```python
from gantool.testing import Check, parametrize_with_checks


@parametrize_with_checks("my-plugin")
def test_contract(check: Check) -> None:
    check()
```

The test of each promise is called `plugin:kind/name::check`. `gantool check-plugin my-plugin`
makes the same checks without pytest. A promise that a component cannot keep is named with the
reason; as soon as it is kept after all, the exemption is an error:

```python
@parametrize_with_checks(
    "my-plugin",
    expected_failures={"my-plugin:loss/odd::stays_finite": "it has a pole at 0"},
)
```

`closed_forms={"my-penalty": value}` compares a regularizer's penalty with its value on a linear
discriminator: `value(component, game)` computes it from the weights and images of a
`gantool.testing.LinearGame`.
"""


def pages() -> dict[str, str]:
    """Return the text of every generated page by its file's name."""
    written = {
        "components.md": ("Components", COMPONENTS_INTRODUCTION, _components()),
        "interfaces.md": ("Interfaces", INTERFACES_INTRODUCTION, _interfaces()),
        "contract-checks.md": ("Contract checks", CHECKS_INTRODUCTION, _checks()),
    }
    return {
        name: "\n\n".join([NOTE, f"# {title}", introduction.strip(), *parts]) + "\n"
        for name, (title, introduction, parts) in written.items()
    }


def _components() -> Iterator[str]:
    catalog = Catalog(plugin for plugin in discover() if plugin.distribution == "gantool")
    for kind in KINDS:
        if offers := catalog.of_kind(kind):
            yield f"## {PLURALS.get(kind, f'{kind.capitalize()}s')}"
            rows = ((_link(offer), offer.component.summary()) for offer in offers)
            yield _table(("name", "what it is"), rows)
            for offer in offers:
                yield from _component(offer, catalog)


def _component(offer: Offer, catalog: Catalog) -> Iterator[str]:
    yield f"### {offer.kind}/{shortest_name(offer, catalog)}"
    yield _markdown(inspect.getdoc(offer.component) or "")
    rows = [
        (f"`{each.name}`", each.type, default(each), each.meaning)
        for each in options_of(offer.component)
    ]
    yield _table(("option", "type", "default", "meaning"), rows) if rows else "It has no options."
    yield f"Plugin `{offer.plugin.name}`."


def _link(offer: Offer) -> str:
    return f"[{offer.name}](#{offer.kind}{offer.name})"  # as GitHub makes anchors of headings


def _interfaces() -> Iterator[str]:
    homes = {module: names for module, names in gantool._MODULES.items() if INTERFACES in module}
    for module in sorted(homes, key=lambda home: ORDER.index(home.removeprefix(INTERFACES))):
        for node in ast.parse(inspect.getsource(import_module(module))).body:
            match node:
                case ast.ClassDef(name=name) if name in homes[module]:
                    yield from _class(node)
                case ast.FunctionDef(name=name) if name == HOOK:
                    yield from _method(node)
                case ast.Assign(targets=[ast.Name(id=name)]) if name in homes[module]:
                    yield f"## {name}"
                    yield f"```python\n{_code(node)}\n```"


def _class(node: ast.ClassDef) -> Iterator[str]:
    bases = ", ".join(map(ast.unparse, node.bases))
    yield f"## {node.name}"
    yield f"```python\nclass {node.name}{f'({bases})' if bases else ''}\n```"
    yield _markdown(ast.get_docstring(node) or "")
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
    yield _markdown(ast.get_docstring(node) or "")


def _checks() -> Iterator[str]:
    titles = {PLUGIN: "Of a plugin", COMPONENT: "Of every component"}
    for group in (PLUGIN, COMPONENT, *KINDS):
        yield f"## {titles.get(group, f'Of {_with_article(group)}')}"
        rows = ((f"`{promise.name}`", promise.text) for promise in checks_for(group))
        yield _table(("check", "promise"), rows)


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _markdown(docstring: str) -> str:
    """Return a docstring with its sections as lists."""
    paragraphs = []
    for paragraph in docstring.split("\n\n"):
        title, _, rest = paragraph.partition("\n")
        section = title.removesuffix(":")
        if title.endswith(":") and section in SECTIONS:
            paragraphs.append(f"{section}:\n\n{_items(rest, named=section != 'Returns')}")
        else:
            paragraphs.append(" ".join(paragraph.split()))
    return "\n\n".join(paragraphs)


def _items(text: str, *, named: bool) -> str:
    """Return the entries of a section as a list; indented further, a line goes on."""
    entries: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if line.startswith(" ") or (entries and not named):
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line)
    if named:
        pairs = (entry.partition(": ") for entry in entries)
        entries = [f"`{name}`: {meaning}" for name, _, meaning in pairs]
    return "\n".join(f"- {entry}" for entry in entries)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    for page, content in pages().items():
        (FOLDER / page).write_text(content, encoding="utf-8")
