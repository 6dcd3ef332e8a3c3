"""The objective of a player: the forward passes, the loss, the penalties."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from gantool.errors import PluginError
from gantool.registry.calling import owner_of
from gantool.registry.loading import said
from gantool.training import returned
from gantool.training.regularization import PENALTIES
from gantool.training.returned import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from gantool.data.batches import Batch
    from gantool.interfaces.step import Player
    from gantool.training.fakes import Fakes
    from gantool.training.game import Game
    from gantool.training.regularization import Active
    from gantool.training.seen import Seen
    from gantool.training.step import UpdateStep


@dataclass
class Objective:
    """The objective of an update's player on some rows of the batch.

    Attributes:
        game: Networks, loss, regularizers.
        step: The update, which is told everything that is computed.
        updates_done: Updates of this player before this one.
        figures: What was computed for the record, by name; scalars.
    """

    game: Game
    step: UpdateStep
    updates_done: int
    figures: dict[str, Tensor] = field(default_factory=dict)

    def value(self, real: Batch, fakes: Fakes) -> Tensor:
        """Return the mean of the loss's weighted terms plus the penalties, a scalar.

        Args:
            real: Real images of these rows; unused where the player does not look at them.
            fakes: Generated images of these rows, with a graph where one is needed.
        """
        self._look_at(real, fakes)
        terms = self._weighted(self._terms())  # [N]
        loss = terms.mean()
        self._note_scores()
        self.figures[f"{self.step.player}_loss"] = loss
        for active in self.game.regularization.having(
            PENALTIES[self.step.player], self.step.player
        ):
            if self.updates_done % active.every == 0:
                loss = loss + active.every * self._penalty(active)
        return loss

    @property
    def _seen(self) -> Seen:
        return self.step.seen

    def _look_at(self, real: Batch, fakes: Fakes) -> None:
        """Let the discriminator see the real images, if anybody needs that, and the fakes."""
        seen, game = self._seen, self.game
        seen.fake, seen.latents, seen.fake_labels = fakes
        if self.step.player == "discriminator" or game.needs_real_in_generator:
            seen.real, seen.real_labels = real.images, real.labels
        for active in game.regularization.having("batch", self.step.player):
            if self.step.player == "discriminator":
                view = self.step.for_(active, "batch")
                found = active.call("batch", view.real, view.fake, view)
                seen.real, seen.fake = returned.images(active, found, view.real, view.fake)
        if seen.real is not None:
            shown = self.step.show(seen.real, "real")
            seen.real_logits = game.forward("discriminator", shown, seen.real_labels)  # [N]
        shown = self.step.show(seen.fake, "fake")
        seen.fake_logits = game.forward("discriminator", shown, seen.fake_labels)  # [N]

    def _terms(self) -> Tensor:
        """Return the loss's terms, [N]."""
        loss, step = self.game.loss, self.step
        if step.player == "discriminator":
            return terms_of(loss, "discriminator", step.real_logits, step.fake_logits)
        real = step.real_logits if loss.needs_real_in_generator else None
        return terms_of(loss, "generator", step.fake_logits, real)

    def _weighted(self, terms: Tensor) -> Tensor:
        """Return the terms times the weights that regularizers give them, [N]."""
        for active in self.game.regularization.having("sample_weights", self.step.player):
            found = active.call("sample_weights", self.step.for_(active, "sample_weights"))
            weights = returned.weights(active, found, terms)
            terms = terms if weights is None else terms * weights
        return terms

    def _penalty(self, active: Active) -> Tensor:
        """Return a regularizer's penalty, a scalar, and note it."""
        hook = PENALTIES[self.step.player]
        found = active.call(hook, self.step.for_(active, hook))
        penalty = returned.scalar(active, hook, found, self.step.fake_logits)
        self.figures[f"penalty/{active.stream}"] = penalty
        return penalty

    def _note_scores(self) -> None:
        """Note mean D(x) and D(G(z)) as probabilities, before a discriminator update."""
        if self.step.player == "discriminator":
            with torch.no_grad():
                self.figures["real_score"] = self.step.real_logits.sigmoid().mean()
                self.figures["fake_score"] = self.step.fake_logits.sigmoid().mean()


@contextmanager
def differentiating(game: Game, player: Player) -> Iterator[None]:
    """Say of what the objective is made, where it cannot be differentiated.

    No line of a plugin's is running by then: any part of the objective may be at fault.

    Raises:
        PluginError: When something fails inside.
    """
    try:
        yield
    except Exception as error:  # as torch has no exceptions of its own for it
        penalties = game.regularization.having(PENALTIES[player], player)
        parts = [game.architecture, game.loss, *(each.component for each in penalties)]
        reason = said(error).strip().partition("\n")[0]
        raise PluginError(
            f"the {player}'s objective cannot be differentiated: {type(error).__name__}: {reason}",
            f"one of these is at fault: {', '.join(owner_of(part).title for part in parts)}; "
            "gantool check-plugin NAME tries each by itself",
        ) from error
