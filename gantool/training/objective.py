"""What a player minimizes: the forward passes, the loss, the penalties."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from gantool.errors import PluginError
from gantool.training.regularization import PENALTIES

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.data.batches import Batch
    from gantool.training.fakes import Fakes
    from gantool.training.game import Game
    from gantool.training.regularization import Active
    from gantool.training.step import Seen, UpdateStep


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
                seen.real, seen.fake = active.component.batch(view.real, view.fake, view)
        if seen.real is not None:
            shown = self.step.show(seen.real, "real")
            seen.real_logits = game.forward("discriminator", shown, seen.real_labels)  # [N]
        shown = self.step.show(seen.fake, "fake")
        seen.fake_logits = game.forward("discriminator", shown, seen.fake_labels)  # [N]

    def _terms(self) -> Tensor:
        """Return the loss's terms, [N], and refuse any other shape."""
        loss, step = self.game.loss, self.step
        if step.player == "discriminator":
            terms = loss.discriminator(step.real_logits, step.fake_logits)
        else:
            real = step.real_logits if loss.needs_real_in_generator else None
            terms = loss.generator(step.fake_logits, real)
        if terms.shape != step.fake_logits.shape or terms.dim() != 1:
            raise PluginError(
                f"loss '{loss.name}' returned terms of shape {list(terms.shape)} for logits of "
                f"shape {list(step.fake_logits.shape)}; both must be [N]"
            )
        return terms

    def _weighted(self, terms: Tensor) -> Tensor:
        """Return the terms times the weights that regularizers give them, [N]."""
        for active in self.game.regularization.having("sample_weights", self.step.player):
            weights = active.component.sample_weights(self.step.for_(active, "sample_weights"))
            terms = terms if weights is None else terms * weights
        return terms

    def _penalty(self, active: Active) -> Tensor:
        """Return a regularizer's penalty, a scalar, and note it."""
        hook = PENALTIES[self.step.player]
        penalty: Tensor = getattr(active.component, hook)(self.step.for_(active, hook))
        if penalty.dim() != 0:
            shape = list(penalty.shape)
            raise PluginError(f"regularizer '{active.stream}': {hook} is of shape {shape}, not []")
        self.figures[f"penalty/{active.stream}"] = penalty
        return penalty

    def _note_scores(self) -> None:
        """Note mean D(x) and D(G(z)) as probabilities, before a discriminator update."""
        if self.step.player == "discriminator":
            with torch.no_grad():
                self.figures["real_score"] = self.step.real_logits.sigmoid().mean()
                self.figures["fake_score"] = self.step.fake_logits.sigmoid().mean()
