"""Promises of components whose options may follow the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gantool.interfaces.optimizer import Optimizer, Scheduled
from gantool.interfaces.regularizer import LazyOption, Regularizer
from gantool.testing.harness.trial import build_trial, take_steps, weights_of
from gantool.testing.promises import promise, require, with_options

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.testing.promises import Subject

Follower = TypeVar("Follower", Regularizer, Optimizer)

STEPS = 4


def has_schedules(component: type[Any]) -> bool:
    """Whether an option of a class may be scheduled."""
    return any(Scheduled.__name__ in str(f.annotation) for f in component.model_fields.values())


@promise("regularizer", when=has_schedules)
@promise("optimizer", when=has_schedules)
def follows_its_schedules(subject: Subject[Regularizer | Optimizer]) -> None:
    """Each option that may be scheduled, and is not 0, is another one later in the run."""
    component = subject.example()
    if isinstance(component, LazyOption):
        component = with_options(component, every_steps=1)
    constant = _trained(component)
    for name, table in schedules_of(component).items():
        found = _trained(with_options(component, **{name: table}))
        moved = any(bool((found[key] != weight).any()) for key, weight in constant.items())
        require(moved, f"with a schedule, the option '{name}' stays what it is at the start")


def scheduled(component: Follower) -> Follower:
    """Return a component whose options fall to a half over the run, where they may."""
    return with_options(component, **schedules_of(component))


def schedules_of(component: Regularizer | Optimizer) -> dict[str, Any]:
    """Return such schedules of the options that are not 0, as a recipe says them."""
    found: dict[str, Any] = {}
    for name in type(component).model_fields:
        value = getattr(component, name)
        parts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(part, Scheduled) and part for part in parts):
            tables = [{"start": part.start, "end": part.start / 2} for part in parts]
            found[name] = tables if isinstance(value, tuple) else tables[0]
    return found


def _trained(component: Regularizer | Optimizer) -> dict[str, Tensor]:
    run: dict[str, Any] = {"steps": STEPS + 1, "log_every_steps": 100}
    if isinstance(component, Regularizer):
        return weights_of(take_steps(build_trial(component, **run), STEPS))
    return weights_of(take_steps(build_trial(optimizer=component, **run), STEPS))
