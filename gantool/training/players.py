"""The players: networks, optimizers, turns, snapshots, and the generator's average."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from typing_extensions import override

from gantool.interfaces.schedule import schedules_in
from gantool.interfaces.step import Snapshot
from gantool.registry.calling import call, described, misbehaved
from gantool.training.device.ranks import synchronize
from gantool.training.optimizers import build_optimizer
from gantool.training.randomness import global_seed, seed_of
from gantool.training.state.tensors import load_network, load_optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor

    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.optimizer import Optimizer
    from gantool.interfaces.step import Player, Setup
    from gantool.recipe.schema import EmaTable
    from gantool.training.device.device import Device
    from gantool.training.device.ranks import Ranks
    from gantool.training.regularization import Active, Regularization


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
        player: Its name.
        turn: Its part of each step.
        network: Its network.
        parameters: What its optimizer trains: the network's trainable parameters, then those of
            the regularizers' states.
        optimizer: Its optimizer.
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
            network = _prepared(network, active, player, setup)
    return network


def _prepared(network: nn.Module, active: Active, player: Player, setup: Setup) -> nn.Module:
    """Return the network, or the wrapper that a regularizer has put around it."""
    found = active.call("prepare", network, player, setup)
    if found is None or isinstance(found, nn.Module):
        return network if found is None else found
    raise active.misbehaved("prepare", described(found), "a torch.nn.Module or None")


def build_competitor(
    network: nn.Module,
    player: Player,
    setup: Setup,
    table: Optimizer,
    regularization: Regularization,
    device: Device,
) -> Competitor:
    """Move a network to the device and give it an optimizer."""
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


class Average:
    """The exponential moving average of the generator's weights; buffers are copied."""

    def __init__(
        self, generator: nn.Module, table: EmaTable, *, batch_size: int, steps: int
    ) -> None:
        self.network = copy.deepcopy(generator).requires_grad_(requires_grad=False)
        self._table = table
        self._batch_size, self._steps = batch_size, steps
        self._averages: list[Tensor] = [*self.network.parameters()]
        self._weights: list[Tensor] = [*generator.parameters()]
        self._buffers = [*zip(self.network.buffers(), generator.buffers(), strict=True)]
        first = self._averages[0]
        self._share = torch.zeros((), dtype=first.dtype, device=first.device)
        self._rest = torch.ones_like(self._share)

    def share_at(self, step: int) -> float:
        """Return the share of the new weights in the average after `step` completed steps.

        1 - 2^(-batch / half-life), the half-life ramping up with the images seen so far
        (Karras et al. 2020, stylegan2-ada's `ema_rampup`, which leaves out the present batch's).
        """
        if self._table.half_life_images is None or step <= self._table.start_step:
            return 1.0
        half_life = self._table.half_life_images.value((step - 1) / self._steps)
        if half_life == 0:
            return 1.0
        if self._table.ramp_up is not None:
            half_life = min(half_life, self._table.ramp_up * step * self._batch_size)
        return float(1 - 0.5 ** (self._batch_size / half_life))

    def set_clock(self, step: int) -> None:
        """Write what follows from `step` completed steps into a tensor on the device."""
        share = self.share_at(step)
        self._share.fill_(share)
        self._rest.fill_(1 - share)

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights."""
        torch._foreach_mul_(self._averages, self._rest)
        torch._foreach_add_(self._averages, torch._foreach_mul(self._weights, self._share))
        for copied, buffer in self._buffers:
            copied.copy_(buffer)

    def state(self) -> dict[str, Any]:
        """Return the averaged network's tensors."""
        return self.network.state_dict()

    def load(self, saved: Mapping[str, Any]) -> None:
        """Put a state back, in place; one of other tensors is refused."""
        load_network(self.network, saved, "average")


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
