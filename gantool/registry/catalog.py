"""Look components up by kind and name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from gantool.errors import PluginError
from gantool.interfaces.component import KINDS, Component
from gantool.registry.loading import discover
from gantool.registry.plugin import Plugin
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_EXPLAINED = 2
"""Broken plugins whose reasons a message has room for."""


@dataclass(frozen=True)
class Offer:
    """A component and the plugin that supplies it."""

    component: type[Component]
    plugin: Plugin

    @property
    def kind(self) -> str:
        """The component's kind."""
        return self.component.kind

    @property
    def name(self) -> str:
        """The component's name, as recipes say it."""
        return self.component.name

    @property
    def full_name(self) -> str:
        """`plugin:name`, which stays unique when two plugins offer the same name."""
        return f"{self.plugin.name}:{self.component.name}"


class Catalog:
    """All components that a set of plugins supplies."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self.offers = tuple(
            Offer(component, plugin) for plugin in self.plugins for component in plugin.components
        )

    def of_kind(self, kind: str) -> list[Offer]:
        """Return the offers of one kind, sorted by name."""
        offers = (offer for offer in self.offers if offer.kind == kind)
        return sorted(offers, key=lambda offer: offer.full_name)

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, sorted, each once."""
        return sorted({offer.name for offer in self.of_kind(kind)})

    def named(self, kind: str, name: str) -> list[Offer]:
        """Return the offers of a kind and a bare name: several, where plugins offer the same."""
        return [offer for offer in self.of_kind(kind) if offer.name == name]

    def only(self, kind: str, name: str) -> Offer | None:
        """Return the offer of a bare name, if there is exactly one."""
        offers = self.named(kind, name)
        return offers[0] if len(offers) == 1 else None

    def meant(self, kind: str, name: str) -> Offer | None:
        """Return the offer that recipes of runs, and those that come along, mean by a bare name.

        That is gantool's own component, whatever others offer; else the only one, if there is one.
        """
        own = [each for each in self.named(kind, name) if each.plugin.is_own]
        return own[0] if len(own) == 1 else self.only(kind, name)

    def shortest_name(self, offer: Offer) -> str:
        """Return the name that finds a component: the full one where others have the same."""
        return offer.name if len(self.named(offer.kind, offer.name)) == 1 else offer.full_name

    def find(self, kind: str, use: str, *, ours_first: bool = False) -> Offer:
        """Return the component that `use`, a name or full name (`plugin:name`), means.

        With `ours_first` a bare name is of a run or an export, and so `meant`. A `PluginError` says
        that no plugin offers it, or that several do and `use` does not say which.
        """
        if ours_first and (meant := self.meant(kind, use)) is not None:
            return meant
        offers = [offer for offer in self.of_kind(kind) if use in (offer.name, offer.full_name)]
        if len(offers) == 1:
            return offers[0]
        if offers:
            choices = " or ".join(f"'{offer.full_name}'" for offer in offers)
            raise PluginError(f"{kind} '{use}' is offered by several plugins", f"write {choices}")
        raise PluginError(f"unknown {kind} '{use}'", self._way_out(kind, use))

    def locate(self, reference: str) -> Offer:
        """Return the component that `KIND/NAME` names."""
        kind, slash, use = reference.partition("/")
        if not slash or kind not in KINDS:
            expected = f"expected KIND/NAME with one of the kinds {', '.join(KINDS)}"
            raise PluginError(f"'{reference}' names no component", expected)
        return self.find(kind, use)

    def _way_out(self, kind: str, use: str) -> str:
        """Say what the user may have meant, or which broken plugin may be the reason."""
        broken = [plugin for plugin in self.plugins if plugin.failure]
        for plugin in broken:
            if plugin.name in (use, use.partition(":")[0]):
                return not_loaded(plugin)
        installed = f"installed: {', '.join(self.names(kind)) or 'none'}"
        way_out = guess(use, self.names(kind)) or installed
        return "; ".join([way_out, *_suspects(broken)])


def _suspects(broken: list[Plugin]) -> list[str]:
    """Say which broken plugins may have what was looked for: why if they are few, or just who."""
    if len(broken) <= MOST_EXPLAINED:
        return [not_loaded(plugin) for plugin in broken]
    names = ", ".join(f"'{plugin.name}'" for plugin in broken)
    return [
        f"or it is of a plugin that could not be loaded ({names}); gantool list-plugins says why"
    ]


def not_loaded(plugin: Plugin) -> str:
    """Say of a broken plugin why it offers nothing."""
    return f"plugin '{plugin.name}' could not be loaded: {plugin.failure}"


@cache
def installed() -> Catalog:
    """Return the catalog of the installed plugins, discovered once a process."""
    return Catalog(discover())
