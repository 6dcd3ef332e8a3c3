"""Promises of a plugin as a whole."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from gantool.testing.claims import require
from gantool.testing.isolation import in_fresh_process
from gantool.testing.promises import promise

if TYPE_CHECKING:
    from gantool.registry.plugin import Plugin

IMPORTING = """
import contextlib, importlib, io
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    importlib.import_module(sys.argv[1])
print(json.dumps({"torch": "torch" in sys.modules, "printed": printed.getvalue()}))
"""


@promise("plugin")
def loads(plugin: Plugin) -> None:
    """It can be loaded, and offers at least one component."""
    require(plugin.failure is None, str(plugin.failure))
    require(bool(plugin.components), f"the hook of {plugin.module} offers no component")


@promise("plugin")
def names_its_components_apart(plugin: Plugin) -> None:
    """No two of its components have the same kind and the same name."""
    names = Counter(f"{component.kind}/{component.name}" for component in plugin.components)
    repeated = [name for name, count in names.items() if count > 1]
    require(not repeated, f"offered more than once: {', '.join(repeated)}")


@promise("plugin")
def leaves_torch_unimported(plugin: Plugin) -> None:
    """Importing its module does not import torch, so that listings and help start at once."""
    torch_too = _import(plugin.module)["torch"]
    way_out = "import it inside the methods that use it"
    require(not torch_too, f"importing {plugin.module} imports torch; {way_out}")


@promise("plugin")
def prints_nothing_at_import(plugin: Plugin) -> None:
    """Importing its module prints nothing on stdout, which is for data."""
    printed = _import(plugin.module)["printed"]
    require(not printed, f"importing {plugin.module} prints {printed!r}")


@cache
def _import(module: str) -> dict[str, object]:
    """Import a module in a fresh process and tell what came of it."""
    found: dict[str, object] = json.loads(in_fresh_process(IMPORTING, module))
    return found
