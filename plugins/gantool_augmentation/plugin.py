"""The regularizers `instance-noise`, `diffaugment` and `ada`.

Each changes what the discriminator sees, real and generated images alike, with draws of its own
for every image, and lets the generator's gradient through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt
from typing_extensions import override

from gantool import Component, Regularizer, Scheduled, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from gantool import Setup, Step

Share = Annotated[float, Field(ge=0, le=1)]
"""A probability, or a part of a whole."""


class InstanceNoise(Regularizer):
    """Instance noise: D sees x + s e with e ~ N(0, 1), s falling to 0 (Sønderby et al. 2017).

    Where `deviation` is a number, the standard deviation s falls from it in a straight line to 0
    after the share `until` of the run (also Arjovsky & Bottou 2017, section 3); a schedule says
    itself where s goes. Cost: one draw a pixel.
    """

    name = "instance-noise"
    strength = "deviation"

    deviation: Scheduled[NonNegativeFloat] = Scheduled(0.1)
    """Standard deviation, at the start if it is a number; images lie in [-1, 1]."""
    until: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the run after which there is no noise any more, if `deviation` is a number."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        if self.deviation.changes:
            size = self.deviation.at(step)
        else:
            size = self.deviation.start * (1 - step.progress / self.until).clamp(min=0)
        return images + size * step.random.normal(*images.shape)


class DiffAugment(Regularizer):
    """DiffAugment: D sees T(x) and T(G(z)), T differentiable (Zhao et al. 2020, section 3.2).

    T is drawn anew for every image. "color" changes brightness, saturation and contrast;
    "translation" shifts by whole pixels and fills with zeros, which is mid-gray; "cutout" sets a
    rectangle to zero, cut off where it reaches over the border. As in the authors' code, in their
    order. Cost: a few operations a pixel.
    """

    name = "diffaugment"
    strength = "probability"

    policy: Annotated[
        tuple[Literal["color", "translation", "cutout"], ...], Field(min_length=1)
    ] = ("color", "translation", "cutout")
    """What is done, in this order."""
    probability: Scheduled[Share] = Scheduled(1.0)
    """Probability of each part of the policy, for each image; the paper always applies all."""
    largest_shift: Share = 0.125
    """Longest translation, as a share of the side."""
    cutout_size: Share = 0.5
    """Side of the rectangle that is cut out, as a share of the image's."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        from gantool_augmentation import operations

        probability = self.probability.at(step)
        for part in self.policy:
            if part == "color":
                changed = operations.jittered(images, step.random)
            elif part == "translation":
                changed = operations.shifted(images, step.random, self.largest_shift)
            else:
                changed = operations.cut(images, step.random, self.cutout_size)
            images = operations.sometimes(changed, images, step.random, probability)
        return images


class ADA(Regularizer):
    """ADA: augmentation whose probability p follows D's overfitting (Karras et al. 2020).

    After every `interval` discriminator updates, p += sign(E[sign D(x)] - target) B interval /
    `speed_images`, the mean being over the real images in between and B the batch size. p stays in
    [0, 1]; the paper only keeps it above 0. With `probability`, p is that. Each augmentation is
    applied to each image with probability p (appendix B): "blit" mirrors, turns by 90 degrees and
    shifts by whole pixels; "geometry" scales, turns, stretches and shifts by any amount; "color"
    changes brightness, contrast, luma, hue and saturation. Pixels beyond the border are mirrored
    ones. Images are interpolated linearly, where the authors' code filters with wavelets. p is
    recorded as "ada/probability". Cost: one resampling and one 3x3 matrix a pixel.
    """

    name = "ada"

    target: Annotated[float, Field(gt=-1, lt=1)] = 0.6
    """Mean sign of D's logits on real images that p steers towards."""
    speed_images: PositiveInt = 500_000
    """Images in which p can rise from 0 to 1."""
    interval: PositiveInt = 4
    """Discriminator updates from one adjustment of p to the next."""
    initial_probability: Share = 0.0
    """p at the start."""
    probability: Scheduled[Share] | None = None
    """p itself, which then follows nothing but its schedule (as in Huang et al. 2024)."""
    augmentations: Annotated[
        tuple[Literal["blit", "geometry", "color"], ...], Field(min_length=1)
    ] = ("blit", "geometry", "color")
    """Groups of augmentations; the order does not matter."""

    @classmethod
    @override
    def example(cls, scratch: Path) -> Self:
        """Return one that augments from the start: checks train for a few steps."""
        del scratch
        return cls(initial_probability=0.5)

    @override
    def make_state(self, setup: Setup) -> nn.Module | None:
        if self.probability is not None:
            return None
        from gantool_augmentation.adaptive import AdaptiveProbability

        stride = setup.batch_size * self.interval / self.speed_images
        return AdaptiveProbability(self.initial_probability, self.target, self.interval, stride)

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        from gantool_augmentation.pipeline import augmented

        return augmented(images, step.random, self._probability(step), self.augmentations)

    def _probability(self, step: Step) -> Tensor:
        from gantool_augmentation.adaptive import AdaptiveProbability

        if self.probability is not None:
            return self.probability.at(step)
        return step.state(AdaptiveProbability).probability

    @override
    def after_update(self, step: Step) -> None:
        from gantool_augmentation.adaptive import AdaptiveProbability

        if step.player == "discriminator" and self.probability is None:
            sign = step.average(step.real_logits.sign().mean())
            step.state(AdaptiveProbability).observe(sign)

    @override
    def figures(self, step: Step) -> Mapping[str, Tensor]:
        """Return p as it is after a discriminator update."""
        if step.player == "generator":
            return {}
        return {"probability": self._probability(step).clone()}


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the three."""
    return [InstanceNoise, DiffAugment, ADA]
