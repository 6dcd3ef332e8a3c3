"""One step, from top to bottom: each player's updates in turn, then the average."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from gantool.training.step.objective import differentiating, generate, objective
from gantool.training.step.view import Seen, UpdateStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from gantool.data.batches import Batch, Rows
    from gantool.interfaces.step import Player
    from gantool.interfaces.step import Update as UpdateInterface
    from gantool.training.game import Game
    from gantool.training.players import Competitor
    from gantool.training.randomness import Streams
    from gantool.training.regularization import Active


def take_turns(game: Game, reals: Sequence[Batch], step: int) -> None:
    """Make a step: update each player as often as it is its turn, then the generator's average.

    Nothing in here waits for the device, and what changes from step to step is in tensors: the
    step can be recorded once and replayed. `reals` are the batches of those who take them, `step`
    the steps completed before.
    """
    batches, batch = iter(reals), reals[0]
    kept: list[Seen] = []
    for player, competitor in game.competitors.items():
        for index in range(competitor.turn.updates):
            if competitor.turn.takes_batches:
                batch = next(batches)
                kept.clear()
            Update(game, player, batch, step, index, kept).perform()
    game.totals.end_step()
    if game.average is not None:
        game.average.update()


@dataclass
class Update:
    """One optimizer step of one player; what `Regularizer.around_update` is given.

    Attributes:
        batch: Real images; those of the update before, where the player takes no batches.
        index: Which of the step's updates of this player it is; `step` counts completed ones.
        kept: With `reuse_fakes`, the fakes that one player's last update leaves to the next one's.
        counts: Whether its figures are added up; those of a look-ahead are not.
        place: Distinguishes the draws of look-aheads.
    """

    game: Game
    player: Player
    batch: Batch
    step: int
    index: int
    kept: list[Seen] = field(default_factory=list)
    counts: bool = True
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
        self.competitor.optimizer.zero_grad(set_to_none=True)
        self._slices_seen.clear()
        figures: dict[str, Tensor] = {}
        moment = (self.player, self.index, self._repetitions, self.place)
        slices = min(self.game.accumulate, self.batch.rows.count)
        done = self.step * self.competitor.turn.updates + self.index
        for part, rows in enumerate(self.batch.rows.divided(slices)):  # all draw the same numbers
            self.game.streams.begin(self.step, *moment, part=part)
            step = self._begun(rows)
            with self.game.only_trains(self.player):
                value, found = objective(step, self.batch.part(rows), done)
                value = value if rows.share == 1 else rows.share * value
                with differentiating(self.game, self.player):
                    torch.autograd.backward(value, inputs=self.competitor.parameters)
            _accumulate(figures, found, rows.share)
            self._slices_seen.append(step.seen)
        self._repetitions += 1
        self.game.ranks.sum_([*self._gradients, *figures.values()])
        self._record(figures)

    def apply(self) -> None:
        """Clip the gradients, if asked to, and let the optimizer use them."""
        largest = self.competitor.table.clip_gradient_norm
        if largest is not None or (self.counts and self.game.totals.is_closing):
            norm = get_total_norm(self._gradients, foreach=True)
            self._record({f"{self.player}_gradient_norm": norm})
            if largest is not None:
                clip_grads_with_norm_(self.competitor.parameters, largest, norm, foreach=True)
        self.competitor.optimizer.step()

    @property
    def competitor(self) -> Competitor:
        """The player's network and optimizer."""
        return self.game.competitors[self.player]

    @property
    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.competitor.parameters if p.grad is not None]

    def _begun(self, rows: Rows) -> UpdateStep:
        """Return the step with images generated, or with those that the update before has left."""
        through_generator = self.competitor.turn.trains_generator
        if through_generator and self.kept:
            return UpdateStep(self.game, self.player, rows, self.kept.pop(0))
        needs_graph = through_generator or self.game.regularization.need_both_graphs
        hands_on = self.game.reuse_fakes and not through_generator
        step = UpdateStep(self.game, self.player, rows, Seen())
        generate(step, with_graph=needs_graph or hands_on)
        seen, fake = step.seen, step.fake
        if hands_on:
            self.kept.append(Seen(fake=fake, latents=seen.latents, fake_labels=seen.fake_labels))
        seen.fake = fake if needs_graph else fake.detach()
        return step

    def _look_ahead(self, player: Player) -> None:
        """Update the other player on the same real images, with draws of its own."""
        self._look_aheads += 1
        place = f"{self.place} look-ahead {self._look_aheads}"
        Update(self.game, player, self.batch, self.step, self.index, counts=False, place=place)()

    def _tell_after(self) -> None:
        """Let regularizers look at the finished update, on all of our rows at once."""
        watching = self.game.regularization.having("after_update", self.player)
        telling = self.game.regularization.having("figures", self.player)
        if not watching and not telling:
            return
        seen, streams = Seen.joined(self._slices_seen), self._streams_apart("after")
        step = UpdateStep(self.game, self.player, self.batch.rows, seen, streams)
        with torch.no_grad():
            for active in watching:
                active.call("after_update", step.for_(active, "after_update"))
            for active in telling:
                self._record(active.figures(step.for_(active, "figures"), self.game.progress))

    def _step_before(self) -> UpdateStep:
        """Return the step as it is before anything is generated."""
        seen = Seen()
        if self.competitor.turn.takes_batches or self.game.needs_real_in_generator:
            seen = Seen(real=self.batch.images, real_labels=self.batch.labels)
        streams = self._streams_apart("around")
        return UpdateStep(self.game, self.player, self.batch.rows, seen, streams)

    def _streams_apart(self, when: str) -> Streams:
        """Return streams for what happens around gradients, which start draws of their own."""
        return self.game.streams.apart(self.step, self.player, self.index, when)

    def _record(self, figures: Mapping[str, Tensor]) -> None:
        if self.counts:
            self.game.totals.note(figures)


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
