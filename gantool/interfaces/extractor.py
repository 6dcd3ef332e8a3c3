"""Networks that turn images into the features that metrics compare."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from gantool.interfaces.component import Component

if TYPE_CHECKING:
    from torch import nn


class Extractor(Component):
    """A fixed feature network."""

    kind: ClassVar[str] = "extractor"
    resizer: ClassVar[str] = "none"
    """How it resizes images before it looks at them; every score states it."""

    @abstractmethod
    def load(self) -> nn.Module:
        """Return a module that maps uint8 images [N, 3, H, W] to features [N, F].

        A network that also classifies returns two tensors: the features, and logits [N, K].

        Raises:
            MissingExtraError: When the package or the weights it needs are not installed.
        """

    def weights_digest(self) -> str | None:
        """Return the SHA-256 of the file of weights, which every score states.

        None, as by default, where there is no such file: then the weights themselves are hashed.
        """
        return None
