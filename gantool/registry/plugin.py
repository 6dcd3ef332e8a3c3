"""An installed plugin, loaded or broken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.registry.origin import OWN_DISTRIBUTION

if TYPE_CHECKING:
    from gantool.interfaces.component import Component

NAME = re.compile(r"[a-z][a-z0-9-]*")
"""What plugins and components may be called."""


@dataclass(frozen=True)
class Plugin:
    """An installed plugin, loaded or broken.

    Attributes:
        name: The entry point's name.
        module: The module it names.
        distribution: The installed package that brought it.
        version: That package's version.
        components: What it offers; empty when broken.
        failure: Why it could not be loaded, or None.
        remark: What it should not do and yet does not keep it from being used, or None.
    """

    name: str
    module: str
    distribution: str
    version: str
    components: tuple[type[Component], ...] = ()
    failure: str | None = None
    remark: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether it comes along with gantool."""
        return self.distribution == OWN_DISTRIBUTION
