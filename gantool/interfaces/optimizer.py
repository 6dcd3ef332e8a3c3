"""Optimizers: how one player's weights follow its gradients."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import NonNegativeFloat, PositiveFloat, model_validator

from gantool.interfaces.component import Component
from gantool.interfaces.schedule import Scheduled

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

    learning_rate: Scheduled[NonNegativeFloat] = Scheduled(1e-3)
    """Step size."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """How a learning rate that is a number moves to `final_learning_rate` over the run."""
    final_learning_rate: NonNegativeFloat = 0.0
    """Where "linear" and "cosine" end."""
    clip_gradient_norm: PositiveFloat | None = None
    """Largest norm of a player's whole gradient; a larger one is scaled down to it."""

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.learning_rate.changes and self.schedule != "constant":
            msg = f"learning_rate has a schedule of its own: leave out schedule = {self.schedule!r}"
            raise ValueError(msg)
        return self

    @property
    def rate(self) -> Scheduled[float]:
        """The learning rate, with the `schedule` that it may be given."""
        if self.schedule == "constant":
            return self.learning_rate
        return Scheduled(self.learning_rate.start, self.final_learning_rate, self.schedule)

    def follow(self, optimizer: torch.optim.Optimizer, progress: float) -> None:
        """Write scheduled options, other than the learning rate, into an optimizer's tensors.

        Called before each step of the run where an option is scheduled, outside of what is
        recorded: numbers that changed are read in the steps from 0-dim tensors alone.

        Args:
            optimizer: As `build` returned it.
            progress: Share of the run that is completed, in [0, 1).
        """

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
