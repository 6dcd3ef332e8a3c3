"""The two networks of a run."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import PositiveInt

from gantool.interfaces.component import Component

if TYPE_CHECKING:
    from torch import nn

    from gantool.interfaces.dataset import ImageShape


class Architecture(Component):
    """A generator and a discriminator for images of one shape.

    The generator maps latents [N, latent_dim] (and labels [N], when conditional) to images
    [N, C, H, W] in [-1, 1]. The discriminator maps images (and labels) to logits, [N] or, where it
    judges patches, scales or heads, [N, K] with the same K for every image; it exposes `blocks` (an
    `nn.ModuleList`, input first), `features(images[, labels])`, a tensor or a tuple of tensors, and
    `head(features[, labels])`, and its forward is `head` after `features`. A generator may split
    itself likewise into `mapping(latents[, labels])`, which returns styles [N, ...], and
    `synthesis(styles[, labels])`.
    """

    kind: ClassVar[str] = "architecture"

    latent_dim: PositiveInt = 128
    """Numbers in one latent, each drawn from N(0, 1)."""

    @abstractmethod
    def check(self, image: ImageShape, classes: int) -> None:
        """Refuse an image shape or a number of classes that the networks cannot have.

        Must not import torch: `gantool validate` calls it.

        Args:
            image: Shape of every image.
            classes: Number of classes of a conditional run, else 0.

        Raises:
            ValueError: When unsupported; the message names what is supported.
        """

    @abstractmethod
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        """Build the generator; `classes` is 0 unless the run is conditional."""

    @abstractmethod
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        """Build the discriminator; `classes` is 0 unless the run is conditional."""

    def is_bounded(self) -> bool:
        """Whether the generator's images stay in [-1, 1], as tanh keeps them; by default they do.

        Where they do not, as in StyleGAN2 and R3GAN, the discriminator sees them as they are, and
        the engine clamps them wherever they leave training: as samples, as pixels and in scores.
        """
        return True

    def batch_coupling(self) -> str | None:
        """Say how to keep the discriminator from mixing the images of a batch, if it does.

        BatchNorm lets each logit depend on every image, so that the gradient of an image's own
        logit, which gradient penalties are about, does not exist. None where nothing is mixed.
        """
        return None
