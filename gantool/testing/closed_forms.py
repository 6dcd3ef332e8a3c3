"""The game in which penalties are compared with what they are on paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.interfaces.step import Player

ClosedForm = Callable[[Any, "QuadraticGame"], "float | Tensor"]
"""Returns the value of a component's penalty in a game."""


@dataclass(frozen=True)
class QuadraticGame:
    """An update in a game of players that fit on paper, in float64.

    The discriminator is D(x) = <weight, x> + <curvature, x^2> / 2 + bias: its gradient differs
    from image to image, so that it matters in which images a penalty takes it. Its features are
    the images' own values. The generator is G(z) = generator_weight z.

    Attributes:
        player: Whose update it is.
        weight: The discriminator's, [C, H, W].
        curvature: The discriminator's, [C, H, W].
        bias: The discriminator's, a scalar.
        generator_weight: [C * H * W, latent_dim].
        real: Real images, [N, C, H, W].
        fake: Generated images, [N, C, H, W].
        latents: What they are generated from, [N, latent_dim].
        differentiated: Images [N, C, H, W] whose `step.image_gradient` the penalty asked for.
    """

    player: Player
    weight: Tensor
    curvature: Tensor
    bias: Tensor
    generator_weight: Tensor
    real: Tensor
    fake: Tensor
    latents: Tensor
    differentiated: tuple[Tensor, ...] = ()

    def logits(self, images: Tensor) -> Tensor:
        """Return the discriminator's logits [N] of images [N, C, H, W]."""
        return (images * self.weight + images.square() * self.curvature / 2).sum(
            (1, 2, 3)
        ) + self.bias

    def slopes(self, images: Tensor) -> Tensor:
        """Return the gradient of each logit in its image, [N, C, H, W]."""
        return self.weight + images * self.curvature
