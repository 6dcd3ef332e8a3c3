"""Promises of every optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gantool.interfaces.optimizer import Optimizer
from gantool.testing.claims import BrokenPromise, require, require_same
from gantool.testing.harness.trial import (
    build_trial,
    restored,
    saved,
    take_steps,
    tensors_in,
    weights_of,
)
from gantool.testing.promises import promise, with_options

if TYPE_CHECKING:
    from gantool.testing.promises import Subject

RATE = 0.01
SHAPES = ((3, 2), (4,), ())
STEPS = 3


@promise("optimizer")
def trains_what_it_is_given(subject: Subject[Optimizer]) -> None:
    """It is a `torch.optim.Optimizer` of the parameters that it is given, each once."""
    weights = _weights()
    optimizer = _built(subject.example(), weights)
    trained = [weight for group in optimizer.param_groups for weight in group["params"]]
    same = sorted(map(id, trained)) == sorted(map(id, weights))
    require(same, f"of {len(weights)} parameters, its groups hold {len(trained)}, or others")


@promise("optimizer")
def follows_the_gradient_down(subject: Subject[Optimizer]) -> None:
    """A first small step changes every weight, and lowers what the gradient is of."""
    weights = _weights()
    before = [weight.detach().clone() for weight in weights]
    _stepped(_built(subject.example(), weights), weights)
    for weight, was in zip(weights, before, strict=True):
        moved = weight.detach() - was
        require(bool((moved != 0).all()), f"of shape {list(weight.shape)}, not every weight moved")
        slope = float((moved * was).sum())  # the gradient of half the square is the weight
        require(slope < 0, f"a step of shape {list(weight.shape)} goes up the slope: {slope:.3g}")


@promise("optimizer")
def reads_the_learning_rate_in_every_step(subject: Subject[Optimizer]) -> None:
    """The engine changes the rate in place: at 0 nothing moves, and later everything again."""
    weights, rate = _weights(), torch.tensor(RATE)
    optimizer = _built(subject.example(), weights, rate)
    _stepped(optimizer, weights)
    before = [weight.detach().clone() for weight in weights]
    rate.fill_(0)
    _stepped(optimizer, weights)
    require(_are(weights, before), "with the learning rate 0 in its tensor, weights move")
    rate.fill_(RATE)
    _stepped(optimizer, weights)
    require(not _are(weights, before), "a learning rate that is no longer 0 is not read")


@promise("optimizer")
def takes_options_of_groups(subject: Subject[Optimizer]) -> None:
    """Parameters may come in a group, whose options outrank its own: regularizers set some."""
    weights = _weights()
    component = subject.example()
    own = _built(component, weights).param_groups[0]
    options = {name: value / 2 for name, value in own.items() if _is_share(name, value)}
    group = _built(component, [{"params": weights, **options}]).param_groups[0]
    for name, value in options.items():
        found = group.get(name)
        require(found == value, f"a group's {name} = {value:g} became {found!r}")
    require(len(group["params"]) == len(weights), "of a group's parameters, some are left out")


@promise("optimizer")
def resumes_exactly(subject: Subject[Optimizer]) -> None:
    """Saved and restored as in a checkpoint, training goes on with the same bits."""
    component = subject.example()
    trainer = take_steps(build_trial(optimizer=component), STEPS)
    other = build_trial(optimizer=component)
    other.load(restored(saved(trainer)))
    for each in (trainer, other):
        take_steps(each, STEPS)
    ours, theirs = (dict(tensors_in(restored(saved(each)))) for each in (trainer, other))
    require_same(theirs, ours, "after a restart")


@promise("optimizer")
def depends_on_its_options_alone(subject: Subject[Optimizer]) -> None:
    """Two trainings with the same options are the same, and another learning rate is another."""
    component = subject.example()
    first, second = (weights_of(take_steps(build_trial(optimizer=component), 2)) for _ in range(2))
    require_same(second, first, "trained again")
    faster = with_options(component, learning_rate=component.rate.start * 2)
    other = weights_of(take_steps(build_trial(optimizer=faster), 2))
    same = all(torch.equal(other[name], tensor) for name, tensor in first.items())
    require(not same, "twice the learning rate changes nothing")


def _weights() -> list[nn.Parameter]:
    """Return weights of a few shapes, none of them near 0."""
    chance = torch.Generator().manual_seed(0)
    return [nn.Parameter(1 + torch.rand(shape, generator=chance)) for shape in SHAPES]


def _built(component: Optimizer, parameters: Any, rate: Tensor | None = None) -> Any:
    found = component.build(parameters, torch.tensor(RATE) if rate is None else rate)
    if not isinstance(found, torch.optim.Optimizer):
        raise BrokenPromise(f"`build` returned {type(found).__name__}, no torch.optim.Optimizer")
    return found


def _stepped(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter]) -> None:
    """Take a step down half the sum of squares."""
    for weight in weights:
        weight.grad = weight.detach().clone()
    optimizer.step()


def _are(weights: list[nn.Parameter], values: list[Tensor]) -> bool:
    return all(map(torch.equal, (weight.detach() for weight in weights), values))


def _is_share(name: str, value: object) -> bool:
    """Whether an option is a number that half of it can take the place of."""
    return name != "lr" and isinstance(value, float) and 0 < value < 1
