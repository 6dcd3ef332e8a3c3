"""The training loop, from the first step to the last."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gantool.errors import DivergedError
from gantool.training import state
from gantool.training.observers import Observer, Record
from gantool.training.players import each_player, learning_rate_at
from gantool.training.updates import Update

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gantool.recipe.schema import TrainingTable
    from gantool.training.fakes import Fakes
    from gantool.training.game import Game
    from gantool.training.players import Average
    from gantool.training.saving import Saver
    from gantool.training.totals import Totals


@dataclass
class Trainer:
    """Trains two players against each other.

    One step is `discriminator_updates` updates of the discriminator, each on a batch of its own,
    and then one of the generator. Everything random follows from the seed and the step, so a
    trainer whose state is restored goes on exactly as if it had never stopped.

    Attributes:
        game: Networks, optimizers, loss, regularizers, images.
        average: The moving average of the generator, if one is kept.
        totals: Running sums of the open log interval.
        table: The recipe's `[training]`.
        saver: Where checkpoints go; None for a trial that leaves nothing behind.
        observers: Who looks on.
        about: Facts of the run that its checkpoints carry along, plain data.
        step: Steps completed.
        stop_reason: Why training stopped before its last step, or None.
    """

    game: Game
    average: Average | None
    totals: Totals
    table: TrainingTable
    saver: Saver | None = None
    observers: Sequence[Observer] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    step: int = 0
    stop_reason: str | None = None

    def train(self) -> None:
        """Train to the last step, or until an observer wants to stop; either way, save.

        Raises:
            DivergedError: When training is no longer finite, unless the recipe ignores that.
            DiskError: When checkpoints cannot be written.
        """
        if self.step == 0:
            self.save()
        while not self.is_finished() and self.stop_reason is None:
            self.one_step()
            for observer in self.observers:
                observer.after_step(self.step)
            if self.step % self.table.log_every_steps == 0 or self.is_finished():
                self.log()
            self.stop_reason = self._wish_to_stop()
            ends = self.is_finished() or self.stop_reason is not None
            if self.saver is not None and (ends or self.saver.is_due(self.step)):
                self.save()

    def one_step(self) -> None:
        """Update the discriminator, then the generator, then the generator's average."""
        self._set_the_clock()
        game = self.game
        fakes: list[Fakes] = []
        for index in range(game.setup.discriminator_updates):
            fakes.clear()
            real = game.real_batch(self.step, index)
            Update(game, "discriminator", real, self.step, index, self.totals, fakes).perform()
        Update(game, "generator", real, self.step, 0, self.totals, fakes).perform()
        self.step += 1
        if self.average is not None:
            self.average.update(self.step)

    def log(self) -> None:
        """Read the interval's figures from the device and hand them to the observers.

        Raises:
            DivergedError: When one of them is not finite, unless the recipe ignores that.
        """
        record = Record(self.step, self.epoch, self.totals.means())
        self.totals.clear()
        for observer in self.observers:
            observer.at_log(record)
        bad = [name for name, value in record.values.items() if not math.isfinite(value)]
        if bad and self.table.on_divergence == "stop":
            raise DivergedError(
                f"training diverged: by step {self.step}, not finite: {', '.join(bad)}",
                "the last checkpoint is finite; try a lower optimizer.learning_rate, or set "
                "optimizer.clip_gradient_norm",
            )

    def save(self) -> None:
        """Save the state, and let the observers rate it."""
        if self.saver is None:
            return
        current = state.gather(self.game, self.average, self.totals, self.step)
        checkpoint = self.saver.save(self.step, {**current, "about": dict(self.about)})
        if checkpoint is None:
            return
        for observer in self.observers:
            score = observer.at_checkpoint(self.step)
            if score is not None:
                self.saver.checkpoints.rate(checkpoint, score)

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            UsageError: When it is of other networks.
        """
        self.step = state.restore(saved, self.game, self.average, self.totals)
        if self.saver is not None:
            self.saver.last_step = self.step

    @property
    def epoch(self) -> float:
        """Epochs completed, with fractions."""
        return self.step * self.game.setup.discriminator_updates / self.game.batches.per_epoch

    def is_finished(self) -> bool:
        """Whether the last step is completed."""
        return self.step >= self.game.setup.steps

    def _set_the_clock(self) -> None:
        """Write what changes from step to step into tensors on the device."""
        progress = self.step / self.game.setup.steps
        self.game.number.fill_(self.step)
        self.game.progress.fill_(progress)
        for competitor in each_player(self.game.competitors):
            competitor.learning_rate.fill_(learning_rate_at(competitor.table, progress))

    def _wish_to_stop(self) -> str | None:
        """Return the first observer's reason to stop, if any has one."""
        return next((why for o in self.observers if (why := o.wants_stop()) is not None), None)
