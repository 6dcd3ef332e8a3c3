"""The turns of a step on the device: each player's updates, then the generator's average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.training.updates import Update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.data.batches import Batch
    from gantool.training.fakes import Fakes
    from gantool.training.game import Game
    from gantool.training.players import Average
    from gantool.training.totals import Totals


@dataclass
class Turns:
    """Makes the updates of one step.

    Nothing in here waits for the device, and what changes from step to step is in tensors: the
    step can be recorded once and replayed.

    Attributes:
        game: Networks, optimizers, loss, regularizers.
        totals: Where figures are added.
        average: The moving average of the generator, if one is kept.
    """

    game: Game
    totals: Totals
    average: Average | None

    def __call__(self, reals: Sequence[Batch], step: int) -> None:
        """Update the discriminator once a batch, then the generator, then its average.

        Args:
            reals: The real images of each discriminator update.
            step: Steps completed before this one.
        """
        fakes: list[Fakes] = []
        for index, real in enumerate(reals):
            fakes.clear()
            Update(self.game, "discriminator", real, step, index, self.totals, fakes).perform()
        Update(self.game, "generator", reals[-1], step, 0, self.totals, fakes).perform()
        self.totals.end_step()
        if self.average is not None:
            self.average.update()
