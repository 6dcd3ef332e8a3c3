"""Optimizers of one player: torch's, as the engine uses them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from math import cos, pi
from typing import TYPE_CHECKING, Any

import torch
from typing_extensions import override

from gantool.errors import PluginError
from gantool.registry.calling import described

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from gantool.interfaces.step import Player
    from gantool.recipe.schema import OptimizerTable
    from gantool.training.regularization import Active, Regularization


def _uncompiled(kind: type[Optimizer]) -> type[Optimizer]:
    """Return an optimizer's class without what torch wraps around methods for its compiler.

    The wrappers import the compiler when they are first called, a second's work in every run;
    here optimizers are never part of what is compiled.
    """
    wrapped = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in wrapped}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {**methods, "step": step})


class DampingSGD(torch.optim.SGD):
    """SGD with a negative momentum (Gidel et al. 2019), of which torch's has no CUDA kernel.

    The momentum is a group's: torch accepts a negative one nowhere else.
    """

    def __init__(self, params: Any, lr: Tensor | float = 1e-3, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr, weight_decay=weight_decay)

    @torch.no_grad()
    @override
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take v = momentum v + g + weight_decay w and w = w - rate v, g being w's gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            gradients = [weight.grad for weight in weights]
            if group["weight_decay"]:
                decay = group["weight_decay"]
                gradients = list(torch._foreach_add(gradients, weights, alpha=decay))
            velocities = [self._velocity(weight) for weight in weights]
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients)
            torch._foreach_sub_(weights, torch._foreach_mul(velocities, group["lr"]))

    def _velocity(self, weight: nn.Parameter) -> Tensor:
        if "momentum_buffer" not in self.state[weight]:
            self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        found: Tensor = self.state[weight]["momentum_buffer"]
        return found


OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    "adam": _uncompiled(torch.optim.Adam),
    "adamw": _uncompiled(torch.optim.AdamW),
    "rmsprop": _uncompiled(torch.optim.RMSprop),
    "sgd": _uncompiled(torch.optim.SGD),
}
DAMPING = _uncompiled(DampingSGD)
FUSED = frozenset({"adam", "adamw", "sgd"})
OURS = frozenset({"use", "learning_rate", "schedule", "final_learning_rate", "clip_gradient_norm"})
"""Keys of an optimizer's table that the optimizer itself does not know."""
THE_ENGINES = frozenset({"params", "lr", "foreach", "fused", "capturable", "differentiable"})
"""Options of optimizers that regularizers cannot set."""


def build_optimizer(
    table: OptimizerTable,
    player: Player,
    parameters: tuple[nn.Parameter, ...],
    learning_rate: Tensor,
    regularization: Regularization,
) -> Optimizer:
    """Build a player's optimizer.

    Args:
        table: The recipe's.
        player: Whose parameters they are.
        parameters: What it trains.
        learning_rate: 0-dim, on the parameters' device; read in every step.
        regularization: Whose options it is given, besides the table's.

    Raises:
        PluginError: When a regularizer sets what the optimizer does not know, or what the table or
            another one sets.
    """
    cuda = learning_rate.device.type == "cuda"
    options = _options(table, player, regularization, cuda=cuda)
    kind, group = _kind(table), {"params": parameters}
    if kind is DAMPING:
        group["momentum"] = options.pop("momentum")
    try:
        return kind([group], lr=learning_rate, **options)  # type: ignore[call-arg]
    except (TypeError, ValueError) as error:  # the table's options are valid
        setting = regularization.having("optimizer_options", player)
        names = ", ".join(f"'{active.stream}'" for active in setting)
        msg = f"optimizer '{_use(table)}' refuses what regularizer {names} sets: {error}"
        raise PluginError(msg) from error


def _kind(table: OptimizerTable) -> type[Optimizer]:
    if getattr(table, "momentum", 0.0) < 0:
        return DAMPING
    return OPTIMIZERS[_use(table)]


def _use(table: OptimizerTable) -> str:
    return str(getattr(table, "use", "adam"))


def _options(
    table: OptimizerTable, player: Player, regularization: Regularization, *, cuda: bool
) -> dict[str, Any]:
    """Return the optimizer's options: the table's, then those of the regularizers.

    On CUDA, optimizers are told that their steps may be captured in a graph.

    Raises:
        PluginError: When a regularizer sets what the optimizer does not know, or what the table or
            another one sets.
    """
    use, kind = _use(table), _kind(table)
    options = {key: value for key, value in table.model_dump().items() if key not in OURS}
    if use in FUSED and kind is not DAMPING:
        options["fused"] = True
    elif cuda and kind is not DAMPING:
        options["foreach"] = True  # by itself torch may read the rate on the host
    if cuda and "capturable" in inspect.signature(kind).parameters:
        options["capturable"] = True
    set_by = dict.fromkeys(options, "the recipe's optimizer table")
    for active in regularization.having("optimizer_options", player):
        for option, value in _options_of(active, player).items():
            if objection := _objection(option, kind, set_by):
                msg = f"regularizer '{active.stream}' sets '{option}' of optimizer '{use}'; "
                way_out = f"leave out regularizer '{active.stream}', or use another optimizer"
                raise PluginError(msg + objection, way_out)
            set_by[option] = f"regularizer '{active.stream}'"
            options[option] = value
    return options


def _options_of(active: Active, player: Player) -> Mapping[str, Any]:
    """Return the options that a regularizer sets.

    Raises:
        PluginError: When it fails, or returns something else.
    """
    found = active.call("optimizer_options", player)
    if isinstance(found, Mapping) and all(isinstance(name, str) for name in found):
        return found
    raise active.misbehaved("optimizer_options", described(found), "options by name")


def _objection(option: str, kind: type[Optimizer], set_by: Mapping[str, str]) -> str | None:
    """Return why a regularizer cannot set an option of an optimizer, if it cannot."""
    if option in THE_ENGINES:
        return "only the recipe and the engine do"
    if option in set_by:
        return f"{set_by[option]} sets it too"
    known = inspect.signature(kind).parameters
    return None if option in known else "it has none"


def learning_rate_at(table: OptimizerTable, progress: float) -> float:
    """Return the learning rate after a share `progress` in [0, 1] of the run.

    Linear, or half a cosine (Loshchilov & Hutter 2017, eq. 5, without restarts).
    """
    start, end = table.learning_rate, table.final_learning_rate
    if table.schedule == "linear":
        return start + (end - start) * progress
    if table.schedule == "cosine":
        return end + (start - end) * (1 + cos(pi * progress)) / 2
    return start
