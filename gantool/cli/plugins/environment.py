"""`gantool environment`: what a bug report needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gantool.cli.arguments import DebugOption, JsonOption
from gantool.cli.output import one_line, print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXAMPLES = """
gantool environment
gantool environment --json
"""


def environment(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Print versions, devices and plugins, for a bug report."""
    from gantool.registry.catalog import installed
    from gantool.runs.environment import describe_environment

    found = describe_environment(installed().plugins)
    if as_json:
        print_json(found)
    else:
        print_lines(lines(found))


def lines(values: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield one line for each value, those of nested tables indented."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        if isinstance(value, dict):
            yield f"{indent}{name}"
            yield from lines(value, f"{indent}  ")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            yield f"{indent}{name:<{width}}  {one_line(text)}"
