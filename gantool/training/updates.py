"""One update of one player: gradients of its objective, and the optimizer's step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from gantool.training import returned
from gantool.training.fakes import Fakes, generate
from gantool.training.objective import Objective, differentiating
from gantool.training.seen import Seen, joined
from gantool.training.step import UpdateStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from gantool.data.batches import Batch
    from gantool.data.rows import Rows
    from gantool.interfaces.step import Player
    from gantool.interfaces.step import Update as UpdateInterface
    from gantool.training.game import Game
    from gantool.training.randomness import Streams
    from gantool.training.regularization import Active
    from gantool.training.totals import Totals


@dataclass
class Update:
    """One optimizer step of one player; what `Regularizer.around_update` is given.

    Attributes:
        game: What outlives the update.
        player: Whose update it is.
        batch: Real images; the generator's update has those of the last discriminator update.
        step: Steps completed.
        index: Which of the step's updates of this player it is.
        totals: Where figures are added; None for a look-ahead, which does not count.
        kept_fakes: With `reuse_fakes`, what the discriminator's update leaves to the generator's.
        place: Distinguishes the draws of look-aheads.
    """

    game: Game
    player: Player
    batch: Batch
    step: int
    index: int
    totals: Totals | None
    kept_fakes: list[Fakes] = field(default_factory=list)
    place: str = ""
    _repetitions: int = 0
    _look_aheads: int = 0
    _slices_seen: list[Seen] = field(default_factory=list)

    def perform(self) -> None:
        """Make the update the way the regularizers want it made."""
        update: UpdateInterface = self
        for active in self.game.regularization.having("around_update", self.player):
            update = _Around(update, active, self._step_before())
        update()
        self._tell_after()

    def __call__(self, player: Player | None = None) -> None:
        """Compute gradients and apply them, or make a look-ahead update of the other player."""
        if player is None or player == self.player:
            self.gradients()
            self.apply()
        else:
            self._look_ahead(player)

    def gradients(self) -> None:
        """Compute the gradients of the objective, slice by slice."""
        competitor = self.game.competitors[self.player]
        competitor.optimizer.zero_grad(set_to_none=True)
        self._slices_seen.clear()
        figures: dict[str, Tensor] = {}
        for part, rows in enumerate(self._slices):
            self._seed_draws(part)
            step = UpdateStep(self.game, self.player, rows, Seen())
            objective = Objective(self.game, step, self._updates_done)
            fakes = self._fakes(step, rows)
            with self.game.only_trains(self.player):
                value = objective.value(self.batch.part(rows), fakes)
                value = value if rows.share == 1 else rows.share * value
                with differentiating(self.game, self.player):
                    torch.autograd.backward(value, inputs=competitor.parameters)
            _accumulate(figures, objective.figures, rows.share)
            self._slices_seen.append(step.seen)
        self._repetitions += 1
        self.game.ranks.sum_([*self._gradients, *figures.values()])
        self._record(figures)

    def apply(self) -> None:
        """Clip the gradients, if asked to, and let the optimizer use them."""
        competitor = self.game.competitors[self.player]
        largest = competitor.table.clip_gradient_norm
        if largest is not None or (self.totals is not None and self.totals.is_closing):
            norm = get_total_norm(self._gradients, foreach=True)
            self._record({f"{self.player}_gradient_norm": norm})
            if largest is not None:
                clip_grads_with_norm_(competitor.parameters, largest, norm, foreach=True)
        competitor.optimizer.step()

    @property
    def _gradients(self) -> list[Tensor]:
        parameters = self.game.competitors[self.player].parameters
        return [p.grad for p in parameters if p.grad is not None]

    def _fakes(self, step: UpdateStep, rows: Rows) -> Fakes:
        """Generate images, or take those that the discriminator's update has left."""
        if self.player == "generator" and self.kept_fakes:
            return self.kept_fakes.pop(0)
        needs_graph = self.player == "generator" or self.game.regularization.need_both_graphs
        hands_on = self.game.reuse_fakes and self.player == "discriminator"
        fakes = generate(self.game, step, rows, with_graph=needs_graph or hands_on)
        if hands_on:
            self.kept_fakes.append(fakes)
        return fakes if needs_graph else fakes._replace(images=fakes.images.detach())

    def _look_ahead(self, player: Player) -> None:
        """Update the other player on the same real images, with draws of its own."""
        self._look_aheads += 1
        place = f"{self.place} look-ahead {self._look_aheads}"
        Update(self.game, player, self.batch, self.step, self.index, None, place=place)()

    def _tell_after(self) -> None:
        """Let regularizers look at the finished update, on all of our rows at once."""
        watching = self.game.regularization.having("after_update", self.player)
        telling = self.game.regularization.having("figures", self.player)
        if not watching and not telling:
            return
        seen, streams = joined(self._slices_seen), self._streams_apart("after")
        step = UpdateStep(self.game, self.player, self.batch.rows, seen, streams)
        with torch.no_grad():
            for active in watching:
                active.call("after_update", step.for_(active, "after_update"))
            for active in telling:
                found = active.call("figures", step.for_(active, "figures"))
                self._record(returned.figures(active, found, self.game.progress))

    def _step_before(self) -> UpdateStep:
        """Return the step as it is before anything is generated."""
        seen = Seen()
        if self.player == "discriminator" or self.game.needs_real_in_generator:
            seen = Seen(real=self.batch.images, real_labels=self.batch.labels)
        streams = self._streams_apart("around")
        return UpdateStep(self.game, self.player, self.batch.rows, seen, streams)

    def _streams_apart(self, when: str) -> Streams:
        """Return streams for what happens around gradients, which start draws of their own."""
        return self.game.streams.apart(self.step, self.player, self.index, when)

    def _seed_draws(self, part: int) -> None:
        """Start the draws anew: every slice draws for the whole batch and keeps its rows."""
        moment = (self.player, self.index, self._repetitions, self.place)
        self.game.streams.begin(self.step, *moment, part=part)

    @property
    def _slices(self) -> list[Rows]:
        """The rows of each slice, as equal as they can be."""
        rows = self.batch.rows
        return rows.divided(min(self.game.accumulate, rows.count))

    @property
    def _updates_done(self) -> int:
        """Updates of this player before this one."""
        each = self.game.setup.discriminator_updates if self.player == "discriminator" else 1
        return self.step * each + self.index

    def _record(self, figures: Mapping[str, Tensor]) -> None:
        if self.totals is not None:
            self.totals.note(figures)


@dataclass
class _Around:
    """An update seen through one regularizer's `around_update`."""

    update: UpdateInterface
    active: Active
    step: UpdateStep

    def __call__(self, player: Player | None = None) -> None:
        if player is not None:
            self.update(player)
            return
        view = self.step.for_(self.active, "around_update")
        self.active.call("around_update", self.update, view)

    def gradients(self) -> None:
        self.update.gradients()

    def apply(self) -> None:
        self.update.apply()


@torch.no_grad()
def _accumulate(sums: dict[str, Tensor], values: Mapping[str, Tensor], share: float) -> None:
    """Add what a slice contributes to the figures of the whole batch."""
    for name, value in values.items():
        part = value if share == 1 else share * value
        sums[name] = sums[name] + part if name in sums else part
