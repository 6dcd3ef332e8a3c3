"""`gantool list-components`: what recipes can name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import DebugOption, JsonOption
from gantool.cli.completion import complete_kind
from gantool.cli.output import print_json, print_listing
from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.registry.catalog import Catalog, Offer

EXAMPLES = """
gantool list-components
gantool list-components loss
gantool list-components --json
"""


def list_components(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="dataset, architecture, loss, regularizer, optimizer, metric, extractor, logger "
            "or exporter.",
            autocompletion=complete_kind,
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List the components that recipes can name."""
    from gantool.registry.catalog import installed

    offers = offers_of(installed(), kind)
    names = Counter((offer.kind, offer.name) for offer in offers)
    records = [
        (
            f"{offer.kind}/{offer.full_name if names[offer.kind, offer.name] > 1 else offer.name}",
            offer.plugin.name,
            offer.component.summary(),
        )
        for offer in offers
    ]
    if as_json:
        keys = ("component", "plugin", "summary")
        print_json([dict(zip(keys, record, strict=True)) for record in records])
    else:
        print_listing(("component", "plugin", "summary"), records)


def offers_of(catalog: Catalog, kind: str | None) -> list[Offer]:
    """Return the components of one kind, or of all in the order of the kinds.

    Raises:
        UsageError: When there is no such kind.
    """
    from gantool.interfaces.component import KINDS

    if kind is None:
        return [offer for each in KINDS for offer in catalog.of_kind(each)]
    if kind not in KINDS:
        raise UsageError(f"unknown kind '{kind}'", f"kinds: {', '.join(KINDS)}")
    return catalog.of_kind(kind)
