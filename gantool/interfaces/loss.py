"""What the two players minimize."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from gantool.interfaces.component import Component

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Component):
    """Terms, one an image, of which the engine takes the (weighted) mean.

    The engine refuses terms whose shape is not the logits' own [N]: a [N, 1] among them would
    broadcast to [N, N] in silence.
    """

    kind: ClassVar[str] = "loss"
    needs_real_in_generator: ClassVar[bool] = False
    """Whether the generator's loss looks at real logits too, as relativistic losses do."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's terms.

        Args:
            real: Logits of real images, [N].
            fake: Logits of generated images, [N].

        Returns:
            Terms to minimize, [N].
        """

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """Return the generator's terms.

        Args:
            fake: Logits of generated images, [N].
            real: Logits of real images, [N]; None unless `needs_real_in_generator`.

        Returns:
            Terms to minimize, [N].
        """
