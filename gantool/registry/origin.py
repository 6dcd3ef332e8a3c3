"""The installed package behind a plugin: what it is called, and what it requires."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import Distribution

    from packaging.requirements import Requirement

OWN_DISTRIBUTION = "gantool"
UNKNOWN = "unknown"
ON_GANTOOL = re.compile(r"gantool(?![\w.-])", re.IGNORECASE)
"""How a requirement of gantool itself begins, and not one of a package whose name goes on."""


@dataclass(frozen=True)
class Origin:
    """An installed package.

    Attributes:
        name: What pip calls it.
        version: Its version.
        requires: The packages it requires, as its metadata say it.
    """

    name: str = UNKNOWN
    version: str = UNKNOWN
    requires: tuple[str, ...] = ()

    def misfit(self) -> str | None:
        """Return why the package is not made for this gantool, or None if it is.

        A requirement that no tool understands counts as none.
        """
        on_gantool = tuple(line for line in self.requires if ON_GANTOOL.match(line))
        for requirement in _applicable(on_gantool):
            if not _fits(requirement, VERSION):
                return f"it requires {requirement}, found {OWN_DISTRIBUTION} {VERSION}"
        return None

    def missing(self) -> list[str]:
        """Return what the package requires and is not installed, or only in another version."""
        return [str(each) for each in _applicable(self.requires) if not _is_installed(each)]


def origin_of(distribution: Distribution | None) -> Origin:
    """Read the metadata of an installed package; what they do not say is unknown."""
    try:
        metadata = None if distribution is None else distribution.metadata
        if metadata is None:  # a folder of metadata without the file itself
            return Origin()
        return Origin(
            str(metadata["Name"] or UNKNOWN),
            str(metadata["Version"] or UNKNOWN),
            tuple(metadata.get_all("Requires-Dist") or ()),
        )
    except Exception:  # unreadable metadata keep nobody from using the plugin
        return Origin()


def _applicable(lines: tuple[str, ...]) -> Iterator[Requirement]:
    """Yield the requirements that hold on this machine, extras aside."""
    if not lines:
        return
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _is_installed(requirement: Requirement) -> bool:
    try:
        return _fits(requirement, version(requirement.name))
    except PackageNotFoundError:
        return False


def _fits(requirement: Requirement, found: str) -> bool:
    """Whether a version satisfies a requirement; one of no known form satisfies no bound."""
    from packaging.version import InvalidVersion

    try:
        return requirement.specifier.contains(found, prereleases=True)
    except InvalidVersion:
        return not requirement.specifier
