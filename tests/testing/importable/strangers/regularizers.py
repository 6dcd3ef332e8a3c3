"""Regularizers that work with some images, classes and latents only, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor, nn
from typing_extensions import override

from gantool import Regularizer

if TYPE_CHECKING:
    from gantool import DiscriminatorStep, GeneratorStep, ImageShape, Setup, Step


class Head(nn.Module):
    """Linear scores of pooled features, as many channels as there turn out to be."""

    def __init__(self, scores: int, channels: int = 8) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, scores)

    def forward(self, features: Tensor) -> Tensor:
        scores: Tensor = self.linear(features.sum((2, 3)))
        return scores


class InfoGAN(Regularizer):
    """InfoGAN: a code in the first latents can be read off the image (Chen et al. 2016)."""

    name = "infogan"
    strength = "weight"

    weight: NonNegativeFloat = 1.0
    """Weight of the penalty."""
    codes: PositiveInt = 10
    """Values that the code can have, each a latent."""

    @override
    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        if self.codes > latent_dim:
            raise ValueError(f"{self.codes} codes need as many latents, and there are {latent_dim}")

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return Head(self.codes)

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        code = F.one_hot(self._drawn(latents), self.codes).to(latents.dtype)
        return torch.cat([code, latents[:, self.codes :]], 1)

    def _drawn(self, latents: Tensor) -> Tensor:
        return latents[:, : self.codes].argmax(1)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return self._penalty(step)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return self._penalty(step)

    def _penalty(self, step: DiscriminatorStep | GeneratorStep) -> Tensor:
        scores = step.state(Head)(step.features(step.fake, step.fake_labels))
        return self.weight * F.cross_entropy(scores, self._drawn(step.latents))


class AuxiliaryClassifier(Regularizer):
    """AC-GAN: the discriminator's features tell the class (Odena et al. 2017)."""

    name = "auxiliary-classifier"
    needs_labels = True

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return Head(setup.classes)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        assert step.real_labels is not None
        scores = step.state(Head)(step.features(step.real, step.real_labels))
        return F.cross_entropy(scores, step.real_labels)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        assert step.fake_labels is not None
        scores = step.state(Head)(step.features(step.fake, step.fake_labels))
        return F.cross_entropy(scores, step.fake_labels)


class Rotations(Regularizer):
    """SS-GAN: the features of turned images tell by how much (Chen et al. 2019)."""

    name = "rotations"

    @override
    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        if image.height != image.width:
            raise ValueError(f"only squares look alike when turned, got {image}")

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return Head(4)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        losses = []
        for quarter in range(4):
            turned = step.real.rot90(quarter, (2, 3))
            scores = step.state(Head)(step.features(turned, step.real_labels))
            losses.append(F.cross_entropy(scores, torch.full_like(scores[:, 0], quarter).long()))
        return torch.stack(losses).mean()


STRANGERS = (InfoGAN, AuxiliaryClassifier, Rotations)
