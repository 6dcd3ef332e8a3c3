"""Small players in linear layers: nothing in them mixes the images of a batch."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from typing_extensions import override

from gantool import Architecture, ImageShape


class LinearGenerator(nn.Module):
    """Two linear layers with a curve between them and one behind."""

    def __init__(self, image: ImageShape, latent_dim: int, width: int, classes: int) -> None:
        super().__init__()
        self.image, self.classes = image, classes
        self.hidden = nn.Linear(latent_dim + classes, width)
        self.out = nn.Linear(width, image.channels * image.height * image.width)
        self.labels_given: list[Tensor] = []

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        hidden = self.hidden(_beside(latents, labels, self)).tanh()
        images: Tensor = self.out(hidden).tanh().view(-1, *self.image)
        return images


class LinearDiscriminator(nn.Module):
    """Blocks of linear layers and a linear head; without blocks it is D(x) = w x + b."""

    def __init__(self, image: ImageShape, width: int, depth: int, classes: int) -> None:
        super().__init__()
        sizes = [image.channels * image.height * image.width] + [width] * depth
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.blocks = nn.ModuleList(nn.Sequential(layer, nn.Tanh()) for layer in layers)
        self.to_logit, self.classes = nn.Linear(sizes[-1] + classes, 1), classes
        self.labels_given: list[Tensor] = []

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        del labels
        values = images.flatten(1)
        for block in self.blocks:
            values = block(values)
        return values

    def head(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.to_logit(_beside(features, labels, self)).squeeze(1)
        return logits

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(self.features(images, labels), labels)


def _beside(
    values: Tensor, labels: Tensor | None, network: LinearGenerator | LinearDiscriminator
) -> Tensor:
    """Return values with their labels, one-hot, beside them; the network remembers the labels."""
    if labels is None:
        return values
    network.labels_given.append(labels.clone())
    return torch.cat([values, nn.functional.one_hot(labels, network.classes).to(values)], 1)


class LinearPlayers(Architecture):
    """Players small enough to follow by hand; the discriminator is linear by default."""

    name = "linear"

    latent_dim: PositiveInt = 3
    """Numbers in one latent."""
    width: PositiveInt = 5
    """Hidden units."""
    depth: Literal[0, 1, 2] = 0
    """Blocks of the discriminator."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        del image, classes

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return LinearGenerator(image, self.latent_dim, self.width, classes)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return LinearDiscriminator(image, self.width, self.depth, classes)
