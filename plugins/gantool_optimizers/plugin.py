"""The optimizers `adam`, `adamw`, `rmsprop` and `sgd`: torch's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, NonNegativeFloat, PositiveFloat
from typing_extensions import override

from gantool import Component, Optimizer, Scheduled, hookimpl

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.optim.optimizer import ParamsT

Fraction = Annotated[float, Field(ge=0, lt=1)]


class AveragedGradients(Optimizer):
    """Adds Adam's options."""

    betas: tuple[Scheduled[Fraction], Scheduled[Fraction]] = (Scheduled(0.5), Scheduled(0.999))
    """Decay of the averages of the gradient and of its square."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""

    def _options(self, learning_rate: Tensor) -> dict[str, Any]:
        """Return the options of torch's Adam: fused, or with betas in tensors if they change."""
        options = {"lr": learning_rate, "eps": self.eps}
        betas = tuple(beta.start for beta in self.betas)
        if any(beta.changes for beta in self.betas):
            return {**options, "betas": tuple(map(learning_rate.new_tensor, betas))}
        return {**options, "betas": betas, "fused": True, "capturable": learning_rate.is_cuda}

    @override
    def follow(self, optimizer: torch.optim.Optimizer, progress: float) -> None:
        for group in optimizer.param_groups:
            for held, beta in zip(group["betas"], self.betas, strict=True):
                if beta.changes:
                    held.fill_(beta.value(progress))


class Adam(AveragedGradients):
    """Adam (Kingma & Ba 2015)."""

    name = "adam"

    @override
    def build(self, parameters: ParamsT, learning_rate: Tensor) -> torch.optim.Optimizer:
        from gantool_optimizers.optimizers import Adam, FollowingAdam

        options = self._options(learning_rate)
        return (Adam if "fused" in options else FollowingAdam)(parameters, **options)


class AdamW(AveragedGradients):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    name = "adamw"

    weight_decay: NonNegativeFloat = 0.01
    """Share of each weight taken off in a step, times the learning rate."""

    @override
    def build(self, parameters: ParamsT, learning_rate: Tensor) -> torch.optim.Optimizer:
        from gantool_optimizers.optimizers import AdamW, FollowingAdam

        options = {**self._options(learning_rate), "weight_decay": self.weight_decay}
        if "fused" in options:
            return AdamW(parameters, **options)
        return FollowingAdam(parameters, **options, decoupled_weight_decay=True)


class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton 2012), the optimizer of the first Wasserstein GAN."""

    name = "rmsprop"

    alpha: Fraction = 0.99
    """Decay of the average of the squared gradient."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""
    momentum: Fraction = 0.0
    """Share of the last step that is taken again."""

    @override
    def build(self, parameters: ParamsT, learning_rate: Tensor) -> torch.optim.Optimizer:
        from gantool_optimizers.optimizers import RMSprop

        cuda = learning_rate.is_cuda
        return RMSprop(
            parameters,
            lr=learning_rate,
            alpha=self.alpha,
            eps=self.eps,
            momentum=self.momentum,
            foreach=True if cuda else None,  # by itself torch may read the rate on the host
            capturable=cuda,
        )


class SGD(Optimizer):
    """Stochastic gradient descent."""

    name = "sgd"

    momentum: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    """Share of the last step that is taken again; a negative one damps rotation in games."""

    @override
    def build(self, parameters: ParamsT, learning_rate: Tensor) -> torch.optim.Optimizer:
        from gantool_optimizers.optimizers import SGD, DampingSGD

        if self.momentum < 0:
            return DampingSGD(parameters, lr=learning_rate, damping=self.momentum)
        return SGD(parameters, lr=learning_rate, momentum=self.momentum, fused=True)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the optimizers."""
    return [Adam, AdamW, RMSprop, SGD]
