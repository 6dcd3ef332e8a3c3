"""Regularizers that are tried in fresh processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from gantool import Regularizer

if TYPE_CHECKING:
    from gantool import ImageShape


class Light(Regularizer):
    """Checks with what Python has."""

    name = "light"

    @override
    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        if image.height != image.width:
            msg = "only squares can be turned"
            raise ValueError(msg)


class Heavy(Light):
    """Checks with torch."""

    @override
    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        import torch

        if torch.tensor(image.height) != image.width:
            msg = "only squares can be turned"
            raise ValueError(msg)
