"""The training loop, from the first step to the last."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gantool.errors import DivergedError, UsageError
from gantool.training.device.ranks import shared_tensors
from gantool.training.observers import Record, tell_restored, wish_to_stop
from gantool.training.state.form import WAY_OUT, training_state
from gantool.training.state.saving import refuse_non_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, nn

    from gantool.data.batches import Batch
    from gantool.recipe.schema import TrainingTable
    from gantool.training.game import Game
    from gantool.training.observers import Observer
    from gantool.training.state.form import State
    from gantool.training.state.saving import Accord, Saver

log = logging.getLogger("gantool")


@dataclass
class Trainer:
    """Trains the players against each other.

    One step is `discriminator_updates` updates of the discriminator, each on a batch of its own,
    and then one of the generator. Everything random follows from the seed and the step, so a
    trainer whose state is restored goes on exactly as if it had never stopped.

    Attributes:
        turns: Makes the updates of one step, eagerly or from a recording.
        table: The recipe's `[training]`.
        about: Facts of the run that its checkpoints carry along, plain data.
        saver: None for a trial that leaves nothing behind.
        step: Steps completed.
        stop_reason: Why training stopped before its last step, or None.
        rollbacks_spent: How often an earlier process went back before it gave up.
    """

    game: Game
    turns: Callable[[Sequence[Batch], int], None]
    table: TrainingTable
    accord: Accord
    about: Mapping[str, Any]
    saver: Saver | None = None
    step: int = field(default=0, init=False)
    stop_reason: str | None = field(default=None, init=False)
    rollbacks_spent: int = field(default=0, init=False)
    _observers: Sequence[Observer] = field(default=(), init=False)
    _memory: dict[str, Any] = field(default_factory=dict, init=False)

    def train(self, observers: Sequence[Observer] = (), *, rollbacks_spent: int = 0) -> None:
        """Train to the last step, or until an observer wants to stop; either way, save.

        Raises:
            DivergedError: When training is no longer finite and the recipe does not put up with it.
            DiskError: When checkpoints cannot be written. Without an error, the last step is saved.
        """
        self._observers, self.rollbacks_spent = observers, rollbacks_spent
        self.game.ranks.take_from_first([*self._shared().values()])
        tell_restored(observers, self.step, self._memory)
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
        for observer in self._observers:
            observer.at_log(record)
        if self.table.on_divergence != "ignore":
            refuse_non_finite(record)

    def save(self, *, ends: bool = False) -> None:
        """Save the state with the observers' rating, and let them know; as `Saver.save`."""
        self.game.ranks.require_equal(self._shared())
        if self.saver is None:
            return
        ratings = [observer.rating(self.step) for observer in self._observers]
        score = next((rating for rating in ratings if rating is not None), None)
        if self.saver.save(self.step, self.state, score, ends=ends) is None:
            return
        for observer in self._observers:
            observer.at_checkpoint(self.step)

    def state(self) -> State:
        """Return everything that training changes, and what the observers remember."""
        for observer in self._observers:
            self._memory |= observer.memory()
        game = self.game
        players = {player: each.state() for player, each in game.competitors.items()}
        return {
            "step": self.step,
            "attempt": game.streams.attempt,
            "networks": {player: network for player, (network, _) in players.items()},
            "optimizers": {player: optimizer for player, (_, optimizer) in players.items()},
            "average": None if game.average is None else game.average.state(),
            "regularizers": game.regularization.state(),
            "totals": game.totals.state(),
            "followers": sorted(game.followers),
            "about": dict(self.about),
            "observers": dict(self._memory),
        }

    def load(self, state: State) -> None:
        """Go on from a saved state; tensors are put back in place.

        Raises:
            UsageError: When it is of other networks, of another recipe, or no state at all.
        """
        try:
            self._load(state)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            message = f"the saved state is not one of a training: {type(error).__name__}: {error}"
            raise UsageError(message, WAY_OUT) from error

    @property
    def epoch(self) -> float:
        """Epochs completed."""
        return self.step * self.game.setup.discriminator_updates / self.game.batches.per_epoch

    def is_finished(self) -> bool:
        """Whether the last step is completed."""
        return self.step >= self.game.setup.steps

    def _observed_step(self) -> None:
        """Make a step, let everybody know, and save if it is time."""
        self.one_step()
        for observer in self._observers:
            observer.after_step(self.step)
        if self.game.totals.is_closing:
            self.log()
        self.stop_reason = self.accord.reason_to_stop(wish_to_stop(self._observers), self.step)
        ends = self.is_finished() or self.stop_reason is not None
        if self.accord.is_time_to_save(self.saver, self.step) or ends:
            self.save(ends=ends)

    def _load(self, state: State) -> None:
        game, networks, optimizers = self.game, state["networks"], state["optimizers"]
        game.streams.attempt = state["attempt"]
        for player, competitor in game.competitors.items():
            competitor.load((networks[player], optimizers[player]))
        if game.average is not None:
            game.average.load(state["average"] or networks["generator"])
        game.regularization.load(state["regularizers"])
        game.totals.load(state["totals"])
        game.followers = set(state.get("followers", ()))
        self._memory = dict(state.get("observers", {}))
        self.step = state["step"]
        if self.saver is not None:
            self.saver.last_step = self.step

    def _roll_back(self, error: DivergedError) -> None:
        """Go back to the newest intact checkpoint and on from there with other noise.

        The attempt is part of the state, so a rollback that is itself interrupted is made again,
        to the same numbers.

        Raises:
            DivergedError: The same, when the recipe wants to stop, or after as many rollbacks as
                it allows, those before a resume included.
            UsageError: When the checkpoint is not one of this training.
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
        self.load(training_state(checkpoint))
        streams.attempt = failed + 1
        tell_restored(self._observers, self.step, self._memory)
        attempts = f"attempt {failed + 2} of {allowed + 1}"
        log.warning("%s; back to step %d with other noise, %s", error.message, self.step, attempts)

    def _shared(self) -> dict[str, Tensor]:
        """Return what must be the same in all processes that train together."""
        game = self.game
        modules: dict[str, nn.Module] = {p: each.network for p, each in game.competitors.items()}
        modules |= game.regularization.states()
        modules |= {} if game.average is None else {"average": game.average.network}
        return {
            f"{owner}.{name}": tensor
            for owner, module in modules.items()
            for name, tensor in shared_tensors(module)
        }
