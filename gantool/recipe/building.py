"""Validate a merged document: the core's tables first, then each component's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gantool.recipe.choosing import choose_extractor, choose_many, choose_one
from gantool.recipe.entries import Entry, Origin
from gantool.recipe.optimizers import choose_optimizers
from gantool.recipe.schema import CORE_TABLES, LEADING, LISTS, SINGLES, CoreTables, EvaluationTable
from gantool.recipe.validating import suggest_option, validate
from gantool.recipe.wording import shown
from gantool.text import guess

if TYPE_CHECKING:
    from gantool.interfaces.component import Component
    from gantool.recipe.choosing import Chosen
    from gantool.recipe.optimizers import Optimizers
    from gantool.recipe.problems import Problems
    from gantool.recipe.schema import Table
    from gantool.registry.catalog import Catalog

TABLES = (*SINGLES, *LISTS, *CORE_TABLES, "optimizer")


@dataclass
class Draft:
    """A recipe while it is checked: what has problems is absent.

    Attributes:
        document: What the recipe says, merged.
        requires: Packages it asks for.
        tables: The core's tables by name, optimizers aside.
        singles: Dataset, architecture and loss by kind.
        lists: Regularizers, metrics and loggers by the name of their array.
        optimizers: Both players' optimizers.
        extractor: What metrics look through.
    """

    document: Entry
    requires: tuple[str, ...] = ()
    tables: dict[str, Any] = field(default_factory=dict)
    singles: dict[str, Chosen] = field(default_factory=dict)
    lists: dict[str, list[Chosen]] = field(default_factory=dict)
    optimizers: Optimizers | None = None
    extractor: Component | None = None

    def says(self, *path: str) -> bool:
        """Whether the recipe, or one that it extends, says an option of a table."""
        entry: Entry | None = self.document
        for name in path:
            entry = None if entry is None else entry.table.get(name)
        return entry is not None

    def origin(self, *path: str) -> Origin:
        """Return where an option was said; if nowhere, where its table or the file begins."""
        entry = self.document
        for name in path:
            entry = entry.table.get(name, entry)
        return entry.origin


def build(document: Entry, catalog: Catalog, problems: Problems) -> Draft:
    """Return everything in a document that is valid, and name what is not."""
    _refuse_unknown(document, problems)
    draft = Draft(document, requires=_requires(document, problems))
    for name, model in CORE_TABLES.items():
        draft.tables[name] = _core_table(name, model, document, problems)
    for kind in SINGLES:
        if chosen := choose_one(kind, document, catalog, problems):
            draft.singles[kind] = chosen
    for array, kind in LISTS.items():
        draft.lists[array] = choose_many(array, kind, document, catalog, problems)
    draft.optimizers = choose_optimizers(document, problems)
    draft.extractor = _extractor(draft, catalog, problems)
    return draft


def _refuse_unknown(document: Entry, problems: Problems) -> None:
    """Name the tables, and the options before the first table, that no recipe has."""
    for name, entry in document.table.items():
        if name in TABLES or name in LEADING:
            continue
        if isinstance(entry.value, dict | list):
            message, suggestion = f"unknown table [{name}]", guess(name, TABLES)
        else:
            message = f"unknown option {shown(name)} before the first table"
            suggestion = suggest_option(name, LEADING)
        problems.add(message, entry.origin.key, entry.origin.path, suggestion)


def _requires(document: Entry, problems: Problems) -> tuple[str, ...]:
    said = {"requires": document.table["requires"]} if "requires" in document.table else {}
    valid = validate(CoreTables, Entry(said, document.origin), "the recipe", problems)
    return valid.requires if valid else ()


def _core_table(name: str, model: type[Table], document: Entry, problems: Problems) -> Table | None:
    entry = document.table.get(name)
    return model() if entry is None else validate(model, entry, f"[{name}]", problems)


def _extractor(draft: Draft, catalog: Catalog, problems: Problems) -> Component | None:
    table: EvaluationTable | None = draft.tables["evaluation"]
    if table is None or table.extractor is None:
        return None
    said = draft.document.table["evaluation"].table["extractor"]
    return choose_extractor(said, catalog, problems)
