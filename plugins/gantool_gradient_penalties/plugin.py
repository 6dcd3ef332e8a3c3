"""The regularizers `r1`, `r2`, `wgan-gp`, `wgan-lp` and `dragan`.

Each asks for the gradient of every image's own logit in that image, so it wants a discriminator
that does not mix the images of a batch. Cost: a forward and a double backward pass of the
discriminator; `every_steps` makes that rarer.

Beside augmentation T, the two that want the gradient small, R1 and R2, take that of D(T(x)) in x;
the three that want its length to be 1 take that of D in what it is shown: T would stretch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import NonNegativeFloat
from typing_extensions import override

from gantool import Component, LazyOption, Regularizer, Scheduled, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import DiscriminatorStep


class TransformedOption(Regularizer):
    """Adds the option `transformed`."""

    transformed: bool = True
    """Whether it is about D(T(x)), T what others make D see, and not about D(x) itself."""


class R1(LazyOption, TransformedOption):
    """R1: gamma / 2 E|grad D(x)|^2 on real images (Mescheder et al. 2018, eq. 9).

    StyleGAN's rule of thumb is gamma = 0.0002 resolution^2 / batch size, applied every 16 updates.
    Beside augmentation T the gradient is that of D(T(x)) in x, with the draws that D is shown
    (Karras et al. 2020, code). Cost: one forward and one double backward pass of the discriminator,
    shared with whoever else asks for the gradient on the same images.
    """

    name = "r1"
    strength = "gamma"
    uses_image_gradient = True

    gamma: Scheduled[NonNegativeFloat] = Scheduled(10.0)
    """Weight of the penalty."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        gradient = step.image_gradient(  # [N, C, H, W]
            step.real, step.real_labels, transformed=self.transformed
        )
        return self.gamma.at(step) / 2 * _squared_norms(gradient).mean()


class R2(LazyOption, TransformedOption):
    """R2: gamma / 2 E|grad D(G(z))|^2 on generated images (Mescheder et al. 2018, eq. 10).

    Together with R1 of the same gamma and a relativistic loss it is the objective of R3GAN
    (Huang et al. 2024). Beside augmentation it is taken as R1 is. Cost: one forward and one double
    backward pass of the discriminator.
    """

    name = "r2"
    strength = "gamma"
    uses_image_gradient = True

    gamma: Scheduled[NonNegativeFloat] = Scheduled(10.0)
    """Weight of the penalty."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        gradient = step.image_gradient(  # [N, C, H, W]
            step.fake, step.fake_labels, transformed=self.transformed
        )
        return self.gamma.at(step) / 2 * _squared_norms(gradient).mean()


class WganGP(LazyOption, Regularizer):
    """WGAN-GP: weight E(|grad D| - 1)^2 between real and fake (Gulrajani et al. 2017, eq. 3).

    Taken at a x + (1 - a) G(z), with a from U[0, 1) for each pair of images; in a conditional run
    with the real image's label. Beside augmentation T it is at a T(x) + (1 - a) T(G(z)), between
    what D is shown. Cost: one forward and one double backward pass of the
    discriminator.
    """

    name = "wgan-gp"
    strength = "weight"
    uses_image_gradient = True

    weight: Scheduled[NonNegativeFloat] = Scheduled(10.0)
    """Weight of the penalty."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        slopes = _slopes(step, _between(step))  # [N]
        return self.weight.at(step) * (slopes - 1).square().mean()


class WganLP(LazyOption, Regularizer):
    """WGAN-LP: weight E max(0, |grad D| - 1)^2 between real and fake (Petzka et al. 2018).

    As WGAN-GP, but only slopes above 1 are penalized, which is all that the Lipschitz constraint
    asks for. Cost: one forward and one double backward pass of the discriminator.
    """

    name = "wgan-lp"
    strength = "weight"
    uses_image_gradient = True

    weight: Scheduled[NonNegativeFloat] = Scheduled(10.0)
    """Weight of the penalty."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        slopes = _slopes(step, _between(step))  # [N]
        return self.weight.at(step) * (slopes - 1).relu().square().mean()


class Dragan(LazyOption, Regularizer):
    """DRAGAN: weight E(|grad D(x + d)| - 1)^2 around real images (Kodali et al. 2017).

    The paper draws d from a normal distribution; its code, and those that followed, from uniform
    ones, as `noise` tells. With s = `scale` times the standard deviation of the batch's pixels:
    "one-sided" is a s U[0, 1), with a from U[0, 1) for each image (the authors' code, StudioGAN);
    "two-sided" is s U[-1, 1), and the result is clipped to the images' range (compare_gan);
    "normal" is N(0, s^2) (the paper). The deviation is that of the images that are worked on
    together: with `accumulate` those of a slice. Beside augmentation T it is taken at T(x + d), T
    as D is shown of x. Cost: one forward and one double backward pass of the discriminator.
    """

    name = "dragan"
    strength = "weight"
    uses_image_gradient = True
    couples_batch = "slices"

    weight: Scheduled[NonNegativeFloat] = Scheduled(10.0)
    """Weight of the penalty."""
    noise: Literal["one-sided", "two-sided", "normal"] = "one-sided"
    """How images are disturbed: "one-sided", "two-sided" or "normal"."""
    scale: NonNegativeFloat = 0.5
    """Size of the noise, in standard deviations of the batch's pixels."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        shown = step.transform(self._disturbed(step), like=step.real)
        slopes = _slopes(step, shown)  # [N]
        return self.weight.at(step) * (slopes - 1).square().mean()

    def _disturbed(self, step: DiscriminatorStep) -> Tensor:
        """Return the real images with noise, [N, C, H, W]."""
        real, random = step.real, step.random
        size = self.scale * _deviation(step)
        if self.noise == "normal":
            return real + size * random.normal(*real.shape)
        if self.noise == "two-sided":
            return (real + size * (2 * random.uniform(*real.shape) - 1)).clamp(-1, 1)
        share = random.uniform(len(real), 1, 1, 1)
        return real + share * size * random.uniform(*real.shape)


def _between(step: DiscriminatorStep) -> Tensor:
    """Return a point on the line from each generated to a real image as shown, [N, C, H, W]."""
    real, fake = step.transform(step.real), step.transform(step.fake)
    share = step.random.uniform(len(real), 1, 1, 1)
    return share * real + (1 - share) * fake


def _deviation(step: DiscriminatorStep) -> Tensor:
    """Return the standard deviation of all values in the batch of real images, a scalar."""
    mean = step.average(step.real.mean())
    return step.average((step.real - mean).square().mean()).sqrt()


def _slopes(step: DiscriminatorStep, shown: Tensor) -> Tensor:
    """Return the norm of D's gradient in each shown image, [N]; its own at 0 is 0, not NaN."""
    gradient = step.image_gradient(shown, step.real_labels, transformed=False)
    slopes: Tensor = gradient.flatten(1).norm(dim=1)
    return slopes


def _squared_norms(gradient: Tensor) -> Tensor:
    """Return the squared norm of each image's gradient, [N]."""
    return gradient.square().sum((1, 2, 3))


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the five penalties."""
    return [R1, R2, WganGP, WganLP, Dragan]
