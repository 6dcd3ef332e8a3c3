"""Regularizers that compute the wrong thing, and once passed every check."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn
from typing_extensions import override

from gantool import Frozen, LazyOption, Regularizer, Scheduled

if TYPE_CHECKING:
    from gantool import DiscriminatorStep, GeneratorStep, Player, Setup, Step


class Projection(nn.Module):
    """A random projection that nobody trains."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers = nn.Sequential(nn.Conv2d(channels, 2, 3), nn.BatchNorm2d(2))
        self.projection = Frozen(layers, saved=True)


class Waking(Regularizer):
    """Has statistics of its frozen projection follow the images."""

    name = "waking"

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return Projection(setup.image.channels)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        projection = step.state(Projection).projection
        projection.module.train()
        found: Tensor = projection(step.fake)
        return found.square().mean()


class OwnGradient(Regularizer):
    """Takes the gradient of logits in images by itself, which BatchNorm mixes unsaid."""

    name = "own-gradient"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        images = step.real.detach().requires_grad_()
        logits = step.discriminate(images, step.real_labels)
        (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return slope.square().sum((1, 2, 3)).mean()


class Stuck(Regularizer):
    """Reads what its weight is at the start."""

    name = "stuck"

    weight: Scheduled[NonNegativeFloat] = Scheduled(0.5)
    """Weight of the penalty."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return self.weight.start * step.real_logits.square().mean()


class Reckoned(Stuck):
    """Reckons its weight out on the host."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return self.weight.value(float(step.progress)) * step.real_logits.square().mean()


class Joint(Regularizer):
    """Shows the discriminator real and generated images in one batch."""

    name = "joint"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        images, labels = torch.cat([step.real, step.fake]), None
        if step.real_labels is not None and step.fake_labels is not None:
            labels = torch.cat([step.real_labels, step.fake_labels])
        return step.discriminate(images, labels).square().mean()


class JointFeatures(Joint):
    """The same of features."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        half = len(step.real) // 2
        images, labels = torch.cat([step.fake[:half], step.real[half:]]), None
        if step.real_labels is not None and step.fake_labels is not None:
            labels = torch.cat([step.fake_labels[:half], step.real_labels[half:]])
        return step.features(images, labels).square().mean()


class SlopeOfFakes(LazyOption, Regularizer):
    """R1, of generated images."""

    name = "slope-of-fakes"
    uses_image_gradient = True
    gamma: float = 1.0
    """Weight."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        gradient = step.image_gradient(step.fake, step.fake_labels)
        return self.gamma / 2 * gradient.square().sum((1, 2, 3)).mean()


def shifted(labels: Tensor | None) -> Tensor | None:
    """Return each row's label for the next row."""
    return None if labels is None else labels.roll(1)


class ShiftedLabels(Regularizer):
    """R1 with the labels of other images."""

    name = "shifted-labels"
    uses_image_gradient = True

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        gradient = step.image_gradient(step.real, shifted(step.real_labels))
        return gradient.square().sum((1, 2, 3)).mean()


class ShiftedBeside(ShiftedLabels):
    """The same of images with a little noise."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        beside = step.real + 0.01 * step.random.normal(*step.real.shape)
        return step.discriminate(beside, shifted(step.real_labels)).square().mean()


class ShiftedClasses(ShiftedLabels):
    """Generates from the update's latents with the next class."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        labels = None if step.fake_labels is None else (step.fake_labels + 1) % 3
        return (step.generate(step.latents, labels) - step.fake).square().mean()


class Rounding(Regularizer):
    """Shows images of 8 bits, through which no gradient comes."""

    name = "rounding"

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return (127.5 * images).round() / 127.5


class RoundingRed(Rounding):
    """The same of one channel."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return torch.cat([images[:, :1].round(), images[:, 1:]], 1)


class OnePlayer(Regularizer):
    """Augments in the discriminator's updates alone."""

    name = "one-player"

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        if step.player == "generator":
            return images
        return images + 0.1 * step.random.normal(*images.shape)


class RealOnly(Regularizer):
    """Augments real images alone."""

    name = "real-only"

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        if step.player == "discriminator" and images is step.real:
            return images.flip(3)
        return images


class SkippingTheMapping(Regularizer):
    """Takes latents for styles."""

    name = "skipping"

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        images = step.synthesis(step.latents, step.fake_labels)
        return (images - step.fake).square().mean() - step.fake.square().mean()


class HalfOfTheStyles(Regularizer):
    """Lets half of the styles' gradient go."""

    name = "half-styles"

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        styles = step.mapping(step.latents, step.fake_labels)
        images = step.synthesis((styles + styles.detach()) / 2, step.fake_labels)
        return images.square().mean()


class EightChannels(Regularizer):
    """Has a head for features of eight channels, as many as some discriminator has."""

    name = "eight-channels"

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return nn.Linear(8, 1)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        features = step.features(step.real, step.real_labels).mean((2, 3))  # [N, 8]
        penalty: Tensor = step.state(nn.Linear)(features).square().mean()
        return penalty


class OneLatent(Regularizer):
    """Generates all images from one latent."""

    name = "one-latent"

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        return latents[:1].expand_as(latents)


class Scaled(nn.Module):
    """Scales what a generator makes, and has no parts."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        given = () if labels is None else (labels,)
        images: Tensor = self.network(latents, *given)
        return 0.9 * images


class OtherMapping(Scaled):
    """Has parts, of which forward is another whole."""

    def mapping(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        styles: Tensor = self.network.mapping(latents, labels)  # type: ignore[operator]
        return styles

    def synthesis(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.network.synthesis(styles, labels)  # type: ignore[operator]
        return images


class LosingParts(Regularizer):
    """Wraps the generator, and loses its mapping."""

    name = "losing"
    wrapper: ClassVar[type[nn.Module]] = Scaled

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> nn.Module | None:
        return self.wrapper(network) if player == "generator" else None


class ChangingParts(LosingParts):
    """Wraps the generator, and leaves its parts as they were."""

    wrapper = OtherMapping


WRONG: list[tuple[str, type[Regularizer], str]] = [
    ("follows_its_schedules", Stuck, "with a schedule, the option 'weight' stays what it is at"),
    ("can_be_recorded", Reckoned, "replayed: .* differs, by up to"),
    (
        "declares_image_gradients",
        OwnGradient,
        "`discriminator_penalty` takes gradients in images by itself; uses_image_gradient is",
    ),
    (
        "keeps_real_and_generated_apart",
        Joint,
        "`discriminator_penalty` shows real and generated images in one batch",
    ),
    ("keeps_real_and_generated_apart", JointFeatures, "images in one batch"),
    (
        "hands_on_the_right_labels",
        ShiftedLabels,
        r"`discriminator_penalty` gives the label \d to images\[\d\], of \[\d\]",
    ),
    ("hands_on_the_right_labels", ShiftedBeside, r"gives the label \d to images"),
    ("hands_on_the_right_labels", ShiftedClasses, r"gives the label \d to latents\[\d\], of"),
    ("transforms_with_a_gradient", Rounding, "channel 0 of image 0 changes what D sees, with"),
    ("transforms_with_a_gradient", RoundingRed, "channel 0 of image"),
    ("transforms_both_players_alike", OnePlayer, "otherwise in the generator's update than in D's"),
    (
        "transforms_both_players_alike",
        RealOnly,
        r"the discriminator's step\.real is changed otherwise than its copy",
    ),
    ("leaves_frozen_parts_alone", Waking, "the frozen 'waking.projection' is in training mode"),
    ("trains", SkippingTheMapping, "IndexError|RuntimeError"),
    ("returns_latents", OneLatent, "returns the same latent for every image"),
    ("trains", EightChannels, "mat1 and mat2 shapes cannot be multiplied"),
    ("has_right_gradients", HalfOfTheStyles, "the generator's penalty is .* by differences"),
    ("keeps_the_parts_of_networks", LosingParts, "its generator has lost its `mapping`"),
    ("keeps_the_parts_of_networks", ChangingParts, "is not `synthesis` after `mapping`"),
]
