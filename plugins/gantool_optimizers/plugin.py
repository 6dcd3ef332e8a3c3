"""The optimizers `adam`, `adamw`, `rmsprop` and `sgd`: torch's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat
from typing_extensions import override

from gantool import Component, Optimizer, hookimpl

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.optim.optimizer import ParamsT

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015)."""

    name = "adam"

    betas: tuple[Fraction, Fraction] = (0.5, 0.999)
    """Decay of the averages of the gradient and of its square."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""

    @override
    def build(self, parameters: ParamsT, learning_rate: Tensor) -> torch.optim.Optimizer:
        from gantool_optimizers.uncompiled import Adam

        return Adam(
            parameters,
            lr=learning_rate,
            betas=self.betas,
            eps=self.eps,
            fused=True,
            capturable=learning_rate.is_cuda,
        )


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    name = "adamw"

    betas: tuple[Fraction, Fraction] = (0.5, 0.999)
    """Decay of the averages of the gradient and of its square."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""
    weight_decay: NonNegativeFloat = 0.01
    """Share of each weight taken off in a step, times the learning rate."""

    @override
    def build(self, parameters: ParamsT, learning_rate: Tensor) -> torch.optim.Optimizer:
        from gantool_optimizers.uncompiled import AdamW

        return AdamW(
            parameters,
            lr=learning_rate,
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=True,
            capturable=learning_rate.is_cuda,
        )


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
        from gantool_optimizers.uncompiled import RMSprop

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
        from gantool_optimizers.uncompiled import SGD, DampingSGD

        if self.momentum < 0:
            return DampingSGD(parameters, lr=learning_rate, damping=self.momentum)
        return SGD(parameters, lr=learning_rate, momentum=self.momentum, fused=True)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the optimizers."""
    return [Adam, AdamW, RMSprop, SGD]
