"""Components that a GPU could not train with, for a process that believes in one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import DiscriminatorStep, Frozen, Loss, Optimizer, Regularizer, Step
from gantool.testing.harness.networks import SmallDiscriminator, SmallGenerator, SmallNetworks

if TYPE_CHECKING:
    from gantool import ImageShape


class Sound(Regularizer):
    """Penalty on large logits."""

    name = "sound"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return step.real_logits.square().mean()


class OnTheCPU(Sound):
    """Makes a tensor on the CPU."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        weights = torch.linspace(0, 1, len(step.real_logits))
        return (weights * step.real_logits).square().mean()


class NumberOnTheCPU(Sound):
    """Makes a number on the CPU, which torch lets meet tensors on a GPU."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return super().discriminator_penalty(step) * torch.tensor(2.0)


class Reading(Sound):
    """Reads a number back."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return super().discriminator_penalty(step) * float(step.real.mean())


class ReadingSaid(Reading):
    """Reads a number back, and says so."""

    capturable = False


class CountingOnTheHost(Optimizer):
    """Counts its steps by tensors on the CPU."""

    name = "counting"

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=learning_rate, foreach=False, fused=False)


class SoundSteps(Optimizer):
    """Steps of which all is there."""

    name = "steps"

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        cuda = learning_rate.is_cuda
        return torch.optim.NAdam(parameters, lr=learning_rate, foreach=cuda, capturable=cuda)


class InTransform(Sound):
    """Shows a gray that lies on the CPU."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + 0.1 * torch.ones(images.shape[1:])


class OneSided(Sound):
    """Forgets in the generator's update where it is."""

    @override
    def after_update(self, step: Step) -> None:
        if step.player == "generator":
            step.fake_logits.detach() * torch.zeros(len(step.fake_logits))


class Ending(Sound):
    """Ends the process."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        os._exit(3)


class Targets(Loss):
    """Least squares, with targets on the CPU."""

    name = "targets"

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - torch.ones(len(real))).square() + fake.square()

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return (fake - 1).square()


class Unregistered(SmallGenerator):
    """Keeps a direction that does not move with it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.direction = torch.ones(6)

    @override
    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(latents * self.direction, labels)


class Seeing(SmallDiscriminator):
    """Looks through a layer with weights from elsewhere."""

    def __init__(self, image: ImageShape, *arguments: Any) -> None:
        super().__init__(image, *arguments)
        self.eyes = Frozen(nn.Conv2d(image.channels, image.channels, 1))

    @override
    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().features(self.eyes(images), labels)


class Choosing(SmallDiscriminator):
    """Decides by a number on the device."""

    @override
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        logits = super().forward(images, labels)
        return -logits if logits.mean() > 100 else logits


class LeftBehind(SmallNetworks):
    """Networks, one of which is not moved whole."""

    name = "left-behind"

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return Unregistered(image, self.latent_dim, classes, self.norm)


class Pretrained(SmallNetworks):
    """Networks of which a part is read from a file."""

    name = "pretrained"

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return Seeing(image, classes, self.norm)


class Deciding(SmallNetworks):
    """Networks, one of which reads a number back."""

    name = "deciding"

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return Choosing(image, classes, self.norm)
