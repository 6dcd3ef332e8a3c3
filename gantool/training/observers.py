"""What looks on while a run is trained: console, grids, evaluation, page, loggers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Record:
    """Figures of one log interval, averaged over its steps.

    Attributes:
        step: Steps completed at its end.
        epoch: Epochs completed at its end, with fractions.
        values: By name: real_score and fake_score (mean D(x) and D(G(z)) as probabilities, before
            the update), discriminator_loss, discriminator_gradient_norm, generator_loss,
            generator_gradient_norm, and penalties as "penalty/NAME". NaN and infinity are kept.
    """

    step: int
    epoch: float
    values: Mapping[str, float]


class Observer:
    """Looks on, never changes the training. Override what you need."""

    def after_step(self, step: int) -> None:
        """Be told that `step` steps are completed."""

    def at_log(self, record: Record) -> None:
        """Be given the figures of a log interval."""

    def at_checkpoint(self, step: int) -> float | None:
        """Be told that a checkpoint was saved; return a score of it, lower being better."""
        del step
        return None

    def wants_stop(self) -> str | None:
        """Return why training should stop after this step, or None to go on."""
        return None
