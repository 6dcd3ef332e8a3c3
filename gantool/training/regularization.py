"""The active regularizers of a run, asked by the hook that they override.

Kind, shape, type and device of what their hooks return are looked at, never the numbers: nothing
here waits for the device, and a recorded step is looked at while it is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from gantool.interfaces.regularizer import LazyOption, PlayerOption, Regularizer
from gantool.registry.calling import call, described, is_off, misbehaved
from gantool.text import numbered
from gantool.training.randomness import global_seed, seed_of
from gantool.training.state.form import refuse_other_tensors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.errors import PluginError
    from gantool.interfaces.step import DiscriminatorStep, Player, Setup, Step

OF_ALL_PLAYERS = frozenset({"latents", "batch", "transform", "sample_weights"})
"""Hooks that a `player` option does not restrict to that player."""


def penalty_of(player: Player) -> str:
    """Return the hook that adds to a player's objective."""
    return f"{player}_penalty"


def objection_to(found: Any, given: Tensor) -> str | None:
    """Return what stands in the place of a tensor, if it cannot stand there."""
    same = isinstance(found, Tensor) and (
        found.shape == given.shape and found.dtype == given.dtype and found.device == given.device
    )
    return None if same else described(found)


@dataclass(frozen=True)
class Active:
    """A regularizer that is on.

    Attributes:
        stream: Its name, with its occurrence from the second one on: "l2", "l2-2".
        state: What its `make_state` returned.
    """

    component: Regularizer
    stream: str
    state: nn.Module | None

    def call(self, hook: str, *arguments: Any) -> Any:
        """Call a hook of the component and return what it returns, which nobody has checked yet."""
        return call(self.component, hook, *arguments, name=self.stream)

    def misbehaved(self, hook: str, found: str, expected: str) -> PluginError:
        """Return the error that says what a hook returned instead of what it should have."""
        return misbehaved(self.component, hook, found, expected, name=self.stream)

    def changed(self, hook: str, given: Tensor, step: Step) -> Tensor:
        """Return what a hook makes of a tensor: another one of its shape, type and device."""
        return self._like(hook, self.call(hook, given, step), given)

    def batch(self, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        """Return the real and the generated images to use instead of the step's."""
        found = self.call("batch", step.real, step.fake, step)
        if not isinstance(found, tuple | list) or len(found) != 2:
            expected = f"two tensors, real and generated images, {described(step.real)}"
            raise self.misbehaved("batch", described(found), expected)
        real, fake = found
        return self._like("batch", real, step.real), self._like("batch", fake, step.fake)

    def weights(self, step: Step, terms: Tensor) -> Tensor | None:
        """Return a weight for each term, [N], or None for equal ones."""
        found = self.call("sample_weights", step)
        return None if found is None else self._like("sample_weights", found, terms)

    def penalty(self, hook: str, step: Step) -> Tensor:
        """Return a penalty, a scalar on the device of the logits."""
        found = self.call(hook, step)
        if _is_scalar(found, step.fake_logits) and found.is_floating_point():
            return found  # type: ignore[no-any-return]
        raise self.misbehaved(hook, described(found), described(step.fake_logits.new_zeros(())))

    def figures(self, step: Step, near: Tensor) -> dict[str, Tensor]:
        """Return copies of what `figures` returned, by the names of the record."""
        found = self.call("figures", step)
        expected = f"tensors of shape [] by name, all on {near.device}"
        if not isinstance(found, Mapping):
            raise self.misbehaved("figures", described(found), expected)
        for name, value in found.items():
            if not isinstance(name, str) or not _is_scalar(value, near):
                raise self.misbehaved("figures", f"{described(value)} as {name!r}", expected)
        return {f"{self.stream}/{name}": value.clone() for name, value in found.items()}

    def _like(self, hook: str, found: Any, given: Tensor) -> Tensor:
        """Return what a hook returned, if it can stand where a given tensor stood."""
        if (objection := objection_to(found, given)) is None:
            return found  # type: ignore[no-any-return]
        raise self.misbehaved(hook, objection, described(given))

    def overrides(self, hook: str) -> bool:
        """Whether the component implements a hook itself."""
        own = getattr(type(self.component), hook, None)
        return own is not getattr(Regularizer, hook, None)

    def concerns(self, player: Player) -> bool:
        """Whether hooks of one player are called for this one."""
        return not isinstance(self.component, PlayerOption) or self.component.player == player

    def is_trained_by(self, player: Player) -> bool:
        """Whether a player's optimizer trains the state's parameters."""
        own = self.component
        default = own.player if isinstance(own, PlayerOption) else "discriminator"
        return (own.trained_by or default) in (player, "both")

    @property
    def every(self) -> int:
        """Updates from one application of its penalties to the next."""
        return self.component.every_steps if isinstance(self.component, LazyOption) else 1


class Regularization:
    """All active regularizers, in the recipe's order.

    One whose strength is 0 is left out: none of its methods is called. The states' first values
    follow from the recipe's seed.
    """

    def __init__(self, regularizers: Iterable[Regularizer], setup: Setup, seed: int) -> None:
        self.active: list[Active] = []
        components = list(regularizers)
        streams = numbered(component.name for component in components)
        for component, stream in zip(components, streams, strict=True):
            if is_off(component):
                continue
            with global_seed(seed_of(seed, "state", stream)):
                state = _state_of(component, stream, setup)
            self.active.append(Active(component, stream, state))

    def having(self, hook: str, player: Player) -> list[Active]:
        """Return those that override a hook, for a player's update, in the recipe's order."""
        return [
            active
            for active in self.active
            if active.overrides(hook) and (hook in OF_ALL_PLAYERS or active.concerns(player))
        ]

    def states(self) -> dict[str, nn.Module]:
        """Return the states by stream."""
        return {active.stream: active.state for active in self.active if active.state is not None}

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the tensors of all states, by stream."""
        return {stream: module.state_dict() for stream, module in self.states().items()}

    def load(self, saved: Mapping[str, Mapping[str, Any]]) -> None:
        """Put the states back, in place; those of other regularizers are refused."""
        for stream, module in self.states().items():
            tensors = saved.get(stream, {})
            refuse_other_tensors(tensors, module.state_dict(), f"regularizer '{stream}'")
            module.load_state_dict(tensors)

    @property
    def need_real_in_generator(self) -> bool:
        """Whether any of them looks at real images in generator updates."""
        return self.need_both_graphs or any(
            active.component.needs_real_in_generator for active in self.active
        )

    @property
    def need_features(self) -> bool:
        """Whether any of them looks at the features that logits come from."""
        return any(active.component.needs_features for active in self.active)

    @property
    def need_both_graphs(self) -> bool:
        """Whether any of them differentiates in the weights of both players at once."""
        return any(active.component.needs_both_graphs for active in self.active)


def _is_scalar(found: Any, near: Tensor) -> bool:
    return isinstance(found, Tensor) and found.dim() == 0 and found.device == near.device


def _state_of(component: Regularizer, stream: str, setup: Setup) -> nn.Module | None:
    """Return what a regularizer remembers between updates, if it does."""
    if type(component).make_state is Regularizer.make_state:
        return None
    state = call(component, "make_state", setup, name=stream)
    if state is None or isinstance(state, nn.Module):
        return state
    expected = "a torch.nn.Module or None"
    raise misbehaved(component, "make_state", described(state), expected, name=stream)
