"""An update's objective at one moment, evaluated as often as wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from gantool.data.batches import Rows
from gantool.testing.watching import PENALTY_HOOKS, watched
from gantool.training.step.objective import generate, objective
from gantool.training.step.view import Seen, UpdateStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from gantool.interfaces.regularizer import Regularizer
    from gantool.interfaces.step import Player
    from gantool.training.trainer import Trainer

NUMBER, PROGRESS = 5000, 0.5
"""Steps completed, and the share of the run that they are: past every usual warm-up."""


def unchanged(images: Tensor) -> Tensor:
    """Return images as they are."""
    return images


@dataclass
class Moment:
    """An update of a player on the first batch: the same draws, weights and buffers each time.

    Gradients of a value have to be taken before the next one is computed.

    Attributes:
        trainer: Networks, regularizers, images; it has to stay at its first step.
        player: Whose update.
        step: The update as it was evaluated last.
    """

    trainer: Trainer
    player: Player
    step: UpdateStep = field(init=False)
    _buffers: list[tuple[Tensor, Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        self.step = UpdateStep(self.trainer.game, self.player, self._rows, Seen())
        self._buffers = [(buffer, buffer.clone()) for buffer in self._live_buffers()]

    def objective(
        self,
        *,
        updates_done: int = 0,
        real: Callable[[Tensor], Tensor] = unchanged,
        fake: Callable[[Tensor], Tensor] = unchanged,
    ) -> Tensor:
        """Return what the player minimizes, a scalar.

        Args:
            updates_done: Updates of this player before this one.
            real: Makes other real images of those there are.
            fake: Makes other generated images of those there are.
        """
        game = self.trainer.game
        self._start_over()
        graph = self.player == "generator" or game.regularization.need_both_graphs
        batch = game.real_batch(0, 0)
        with game.only_trains(self.player):
            generate(self.step, with_graph=graph)
            self.step.seen.fake = fake(self.step.fake)
            batch = batch._replace(images=real(batch.images))
            return objective(self.step, batch, updates_done)[0]

    def gradients(self, value: Tensor) -> list[Tensor]:
        """Return the gradients of a scalar in the player's weights; zeros where there are none."""
        if not value.requires_grad:
            return [torch.zeros_like(weight) for weight in self.weights]
        return list(
            torch.autograd.grad(value, self.weights, allow_unused=True, materialize_grads=True)
        )

    @property
    def weights(self) -> tuple[nn.Parameter, ...]:
        """What the player's optimizer trains."""
        return self.trainer.game.competitors[self.player].parameters

    @property
    def _rows(self) -> Rows:
        size = self.trainer.game.batches.size
        return Rows(0, size, size)

    def _start_over(self) -> None:
        """Put buffers, clock and draws back to the moment."""
        game = self.trainer.game
        with torch.no_grad():
            for buffer, value in self._buffers:
                buffer.copy_(value)
        game.number.fill_(NUMBER)
        game.progress.fill_(PROGRESS)
        game.streams.begin(0, "moment", self.player)
        self.step = UpdateStep(game, self.player, self._rows, Seen())

    def _live_buffers(self) -> Iterator[Tensor]:
        game = self.trainer.game
        networks = [competitor.network for competitor in game.competitors.values()]
        for module in (*networks, *game.regularization.states().values()):
            yield from module.buffers()


class Penalties:
    """Catches penalties, with their graphs, as the engine asks for them.

    Attributes:
        values: Penalties so far, in their order.
    """

    def __init__(self) -> None:
        self.values: list[Tensor] = []

    def of(self, component: Regularizer, **declared: Any) -> Regularizer:
        """Return what to train with in place of a regularizer, so that its penalties are caught.

        Args:
            component: The regularizer.
            **declared: Class attributes to declare otherwise.
        """
        return watched(component, self._catch, *PENALTY_HOOKS, **declared)

    def _catch(self, hook: Callable[[UpdateStep], Tensor], step: UpdateStep) -> Tensor:
        penalty = hook(step)
        self.values.append(penalty)
        return penalty

    def at(self, moment: Moment, **images: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the penalty at a moment; the arguments are those of `Moment.objective`."""
        self.values.clear()
        moment.objective(**images)  # type: ignore[arg-type]
        return self.values[0]
