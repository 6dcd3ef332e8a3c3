"""The players: their turns, networks, optimizers and snapshots."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from typing_extensions import override

from gantool.errors import PluginError
from gantool.interfaces.optimizer import schedules_in
from gantool.interfaces.step import Snapshot
from gantool.registry.calling import call, described, misbehaved
from gantool.training.device.ranks import synchronize
from gantool.training.randomness import global_seed, seed_of
from gantool.training.state.form import load_network, load_optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.optimizer import Optimizer
    from gantool.interfaces.step import Player, Setup
    from gantool.recipe.schema import Recipe
    from gantool.training.device.device import Device
    from gantool.training.device.ranks import Ranks
    from gantool.training.regularization import Active, Regularization

THE_ENGINES = frozenset({"params", "lr", "foreach", "fused", "capturable", "differentiable"})
"""Options of optimizers that regularizers cannot set."""

PlayerState = tuple[dict[str, Any], list[dict[str, Any]]]
"""The tensors of a network, and the optimizer's of each parameter."""


@dataclass(frozen=True)
class Turn:
    """A player's part of each step.

    Attributes:
        takes_batches: Whether each of its updates is made on real images of its own. Otherwise
            those of the update before serve, and it sees them only if somebody needs that.
        trains_generator: Whether it differentiates generated images in the generator's weights.
        updates: How many it makes, one after the other.
    """

    takes_batches: bool
    trains_generator: bool
    updates: int = 1


TURNS: Mapping[Player, Turn] = {
    "discriminator": Turn(takes_batches=True, trains_generator=False),
    "generator": Turn(takes_batches=False, trains_generator=True),
}


@dataclass(frozen=True)
class Competitor:
    """One player with what trains it.

    Attributes:
        parameters: What its optimizer trains: the network's trainable parameters, then those of
            the regularizers' states.
        learning_rate: A 0-dim tensor that the optimizer reads in every step.
        table: Its optimizer's table.
        is_scheduled: Whether the table has numbers that change while the run goes on.
    """

    player: Player
    turn: Turn
    network: nn.Module
    parameters: tuple[nn.Parameter, ...]
    optimizer: torch.optim.Optimizer
    learning_rate: Tensor
    table: Optimizer
    is_scheduled: bool

    def state(self) -> PlayerState:
        """Return the network's and the optimizer's tensors."""
        remembered = [dict(self.optimizer.state.get(p, {})) for p in self.parameters]
        return self.network.state_dict(), remembered

    def load(self, saved: PlayerState) -> None:
        """Put a state back, in place; one of other tensors is refused."""
        load_network(self.network, saved[0], self.player)
        load_optimizer(self.optimizer, self.parameters, saved[1], self.player)


def build_network(
    architecture: Architecture,
    player: Player,
    setup: Setup,
    regularization: Regularization,
    *,
    seed: int,
    ranks: Ranks | None = None,
    before: Callable[[nn.Module], None] | None = None,
) -> nn.Module:
    """Build a player's network on the CPU, prepared by the regularizers.

    Its first weights depend on the seed and the player alone. With `ranks`, BatchNorm is over the
    batch of all of them; `before` is called with the network before regularizers change it.
    """
    with global_seed(seed_of(seed, "weights", player)):
        network = call(architecture, player, setup.image, setup.classes)
    if not isinstance(network, nn.Module):
        raise misbehaved(architecture, player, described(network), "a torch.nn.Module")
    if ranks is not None:
        network = synchronize(network, ranks)
    if before is not None:
        before(network)
    for active in regularization.having("prepare", player):
        with global_seed(seed_of(seed, "prepare", active.stream, player)):
            found = active.call("prepare", network, player, setup)
        if not isinstance(found, nn.Module | None):
            raise active.misbehaved("prepare", described(found), "a torch.nn.Module or None")
        network = network if found is None else found
    if not any(weight.requires_grad for weight in network.parameters()):
        untrained = "a network without trainable weights"
        raise misbehaved(architecture, player, untrained, "one that can be trained")
    return network


def build_competitor(
    network: nn.Module,
    player: Player,
    recipe: Recipe,
    setup: Setup,
    regularization: Regularization,
    device: Device,
) -> Competitor:
    """Move a network to the device and give it the recipe's optimizer."""
    table = recipe.optimizer[player]
    device.place(network).train()
    parameters = tuple(_trained(network, player, regularization))
    # fused CUDA kernels read nothing but float32
    dtype = torch.float32 if device.device.type == "cuda" else device.dtype
    learning_rate = torch.tensor(table.rate.start, dtype=dtype, device=device.device)
    optimizer = build_optimizer(table, player, parameters, learning_rate, regularization)
    turn = TURNS[player]
    if turn.takes_batches:
        turn = replace(turn, updates=setup.discriminator_updates)
    changes = table.rate.changes or any(True for _ in schedules_in(table))
    return Competitor(player, turn, network, parameters, optimizer, learning_rate, table, changes)


def _trained(
    network: nn.Module, player: Player, regularization: Regularization
) -> Iterator[nn.Parameter]:
    """Yield what a player's optimizer trains."""
    yield from (parameter for parameter in network.parameters() if parameter.requires_grad)
    for active in regularization.active:
        if active.state is not None and active.is_trained_by(player):
            yield from (p for p in active.state.parameters() if p.requires_grad)


class PlayerSnapshot(Snapshot):
    """Copies of a player's weights, buffers and optimizer state, put back in place."""

    def __init__(self, competitor: Competitor) -> None:
        self._competitor = competitor
        self._tensors = [tensor.detach().clone() for tensor in self._live_tensors()]
        self._optimizer = {
            parameter: {key: _copied(value) for key, value in state.items()}
            for parameter, state in competitor.optimizer.state.items()
        }

    @override
    def restore(self) -> None:
        """Put everything back; gradients stay as they are."""
        with torch.no_grad():
            for live, saved in zip(self._live_tensors(), self._tensors, strict=True):
                live.copy_(saved)
        state = self._competitor.optimizer.state
        state.clear()  # an optimizer makes its state in its first step, which is now undone
        for parameter, saved_state in self._optimizer.items():
            state[parameter] = {key: _copied(value) for key, value in saved_state.items()}

    def __exit__(self, *_: object) -> None:
        self.restore()

    def _live_tensors(self) -> list[Tensor]:
        return [*self._competitor.parameters, *self._competitor.network.buffers()]


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value


def build_optimizer(
    component: Optimizer,
    player: Player,
    parameters: tuple[nn.Parameter, ...],
    learning_rate: Tensor,
    regularization: Regularization,
) -> torch.optim.Optimizer:
    """Build a player's optimizer, with the options that regularizers set.

    Raises:
        PluginError: When the component fails, or a regularizer sets what the optimizer does not
            know, or what the recipe or another one sets.
    """
    optimizer = _built(component, parameters, learning_rate)
    setting = regularization.having("optimizer_options", player)
    if not setting:
        return optimizer
    options = _options(component, optimizer, setting, player)
    _refuse_values(component, optimizer, options, setting)
    return _built(component, [{"params": parameters, **options}], learning_rate)


def _built(component: Optimizer, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
    found = call(component, "build", parameters, learning_rate)
    if not isinstance(found, torch.optim.Optimizer):
        raise misbehaved(component, "build", described(found), "a torch.optim.Optimizer")
    return found


def _options(
    component: Optimizer,
    optimizer: torch.optim.Optimizer,
    setting: list[Active],
    player: Player,
) -> dict[str, Any]:
    """Return the options that regularizers set; the optimizer knows them, none is set twice."""
    options: dict[str, Any] = {}
    set_by = dict.fromkeys(type(component).model_fields, "the recipe's optimizer table")
    for active in setting:
        found = active.call("optimizer_options", player)
        if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
            raise active.misbehaved("optimizer_options", described(found), "options by name")
        for option, value in found.items():
            if objection := _objection(option, optimizer, set_by):
                msg = f"regularizer '{active.stream}' sets '{option}' of optimizer "
                way_out = f"leave out regularizer '{active.stream}', or use another optimizer"
                raise PluginError(f"{msg}'{component.name}'; {objection}", way_out)
            set_by[option] = f"regularizer '{active.stream}'"
            options[option] = value
    return options


def _objection(
    option: str, optimizer: torch.optim.Optimizer, set_by: Mapping[str, str]
) -> str | None:
    """Return why a regularizer cannot set an option of an optimizer, if it cannot."""
    if option in THE_ENGINES:
        return "only the recipe and the engine do"
    if option in set_by:
        return f"{set_by[option]} sets it too"
    return None if option in optimizer.defaults else "it has none"


def _refuse_values(
    component: Optimizer,
    optimizer: torch.optim.Optimizer,
    options: Mapping[str, Any],
    setting: list[Active],
) -> None:
    """Let an optimizer judge the values that it takes from groups unseen."""
    kind: Any = type(optimizer)
    known = inspect.signature(kind).parameters
    values = {**optimizer.defaults, **options}
    try:
        kind(
            optimizer.param_groups[0]["params"],
            **{name: value for name, value in values.items() if name in known},
        )
    except (TypeError, ValueError) as error:
        names = ", ".join(f"'{active.stream}'" for active in setting)
        msg = f"optimizer '{component.name}' refuses what regularizer {names} sets: {error}"
        raise PluginError(msg) from error


def follow(
    component: Optimizer, optimizer: torch.optim.Optimizer, rate: Tensor, progress: float
) -> None:
    """Write a player's scheduled numbers, after a share of the run, into tensors."""
    if component.rate.changes:
        rate.fill_(component.rate.value(progress))
    if next(schedules_in(component), None) is not None:
        call(component, "follow", optimizer, progress)
