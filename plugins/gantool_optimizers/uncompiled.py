"""Torch's optimizers without its compiler, and SGD with a negative momentum."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import torch
from typing_extensions import override

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim.optimizer import ParamsT

WRAPPED = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


class _Uncompiled(torch.optim.Optimizer):
    """Takes off what torch wraps around methods of optimizers for its compiler.

    The wrappers import the compiler when they are first called, a second's work in every run;
    here optimizers are never part of what is compiled.
    """

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in WRAPPED:
            setattr(cls, name, inspect.unwrap(getattr(cls, name)))
        cls.step = torch.no_grad()(inspect.unwrap(cls.step))  # type: ignore[method-assign]


class Adam(_Uncompiled, torch.optim.Adam):
    """Torch's Adam."""


class AdamW(_Uncompiled, torch.optim.AdamW):
    """Torch's AdamW."""


class RMSprop(_Uncompiled, torch.optim.RMSprop):
    """Torch's RMSprop."""


class SGD(_Uncompiled, torch.optim.SGD):
    """Torch's SGD."""


class DampingSGD(_Uncompiled):
    """SGD with a negative momentum (Gidel et al. 2019), which torch refuses.

    Args:
        params: What it trains.
        lr: Its learning rate.
        damping: The momentum, in (-1, 0).
        weight_decay: Share of each weight that is added to its gradient.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: Tensor | float = 1e-3,
        damping: float = -0.5,
        weight_decay: float = 0.0,
    ) -> None:
        if weight_decay < 0:
            msg = f"Invalid weight_decay value: {weight_decay}"
            raise ValueError(msg)
        super().__init__(params, {"lr": lr, "damping": damping, "weight_decay": weight_decay})

    @override
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take v = damping v + g + weight_decay w and w = w - rate v, g being w's gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            gradients = [weight.grad for weight in weights]
            if group["weight_decay"]:
                decay = group["weight_decay"]
                gradients = list(torch._foreach_add(gradients, weights, alpha=decay))
            velocities = [self._velocity(weight) for weight in weights]
            torch._foreach_mul_(velocities, group["damping"])
            torch._foreach_add_(velocities, gradients)
            torch._foreach_sub_(weights, torch._foreach_mul(velocities, group["lr"]))

    def _velocity(self, weight: nn.Parameter) -> Tensor:
        if "momentum_buffer" not in self.state[weight]:
            self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        found: Tensor = self.state[weight]["momentum_buffer"]
        return found
