"""The hook through which a plugin offers its components."""

from __future__ import annotations

import pluggy

from gantool.interfaces.component import Component

PROJECT = "gantool"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def gantool_components() -> list[type[Component]]:
    """Return the component classes that this plugin offers."""
    return []
