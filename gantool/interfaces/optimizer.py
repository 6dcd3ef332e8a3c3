"""Optimizers: how one player's weights follow its gradients."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import NonNegativeFloat, PositiveFloat

from gantool.interfaces.component import Component

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.optim.optimizer import ParamsT


class Optimizer(Component):
    """How one player's weights follow its gradients.

    The engine moves the learning rate, clips gradients, and saves and restores what the optimizer
    remembers of each weight: tensors of the weight's shape, or numbers in 0-dim ones. To know it
    beforehand it makes another one, by class, of a group that holds all options, as torch's allow.
    """

    kind: ClassVar[str] = "optimizer"

    learning_rate: NonNegativeFloat = 1e-3
    """Step size at the start."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """How the learning rate moves to `final_learning_rate` over the run."""
    final_learning_rate: NonNegativeFloat = 0.0
    """Where "linear" and "cosine" end."""
    clip_gradient_norm: PositiveFloat | None = None
    """Largest norm of a player's whole gradient; a larger one is scaled down to it."""

    @abstractmethod
    def build(self, parameters: ParamsT, learning_rate: Tensor) -> torch.optim.Optimizer:
        """Return an optimizer of some parameters, with these options.

        On CUDA its steps must be able to be recorded: `capturable = learning_rate.is_cuda` where
        torch's optimizer has that option, and `fused` where it has that.

        Args:
            parameters: As torch's optimizers take them: parameters, or groups of them with options
                that regularizers set, such as `weight_decay`.
            learning_rate: 0-dim, on the parameters' device. To be kept as the groups' `lr` and read
                in every step: the engine changes it in place.
        """
