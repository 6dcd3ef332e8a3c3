"""`gantool list-recipes`, `show` and `schema`: what recipes there are, and what they say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gantool.cli.arguments import JsonOption, RecipeArgument, SetOption, examples
from gantool.cli.output import one_line, print_json, print_lines, print_listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from gantool.recipe.schema import Recipe

MOST_COLUMNS = 44
"""Longer lines do not move the origins of all others to the right."""


@examples("gantool list-recipes", "gantool list-recipes --json")
def list_recipes(as_json: JsonOption = False) -> None:
    """List the recipes that come with gantool."""
    from gantool.recipe.shipped import shipped_recipes

    recipes = shipped_recipes()
    if as_json:
        keys = ("name", "summary", "path")
        print_json([{key: getattr(recipe, key) for key in keys} for recipe in recipes])
    else:
        print_listing(("recipe", "summary"), [(recipe.name, recipe.summary) for recipe in recipes])


@examples("gantool schema > gantool.schema.json")
def schema() -> None:
    """Print a JSON schema of recipes, for editors.

    It covers the components that are installed. A recipe that begins with the line
    "#:schema gantool.schema.json" is then completed and checked while it is written, by
    editors that use Taplo.
    """
    from gantool.recipe.editor import recipe_schema
    from gantool.registry.catalog import installed

    print_json(recipe_schema(installed()))


@examples(
    "gantool show spectral",
    "gantool show spectral --set training.steps=600 > mine.toml",
    "gantool show spectral --json",
)
def show(
    recipe: RecipeArgument,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the resolved recipe, and where each value was said.

    It holds every value, defaults too, and is a recipe again: the origins are comments.
    """
    from gantool.recipe.reading import read_recipe

    resolved = read_recipe(recipe, overrides or ())
    if as_json:
        origins = {".".join(map(str, path)): said for path, said in resolved.origins.items()}
        told = {"recipe": resolved.name, "document": resolved.document, "origins": origins}
        print_json({**told, "warnings": list(resolved.warnings)})
    elif sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        for line, origin in _annotated(resolved):
            console.print(_styled(line, origin), soft_wrap=True)
    else:
        lines = _annotated(resolved)
        print_lines(f"{line}# {origin}" if origin else line for line, origin in lines)


def _annotated(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield each line of the recipe as TOML, and where its value was said.

    Lines with an origin are padded, so that the origins stand below each other.
    """
    from gantool.recipe.documents import dump
    from gantool.recipe.source.toml import locate

    text = dump(recipe.document)
    positions = locate(text)
    origins: dict[int, str] = {}
    for path, origin in recipe.origins.items():
        number = text.count("\n", 0, positions.key(path).start)
        origins.setdefault(number, one_line(origin))
    lines = text.rstrip("\n").split("\n")
    lengths = [len(lines[number]) for number in origins]
    width = max((length for length in lengths if length <= MOST_COLUMNS), default=0)
    for number, line in enumerate(lines):
        yield (f"{line:<{width}}  ", origins[number]) if number in origins else (line, "")


def _styled(line: str, origin: str) -> Text:
    from rich.text import Text

    from gantool.recipe.documents import DEFAULT
    from gantool.text import visible

    if not origin:
        return Text(visible(line), style="bold")
    style = "dim" if origin == DEFAULT else "cyan"
    return Text.assemble(visible(line), (f"# {origin}", style))
