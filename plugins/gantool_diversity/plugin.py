"""Regularizers against few different images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt
from typing_extensions import override

from gantool import Component, Regularizer, Scheduled, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from gantool import Features, GeneratorStep, Player, Setup

SMALLEST_RATIO = 1e-5
"""Added to a ratio before its reciprocal is taken, as in the authors' code."""


class ModeSeeking(Regularizer):
    """Mode seeking: G(z1) and G(z2) far apart, compared with z1 and z2 (Mao et al. 2019).

    With r = |G(z1) - G(z2)| / |z1 - z2|, both distances mean absolute differences and both images
    of one class, the generator minimizes `weight` E 1 / (r + 1e-5), as the authors' code does, or
    -`weight` E r, the formula of the paper. The ratio is each pair's own; the authors' code takes
    it of the batch's mean distances. Cost: a second batch of generated images, with its backward
    pass.
    """

    name = "mode-seeking"
    strength = "weight"

    weight: Scheduled[NonNegativeFloat] = Scheduled(1.0)
    """Weight of the penalty."""
    form: Literal["reciprocal", "ratio"] = "reciprocal"
    """What is minimized: 1 / (r + 1e-5), or -r."""

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        others = step.random.normal(*step.latents.shape)
        images = step.generate(others, step.fake_labels)
        apart = (step.fake - images).abs().mean((1, 2, 3))  # [N]
        ratio = apart / (step.latents - others).abs().mean(1)
        if self.form == "ratio":
            return -self.weight.at(step) * ratio.mean()
        return self.weight.at(step) * (ratio + SMALLEST_RATIO).reciprocal().mean()


class FeatureMatching(Regularizer):
    """Feature matching: G's images have the mean features of real ones (Salimans et al. 2016).

    The generator minimizes its loss and `weight` |E f(x) - E f(G(z))|^2, f the features before the
    discriminator's head, divided by their number. Of several maps of features, each counts alike.
    The means are over all processes, and over the images of a slice. Cost: a forward pass of the
    discriminator on real images in each generator update, which some losses make anyway.
    """

    name = "feature-matching"
    strength = "weight"
    needs_features = True
    needs_real_in_generator = True
    couples_batch = "slices"

    weight: NonNegativeFloat = 1.0
    """Weight of the penalty."""

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        penalty = step.fake_logits.new_zeros(())
        for real, fake in zip(_each(step.real_features), _each(step.fake_features), strict=True):
            gap = step.average(real.mean(0)) - step.average(fake.mean(0))  # [C, H, W]
            penalty = penalty + gap.square().mean()
        return self.weight * penalty


def _each(features: Features) -> tuple[Tensor, ...]:
    return features if isinstance(features, tuple) else (features,)


class MinibatchStddev(Regularizer):
    """Minibatch standard deviation: D sees how much a group varies (Karras et al. 2018, section 3).

    The standard deviation of each feature over a group of images, averaged over all features, is
    one more feature of every image in the group. It is appended before the discriminator's head
    and folded into the others by a learned direction u, features + u s, so that every head takes
    it; before a linear head this is the paper's additional map. u is 0 at first. Groups are
    neighbors in the batch, as equal as they can be, and end where a slice of it or a process's
    share does. Logits then depend on other images, which gradient penalties overlook, here as in
    StyleGAN. Cost: next to nothing.
    """

    name = "minibatch-stddev"
    couples_batch = True

    group_size: Annotated[int, Field(ge=2)] = 4
    """Most images in a group."""

    @classmethod
    @override
    def example(cls, scratch: Path) -> Self:
        """Return one of pairs: groups end where a slice or a process's share of a batch does."""
        del scratch
        return cls(group_size=2)

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> nn.Module | None:
        from gantool_diversity.stddev import WithStddev, feature_channels

        if player == "generator":
            return None
        return WithStddev(network, feature_channels(network, setup), self.group_size)

    @override
    def batch_coupling(self) -> str:
        return "leave one of them out, unless you want both, as in StyleGAN2"


class RandomFeatures(Regularizer):
    """Feature matching in a random network: mean features as those of real images.

    `weight` times the mean of (E f(x) - E f(G(z)))^2 over all features f, E being the mean over the
    batch (Salimans et al. 2016, section 3.1). There f are features of the discriminator; here they
    are those of convolutions with fixed random weights, which nobody can teach to look away (He et
    al. 2016, "A powerful generative model using random weights for the deep image
    representation"). Cost: a small network's pass over real and generated images.
    """

    name = "random-features"
    strength = "weight"
    needs_real_in_generator = True
    couples_batch = "slices"

    weight: NonNegativeFloat = 1.0
    """Weight of the penalty."""
    width: PositiveInt = 32
    """Random features of each of up to four layers."""

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        from gantool_diversity.features import RandomLayers

        return RandomLayers(setup.image, self.width)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        from gantool_diversity.features import RandomLayers

        features = step.state(RandomLayers)
        apart = features(step.real).mean(0) - features(step.fake).mean(0)  # [layers x width]
        return self.weight * step.average(apart).square().mean()


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer all four."""
    return [ModeSeeking, FeatureMatching, RandomFeatures, MinibatchStddev]
