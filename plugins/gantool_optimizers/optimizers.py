"""Torch's optimizers without its compiler, Adam with betas that change, SGD that damps."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class FollowingAdam(_Uncompiled):
    """Adam whose betas are 0-dim tensors, read in every step; torch's fused one takes numbers.

    What it remembers is what torch's Adam does. Both bias corrections are those of the present
    betas, as when torch's is given others from step to step.

    Args:
        params: What it trains.
        lr: Its learning rate.
        betas: Decay of the averages of the gradient and of its square.
        eps: Added to the denominator.
        weight_decay: Share of each weight that is added to its gradient, or taken off the weight.
        decoupled_weight_decay: Whether it is taken off, times the learning rate.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: Tensor | float = 1e-3,
        betas: tuple[Tensor | float, Tensor | float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if weight_decay < 0:
            msg = f"Invalid weight_decay value: {weight_decay}"
            raise ValueError(msg)
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**options, "decoupled_weight_decay": decoupled_weight_decay})

    @override
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take algorithm 1 of Kingma & Ba (2015)."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            gradients = [weight.grad for weight in weights]
            rate, decay = group["lr"], group["weight_decay"]
            if decay and group["decoupled_weight_decay"]:
                torch._foreach_mul_(weights, 1 - rate * decay)
            elif decay:
                gradients = list(torch._foreach_add(gradients, weights, alpha=decay))
            directions = self._directions(weights, gradients, group)
            torch._foreach_sub_(weights, torch._foreach_mul(directions, rate))

    def _directions(
        self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]
    ) -> list[Tensor]:
        """Return the unbiased average of the gradient over the root of that of its square."""
        first, second = group["betas"]
        steps, averages, squares = zip(*map(self._memory, weights), strict=True)
        torch._foreach_add_(steps, 1)
        torch._foreach_mul_(averages, first)
        torch._foreach_add_(averages, torch._foreach_mul(gradients, 1 - first))
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, torch._foreach_mul(gradients, 1 - second), gradients)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, torch._foreach_sqrt(_share_seen(second, steps)))
        torch._foreach_add_(roots, group["eps"])
        torch._foreach_mul_(roots, _share_seen(first, steps))
        return list(torch._foreach_div(averages, roots))

    def _memory(self, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
            state["exp_avg"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
            state["exp_avg_sq"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
        return state["step"], state["exp_avg"], state["exp_avg_sq"]


def _share_seen(beta: Tensor, steps: Sequence[Tensor]) -> list[Tensor]:
    """Return 1 - beta^t for each number of steps t."""
    return [1 - beta**step for step in steps]


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
