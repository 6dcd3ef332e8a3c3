"""The end, or the rollback, of training that is no longer finite."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from gantool.errors import DivergedError
from gantool.training.observers import tell_restored

if TYPE_CHECKING:
    from gantool.training.observers import Record
    from gantool.training.trainer import Trainer

log = logging.getLogger("gantool")

WAY_OUT = (
    "the last checkpoint is finite; go on from it with a lower optimizer.learning_rate, with "
    'optimizer.clip_gradient_norm, or with training.on_divergence = "rollback"'
)


def refuse_non_finite(record: Record) -> None:
    """Look at the figures of a log interval.

    Raises:
        DivergedError: When one of them is NaN or infinite.
    """
    bad = [name for name, value in record.values.items() if not math.isfinite(value)]
    if bad:
        raise DivergedError(
            f"training diverged: by step {record.step}, not finite: {', '.join(bad)}",
            WAY_OUT,
            step=record.step,
            figures=tuple(bad),
        )


def roll_back(trainer: Trainer, error: DivergedError) -> None:
    """Go back to the newest intact checkpoint and on from there with other noise.

    The attempt is part of the state, so a rollback that is itself interrupted is made again, to
    the same numbers.

    Args:
        trainer: Whose networks are not finite any more.
        error: How that was noticed.

    Raises:
        DivergedError: The same, when the recipe wants to stop, or after as many rollbacks as it
            allows, those before a resume included.
    """
    table, failed = trainer.table, trainer.game.streams.attempt
    spent = max(failed, trainer.rollbacks_spent)
    if table.on_divergence != "rollback" or trainer.saver is None:
        raise error
    if spent >= table.rollbacks:
        raise DivergedError(
            f"{error.message}, after {spent} rollbacks",
            error.hint,
            step=error.step,
            figures=error.figures,
        ) from error
    checkpoint, _ = trainer.saver.checkpoints.newest()
    if checkpoint is None:
        raise error
    trainer.restore(checkpoint.load())
    trainer.game.streams.attempt = failed + 1
    tell_restored(trainer.observers, trainer.step, trainer.memory)
    log.warning(
        "%s; back to step %d with other noise, attempt %d of %d",
        error.message,
        trainer.step,
        failed + 2,
        table.rollbacks + 1,
    )
