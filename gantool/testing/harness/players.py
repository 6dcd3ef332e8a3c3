"""Networks of an architecture under test, and inputs for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from unittest import SkipTest

import torch

from gantool.interfaces.dataset import ImageShape
from gantool.testing.harness.isolation import global_random_state_kept
from gantool.testing.promises import BrokenPromise, require, require_finite, require_shape

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool.interfaces.architecture import Architecture

SIDES = (16, 20, 24, 32, 48, 64)
"""Heights and widths that are tried: powers of two and sizes between them."""
LARGE_SIDES = (128, 256, 512)
"""Tried where none of the others is supported."""
CLASSES = 3
COUNT = 3
"""Images in a batch."""
DISTURBANCE = 0.1
"""Standard deviation of what is added to weights."""


class Players(NamedTuple):
    """Both networks in training mode, and inputs for them.

    Attributes:
        generator: Latents to images.
        discriminator: Images to logits.
        image: The images' shape.
        latents: [3, latent_dim].
        images: [3, C, H, W] in [-1, 1].
        labels: int64 [3], where the networks are conditional.
        bounded: Whether generated images are to be in [-1, 1].
    """

    generator: nn.Module
    discriminator: nn.Module
    image: ImageShape
    latents: Tensor
    images: Tensor
    labels: Tensor | None
    bounded: bool = True

    def generate(self, count: int = COUNT) -> Tensor:
        """Return images for the first latents."""
        images: Tensor = self.generator(self.latents[:count], *self.given_labels(count))
        return images

    def discriminate(self, count: int = COUNT) -> Tensor:
        """Return logits for the first images."""
        logits: Tensor = self.discriminator(self.images[:count], *self.given_labels(count))
        return logits

    def in_float64(self) -> Players:
        """Return the same in float64."""
        return self._replace(
            generator=self.generator.double(),
            discriminator=self.discriminator.double(),
            latents=self.latents.double(),
            images=self.images.double(),
        )

    def given_labels(self, count: int = COUNT) -> tuple[Tensor, ...]:
        """Return the first labels as an argument, or no argument without labels."""
        return () if self.labels is None else (self.labels[:count],)

    def evaluating(self) -> Players:
        """Return the same in evaluation mode."""
        self.generator.eval()
        self.discriminator.eval()
        return self


def build(
    architecture: Architecture,
    image: ImageShape | None = None,
    *,
    conditional: bool = False,
    seed: int = 0,
) -> Players:
    """Build both networks from a seed."""
    image = image or supported_image(architecture)
    classes = CLASSES if conditional else 0
    with global_random_state_kept():
        torch.manual_seed(seed)
        generator = architecture.generator(image, classes).train()
        discriminator = architecture.discriminator(image, classes).train()
    chance = torch.Generator().manual_seed(1)
    latents = torch.randn(COUNT, architecture.latent_dim, generator=chance)
    images = 2 * torch.rand(COUNT, *image, generator=chance) - 1
    labels = torch.arange(COUNT) % classes if conditional else None
    bounded = architecture.is_bounded()
    return Players(generator, discriminator, image, latents, images, labels, bounded)


def build_each(architecture: Architecture) -> Iterator[Players]:
    """Yield networks without labels and, where `check` accepts classes, with labels."""
    yield build(architecture)
    if refusal_of(architecture, supported_image(architecture), CLASSES) is None:
        yield build(architecture, conditional=True)


def build_conditional(architecture: Architecture) -> Players:
    """Build conditional networks."""
    refusal = refusal_of(architecture, supported_image(architecture), CLASSES)
    if refusal is not None:
        message = f"`check` refuses classes: {refusal}"
        raise SkipTest(message)
    return build(architecture, conditional=True)


@torch.no_grad()
def disturbed(players: Players) -> Players:
    """Return the same players with weights as some training may leave them.

    The bias of a conditional BatchNorm is then no longer 0, and its gain no longer 1.
    """
    chance = torch.Generator().manual_seed(3)
    for network in (players.generator, players.discriminator):
        for weight in network.parameters():
            if weight.requires_grad:
                weight.add_(DISTURBANCE * torch.randn(weight.shape, generator=chance))
    players.generate()
    players.discriminate()  # both update running statistics
    return players


def supported_image(architecture: Architecture) -> ImageShape:
    """Return the first supported shape, from small to large and from color to gray."""
    refusal: ValueError | None = None
    for side in (*SIDES, *LARGE_SIDES):
        for channels in (3, 1, 4):
            image = ImageShape(channels, side, side)
            if (refusal := refusal_of(architecture, image)) is None:
                return image
    message = f"`check` refuses every shape from 16x16 to 512x512; the last because {refusal}"
    raise BrokenPromise(message)


def refusal_of(
    architecture: Architecture, image: ImageShape, classes: int = 0
) -> ValueError | None:
    """Return why `check` refuses a shape, or None."""
    try:
        architecture.check(image, classes)
    except ValueError as error:
        return error
    return None


def failure_of(architecture: Architecture, image: ImageShape) -> str | None:
    """Return what is wrong with networks for a shape, or None."""
    try:
        players = build(architecture, image)
        with torch.no_grad():
            require_outputs(players)
            require_outputs(players.evaluating(), 1)
    except Exception as error:  # a network may fail in any way
        reason = str(error).partition("\n")[0]
        return reason if isinstance(error, BrokenPromise) else f"{type(error).__name__}: {reason}"
    return None


def require_outputs(players: Players, count: int = COUNT) -> None:
    """Go on if both networks' outputs have the promised shapes and range."""
    require_images(players, players.generate(count), count)
    require_logits(players.discriminate(count), count)


def require_images(players: Players, images: Tensor, count: int = COUNT) -> None:
    """Go on if images have their shape, are finite and, of a bounded generator, in [-1, 1]."""
    require_shape(images, (count, *players.image), "images of the generator")
    require_finite(images, "images of the generator")
    largest = float(images.detach().abs().max())
    finding = f"images of the generator reach {largest:.3g}, outside [-1, 1]"
    require(largest <= 1 or not players.bounded, f"{finding}, which `is_bounded` does not say")


def require_logits(logits: Tensor, count: int) -> None:
    """Go on if logits are one number an image, [N], or several, [N, K]."""
    shape = list(getattr(logits, "shape", ()))
    right = shape[:1] == [count] and len(shape) <= 2 and 0 not in shape
    expected = f"expected the shape [{count}] or [{count}, K]"
    require(right, f"logits of the discriminator: {expected}, found {shape}")
    require_finite(logits, "logits of the discriminator")
