"""The game that all updates share: players, loss, regularizers, randomness, device."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn
from torch.func import functional_call

from gantool.interfaces.modules import NoiseSource
from gantool.registry.calling import described, misbehaved, owner_of, passes
from gantool.training.device.compiling import image_gradient, with_features
from gantool.training.device.ranks import Ranks
from gantool.training.players import follow
from gantool.training.randomness import Draws
from gantool.training.regularization import objection_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor

    from gantool.data.batches import Batch, Batches, Rows
    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.dataset import ImageShape
    from gantool.interfaces.loss import Loss
    from gantool.interfaces.step import Features, Player, Setup
    from gantool.registry.calling import Owner
    from gantool.training.average import Average
    from gantool.training.device.device import Device
    from gantool.training.observers import Totals
    from gantool.training.players import Competitor
    from gantool.training.randomness import Streams
    from gantool.training.regularization import Regularization

Outputs = TypeVar("Outputs", "Tensor", "Tensor | tuple[Tensor, ...]")


@dataclass
class Game:
    """Everything a step needs that outlives it.

    Attributes:
        setup: What is known before the first step.
        architecture: Whose networks play.
        competitors: All players, in the order of their turns.
        loss: The recipe's loss.
        regularization: The active regularizers.
        batches: Real images and labels.
        streams: Random numbers.
        device: What is computed with.
        number: Steps completed, 0-dim int64 on the device.
        progress: Share of the run completed, 0-dim on the device.
        totals: Running sums of the open log interval.
        average: The moving average of the generator, if one is kept.
        accumulate: Slices in which a batch is worked through.
        uniform_labels: Whether labels of generated images are equally frequent.
        reuse_fakes: Whether the generator's update reuses the last discriminator update's fakes.
        horizontal_flip: Whether each real image is mirrored with probability 1/2.
        ranks: The processes that train together.
        compiled: Faster ways to call a player's network, where there are any.
        gradient: Takes the gradient of the discriminator's logits in images.
        followers: Regularizers that have asked how far the run is: another length alters them.
    """

    setup: Setup
    architecture: Architecture
    competitors: Mapping[Player, Competitor]
    loss: Loss
    regularization: Regularization
    batches: Batches
    streams: Streams
    device: Device
    number: Tensor
    progress: Tensor
    totals: Totals
    average: Average | None = None
    accumulate: int = 1
    uniform_labels: bool = False
    reuse_fakes: bool = False
    horizontal_flip: bool = False
    ranks: Ranks = field(default_factory=Ranks)
    compiled: Mapping[Player, Callable[..., Any]] = field(default_factory=dict)
    gradient: Callable[..., Tensor] = image_gradient
    followers: set[str] = field(default_factory=set)
    _sources: dict[Player, dict[str, NoiseSource]] = field(default_factory=dict)
    _probes: dict[str, _Probe] = field(default_factory=dict)

    def network(self, player: Player) -> nn.Module:
        """Return a player's network."""
        return self.competitors[player].network

    @property
    def needs_real_in_generator(self) -> bool:
        """Whether generator updates look at real images."""
        return self.loss.needs_real_in_generator or self.regularization.need_real_in_generator

    @property
    def generator_is_split(self) -> bool:
        """Whether the generator offers its mapping and its synthesis each by itself."""
        network = self.network("generator")
        return hasattr(network, "mapping") and hasattr(network, "synthesis")

    @property
    def parts(self) -> list[Competitor | Average | Regularization | Totals]:
        """What a step changes; each part saves and restores itself."""
        average = [] if self.average is None else [self.average]
        return [*self.competitors.values(), *average, self.regularization, self.totals]

    def real_batches(self, step: int) -> list[Batch]:
        """Return the real images of each of a step's updates that takes a batch."""
        return [self.real_batch(step, index) for index in range(self.batches_per_step)]

    @property
    def batches_per_step(self) -> int:
        """Batches of real images that one step takes."""
        turns = (competitor.turn for competitor in self.competitors.values())
        return sum(turn.updates for turn in turns if turn.takes_batches)

    def real_batch(self, step: int, index: int) -> Batch:
        """Return one of a step's batches of real images, mirrored by chance if asked for."""
        number = step * self.batches_per_step + index
        if not self.horizontal_flip:
            return self.batches.batch(number)
        self.streams.begin(step, "real", index)
        generator = self.streams.generator("flips", "")
        draws = torch.rand(self.batches.size, generator=generator, device=self.streams.device)
        return self.batches.batch(number, draws < 0.5)

    def forward(
        self, player: Player, inputs: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Features | None]:
        """Return images or logits, and the features that logits come from, if anybody needs them.

        The network itself is called, which advances its buffers: only the engine's own forwards go
        this way. Results are full precision.
        """
        network, what = self.network(player), f"the {player}'s forward"
        divided = player == "discriminator" and self.regularization.need_features
        plain = partial(with_features, network) if divided else network
        call, features = self.compiled.get(player, plain), None
        try:
            with self.device.forward_precision():
                found = call(*_arguments(inputs, labels))
            if divided:
                found, features = found[0], self._in_full_precision(found[1])
        except (Exception, SystemExit) as error:  # a plugin may fail in any way
            if passes(error):
                raise
            raise self._maker(player, error).failed(what, error) from error
        image = self.setup.image if player == "generator" else None
        if not _is_output(found, inputs, image):
            count = len(inputs)
            shape = [count, *image] if image else f"[{count}] or [{count}, K]"
            expected = f"a tensor of shape {shape} (a floating-point type, {inputs.device})"
            maker = self._maker(player)
            raise maker.misbehaved(what, described(found), expected, network.forward)
        return found.to(self.device.dtype), features

    def _in_full_precision(self, found: Outputs) -> Outputs:
        """Return tensors, one or several, in the type of weights."""
        if isinstance(found, torch.Tensor):
            return found.to(self.device.dtype)
        return tuple(each.to(self.device.dtype) for each in found)

    def terms(self, player: Player, real: Tensor | None, fake: Tensor) -> Tensor:
        """Return the loss's terms for a player's update, [N] or [N, K] as the logits are."""
        if self.competitors[player].turn.takes_batches and real is not None:
            return terms_of(self.loss, player, real, fake)
        others = real if self.loss.needs_real_in_generator else None
        return terms_of(self.loss, player, fake, others)

    def _maker(self, player: Player, fault: BaseException | None = None) -> Owner:
        """Return who made a player's network, or a fault in it: the architecture, or a wrapper."""
        network = self.network(player)
        for active in self.regularization.having("prepare", player):
            owner = owner_of(active.component, active.stream)
            if owner.has_made(network) if fault is None else owner.is_at_fault(fault):
                return owner
        return owner_of(self.architecture)

    @contextmanager
    def drawing(self, player: Player, streams: Streams, place: str, rows: Rows) -> Iterator[None]:
        """Let the noise sources of a player's network draw inside, by their names and a place."""
        if player not in self._sources:
            self._sources[player] = sources_of(self.network(player))
        sources = self._sources[player]
        for name, source in sources.items():
            source.numbers = Draws(streams, player, f"{name} {place}", rows)
        try:
            yield
        finally:
            for source in sources.values():
                source.numbers = None

    def probe(
        self,
        player: Player,
        inputs: Tensor,
        labels: Tensor | None,
        *,
        method: str = "forward",
    ) -> Tensor:
        """Call a method of a player's network on copies of its buffers."""
        network = self.network(player)
        buffers = {f"network.{name}": buffer for name, buffer in _copied_buffers(network).items()}
        probe = self._probes.setdefault(player, _Probe(network))
        arguments = (method, *_arguments(inputs, labels))
        with self.device.forward_precision():
            output: Tensor = functional_call(probe, buffers, arguments)
        return self._in_full_precision(output)

    def image_gradient(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Return d sum D(x) / dx, [N, C, H, W], which can be differentiated, in full precision."""
        network = self.network("discriminator")
        with self.device.full_precision():
            return self.gradient(network, _copied_buffers(network), *_arguments(images, labels))

    @contextmanager
    def only_trains(self, player: Player) -> Iterator[None]:
        """Freeze all other players, unless a regularizer differentiates in several.

        Only what was trainable before is switched, and switched back.
        """
        if self.regularization.need_both_graphs:
            yield
            return
        own = {*self.competitors[player].parameters}
        others = [parameter for each in self.competitors.values() for parameter in each.parameters]
        frozen = [parameter for parameter in others if parameter not in own]
        for parameter in frozen:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in frozen:
                parameter.requires_grad_(True)

    def set_clock(self, step: int) -> None:
        """Write what follows from the completed steps into tensors on the device."""
        progress = step / self.setup.steps
        if self.regularization.active:  # nobody else reads them
            self.number.fill_(step)
            self.progress.fill_(progress)
        for each in self.competitors.values():
            if each.is_scheduled:
                follow(each.table, each.optimizer, each.learning_rate, progress)


def terms_of(loss: Loss, player: Player, logits: Tensor, others: Tensor | None) -> Tensor:
    """Return a loss's terms for a player's update; its method is called like the player.

    Raises:
        PluginError: When it fails, or returns no terms of the logits' shape, type and graph.
    """
    try:
        found = getattr(loss, player)(logits, others)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way
        if passes(error):
            raise
        raise owner_of(loss).failed(player, error) from error
    if (objection := objection_to(found, logits)) is not None:
        raise misbehaved(loss, player, objection, described(logits))
    if logits.requires_grad and not found.requires_grad:
        without = f"{described(found)} without a graph"
        raise misbehaved(loss, player, without, "one that depends on its logits")
    terms: Tensor = found
    return terms


def _is_output(found: object, inputs: Tensor, image: ImageShape | None) -> bool:
    """Whether a network has returned images of a shape, or logits, one or more for each input."""
    if not isinstance(found, torch.Tensor) or found.shape[:1] != inputs.shape[:1]:
        return False
    is_whole = tuple(found.shape[1:]) == image if image else found.dim() <= 2 and found.numel() > 0
    return is_whole and found.is_floating_point() and found.device == inputs.device


class _Probe(nn.Module):
    """Lets `functional_call` reach methods other than `forward`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, method: str, *arguments: Tensor) -> Tensor:
        # the network itself for "forward": a regularizer may have hung hooks on it
        call = self.network if method == "forward" else getattr(self.network, method)
        result: Tensor = call(*arguments)
        return result


def sources_of(network: nn.Module) -> dict[str, NoiseSource]:
    """Return a network's sources by name."""
    modules = network.named_modules()
    return {name: module for name, module in modules if isinstance(module, NoiseSource)}


def _copied_buffers(network: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in network.named_buffers()}


def _arguments(inputs: Tensor, labels: Tensor | None) -> tuple[Tensor, ...]:
    return (inputs,) if labels is None else (inputs, labels)
