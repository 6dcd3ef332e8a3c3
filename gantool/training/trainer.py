"""The training loop, from the first step to the last."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gantool.errors import DivergedError
from gantool.training.observers import Observer, Record, tell_restored, wish_to_stop
from gantool.training.state import state
from gantool.training.state.saving import refuse_non_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gantool.data.batches import Batch
    from gantool.recipe.schema import TrainingTable
    from gantool.training.game import Game
    from gantool.training.state.saving import Accord, Saver

log = logging.getLogger("gantool")


@dataclass
class Trainer:
    """Trains two players against each other.

    One step is `discriminator_updates` updates of the discriminator, each on a batch of its own,
    and then one of the generator. Everything random follows from the seed and the step, so a
    trainer whose state is restored goes on exactly as if it had never stopped.

    Attributes:
        game: Players, loss, regularizers, images, and the figures of the open log interval.
        turns: Makes the updates of one step, eagerly or from a recording.
        table: The recipe's `[training]`.
        accord: What several processes agree upon.
        saver: Where checkpoints go; None for a trial that leaves nothing behind.
        observers: Who looks on.
        about: Facts of the run that its checkpoints carry along, plain data.
        memory: What observers keep in the checkpoints, plain data by key.
        step: Steps completed.
        stop_reason: Why training stopped before its last step, or None.
        rollbacks_spent: How often an earlier process went back before it gave up.
    """

    game: Game
    turns: Callable[[Sequence[Batch], int], None]
    table: TrainingTable
    accord: Accord
    saver: Saver | None = None
    observers: Sequence[Observer] = ()
    about: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    stop_reason: str | None = None
    rollbacks_spent: int = 0

    def train(self) -> None:
        """Train to the last step, or until an observer wants to stop; either way, save.

        Raises:
            DivergedError: When training is no longer finite and the recipe does not put up with it.
            DiskError: When checkpoints cannot be written. Without an error, the last step is saved.
        """
        tell_restored(self.observers, self.step, self.memory)
        if self.step == 0:
            self.save()
        while not self.is_finished() and self.stop_reason is None:
            try:
                self._observed_step()
            except DivergedError as error:
                self._roll_back(error)

    def one_step(self) -> None:
        """Update the discriminator, then the generator, then the generator's average."""
        game, done = self.game, self.step + 1
        game.set_clock(self.step)
        if game.average is not None:
            game.average.set_clock(done)
        game.totals.is_closing = done % self.table.log_every_steps == 0 or done >= game.setup.steps
        with game.ranks.at_work():
            self.turns(game.real_batches(self.step), self.step)
        self.step = done
        game.device.keep_pace()

    def log(self) -> None:
        """Read the interval's figures from the device and hand them to the observers.

        Raises:
            DivergedError: When one of them is not finite, unless the recipe ignores that.
        """
        record = Record(self.step, self.epoch, self.game.totals.means())
        self.game.totals.clear()
        for observer in self.observers:
            observer.at_log(record)
        if self.table.on_divergence != "ignore":
            refuse_non_finite(record)

    def save(self, *, ends: bool = False) -> None:
        """Save the state with the observers' rating, and let them know.

        Args:
            ends: Whether training ends here, so that what is not saved now is lost.

        Raises:
            DivergedError, DiskError: As `Saver.save`.
        """
        self.game.ranks.require_equal(state.shared(self.game))
        if self.saver is None:
            return
        ratings = [observer.rating(self.step) for observer in self.observers]
        score = next((rating for rating in ratings if rating is not None), None)
        if self.saver.save(self.step, self._state, score, ends=ends) is None:
            return
        for observer in self.observers:
            observer.at_checkpoint(self.step)

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            UsageError: When it is of other networks.
        """
        self.step = state.restore(saved, self.game)
        self.memory = dict(saved.get("observers", {}))
        if self.saver is not None:
            self.saver.last_step = self.step

    @property
    def epoch(self) -> float:
        """Epochs completed."""
        return self.step * self.game.setup.discriminator_updates / self.game.batches.per_epoch

    def is_finished(self) -> bool:
        """Whether the last step is completed."""
        return self.step >= self.game.setup.steps

    def _roll_back(self, error: DivergedError) -> None:
        """Go back to the newest intact checkpoint and on from there with other noise.

        The attempt is part of the state, so a rollback that is itself interrupted is made again,
        to the same numbers.

        Raises:
            DivergedError: The same, when the recipe wants to stop, or after as many rollbacks as
                it allows, those before a resume included.
        """
        streams, allowed = self.game.streams, self.table.rollbacks
        failed = streams.attempt
        spent = max(failed, self.rollbacks_spent)
        if self.table.on_divergence != "rollback" or self.saver is None:
            raise error
        if spent >= allowed:
            message = f"{error.message}, after {spent} rollbacks"
            step, figures = error.step, error.figures
            raise DivergedError(message, error.hint, step=step, figures=figures) from error
        checkpoint, _ = self.saver.checkpoints.newest()
        if checkpoint is None:
            raise error
        self.restore(checkpoint.load())
        streams.attempt = failed + 1
        tell_restored(self.observers, self.step, self.memory)
        log.warning(
            "%s; back to step %d with other noise, attempt %d of %d",
            error.message,
            self.step,
            failed + 2,
            allowed + 1,
        )

    def _state(self) -> dict[str, Any]:
        """Return all that a checkpoint holds: the training's state and the observers' memory."""
        for observer in self.observers:
            self.memory |= observer.memory()
        current = state.gather(self.game, self.step)
        return {**current, "about": dict(self.about), "observers": dict(self.memory)}

    def _observed_step(self) -> None:
        """Make a step, let everybody know, and save if it is time."""
        self.one_step()
        for observer in self.observers:
            observer.after_step(self.step)
        if self.game.totals.is_closing:
            self.log()
        self.stop_reason = self.accord.reason_to_stop(wish_to_stop(self.observers), self.step)
        ends = self.is_finished() or self.stop_reason is not None
        if self.accord.is_time_to_save(self.saver, self.step) or ends:
            self.save(ends=ends)
