"""Names of a new plugin, of its package and of its class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec

from gantool.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""What is at once a plugin, a component and, behind `gantool-`, a distribution."""
LONGEST = 40
"""Characters of a name, with which no line of the written code becomes too long."""


@dataclass(frozen=True)
class Naming:
    """The names of a plugin that offers one component.

    Attributes:
        plugin: The plugin's name, and the component's.
        kind: The component's kind.
    """

    plugin: str
    kind: str

    @property
    def distribution(self) -> str:
        """What pip installs."""
        return f"gantool-{self.plugin}"

    @property
    def module(self) -> str:
        """What Python imports."""
        return f"gantool_{self.plugin.replace('-', '_')}"

    @property
    def component(self) -> str:
        """The component's class; the kind in it keeps it apart from what the module imports."""
        words = (*self.plugin.split("-"), self.kind)
        return "".join(word.capitalize() for word in words)


def check_naming(naming: Naming) -> None:
    """Refuse a name that some file could not bear, or that is taken in this environment.

    Raises:
        UsageError: When the name is malformed or too long, or its module exists.
    """
    name = naming.plugin
    if not NAME.fullmatch(name):
        expected = "lower-case words of letters and digits with dashes between, as in 'zero-r1'"
        raise UsageError(f"a plugin cannot be called {name!r}", f"expected {expected}")
    if len(name) > LONGEST:
        message = f"the name {name!r} has {len(name)} characters"
        raise UsageError(message, f"at most {LONGEST} are allowed")
    if find_spec(naming.module) is not None:
        message = f"there is a module {naming.module} already"
        raise UsageError(message, "choose another name, or uninstall the package that has it")
