"""Architectures whose `check` is called in fresh processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from gantool import Architecture, ImageShape

if TYPE_CHECKING:
    from torch import nn


class Light(Architecture):
    """Checks with what Python has."""

    name = "light"

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        if image.height % 16:
            msg = "the height must be a multiple of 16"
            raise ValueError(msg)

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        raise NotImplementedError

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        raise NotImplementedError


class Heavy(Light):
    """Checks with torch."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        import torch

        if torch.tensor(image.height) % 16:
            msg = "the height must be a multiple of 16"
            raise ValueError(msg)
