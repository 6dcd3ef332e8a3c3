"""`gantool schema`: what recipes can say here, for editors."""

from __future__ import annotations

from gantool.cli.arguments import DebugOption
from gantool.cli.output import print_json

EXAMPLES = """
gantool schema > gantool.schema.json
"""


def schema(debug: DebugOption = False) -> None:
    """Print a JSON schema of recipes, for editors.

    It covers the components that are installed. A recipe that begins with the line
    "#:schema gantool.schema.json" is then completed and checked while it is written, by
    editors that use Taplo.
    """
    from gantool.recipe.editor import recipe_schema
    from gantool.registry.catalog import installed

    print_json(recipe_schema(installed()))
