"""A record of training that was no longer finite, for those who come back to it."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import ConfigDict, Field

from gantool.errors import DivergedError, UsageError
from gantool.runs.documents import Step, read_document
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
    if record is not None and session.trainer.step >= record.step:
        with suppress(OSError):
            folder.diverged.unlink(missing_ok=True)


@dataclass(frozen=True)
class Divergence:
    """What is kept, as it is in the file.

    Attributes:
        step: By which step training was not finite.
        figures: What was not.
        attempts: How often it was tried.
        ways: Arguments of `gantool resume` that may lead elsewhere; "try" in the file.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True)

    step: Step
    figures: tuple[str, ...]
    ways: Annotated[tuple[str, ...], Field(alias="try")]
    attempts: Step = 1


def remind_of_divergence(folder: RunFolder, step: int) -> int:
    """Say what a run met when it was last trained beyond a step, and how not to meet it again.

    Returns:
        How often it has gone back before it was given up: it will not go back as often again.
    """
    record = _read(folder)
    if record is None or step >= record.step:
        return 0
    ways = "".join(f"\n  {way}" for way in record.ways)
    log.warning(
        "this run diverged by step %d, not finite: %s; from step %d it would again, unless "
        "something is changed, as with:%s",
        record.step,
        ", ".join(record.figures),
        step,
        ways,
    )
    return record.attempts - 1


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
        rate = min(table.rate.start / 2, LOW_RATE)
        yield f"--set {key}.learning_rate={rate:g} --override"
        if table.clip_gradient_norm is None:
            yield f"--set {key}.clip_gradient_norm={SMALL_NORM:g} --override"


def _read(folder: RunFolder) -> Divergence | None:
    """Return the record, if there is one and it is what was written."""
    if not folder.diverged.exists():
        return None
    try:
        record: Divergence = read_document(folder.diverged, Divergence)
    except UsageError as error:
        log.warning("%s", error)
        return None
    return record
