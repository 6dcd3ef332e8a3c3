"""`gantool list-recipes`: the recipes that come with gantool."""

from __future__ import annotations

from gantool.cli.arguments import DebugOption, JsonOption
from gantool.cli.output import print_json, print_listing

EXAMPLES = """
gantool list-recipes
gantool list-recipes --json
"""


def list_recipes(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """List the recipes that come with gantool."""
    from gantool.recipe.shipped import shipped_recipes

    recipes = shipped_recipes()
    if as_json:
        print_json(
            [
                {"name": recipe.name, "summary": recipe.summary, "path": recipe.path}
                for recipe in recipes
            ]
        )
    else:
        print_listing(("recipe", "summary"), [(recipe.name, recipe.summary) for recipe in recipes])
