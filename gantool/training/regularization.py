"""The active regularizers of a run, asked by the hook that they override."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from gantool.interfaces.regularizer import LazyOption, PlayerOption, Regularizer, is_off
from gantool.registry.calling import call, described, misbehaved
from gantool.training.randomness import global_seed, seed_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.errors import PluginError
    from gantool.interfaces.step import Player, Setup

PENALTIES = {"discriminator": "discriminator_penalty", "generator": "generator_penalty"}
OF_ONE_PLAYER = frozenset(
    {
        "prepare",
        "optimizer_options",
        *PENALTIES.values(),
        "after_update",
        "figures",
        "around_update",
    }
)
"""Hooks that a `player` option restricts to that player."""


@dataclass(frozen=True)
class Active:
    """A regularizer that is on.

    Attributes:
        component: The regularizer.
        stream: Its name, with its occurrence from the second one on: "l2", "l2-2".
        state: What its `make_state` returned.
    """

    component: Regularizer
    stream: str
    state: nn.Module | None

    def call(self, hook: str, *arguments: Any) -> Any:
        """Call a hook of the component and return what it returns, which nobody has checked yet.

        Raises:
            PluginError: When it fails.
        """
        return call(self.component, hook, *arguments, name=self.stream)

    def misbehaved(self, hook: str, found: str, expected: str) -> PluginError:
        """Return the error that says what a hook returned instead of what it should have."""
        return misbehaved(self.component, hook, found, expected, name=self.stream)

    def overrides(self, hook: str) -> bool:
        """Whether the component implements a hook itself."""
        return getattr(type(self.component), hook) is not getattr(Regularizer, hook)

    def concerns(self, player: Player) -> bool:
        """Whether hooks of one player are called for this one."""
        return not isinstance(self.component, PlayerOption) or self.component.player == player

    @property
    def trainer(self) -> Player:
        """The player whose optimizer trains the state's parameters."""
        return (
            self.component.player if isinstance(self.component, PlayerOption) else "discriminator"
        )

    @property
    def every(self) -> int:
        """Updates from one application of its penalties to the next."""
        return self.component.every_steps if isinstance(self.component, LazyOption) else 1


class Regularization:
    """All active regularizers, in the recipe's order.

    One whose strength is 0 is left out: none of its methods is called.

    Args:
        regularizers: Those of the recipe.
        setup: What is known before the first step.
        seed: The recipe's seed, from which the states' first values follow.
    """

    def __init__(self, regularizers: Iterable[Regularizer], setup: Setup, seed: int) -> None:
        self.active: list[Active] = []
        occurrences: dict[str, int] = {}
        for component in regularizers:
            occurrences[component.name] = number = occurrences.get(component.name, 0) + 1
            if is_off(component):
                continue
            stream = component.name if number == 1 else f"{component.name}-{number}"
            with global_seed(seed_of(seed, "state", stream)):
                state = _state_of(component, stream, setup)
            self.active.append(Active(component, stream, state))

    def having(self, hook: str, player: Player) -> list[Active]:
        """Return those that override a hook, for a player's update, in the recipe's order."""
        return [
            active
            for active in self.active
            if active.overrides(hook) and (hook not in OF_ONE_PLAYER or active.concerns(player))
        ]

    def states(self) -> dict[str, nn.Module]:
        """Return the states by stream."""
        return {active.stream: active.state for active in self.active if active.state is not None}

    @property
    def need_real_in_generator(self) -> bool:
        """Whether any of them looks at real images in generator updates."""
        return self.need_both_graphs or any(
            active.component.needs_real_in_generator for active in self.active
        )

    @property
    def need_both_graphs(self) -> bool:
        """Whether any of them differentiates in the weights of both players at once."""
        return any(active.component.needs_both_graphs for active in self.active)


def _state_of(component: Regularizer, stream: str, setup: Setup) -> nn.Module | None:
    """Return what a regularizer remembers between updates, if it does.

    Raises:
        PluginError: When it fails to make it, or makes no module.
    """
    if type(component).make_state is Regularizer.make_state:
        return None
    state = call(component, "make_state", setup, name=stream)
    if state is None or isinstance(state, nn.Module):
        return state
    expected = "a torch.nn.Module or None"
    raise misbehaved(component, "make_state", described(state), expected, name=stream)
