"""A player's optimizer: the recipe's component, with the options that regularizers set."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from gantool.errors import PluginError
from gantool.interfaces.schedule import schedules_in
from gantool.registry.calling import call, described, misbehaved

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool.interfaces.optimizer import Optimizer
    from gantool.interfaces.step import Player
    from gantool.training.regularization import Active, Regularization

THE_ENGINES = frozenset({"params", "lr", "foreach", "fused", "capturable", "differentiable"})
"""Options of optimizers that regularizers cannot set."""


def build_optimizer(
    component: Optimizer,
    player: Player,
    parameters: tuple[nn.Parameter, ...],
    learning_rate: Tensor,
    regularization: Regularization,
) -> torch.optim.Optimizer:
    """Build a player's optimizer, with the options that regularizers set.

    Raises:
        PluginError: When the component fails, or a regularizer sets what the optimizer does not
            know, or what the recipe or another one sets.
    """
    optimizer = _built(component, parameters, learning_rate)
    setting = regularization.having("optimizer_options", player)
    if not setting:
        return optimizer
    options = _options(component, optimizer, setting, player)
    _refuse_values(component, optimizer, options, setting)
    return _built(component, [{"params": parameters, **options}], learning_rate)


def _built(component: Optimizer, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
    found = call(component, "build", parameters, learning_rate)
    if not isinstance(found, torch.optim.Optimizer):
        raise misbehaved(component, "build", described(found), "a torch.optim.Optimizer")
    return found


def _options(
    component: Optimizer,
    optimizer: torch.optim.Optimizer,
    setting: list[Active],
    player: Player,
) -> dict[str, Any]:
    """Return the options that regularizers set; the optimizer knows them, none is set twice."""
    options: dict[str, Any] = {}
    set_by = dict.fromkeys(type(component).model_fields, "the recipe's optimizer table")
    for active in setting:
        for option, value in _options_of(active, player).items():
            if objection := _objection(option, optimizer, set_by):
                msg = f"regularizer '{active.stream}' sets '{option}' of optimizer "
                way_out = f"leave out regularizer '{active.stream}', or use another optimizer"
                raise PluginError(f"{msg}'{component.name}'; {objection}", way_out)
            set_by[option] = f"regularizer '{active.stream}'"
            options[option] = value
    return options


def _options_of(active: Active, player: Player) -> Mapping[str, Any]:
    """Return the options that a regularizer sets."""
    found = active.call("optimizer_options", player)
    if isinstance(found, Mapping) and all(isinstance(name, str) for name in found):
        return found
    raise active.misbehaved("optimizer_options", described(found), "options by name")


def _objection(
    option: str, optimizer: torch.optim.Optimizer, set_by: Mapping[str, str]
) -> str | None:
    """Return why a regularizer cannot set an option of an optimizer, if it cannot."""
    if option in THE_ENGINES:
        return "only the recipe and the engine do"
    if option in set_by:
        return f"{set_by[option]} sets it too"
    return None if option in optimizer.defaults else "it has none"


def _refuse_values(
    component: Optimizer,
    optimizer: torch.optim.Optimizer,
    options: Mapping[str, Any],
    setting: list[Active],
) -> None:
    """Let an optimizer judge the values that it takes from groups unseen."""
    kind: Any = type(optimizer)
    known = inspect.signature(kind).parameters
    values = {**optimizer.defaults, **options}
    try:
        kind(
            optimizer.param_groups[0]["params"],
            **{name: value for name, value in values.items() if name in known},
        )
    except (TypeError, ValueError) as error:
        names = ", ".join(f"'{active.stream}'" for active in setting)
        msg = f"optimizer '{component.name}' refuses what regularizer {names} sets: {error}"
        raise PluginError(msg) from error


def follow(
    component: Optimizer, optimizer: torch.optim.Optimizer, rate: Tensor, progress: float
) -> None:
    """Write a player's scheduled numbers, after a share of the run, into tensors."""
    if component.rate.changes:
        rate.fill_(component.rate.value(progress))
    if next(schedules_in(component), None) is not None:
        call(component, "follow", optimizer, progress)
