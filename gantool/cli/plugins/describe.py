"""`gantool describe`: everything about one component."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from gantool.cli.arguments import JsonOption, argument, examples, starting
from gantool.cli.output import print_json, print_lines, print_listing
from gantool.cli.plugins.options import BEARINGS, as_toml, export_command, options_of, recipe_table

if TYPE_CHECKING:
    from gantool.cli.plugins.options import Option
    from gantool.registry.catalog import Offer

PAPER = re.compile(r"\(([A-Z][^()]*\b(?:19|20)\d\d\b[^()]*)\)")
"""How docstrings cite: authors and year in parentheses, with section or equation."""


def complete_component(incomplete: str) -> list[str]:
    """Offer every KIND/NAME."""
    from gantool.registry.catalog import installed

    return starting(incomplete, sorted({f"{o.kind}/{o.name}" for o in installed().offers}))


@examples(
    "gantool describe architecture/dcgan",
    "gantool describe loss/losses:hinge",
    "gantool describe regularizer/spectral-norm --json",
)
def describe(
    component: Annotated[
        str,
        argument("KIND/NAME", "A component, as list-components names it.", complete_component),
    ],
    as_json: JsonOption = False,
) -> None:
    """Describe a component: options, defaults, meaning, paper.

    At the end comes a table to paste into a recipe; for an exporter, a command.
    """
    from gantool.registry.calling import calling
    from gantool.registry.catalog import installed

    catalog = installed()
    offer = catalog.locate(component)
    use = catalog.shortest_name(offer)
    with calling(offer.component, "describing its options", plugin=offer.plugin):
        data = _as_data(offer, use)
    if as_json:
        print_json(data)
    else:
        _print_page(offer, use)


def _papers(documentation: str) -> list[str]:
    return PAPER.findall(" ".join(documentation.split()))


def _as_data(offer: Offer, use: str) -> dict[str, Any]:
    documentation = inspect.getdoc(offer.component) or ""
    return {
        "component": f"{offer.kind}/{use}",
        "kind": offer.kind,
        "name": offer.name,
        "full_name": offer.full_name,
        "plugin": offer.plugin.name,
        "distribution": offer.plugin.distribution,
        "version": offer.plugin.version,
        "description": documentation,
        "papers": _papers(documentation),
        "options": [
            {key: value for key, value in asdict(option).items() if key != "placeholder"}
            for option in options_of(offer.component)
        ],
        **_used(offer, use),
    }


def _print_page(offer: Offer, use: str) -> None:
    documentation = inspect.getdoc(offer.component) or ""
    plugin = offer.plugin
    _say(f"{offer.kind}/{use}", "bold cyan")
    _say(f"plugin  {plugin.name} ({plugin.distribution} {plugin.version})")
    for paper in _papers(documentation):
        _say(f"paper   {paper}")
    for paragraph in documentation.split("\n\n"):
        print_lines([""])
        _say(paragraph.replace("\n", " "))
    print_lines([""])
    _print_options(options_of(offer.component), offer.component.bears_upon)
    print_lines([""])
    ((form, text),) = _used(offer, use).items()
    _say("In a recipe" if form == "toml" else "On the command line", "bold")
    print_lines([""])
    print_lines(text.splitlines())


def _used(offer: Offer, use: str) -> dict[str, str]:
    """Return the recipe's table, or the command, that names a component."""
    if offer.kind == "exporter":
        return {"command": export_command(offer.component, use)}
    return {"toml": recipe_table(offer.component, use)}


def _print_options(options: list[Option], bears_upon: str) -> None:
    if not options:
        print_lines(["It has no options."])
        return
    rows = [(each.name, each.type, default(each), meaning(each, bears_upon)) for each in options]
    print_listing(("option", "type", "default", "meaning"), rows)
    if bears_upon != "training":
        print_lines(["", BEARINGS[bears_upon]])


def meaning(option: Option, bears_upon: str) -> str:
    """Return an option's documentation, and what it bears upon where that is not its class's."""
    own = "" if option.bears_upon == bears_upon else f" {BEARINGS[option.bears_upon]}"
    return f"{option.meaning}{own}"


def default(option: Option) -> str:
    """Return what holds where a recipe does not say an option."""
    if option.required:
        return "required"
    return "absent" if option.default is None else as_toml(option.default)


def _say(text: str, style: str = "") -> None:
    """Print text, wrapped between words and styled on a terminal."""
    from gantool.text import visible

    if not sys.stdout.isatty():
        print_lines([visible(text)])
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(visible(text), style=style))
