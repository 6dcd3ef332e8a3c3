"""Losses: the terms that the two players minimize."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from gantool.interfaces.component import Component

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Component):
    """Terms of the logits' own shape, of which the engine takes the (weighted) mean.

    Logits are [N] or, of a discriminator that gives K an image, [N, K]: the engine takes the mean
    over K, then over the images. It refuses terms of another shape than the logits: [N, 1] among
    [N] would broadcast to [N, N] in silence.
    """

    kind: ClassVar[str] = "loss"
    needs_real_in_generator: ClassVar[bool] = False
    """Whether the generator's loss looks at real logits too, as relativistic losses do."""
    couples_batch: ClassVar[bool] = False
    """Whether an image's term depends on the logits of others, on their mean for instance: of
    several logits an image, on the mean of each column.

    A loss is given the logits that are worked on together: those of a slice, where a recipe says
    `accumulate`, and of one process's share. Losses of single images or pairs add up to the same
    over any division; one that declares this does not, and a recipe that slices is warned of it.
    """

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's terms.

        Args:
            real: Logits of real images, [N] or [N, K].
            fake: Logits of generated images, [N] or [N, K].

        Returns:
            Terms to minimize, of the shape of the logits.
        """

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """Return the generator's terms.

        Args:
            fake: Logits of generated images, [N] or [N, K].
            real: Logits of real images, [N] or [N, K]; None unless `needs_real_in_generator`.

        Returns:
            Terms to minimize, of the shape of the logits.
        """
