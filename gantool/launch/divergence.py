"""What is kept of a training that was no longer finite, for those who come back to it."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from gantool.errors import DivergedError
from gantool.files.plain import read_plain
from gantool.runs.status import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.runs.folder import RunFolder

log = logging.getLogger("gantool")

LOW_RATE = 2e-4
"""The learning rate of the first DCGANs (Radford et al. 2016), for those with a higher one."""
SMALL_NORM = 1.0


@contextmanager
def divergence_noted(session: Session, folder: RunFolder) -> Iterator[None]:
    """Write down by when training was not finite, and forget it once training has come further.

    Raises:
        DivergedError: The same as inside.
    """
    try:
        yield
    except DivergedError as error:
        if error.step is not None:
            _note(session, folder, error)
        raise
    record = _read(folder)
    if record is not None and session.trainer.step >= record["step"]:
        with suppress(OSError):
            folder.diverged.unlink(missing_ok=True)


def remind_of_divergence(folder: RunFolder, step: int) -> int:
    """Say what a run met when it was last trained beyond a step, and how not to meet it again.

    Returns:
        How often it has gone back before it was given up: it will not go back as often again.
    """
    record = _read(folder)
    if record is None or step >= record["step"]:
        return 0
    ways = "".join(f"\n  {way}" for way in record["try"])
    log.warning(
        "this run diverged by step %d, not finite: %s; from step %d it would again, unless "
        "something is changed, as with:%s",
        record["step"],
        ", ".join(record["figures"]),
        step,
        ways,
    )
    return int(record["attempts"]) - 1


def _note(session: Session, folder: RunFolder, error: DivergedError) -> None:
    """Write the record; a full disk costs it and nothing else."""
    trainer = session.trainer
    record = {
        "step": error.step,
        "figures": list(error.figures),
        "saved_step": None if trainer.saver is None else trainer.saver.last_step,
        "attempts": max(trainer.game.streams.attempt, trainer.rollbacks_spent) + 1,
        "try": list(_ways_out(session.plan)),
    }
    try:
        write_json(folder.diverged, record)
    except OSError as failure:
        log.warning("%s could not be written: %s", folder.diverged.name, failure)


def _ways_out(plan: Recipe) -> Iterator[str]:
    """Yield arguments of `gantool resume` that may lead elsewhere, the mildest first."""
    if plan.tables.training.on_divergence != "rollback":
        yield "--set training.on_divergence=rollback"
    tables = {f"optimizer.{player}": table for player, table in plan.optimizer.items()}
    first, *others = tables.values()
    for key, table in ({"optimizer": first} if [first] == others else tables).items():
        rate = min(table.learning_rate / 2, LOW_RATE)
        yield f"--set {key}.learning_rate={rate:g} --override"
        if table.clip_gradient_norm is None:
            yield f"--set {key}.clip_gradient_norm={SMALL_NORM:g} --override"


def _read(folder: RunFolder) -> dict[str, Any] | None:
    """Return the record, if there is one and it is what was written."""
    try:
        record = json.loads(read_plain(folder.diverged))
        names = [*record["figures"], *record["try"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    numbers = record["step"], record.get("attempts")
    is_whole = all(type(number) is int for number in numbers) and all(
        isinstance(name, str) for name in names
    )
    return record if is_whole else None
