"""The regularizer `slope-penalty`."""

from __future__ import annotations  # annotations stay text: type checkers alone need Tensor

from typing import TYPE_CHECKING

from gantool import Component, LazyOption, Regularizer, hookimpl
from pydantic import NonNegativeFloat, PositiveFloat  # types of options are needed at run time

if TYPE_CHECKING:
    from gantool import DiscriminatorStep
    from torch import Tensor


class SlopePenalty(LazyOption, Regularizer):
    """The penalty of WGAN-GP, with the slope that it asks for as an option (Karras et al. 2018).

    weight E(|grad D| / slope - 1)^2 between real and generated images; with the slope 1, that is
    the penalty of Gulrajani et al. (2017, eq. 3).
    """

    name = "slope-penalty"
    strength = "weight"
    uses_image_gradient = True

    weight: NonNegativeFloat = 10.0
    """Weight of the penalty."""
    slope: PositiveFloat = 1.0
    """Norm that the gradient of each logit in its image should have."""

    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        """Return the penalty, a scalar."""
        share = step.random.uniform(len(step.real), 1, 1, 1)
        between = share * step.real + (1 - share) * step.fake  # [N, C, H, W]
        gradient = step.image_gradient(between, step.real_labels)  # [N, C, H, W]
        norms: Tensor = gradient.flatten(1).norm(dim=1)  # [N]
        return self.weight * (norms / self.slope - 1).square().mean()


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the regularizer."""
    return [SlopePenalty]
