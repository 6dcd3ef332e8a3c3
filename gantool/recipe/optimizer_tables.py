"""The tables of the optimizers: their options depend on `use`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from gantool.recipe.table import Fraction, Table

if TYPE_CHECKING:
    from collections.abc import Mapping


class OptimizerTable(Table):
    """What every optimizer has in common; `[optimizer.discriminator]` may differ from it."""

    learning_rate: NonNegativeFloat = 1e-3
    """Step size at the start."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """How the learning rate moves to `final_learning_rate` over the run."""
    final_learning_rate: NonNegativeFloat = 0.0
    """Where "linear" and "cosine" end."""
    clip_gradient_norm: PositiveFloat | None = None
    """Largest norm of a player's whole gradient; a larger one is scaled down to it."""


class AdamTable(OptimizerTable):
    """Adam (Kingma & Ba 2015)."""

    use: Literal["adam"] = "adam"
    """Name of the optimizer."""
    betas: tuple[Fraction, Fraction] = (0.5, 0.999)
    """Decay of the averages of the gradient and of its square."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""


class AdamWTable(OptimizerTable):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    use: Literal["adamw"]
    """Name of the optimizer."""
    betas: tuple[Fraction, Fraction] = (0.5, 0.999)
    """Decay of the averages of the gradient and of its square."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""
    weight_decay: NonNegativeFloat = 0.01
    """Share of each weight taken off in a step, times the learning rate."""


class RMSpropTable(OptimizerTable):
    """RMSprop (Tieleman & Hinton 2012), the optimizer of the first Wasserstein GAN."""

    use: Literal["rmsprop"]
    """Name of the optimizer."""
    alpha: Fraction = 0.99
    """Decay of the average of the squared gradient."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""
    momentum: Fraction = 0.0
    """Share of the last step that is taken again."""


class SGDTable(OptimizerTable):
    """Stochastic gradient descent."""

    use: Literal["sgd"]
    """Name of the optimizer."""
    momentum: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    """Share of the last step that is taken again; a negative one damps rotation in games."""


DEFAULT_OPTIMIZER = "adam"
OPTIMIZERS: Mapping[str, type[OptimizerTable]] = {
    "adam": AdamTable,
    "adamw": AdamWTable,
    "rmsprop": RMSpropTable,
    "sgd": SGDTable,
}
