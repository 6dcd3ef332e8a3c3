"""`components.md`: what the built-in plugins offer."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from gantool.interfaces.component import KINDS
from gantool.registry.catalog import Catalog, Offer
from gantool.registry.loading import discover
from generating.markdown import from_docstring, options_table

if TYPE_CHECKING:
    from collections.abc import Iterator

PLURALS = {"dataset": "Datasets", "loss": "Losses"}
INTRODUCTION = """
What a recipe can name with the plugins that come with gantool. `gantool list-components` lists all
that are installed, `gantool describe KIND/NAME` says the same of each, with a table to paste.
"""


def built_in() -> Catalog:
    """Return the components that come with gantool."""
    return Catalog(plugin for plugin in discover() if plugin.distribution == "gantool")


def content() -> Iterator[str]:
    """Yield the page below its introduction."""
    catalog = built_in()
    for kind in KINDS:
        if offers := catalog.of_kind(kind):
            yield f"## {PLURALS.get(kind, f'{kind.capitalize()}s')}"
            yield " · ".join(map(_link, offers))
            for offer in offers:
                yield from _component(offer, catalog)


def _component(offer: Offer, catalog: Catalog) -> Iterator[str]:
    yield f"### {offer.kind}/{catalog.shortest_name(offer)}"
    yield from_docstring(inspect.getdoc(offer.component) or "")
    yield options_table(offer.component)
    yield f"Plugin `{offer.plugin.name}`."


def _link(offer: Offer) -> str:
    return f"[{offer.name}](#{offer.kind}{offer.name})"  # as GitHub makes anchors of headings
