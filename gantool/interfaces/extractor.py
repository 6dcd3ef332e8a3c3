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

    @abstractmethod
    def load(self) -> nn.Module:
        """Return a module that maps uint8 images [N, 3, H, W] to features [N, F].

        Raises:
            MissingExtraError: When the package or the weights it needs are not installed.
        """
